// SPDX-License-Identifier: GPL-3.0-or-later
//
// The workers' and the control thread's sides of the relay, as single steps for the explorer.
//
//   worker   wait → claim → copy the context and process → finish → hand on → post → wait
//   control  once a worker is dead or its record has left the plan: retire → a new worker on a
//            fresh record or, the old worker being reaped, on the same → drain → activate
#pragma once

#include "tests/native/relay_host.hpp"

namespace isobooth::tests {

class WorkerSteps : public HostSteps {
protected:
    using HostSteps::HostSteps;

    template <typename Emit>
    void worker_steps(const State& s, int number, Emit& emit) const {
        const Worker& w = s.worker[number];
        if (w.pc == Pc::Unborn || w.pc == Pc::Dead) return;
        State n = s;
        Worker& m = n.worker[number];
        const int record = w.record;
        const std::uint64_t g = w.generation;
        const auto tell = [&](const char* what, const char* wrong = nullptr) {
            const int generation = m.generation ? m.generation : s.generation;
            emit(n, Step{"worker", number, what, generation}, wrong);
        };
        const auto go = [&](Pc pc) {
            m.pc = pc;
            m.seen = 0;
            if (pc == Pc::Wait) m.generation = m.successor = 0;
        };
        switch (w.pc) {
            case Pc::Wait:
                if (s.posts[record] == 0) break;
                --n.posts[record];
                go(Pc::ClaimLoad);
                tell("wakes");
                break;
            case Pc::ClaimLoad:
                go(Pc::Wait);
                if (rules_.claim(unpack_word(s.word[record])).any()) {
                    m.pc = Pc::ClaimSwap;
                    m.seen = s.word[record];
                }
                tell("looks at its word");
                break;
            case Pc::ClaimSwap: {
                const Move move = rules_.claim(unpack_word(w.seen));
                go(Pc::ClaimLoad);
                if (!swap(n, record, move)) {
                    tell("saw its word change before claiming");
                } else if (move.effect == Effect::Run) {
                    go(Pc::Process);
                    m.generation = static_cast<Small>(ipc::generation_of(move.to));
                    tell("claims", wrong_claim(s, number, m.generation));
                } else {
                    go(Pc::Wait);
                    tell("finds itself abandoned");
                }
                break;
            }
            case Pc::Process:
                go(Pc::FinishLoad);
                m.successor = s.context_successor[record];
                forget_context(n, record);
                tell("processes", s.context_generation[record] == g
                                      ? nullptr
                                      : "a worker read the context of another block");
                break;
            case Pc::FinishLoad:
                if (rules_.finish(unpack_word(s.word[record]), g).any()) {
                    m.pc = Pc::FinishSwap;
                    m.seen = s.word[record];
                } else {
                    go(Pc::Wait);
                }
                tell("is done");
                break;
            case Pc::FinishSwap: {
                const Move move = rules_.finish(unpack_word(w.seen), g);
                go(Pc::FinishLoad);
                if (!swap(n, record, move)) {
                    tell("saw its word change before finishing");
                } else if (move.effect == Effect::Finished) {
                    const bool in_time = g == s.generation && (s.linked & bit(record));
                    n.finished |= bit(record);
                    if (number == kSpare) replacement_played_ = true;
                    go(w.successor == kNoRecord ? Pc::PostEnd : Pc::HandLoad);
                    tell("finishes", in_time ? nullptr : "a block was finished that was given up");
                } else {
                    go(Pc::Wait);
                    tell("finishes late");
                }
                break;
            }
            case Pc::HandLoad:
                if (rules_.hand_on(unpack_word(s.word[w.successor]), g).any()) {
                    m.pc = Pc::HandSwap;
                    m.seen = s.word[w.successor];
                } else {
                    go(Pc::Wait);
                }
                tell("looks at its successor");
                break;
            case Pc::HandSwap: {
                const Move move = rules_.hand_on(unpack_word(w.seen), g);
                go(swap(n, w.successor, move) ? Pc::PostNext : Pc::HandLoad);
                tell("hands on");
                break;
            }
            case Pc::PostNext:
                ++n.posts[w.successor];
                go(Pc::Wait);
                tell("posts its successor");
                break;
            case Pc::PostEnd:
                ++n.end;
                go(Pc::Wait);
                tell("posts the end");
                break;
            case Pc::Drain:
                n.posts[record] = 0;
                go(Pc::ReadyLoad);
                tell("takes back stale posts");
                break;
            case Pc::ReadyLoad:
                m.pc = Pc::ReadySwap;
                m.seen = s.word[record];
                tell("is loaded", rules_.activate(unpack_word(s.word[record])).any()
                                      ? nullptr
                                      : "a new worker cannot get into service");
                break;
            case Pc::ReadySwap: {
                const Move move = rules_.activate(unpack_word(w.seen));
                go(swap(n, record, move) ? Pc::Wait : Pc::ReadyLoad);
                tell("gets into service");
                break;
            }
            case Pc::Unborn:
            case Pc::Dead:
                break;
        }
        if (!scenario_.death || s.died) return;
        State dead = s;
        die(dead, number);
        dead.target = w.record;
        if (scenario_.retire) dead.control = ControlPc::RetireLoad;
        emit(dead, Step{"worker", number, "dies", s.generation, true}, nullptr);
    }

