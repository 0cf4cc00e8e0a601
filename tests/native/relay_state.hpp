// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the relay's parties look like to the explorer: a scenario, and one state of all of them.
//
// RelayTable is the ground that their steps stand on: the plan's order, and one move of a word
// computed by the rules. Semaphores are counters, words keep three generations.
#pragma once

#include <cstdint>
#include <type_traits>

#include "tests/native/explore.hpp"
#include "tests/native/relay_rules.hpp"

namespace isobooth::tests {

using Small = std::uint8_t;

constexpr int kSlots = 3;
constexpr int kRecords = 4;     // one more than slots: for a replacement; workers likewise
constexpr int kSpare = 3;       // that record, and the worker that starts later
constexpr Small kNoRecord = 4;  // no record

struct Scenario {
    const char* name;
    int slots = 3;
    int generations = 3;
    bool deadline = true;
    bool death = false;         // one worker, at any step
    bool retire = false;        // of the dead one's record
    bool restart_same = false;  // on the same record
    bool restart_fresh =
        false;                  // on the spare record, which takes the slot over at a block's start
    bool swap_reverse = false;  // the plan's slots in reverse order from some block on
    bool swap_remove = false;   // one slot fewer; its record is retired while its worker lives
    bool swap_replace = false;  // a slot on the spare record; the old one retired alive
    bool hang = false;          // any one worker: record retired, worker killed, then a restart
    bool cut = false;           // a block's path in several segments, cut anywhere
    bool abandon_back = false;  // abandon from the path's end
    // Two ways of being wrong that no rule prevents:
    bool forward = false;   // the host links front to back
    bool unreaped = false;  // `hang`, but the old worker is not killed
};

enum class Pc : Small {
    Unborn,
    Wait,
    ClaimLoad,
    ClaimSwap,
    Process,
    FinishLoad,
    FinishSwap,
    HandLoad,
    HandSwap,
    PostNext,
    PostEnd,
    Drain,
    ReadyLoad,
    ReadySwap,
    Dead,
};
enum class HostPc : Small {
    Begin,
    Choose,
    LinkLoad,
    LinkSwap,
    Post,
    Check,
    WaitEnd,
    AbandonLoad,
    AbandonSwap,
    AbandonPost,
    End
};
enum class ControlPc : Small { Rest, RetireLoad, RetireSwap, Kill, Spawn, Done };
enum class Order : Small { Plain, Reversed, Removed };

struct Worker {
    Pc pc = Pc::Unborn;
    Small record = 0;
    Small seen = 0;        // a packed word
    Small generation = 0;  // being processed
    Small successor = 0;   // as copied from the context
};

struct RelayState {
    Small word[kRecords] = {};
    Small posts[kRecords] = {};
    Small end = 0;
    Small context_generation[kRecords] = {};
    Small context_successor[kRecords] = {};
    Worker worker[kRecords];
    HostPc host = HostPc::Begin;
    Small generation = 1;  // the host's block
    Small at = 0;          // a position in the plan, where the host is
    Small next = 0;        // the position behind its segment
    Small host_seen = 0;
    Small linked = 0;    // records of this segment
    Small finished = 0;  // those that finished it: what really happened, for checking only
    Order order = Order::Plain;
    Small slot = 0;  // which slot was removed or replaced
    bool replaced = false;
    bool swapped = false;
    ControlPc control = ControlPc::Rest;
    Small target = 0;  // the record to retire
    Small control_seen = 0;
    bool died = false;
};

// A word of a model that counts three generations, in five bits.
constexpr Small pack_word(Word word) {
    return static_cast<Small>(ipc::generation_of(word) << 3 |
                              static_cast<unsigned>(ipc::status_of(word)));
}
constexpr Word unpack_word(Small packed) {
    return ipc::make_word(static_cast<Status>(packed & 7), packed >> 3);
}
constexpr Small bit(int record) { return static_cast<Small>(1 << record); }

template <typename Field>
void for_each_field(RelayState& s, Field field) {
    for (int i = 0; i < kRecords; ++i) {
        field(s.word[i], 5);
        field(s.posts[i], 3);
        field(s.context_generation[i], 2);
        field(s.context_successor[i], 3);
        Worker& w = s.worker[i];
        field(w.pc, 4);
        field(w.record, 2);
        field(w.seen, 5);
        field(w.generation, 2);
        field(w.successor, 3);
    }
    field(s.end, 4);
    field(s.host, 4);
    field(s.generation, 2);
    field(s.at, 2);
    field(s.next, 2);
    field(s.host_seen, 5);
    field(s.linked, 4);
    field(s.finished, 4);
    field(s.order, 2);
    field(s.slot, 2);
    field(s.replaced, 1);
    field(s.swapped, 1);
    field(s.control, 3);
    field(s.target, 2);
    field(s.control_seen, 5);
    field(s.died, 1);
}

inline Packed pack_state(RelayState state) {
    Packer packer;
    for_each_field(
        state, [&](auto& value, unsigned bits) { packer.put(static_cast<unsigned>(value), bits); });
    return packer.packed;
}

inline RelayState unpack_state(const Packed& packed) {
    Packer packer;
    packer.packed = packed;
    RelayState state;
    for_each_field(state, [&](auto& value, unsigned bits) {
        value = static_cast<std::remove_reference_t<decltype(value)>>(packer.take(bits));
    });
    return state;
}

class RelayTable {
protected:
    using State = RelayState;

    RelayTable(const Scenario& scenario, const Rules& rules) : scenario_(scenario), rules_(rules) {}

    int positions(const State& s) const {
        return scenario_.slots - (s.order == Order::Removed ? 1 : 0);
    }
    int record_at(const State& s, int position) const {
        int slot = position;
        if (s.order == Order::Reversed) slot = scenario_.slots - 1 - position;
        if (s.order == Order::Removed && position >= s.slot) ++slot;
        return s.replaced && slot == s.slot ? kSpare : slot;
    }
    // The first linked record at or behind `position`, in steps of `step`; kNoRecord: none.
    int linked_from(const State& s, int position, int step) const {
        for (; position >= 0 && position < positions(s); position += step)
            if (s.linked & bit(record_at(s, position))) return record_at(s, position);
        return kNoRecord;
    }

    void note(Effect effect) const { effects_ |= 1u << static_cast<unsigned>(effect); }

    // Commits `move` to `record` if its word is still the one seen.
    bool swap(State& n, int record, const Move& move) const {
        if (n.word[record] != pack_word(move.from)) return false;
        n.word[record] = pack_word(move.to);
        note(move.effect);
        return true;
    }

    // A context that nobody will read is no difference between two states.
    void forget_context(State& n, int record) const {
        for (const Worker& w : n.worker)
            if (w.pc == Pc::Process && w.record == record) return;
        n.context_generation[record] = n.context_successor[record] = 0;
    }

    const Scenario scenario_;
    const Rules rules_;
    mutable std::uint32_t effects_ = 0;  // every effect that a move had
    mutable bool replacement_played_ = false;
};

}  // namespace isobooth::tests
