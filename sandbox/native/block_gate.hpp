// SPDX-License-Identifier: GPL-3.0-or-later
//
// Keeps blocks out of a plugin while the main thread does what must not meet one (restoring a
// state, activating anew, closing). A block that finds the gate shut is refused at once, so that
// the slot is dry for a moment instead of the audio thread waiting; offline it waits.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <thread>

namespace isobooth::sandbox {

class BlockGate {
public:
    // Audio thread. leave() only after an entry that was granted.
    bool enter() noexcept {
        int expected = kIdle;
        return use_.compare_exchange_strong(expected, kProcessing, std::memory_order_acquire);
    }
    // The same, patiently: waits while the gate is shut for a while. False if it stays so.
    bool enter_within(double limit_s) noexcept {
        const auto limit =
            std::chrono::steady_clock::now() + std::chrono::duration<double>(limit_s);
        while (!enter()) {
            if (closed() || std::chrono::steady_clock::now() >= limit) return false;
            std::this_thread::sleep_for(std::chrono::microseconds(100));
        }
        return true;
    }
    void leave() noexcept {
        blocks_.fetch_add(1, std::memory_order_release);
        use_.store(kIdle, std::memory_order_release);
    }

    // Blocks that were let in and have ended. Any thread.
    std::uint64_t blocks() const noexcept { return blocks_.load(std::memory_order_acquire); }

    // Main thread. Blocks are refused between pause() and resume(). pause() throws
    // std::runtime_error if the block in progress does not end within `timeout_s`.
    void pause(double timeout_s) {
        const auto deadline =
            std::chrono::steady_clock::now() + std::chrono::duration<double>(timeout_s);
        int expected = kIdle;
        while (!use_.compare_exchange_weak(expected, kPaused, std::memory_order_acquire)) {
            if (expected == kClosed) throw std::runtime_error("the plugin is closed");
            if (expected == kPaused) throw std::runtime_error("the plugin is paused already");
            if (std::chrono::steady_clock::now() >= deadline)
                throw std::runtime_error("the plugin does not return from its block");
            expected = kIdle;
            std::this_thread::sleep_for(std::chrono::microseconds(100));
        }
    }
    void resume() noexcept {
        int expected = kPaused;
        use_.compare_exchange_strong(expected, kIdle, std::memory_order_release);
    }

    // Main thread: refuses every later block. False if it was closed before. Whoever closes has
    // ended the block loop, so a block in progress is waited for without limit.
    bool close() noexcept {
        int expected = kIdle;
        while (!use_.compare_exchange_weak(expected, kClosed)) {
            if (expected == kClosed) return false;
            if (expected == kPaused) {
                use_.store(kClosed);
                break;
            }
            expected = kIdle;
            std::this_thread::yield();
        }
        return true;
    }
    bool closed() const noexcept { return use_.load(std::memory_order_acquire) == kClosed; }

private:
    enum Use : int { kIdle, kProcessing, kPaused, kClosed };

    std::atomic<int> use_{kIdle};
    std::atomic<std::uint64_t> blocks_{0};
};

}  // namespace isobooth::sandbox
