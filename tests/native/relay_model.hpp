// SPDX-License-Identifier: GPL-3.0-or-later
//
// The relay as a model for the explorer: all its parties, and what must never be.
//
// Only who does what next is modelled; every move of a word is computed by the rules of relay.hpp.
// A rule is two steps, as in apply(): load the word, then compare and swap with the Move that the
// rule made of it; a failed swap loads again.
#pragma once

#include "tests/native/relay_worker.hpp"

namespace isobooth::tests {

class RelayModel : private WorkerSteps {
public:
    using State = RelayState;

    explicit RelayModel(const Scenario& scenario, const Rules& rules = {})
        : WorkerSteps(scenario, rules) {}

    static Packed pack(const State& s) { return pack_state(s); }
    static State unpack(const Packed& packed) { return unpack_state(packed); }

    State initial() const {
        State s;
        for (int i = 0; i < kRecords; ++i) {
            s.worker[i].record = static_cast<Small>(i);
            if (i >= scenario_.slots) continue;
            s.word[i] = pack_word(ipc::make_word(Status::Idle, 0));
            s.worker[i].pc = Pc::Wait;
        }
        if (scenario_.swap_replace) s.worker[kSpare].pc = Pc::Drain;
        return s;
    }

    template <typename Emit>
    void steps(const State& s, Emit emit) const {
        host_steps(s, emit);
        for (int i = 0; i < kRecords; ++i) worker_steps(s, i, emit);
        control_steps(s, emit);
    }

    // What is wrong with a state; nullptr: nothing.
    const char* verdict(const State& s, int bound_to_happen) const {
        for (int i = 0; i < kRecords; ++i)
            if (s.posts[i] > 2 * scenario_.generations)
                return "a semaphore counts more than two posts a block";
        if (s.end > scenario_.slots * scenario_.generations)
            return "the end counts more than one post a segment";
        const bool between_blocks = s.host == HostPc::Begin || s.host == HostPc::End;
        for (int i = 0; i < kRecords && between_blocks; ++i)
            if (is_stuck(s, s.worker[i])) return "a live worker sleeps and nobody will post it";
        return bound_to_happen == 0 ? standstill(s) : nullptr;
    }

    // Every effect that any step had, as bits: an exploration that never saw a deadline miss or a
    // late worker has proved nothing about them.
    std::uint32_t effects() const { return effects_; }
    bool replacement_played() const { return replacement_played_; }

private:
    static bool alive(const Worker& w) { return w.pc != Pc::Unborn && w.pc != Pc::Dead; }

    static bool is_stuck(const State& s, const Worker& w) {
        if (w.pc != Pc::Wait || s.posts[w.record] > 0) return false;
        const Status status = ipc::status_of(unpack_word(s.word[w.record]));
        if (status != Status::Abandoned && status != Status::Triggered && status != Status::Waiting)
            return false;
        for (const Worker& other : s.worker)
            if (other.pc == Pc::PostNext && other.successor == w.record) return false;
        return true;
    }

    // Nothing is bound to happen any more: is that how it should be?
    const char* standstill(const State& s) const {
        if (s.host == HostPc::WaitEnd) {
            for (int i = 0; i < kRecords; ++i) {
                if (!(s.linked & bit(i))) continue;
                bool served = false;
                for (const Worker& w : s.worker) served |= w.record == i && alive(w);
                // Idle: it was retired in this very block and is back in service already.
                const Status status = ipc::status_of(unpack_word(s.word[i]));
                if (!served || status == Status::Offline || status == Status::Idle) return nullptr;
            }
            return "a block that nothing is wrong with ends only at its deadline";
        }
        if (s.host != HostPc::End) return "nobody can move";
        for (int i = 0; i < kRecords; ++i) {
            const Worker& w = s.worker[i];
            const Status status = ipc::status_of(unpack_word(s.word[w.record]));
            const bool at_rest = status == Status::Idle || status == Status::Finished;
            const bool retired =
                s.control == ControlPc::Done && w.record == s.target && i != kSpare;
            if (alive(w) && !at_rest && !(status == Status::Offline && retired))
                return "a live worker is neither idle nor finished when all is over";
            const Worker& spare = s.worker[kSpare];
            const bool taken_over = alive(spare) && spare.record == w.record;
            if (w.pc == Pc::Dead && retired && !taken_over && status != Status::Offline)
                return "a retired record did not stay out of service";
        }
        return nullptr;
    }
};

}  // namespace isobooth::tests
