// SPDX-License-Identifier: GPL-3.0-or-later
#include "host/native/watchdog.hpp"

#include <sys/prctl.h>
#include <time.h>

#include <algorithm>
#include <utility>

#include "ipc/native/scheduling.hpp"
#include "ipc/native/semaphore.hpp"

namespace isobooth::host {

using ipc::now_ns;

namespace {

// What the audio thread is given after the deadline to come by itself, and between two looks.
constexpr std::uint64_t kMomentNs = 50'000;
constexpr int kLooks = 8;

void sleep_for(std::uint64_t ns) noexcept {
    const timespec pause = ipc::to_timespec(ns);
    clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, nullptr);
}

}  // namespace

Watchdog::Watchdog(const Engine& engine, int priority)
    : engine_(engine), tick_ns_(std::max<std::uint64_t>(engine.period_ns, 1'000'000)) {
    thread_ = std::thread([this, priority] { run(priority); });
}

Watchdog::~Watchdog() { stop(); }

void Watchdog::stop() {
    stopping_.store(true);
    if (thread_.joinable()) thread_.join();
}

void Watchdog::watch(std::shared_ptr<PluginSlot> slot) {
    const std::scoped_lock lock(mutex_);
    for (const auto& seat : slot->seats)
        if (seat) watched_.push_back({{slot, seat.get()}, nullptr});
}

void Watchdog::forget(const PluginSlot& slot) {
    const std::scoped_lock lock(mutex_);
    std::erase_if(watched_, [&slot](const Watched& watched) {
        return std::ranges::any_of(
            slot.seats, [&](const auto& seat) { return seat.get() == watched.seat.get(); });
    });
}

void Watchdog::run(int priority) noexcept {
    prctl(PR_SET_NAME, "isb-watchdog");
    ipc::ask_for_attention(priority, -1);
    while (!stopping_.load(std::memory_order_relaxed)) {
        const bool stopped = stop_those_that_spin();
        stopped ? let_run_between_blocks() : sleep_until_deadline();
        fetch_audio_thread();
    }
    let_run();
}

// A tick, or less: until just behind the deadline of a block.
void Watchdog::sleep_until_deadline() noexcept {
    const std::uint64_t now = now_ns();
    const std::uint64_t look = engine_.deadline_ns.load(std::memory_order_relaxed) + kMomentNs;
    const std::uint64_t behind = look > now ? look - now : tick_ns_ - (now - look) % tick_ns_;
    sleep_for(std::min(behind, tick_ns_));
}

// Behind the deadline of its block, or when the next should have begun, there is nothing that the
// audio thread still waits for.
void Watchdog::fetch_audio_thread() noexcept {
    for (int looks = 0; looks < kLooks; ++looks) {
        const std::uint64_t next = engine_.next_block_ns.load(std::memory_order_relaxed);
        const std::uint64_t deadline = engine_.deadline_ns.load(std::memory_order_relaxed);
        if (deadline == 0 || now_ns() < (next ? next + kMomentNs : deadline)) return;
        if (engine_.audio_thread.fetch()) fetches_.fetch_add(1, std::memory_order_relaxed);
        sleep_for(kMomentNs);
    }
}

// Returns whether any is stopped now.
bool Watchdog::stop_those_that_spin() noexcept {
    const std::scoped_lock lock(mutex_);
    bool any = false;
    for (Watched& watched : watched_) {
        check(watched);
        if (!watched.stopped && watched.held && watched.held->can_be_stopped() &&
            wants_stop(watched)) {
            watched.held->stop();
            watched.stopped = true;
            stops_.fetch_add(1, std::memory_order_relaxed);
        }
        any = any || watched.stopped;
    }
    return any;
}

// One that sleeps, or that somebody else has stopped, takes nothing from anybody.
bool Watchdog::wants_stop(Watched& watched) const noexcept {
    const std::uint64_t before = std::exchange(watched.cpu_ns, watched.held->cpu_ns());
    // Once stopped, it may not have had the time for more.
    const std::uint64_t much = watched.spins ? 0 : tick_ns_ / 8;
    watched.spins = before != 0 && watched.cpu_ns - before > much;
    return watched.spins;
}

void Watchdog::let_run() noexcept {
    const std::scoped_lock lock(mutex_);
    for (Watched& watched : watched_)
        if (std::exchange(watched.stopped, false)) watched.held->go_on();
}

// It may yet come back, so it is given what nobody else needs. Ends shortly before the next block.
void Watchdog::let_run_between_blocks() noexcept {
    const std::uint64_t next = engine_.next_block_ns.load(std::memory_order_relaxed);
    const std::uint64_t end = next - std::min(next, tick_ns_ / 4);
    const std::uint64_t now = now_ns();
    if (now + tick_ns_ / 8 > end) {  // in a block, or too near to the next, or nobody renders
        sleep_for(tick_ns_ / 8);
        return;
    }
    let_run();
    sleep_for(end - now);
}

void Watchdog::check(Watched& watched) noexcept {
    const auto worker = watched.seat->worker.load();
    const bool stuck = watched.seat->stuck_blocks.load(std::memory_order_relaxed) >= kStuckBlocks;
    if (watched.held == worker && stuck) return;
    if (watched.held) {
        // Another worker by now, or it came back.
        if (std::exchange(watched.stopped, false)) watched.held->go_on();
        if (watched.held == worker) watched.held->restore();
        watched.held = nullptr;
    }
    if (!worker || !stuck) return;
    worker->demote();
    watched.held = worker;
    watched.cpu_ns = 0;
    watched.spins = false;
    demotions_.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace isobooth::host
