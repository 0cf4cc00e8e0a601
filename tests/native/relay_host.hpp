// SPDX-License-Identifier: GPL-3.0-or-later
//
// The audio thread's side of the relay, as single steps for the explorer.
//
//   begin (take the plan) → link back to front → post the head → wait for the end
//   → [deadline] abandon → next block
//
// Back to front, because a post left over from an earlier block may wake the first worker the
// moment it is triggered: by then the rest of the path must stand. `forward` links from the front
// instead, and must be found wanting.
#pragma once

#include "tests/native/relay_state.hpp"

namespace isobooth::tests {

class HostSteps : public RelayTable {
protected:
    using RelayTable::RelayTable;

    template <typename Emit>
    void host_steps(const State& s, Emit& emit) const {
        const std::uint64_t g = s.generation;
        const auto tell = [&](const State& next, const char* what, const char* wrong = nullptr,
                              bool chance = false) {
            emit(next, Step{"host", -1, what, static_cast<int>(g), chance}, wrong);
        };
        State n = s;
        switch (s.host) {
            case HostPc::Begin:
                return begin_block(s, emit);
            case HostPc::LinkLoad: {
                const int record = record_at(s, s.at);
                const Word seen = unpack_word(s.word[record]);
                const bool left_out = scenario_.forward && s.context_generation[record] != g;
                if (left_out || !rules_.link(seen, g, is_first(s)).any()) {
                    to_next_link(n);
                    return tell(n, "skips a busy record");
                }
                if (!scenario_.forward) {
                    n.context_generation[record] = s.generation;
                    n.context_successor[record] = static_cast<Small>(linked_from(s, s.at + 1, +1));
                }
                n.host_seen = s.word[record];
                n.host = HostPc::LinkSwap;
                return tell(n, "writes a context");
            }
            case HostPc::LinkSwap: {
                const int record = record_at(s, s.at);
                n.host = HostPc::LinkLoad;
                n.host_seen = 0;
                const Word seen = unpack_word(s.host_seen);
                if (!swap(n, record, rules_.link(seen, g, is_first(s))))
                    return tell(n, "saw a word change before linking");
                n.linked |= bit(record);
                to_next_link(n);
                return tell(n, "links a record",
                            ipc::status_of(seen) == Status::Offline
                                ? "a record out of service was linked"
                                : nullptr);
            }
            case HostPc::HeadLoad: {
                const Word seen = unpack_word(s.word[s.at]);
                if (rules_.hand_on(seen, g).any()) {
                    n.host_seen = s.word[s.at];
                    n.host = HostPc::HeadSwap;
                    return tell(n, "sees the head waiting");
                }
                n.linked &= static_cast<Small>(~bit(s.at));
                n.at = s.context_successor[s.at];
                if (n.at == kNone) to_next_block(n);
                return tell(n, "finds the head retired");
            }
            case HostPc::HeadSwap:
                n.host = HostPc::HeadLoad;
                n.host_seen = 0;
                if (swap(n, s.at, rules_.hand_on(unpack_word(s.host_seen), g)))
                    n.host = HostPc::Post;
                return tell(n, "triggers the head");
            case HostPc::Post:
                ++n.posts[s.at];
                n.at = 0;
                n.host = HostPc::WaitEnd;
                return tell(n, "posts the head");
            case HostPc::WaitEnd: {
                if (s.end > 0) {
                    --n.end;
                    n.host = HostPc::Check;
                    tell(n, "wakes");
                }
                if (!scenario_.deadline && !s.died && s.control == ControlPc::Rest) return;
                State late = s;
                to_abandon(late, scenario_.abandon_back ? positions(s) - 1 : 0);
                return tell(late, "meets the deadline", nullptr, true);
            }
            case HostPc::Check: {
                const int last = linked_from(s, positions(s) - 1, -1);
                if (unpack_word(s.word[last]) != ipc::make_word(Status::Finished, g)) {
                    n.host = HostPc::WaitEnd;
                    return tell(n, "was woken for nothing");
                }
                to_next_block(n);
                return tell(
                    n, "takes the chain's output",
                    s.finished == s.linked ? nullptr : "an output was taken that is not finished");
            }
            case HostPc::AbandonLoad: {
                const int record = record_at(s, s.at);
                const Word seen = unpack_word(s.word[record]);
                if (rules_.abandon(seen, g).any()) {
                    n.host_seen = s.word[record];
                    n.host = HostPc::AbandonSwap;
                    return tell(n, "sees a record unfinished");
                }
                to_next_abandon(n);
                return tell(
                    n, "has nothing to abandon",
                    seen == ipc::make_word(Status::Finished, g) && !(s.finished & bit(record))
                        ? "an output was taken that is not finished"
                        : nullptr);
            }
            case HostPc::AbandonSwap: {
                n.host = HostPc::AbandonLoad;
                n.host_seen = 0;
                const Move move = rules_.abandon(unpack_word(s.host_seen), g);
                if (!swap(n, record_at(s, s.at), move))
                    return tell(n, "saw a word change before abandoning");
                if (move.effect == Effect::Unwoken)
                    n.host = HostPc::AbandonPost;
                else
                    to_next_abandon(n);
                return tell(n, "abandons a record");
            }
            case HostPc::AbandonPost:
                ++n.posts[record_at(s, s.at)];
                to_next_abandon(n);
                return tell(n, "posts the unwoken");
            case HostPc::End:
                return;
        }
    }

