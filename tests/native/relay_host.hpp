// SPDX-License-Identifier: GPL-3.0-or-later
//
// The audio thread's side of the relay, as single steps for the explorer.
//
//   begin (take the plan) → choose the records of a segment → write all contexts → link them back
//   to front → post the first → look at the last, wait for the end, look again …
//   → [deadline] abandon → the block's next segment, or the next block
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
            emit(next, Step{"host", -1, what, s.generation, chance}, wrong);
        };
        State n = s;
        switch (s.host) {
            case HostPc::Begin:
                return begin_block(s, emit);
            case HostPc::Choose: {
                const int record = record_at(s, s.at);
                const bool free = rules_.link(unpack_word(s.word[record]), g, false).any();
                if (free) n.linked |= bit(record);
                to_next_choice(n, s.at + 1);
                tell(n, free ? "chooses a record" : "passes by a busy record");
                if (!scenario_.cut || !free || s.at + 1 == positions(s)) return;
                State cut = s;
                cut.linked |= bit(record);
                to_link(cut, s.at + 1);
                return tell(cut, "chooses a record and ends the segment");
            }
            case HostPc::LinkLoad: {
                const int record = record_at(s, s.at);
                if (rules_.link(unpack_word(s.word[record]), g, is_first(s)).any()) {
                    n.host_seen = s.word[record];
                    n.host = HostPc::LinkSwap;
                } else {
                    to_next_link(n);
                }
                return tell(n, "looks at a record to link");
            }
            case HostPc::LinkSwap: {
                const Word seen = unpack_word(s.host_seen);
                n.host = HostPc::LinkLoad;
                n.host_seen = 0;
                if (!swap(n, record_at(s, s.at), rules_.link(seen, g, is_first(s))))
                    return tell(n, "saw a word change before linking");
                to_next_link(n);
                return tell(n, "links a record",
                            ipc::status_of(seen) == Status::Offline
                                ? "a record out of service was linked"
                                : nullptr);
            }
            case HostPc::Post:
                ++n.posts[linked_from(s, 0, +1)];
                n.host = HostPc::Check;
                return tell(n, "posts the first");
            case HostPc::Check: {
                const int last = linked_from(s, positions(s) - 1, -1);
                if (unpack_word(s.word[last]) != ipc::make_word(Status::Finished, g)) {
                    n.host = HostPc::WaitEnd;
                    return tell(n, "finds the last unfinished");
                }
                to_next_segment(n);
                return tell(
                    n, "takes the output",
                    s.finished == s.linked ? nullptr : "an output was taken that is not finished");
            }
            case HostPc::WaitEnd: {
                if (s.end > 0) {
                    --n.end;
                    n.host = HostPc::Check;
                    tell(n, "wakes");
                }
                if (!scenario_.deadline) return;
                State late = s;
                late.host = HostPc::AbandonLoad;
                late.at = static_cast<Small>(scenario_.abandon_back ? positions(s) : -1);
                to_next_abandon(late);
                return tell(late, "meets the deadline", nullptr, true);
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
                const bool taken = seen == ipc::make_word(Status::Finished, g);
                return tell(n, "has nothing to abandon",
                            taken && !(s.finished & bit(record))
                                ? "an output was taken that is not finished"
                                : nullptr);
            }
            case HostPc::AbandonSwap: {
                const Move move = rules_.abandon(unpack_word(s.host_seen), g);
                n.host = HostPc::AbandonLoad;
                n.host_seen = 0;
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
            n.host = HostPc::Choose;
            n.at = 0;
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

    void to_next_choice(State& n, int position) const {
        if (position == positions(n)) return to_link(n, position);
        n.at = static_cast<Small>(position);
    }

    // The segment is chosen: its contexts are written, all before the first word.
    void to_link(State& n, int next) const {
        n.next = static_cast<Small>(next);
        if (n.linked == 0) return to_next_segment(n);
        Small successor = kNoRecord;
        for (int position = next - 1; position >= 0; --position) {
            const int record = record_at(n, position);
            if (!(n.linked & bit(record))) continue;
            n.context_generation[record] = n.generation;
            n.context_successor[record] = successor;
            successor = static_cast<Small>(record);
        }
        n.host = HostPc::LinkLoad;
        n.at = static_cast<Small>(scenario_.forward ? -1 : next);
        to_next_link(n);
    }

    bool is_first(const State& s) const { return record_at(s, s.at) == linked_from(s, 0, +1); }

    void to_next_link(State& n) const {
        if (step_linked(n, scenario_.forward ? +1 : -1)) return;
        n.host = HostPc::Post;
        n.at = 0;
    }

    void to_next_abandon(State& n) const {
        n.host = HostPc::AbandonLoad;
        if (!step_linked(n, scenario_.abandon_back ? -1 : +1)) to_next_segment(n);
    }

    // Moves `at` to the next record of the segment; false: there is none.
    bool step_linked(State& n, int step) const {
        for (int at = static_cast<signed char>(n.at) + step; at >= 0 && at < positions(n);
             at += step) {
            if (!(n.linked & bit(record_at(n, at)))) continue;
            n.at = static_cast<Small>(at);
            return true;
        }
        return false;
    }

    // The segment is over: on to the slots behind it, or to the next block.
    void to_next_segment(State& n) const {
        const int next = n.next;
        n.at = n.next = n.linked = n.finished = 0;
        for (int i = 0; i < kRecords; ++i) forget_context(n, i);
        if (next < positions(n)) {
            n.host = HostPc::Choose;
            n.at = static_cast<Small>(next);
        } else if (n.generation < scenario_.generations) {
            n.host = HostPc::Begin;
            ++n.generation;
        } else {
            n.host = HostPc::End;
        }
    }
};

}  // namespace isobooth::tests
