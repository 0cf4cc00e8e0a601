// SPDX-License-Identifier: GPL-3.0-or-later
//
// The block relay: who may run when, decided by one 64-bit word per record.
//
// A word holds a status and the generation (block number of the chain) it belongs to, so that no
// late worker can mistake one block for another. Every move is a compare-and-swap on the whole
// word. The rules are pure functions of the word that was seen; `apply` commits them. Tests
// explore every interleaving of these very functions.
//
//                  link (host)               claim                finish
//   IDLE/FINISHED ──────────► TRIGGERED(g) ───────► RUNNING(g) ──────────► FINISHED(g)
//          │     not first       ▲    │                │                     │ then hand_on:
//          └─────────► WAITING(g)┘    │ abandon        │ abandon             │ the successor's
//                         │ hand_on   │ (+1 post)      │                     │ WAITING→TRIGGERED,
//                         │ abandon   ▼                ▼                     ▼ and a post
//                         └──► IDLE  ABANDONED(g) ◄────┘
//                                ▲        │ its worker, when it comes back (claim or finish)
//                                └────────┘
//   OFFLINE ──activate (worker, when ready)──► IDLE;   anything ──retire (host)──► OFFLINE
//
// A post is only a hint: whoever wakes looks at the word. A worker posts its successor only after
// its own FINISHED and the successor's TRIGGERED both succeeded; the chain's end if it is the last,
// or if its successor could not be triggered, so that the host looks for the reason.
#pragma once

#include <atomic>
#include <cstdint>

namespace isobooth::ipc {

enum class Status : std::uint8_t {
    Offline = 0,
    Idle = 1,
    Waiting = 2,
    Triggered = 3,
    Running = 4,
    Finished = 5,
    Abandoned = 6,
};

using Word = std::uint64_t;

constexpr Word make_word(Status status, std::uint64_t generation) {
    return generation << 8 | static_cast<std::uint8_t>(status);
}
constexpr Status status_of(Word word) { return static_cast<Status>(word & 0xff); }
constexpr std::uint64_t generation_of(Word word) { return word >> 8; }

// What a rule made of the word it saw.
enum class Effect : std::uint8_t {
    None,      // nothing to do: the word belongs to someone or something else
    Linked,    // host: the record runs in this block
    Run,       // worker: claimed; process the block
    Released,  // worker: was abandoned, is idle again
    Finished,  // worker: done in time; hand on
    Late,      // worker: done after it was abandoned; the result is not used
    Handed,    // worker: the successor may run; post it
    Skipped,   // host: it never got its turn; nobody's fault of its own
    Unwoken,   // host: it was posted and did not claim; post it once more
    Overrun,   // host: it claimed and did not finish
    Retired,   // host: out of service
    Ready,     // worker: in service
};

struct Move {
    Word from = 0;
    Word to = 0;
    Effect effect = Effect::None;

    constexpr bool any() const { return effect != Effect::None; }
};

// Host: puts a record into the path of generation `generation`; the first of a
// path is triggered.
constexpr Move link(Word seen, std::uint64_t generation, bool first) {
    const bool free = status_of(seen) == Status::Idle || status_of(seen) == Status::Finished;
    if (!free || generation_of(seen) >= generation) return {};
    return {seen, make_word(first ? Status::Triggered : Status::Waiting, generation),
            Effect::Linked};
}

// Worker: woke up.
constexpr Move claim(Word seen) {
    const std::uint64_t generation = generation_of(seen);
    switch (status_of(seen)) {
        case Status::Triggered:
            return {seen, make_word(Status::Running, generation), Effect::Run};
        case Status::Abandoned:
            return {seen, make_word(Status::Idle, generation), Effect::Released};
        default:
            return {};
    }
}

// Worker: has processed `generation`.
constexpr Move finish(Word seen, std::uint64_t generation) {
    if (seen == make_word(Status::Running, generation))
        return {seen, make_word(Status::Finished, generation), Effect::Finished};
    if (seen == make_word(Status::Abandoned, generation))
        return {seen, make_word(Status::Idle, generation), Effect::Late};
    return {};
}

// Worker: the successor's turn in `generation`, if the host still waits for it.
constexpr Move hand_on(Word seen, std::uint64_t generation) {
    if (seen != make_word(Status::Waiting, generation)) return {};
    return {seen, make_word(Status::Triggered, generation), Effect::Handed};
}

// Host: the deadline of `generation` has passed.
constexpr Move abandon(Word seen, std::uint64_t generation) {
    if (generation_of(seen) != generation) return {};
    switch (status_of(seen)) {
        case Status::Waiting:
            return {seen, make_word(Status::Idle, generation), Effect::Skipped};
        case Status::Triggered:
            return {seen, make_word(Status::Abandoned, generation), Effect::Unwoken};
        case Status::Running:
            return {seen, make_word(Status::Abandoned, generation), Effect::Overrun};
        default:
            return {};
    }
}

// Host: the worker is dead or leaves; nobody may be linked to this record until
// it is activated.
constexpr Move retire(Word seen) {
    return {seen, make_word(Status::Offline, generation_of(seen)), Effect::Retired};
}

// Worker: loaded, restored, warmed up.
constexpr Move activate(Word seen) {
    if (status_of(seen) != Status::Offline) return {};
    return {seen, make_word(Status::Idle, generation_of(seen)), Effect::Ready};
}

// Commits the rule `rule(seen) -> Move`, seeing anew when another party moved in between. Audio
// thread, control thread, worker and predecessor contend for a word, each with a few moves a
// generation; the bound is there for a worker that scribbles over the word, which then counts as
// not moved.
template <typename Rule>
inline Move apply(std::atomic<Word>& word, Rule rule) noexcept {
    for (int attempt = 0; attempt < 16; ++attempt) {
        Word seen = word.load(std::memory_order_acquire);
        const Move move = rule(seen);
        if (!move.any()) return move;
        if (word.compare_exchange_strong(seen, move.to, std::memory_order_acq_rel,
                                         std::memory_order_acquire))
            return move;
    }
    return {};
}

}  // namespace isobooth::ipc
