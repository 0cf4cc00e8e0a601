// SPDX-License-Identifier: GPL-3.0-or-later
#include "host/native/chain_relay.hpp"

#include <algorithm>

namespace isobooth::host {

using namespace ipc;

namespace {

// Wakes that a wait tolerates before it stops believing its semaphore: a worker may post the
// chain's end as often as it likes.
constexpr int kSpuriousWakes = 256;

// From then on the host looks by itself, each time after a part of what is left of the wait.
constexpr std::uint64_t kNaps = 16;
constexpr std::uint64_t kShortestNapNs = 20'000;  // about a wake's cost
constexpr std::uint64_t kLongestNapNs = 500'000;  // offline

}  // namespace

ChainRelay::ChainRelay(const ChainMemory& memory)
    : host_{memory.host, memory.geometry},
      activation_{memory.activation, memory.geometry},
      end_(memory.end_semaphore),
      dead_(std::make_unique<std::atomic<bool>[]>(memory.geometry.records)) {
    for (std::byte* base : memory.outputs) outputs_.push_back({base, memory.geometry});
    for (const std::string& name : memory.semaphores) semaphores_.emplace_back(name);
}

// ---------------------------------------------------------------- control thread

void ChainRelay::retire(std::uint32_t record) noexcept {
    dead_[record].store(true, std::memory_order_release);
    apply(word(record), [](Word seen) { return ipc::retire(seen); });
    retired_.post();
    end_.post();
}

void ChainRelay::reset(std::uint32_t record) noexcept {
    semaphores_[record].drain();
    // Whatever the last worker did to the word, a late activation or a wild write: all of its
    // process tree is reaped, so this is the only party left.
    word(record).store(make_word(Status::Offline, 0), std::memory_order_release);
    activation_.record(record).claimed_ns.store(0, std::memory_order_release);
    activation_.record(record).finished_ns.store(0, std::memory_order_release);
    dead_[record].store(false, std::memory_order_release);
}

bool ChainRelay::is_stuck(std::uint32_t record) const noexcept {
    const Word seen = word(record).load(std::memory_order_acquire);
    const bool rests = status_of(seen) == Status::Idle || status_of(seen) == Status::Finished;
    return !rests || generation_of(seen) > generation();
}

bool ChainRelay::is_in_block(std::uint32_t record) const noexcept {
    const ipc::Activation& own = activation_.record(record);
    return own.claimed_ns.load(std::memory_order_acquire) >
           own.finished_ns.load(std::memory_order_acquire);
}

// ---------------------------------------------------------------- audio thread

bool ChainRelay::is_free(std::uint32_t record) const ISB_RT {
    return is_free(record, generation());
}

bool ChainRelay::is_free(std::uint32_t record, std::uint64_t generation) const ISB_RT {
    if (dead_[record].load(std::memory_order_acquire)) return false;
    return ipc::link(word(record).load(std::memory_order_acquire), generation, false).any();
}

bool ChainRelay::is_offline(std::uint32_t record) const ISB_RT {
    return dead_[record].load(std::memory_order_acquire);
}

bool ChainRelay::is_finished(std::uint32_t record) const ISB_RT {
    return word(record).load(std::memory_order_acquire) ==
           make_word(Status::Finished, generation());
}

void ChainRelay::start(std::span<const Linked> segment) ISB_RT {
    // Blocks that were finished before the host looked left their end posts behind.
    end_.drain(kSpuriousWakes);
    // Words last, first slot last of all: nobody may run before every context stands.
    for (std::size_t i = segment.size(); i-- > 0;) {
        const bool first = i == 0;
        apply(word(segment[i].record),
              [&](Word seen) { return ipc::link(seen, generation(), first); });
    }
    const std::uint32_t first = segment.front().record;
    activation_.record(first).triggered_ns.store(now_ns(), std::memory_order_relaxed);
    const RtAllow semaphore;
    semaphores_[first].post();
}

void ChainRelay::start_aside(std::uint32_t record, std::uint64_t generation) ISB_RT {
    apply(word(record), [&](Word seen) { return ipc::link(seen, generation, true); });
    activation_.record(record).triggered_ns.store(now_ns(), std::memory_order_relaxed);
    const RtAllow semaphore;
    semaphores_[record].post();
}

bool ChainRelay::is_finished(std::span<const Linked> segment) const ISB_RT {
    return is_finished(segment.back().record);
}

// Is the slot whose turn it is gone? Those before it have delivered; those behind it may still get
// their turn, or turn out to be gone, when it comes: nobody is given up for another's death.
bool ChainRelay::lost_a_record(std::span<const Linked> segment) const ISB_RT {
    for (const Linked& linked : segment) {
        const Word seen = word(linked.record).load(std::memory_order_acquire);
        if (seen == make_word(Status::Finished, generation())) continue;
        // Or retired, reaped and fit for the next worker before this thread got to look: an
        // offline block would wait for its hang limit.
        return dead_[linked.record].load(std::memory_order_acquire) ||
               generation_of(seen) != generation() || status_of(seen) == Status::Offline;
    }
    return false;
}

bool ChainRelay::wait(std::span<const Linked> segment, std::uint64_t deadline_ns) ISB_RT {
    // Bounded: naps have a least length, and end at the deadline.
    for (int wakes = 0; !is_finished(segment) && !lost_a_record(segment); ++wakes) {
        if (wakes >= kSpuriousWakes) {
            nap(deadline_ns);
            if (now_ns() >= deadline_ns) break;
            continue;
        }
        const RtAllow semaphore;
        if (!end_.wait_until(deadline_ns) && now_ns() >= deadline_ns) break;
    }
    return is_finished(segment);
}

// Sleeps where no worker can wake it: an honest chain is heard although one of its workers, or
// whoever got hold of its semaphore, floods it.
void ChainRelay::nap(std::uint64_t deadline_ns) ISB_RT {
    const std::uint64_t now = now_ns();
    if (now >= deadline_ns) return;
    const std::uint64_t left = deadline_ns - now;
    const std::uint64_t length = std::clamp(left / kNaps, kShortestNapNs, kLongestNapNs);
    const RtAllow semaphore;
    retired_.wait_until(now + std::min(left, length));
}

void ChainRelay::prewake() const noexcept {
    for (std::uint32_t record = 0; record < semaphores_.size(); ++record) {
        const Status status = status_of(word(record).load(std::memory_order_acquire));
        if (status == Status::Idle || status == Status::Finished) semaphores_[record].post();
    }
}

Effect ChainRelay::abandon(std::uint32_t record) ISB_RT {
    const Move move =
        apply(word(record), [&](Word seen) { return ipc::abandon(seen, generation()); });
    if (move.effect == Effect::Unwoken) {
        const RtAllow semaphore;
        semaphores_[record].post();
    }
    return move.effect;
}

}  // namespace isobooth::host