    // The audio thread takes a plan at the start of a block and at no other time.
    template <typename Emit>
    void begin_block(const State& s, Emit& emit) const {
        const auto start = [&](State n, const char* what) {
            n.host = HostPc::LinkLoad;
            n.at = static_cast<Small>(scenario_.forward ? 0 : positions(n) - 1);
            if (scenario_.forward) write_contexts_ahead(n);
            emit(n, Step{"host", -1, what, s.generation}, nullptr);
        };
        start(s, "begins");
        if (s.control == ControlPc::Done && s.died && !s.replaced &&
            s.worker[kSpare].pc != Pc::Unborn && s.worker[kSpare].record == kSpare) {
            State n = s;
            n.replaced = true;
            n.slot = s.target;
            start(n, "begins with the restarted slot's new record");
        }
        if (s.swapped || s.replaced) return;
        State swapped = s;
        swapped.swapped = true;
        if (scenario_.swap_reverse) {
            State n = swapped;
            n.order = Order::Reversed;
            start(n, "begins with the slots reversed");
        }
        for (int slot = 0; slot < scenario_.slots; ++slot) {
            State n = swapped;
            n.slot = n.target = static_cast<Small>(slot);
            n.control = ControlPc::RetireLoad;
            if (scenario_.hang) start(n, "begins while a worker is found hung");
            n.order = Order::Removed;
            if (scenario_.swap_remove) start(n, "begins without one slot");
            n.order = Order::Plain;
            n.replaced = true;
            if (scenario_.swap_replace) start(n, "begins with a new record for one slot");
        }
    }

    bool is_first(const State& s) const { return scenario_.forward ? s.linked == 0 : s.at == 0; }

    void write_contexts_ahead(State& n) const {
        Small next = kNone;
        for (int position = positions(n) - 1; position >= 0; --position) {
            const int record = record_at(n, position);
            if (!rules_.link(unpack_word(n.word[record]), n.generation, false).any()) continue;
            n.context_generation[record] = n.generation;
            n.context_successor[record] = next;
            next = static_cast<Small>(record);
        }
    }

    void to_next_link(State& n) const {
        const bool more = scenario_.forward ? n.at + 1 < positions(n) : n.at > 0;
        if (more) {
            n.at = static_cast<Small>(n.at + (scenario_.forward ? 1 : -1));
            return;
        }
        const int head = linked_from(n, 0, +1);
        if (head == kNone) return to_next_block(n);
        n.at = static_cast<Small>(head);
        // Only the plan's first record is linked as TRIGGERED; if it is not in this path, the
        // record that now stands first waits, and the host hands on to it.
        const bool triggered = scenario_.forward || head == record_at(n, 0);
        n.host = triggered ? HostPc::Post : HostPc::HeadLoad;
    }

    // On to the linked record at position `at`, or the next one from there.
    void to_abandon(State& n, int at) const {
        while (at >= 0 && at < positions(n) && !(n.linked & bit(record_at(n, at))))
            at += scenario_.abandon_back ? -1 : 1;
        if (at < 0 || at == positions(n)) return to_next_block(n);
        n.at = static_cast<Small>(at);
        n.host = HostPc::AbandonLoad;
    }
    void to_next_abandon(State& n) const {
        to_abandon(n, n.at + (scenario_.abandon_back ? -1 : 1));
    }

    void to_next_block(State& n) const {
        n.host = n.generation < scenario_.generations ? HostPc::Begin : HostPc::End;
        if (n.host == HostPc::Begin) ++n.generation;
        n.at = n.host_seen = n.linked = n.finished = 0;
        for (int i = 0; i < kRecords; ++i) forget_context(n, i);
    }
};

}  // namespace isobooth::tests
