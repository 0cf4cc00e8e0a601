// SPDX-License-Identifier: GPL-3.0-or-later
//
// The relay's rules as the explorer takes them: the real ones, and sets that each break one rule.
//
// The broken ones prove that the explorer can fail: each must be reported as a violation, and
// together they say which guard in relay.hpp prevents what.
#pragma once

#include <cstdint>

#include "ipc/native/relay.hpp"

namespace isobooth::tests {

using ipc::Effect;
using ipc::Move;
using ipc::Status;
using ipc::Word;

struct Rules {
    Move (*link)(Word seen, std::uint64_t generation, bool first) = ipc::link;
    Move (*claim)(Word seen) = ipc::claim;
    Move (*finish)(Word seen, std::uint64_t generation) = ipc::finish;
    Move (*hand_on)(Word seen, std::uint64_t generation) = ipc::hand_on;
    Move (*abandon)(Word seen, std::uint64_t generation) = ipc::abandon;
    Move (*retire)(Word seen) = ipc::retire;
    Move (*activate)(Word seen) = ipc::activate;
};

// Every record of the path is triggered at once and only the posts keep the order. A post left
// over from an abandoned block then lets a slot run before its predecessor.
inline Rules all_triggered() {
    Rules rules;
    rules.link = [](Word seen, std::uint64_t generation, bool) {
        return ipc::link(seen, generation, true);
    };
    rules.hand_on = [](Word seen, std::uint64_t generation) {
        return seen == ipc::make_word(Status::Triggered, generation)
                   ? Move{seen, seen, Effect::Handed}
                   : Move{};
    };
    return rules;
}

// The host abandons a record that never woke and does not post it again: whoever triggered it may
// have died before posting.
inline Rules no_post_for_the_unwoken() {
    Rules rules;
    rules.abandon = [](Word seen, std::uint64_t generation) {
        Move move = ipc::abandon(seen, generation);
        if (move.effect == Effect::Unwoken) move.effect = Effect::Overrun;
        return move;
    };
    return rules;
}

// A worker that comes back late triggers whoever waits, whatever block they wait for.
inline Rules hand_on_in_any_block() {
    Rules rules;
    rules.hand_on = [](Word seen, std::uint64_t) {
        return ipc::hand_on(seen, ipc::generation_of(seen));
    };
    return rules;
}

// A worker's FINISHED does not look whether the host has given the block up.
inline Rules finish_anyway() {
    Rules rules;
    rules.finish = [](Word seen, std::uint64_t generation) {
        Move move = ipc::finish(seen, generation);
        if (move.effect == Effect::Late)
            move = {seen, ipc::make_word(Status::Finished, generation), Effect::Finished};
        return move;
    };
    return rules;
}

// A worker that wakes runs though it is not its turn.
inline Rules claim_the_waiting() {
    Rules rules;
    rules.claim = [](Word seen) {
        if (ipc::status_of(seen) != Status::Waiting) return ipc::claim(seen);
        return Move{seen, ipc::make_word(Status::Running, ipc::generation_of(seen)), Effect::Run};
    };
    return rules;
}

// The host links records of the status `also` as well.
template <Status also>
Rules link_too() {
    Rules rules;
    rules.link = [](Word seen, std::uint64_t generation, bool first) {
        const bool idle = ipc::status_of(seen) == also;
        Move move = ipc::link(idle ? ipc::make_word(Status::Idle, ipc::generation_of(seen)) : seen,
                              generation, first);
        move.from = seen;
        return move;
    };
    return rules;
}

// The host gives up what waits, and leaves alone what was claimed.
inline Rules leave_the_running() {
    Rules rules;
    rules.abandon = [](Word seen, std::uint64_t generation) {
        return ipc::status_of(seen) == Status::Running ? Move{} : ipc::abandon(seen, generation);
    };
    return rules;
}

// Retiring leaves a record alone that is busy.
inline Rules retire_only_the_idle() {
    Rules rules;
    rules.retire = [](Word seen) {
        const bool busy = ipc::status_of(seen) == Status::Abandoned;
        return busy ? Move{seen, seen, Effect::Retired} : ipc::retire(seen);
    };
    return rules;
}

}  // namespace isobooth::tests