    static void die(State& n, int number) {
        const Small record = n.worker[number].record;
        n.worker[number] = Worker{};
        n.worker[number].pc = Pc::Dead;
        n.worker[number].record = record;
        n.died = true;
    }

    const char* wrong_claim(const State& s, int number, int generation) const {
        const int record = s.worker[number].record;
        for (int i = 0; i < kRecords; ++i) {
            const Pc pc = s.worker[i].pc;
            if (i != number && s.worker[i].record == record &&
                (pc == Pc::Process || pc == Pc::FinishLoad || pc == Pc::FinishSwap))
                return "two generations run at once on one record";
        }
        if (generation != s.generation || !(s.linked & bit(record)))
            return "a worker claimed a block that is over";
        for (int position = 0; record_at(s, position) != record; ++position) {
            const Small before = bit(record_at(s, position));
            if ((s.linked & before) && !(s.finished & before))
                return "a slot ran before its predecessor finished";
        }
        return nullptr;
    }

    template <typename Emit>
    void control_steps(const State& s, Emit& emit) const {
        State n = s;
        const auto tell = [&](const State& next, const char* what, const char* wrong = nullptr) {
            emit(next, Step{"control", -1, what, s.generation}, wrong);
        };
        switch (s.control) {
            case ControlPc::Rest:
            case ControlPc::Done:
                return;
            case ControlPc::RetireLoad:
                n.control_seen = s.word[s.target];
                n.control = ControlPc::RetireSwap;
                return tell(n, "looks at the record to retire");
            case ControlPc::RetireSwap: {
                const Move move = rules_.retire(unpack_word(s.control_seen));
                n.control_seen = 0;
                const bool restart = scenario_.restart_same || scenario_.restart_fresh;
                if (!swap(n, s.target, move))
                    n.control = ControlPc::RetireLoad;
                else if (scenario_.hang)
                    n.control = scenario_.unreaped ? ControlPc::Spawn : ControlPc::Kill;
                else
                    n.control = s.died && restart ? ControlPc::Spawn : ControlPc::Done;
                return tell(n, "retires the record");
            }
            case ControlPc::Kill:
                die(n, s.target);
                n.control = ControlPc::Spawn;
                return tell(n, "kills and reaps the worker");
            case ControlPc::Spawn:
                n.control = ControlPc::Done;
                n.worker[kSpare].pc = Pc::Drain;
                if (scenario_.restart_same) {
                    n.worker[kSpare].record = s.target;
                    tell(n, "starts a worker on the same record");
                }
                if (scenario_.restart_fresh) {
                    n.worker[kSpare].record = kSpare;
                    tell(n, "starts a worker on a fresh record");
                }
                return;
        }
    }
};

}  // namespace isobooth::tests
