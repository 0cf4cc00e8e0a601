// SPDX-License-Identifier: GPL-3.0-or-later
//
// A single-producer single-consumer ring: how the control thread talks to the
// audio thread and back without a lock. Push and pop never block and never
// allocate; a full ring says so.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "ipc/native/layout.hpp"

namespace isobooth::ipc {

template <typename T>
class Ring {
public:
    // `capacity` is rounded up to a power of two.
    explicit Ring(std::size_t capacity) {
        std::size_t size = 1;
        while (size < capacity) size <<= 1;
        mask_ = size - 1;
        items_ = std::make_unique<T[]>(size);
    }

    bool push(const T& item) noexcept {
        const std::uint64_t head = head_.load(std::memory_order_relaxed);
        if (head - tail_.load(std::memory_order_acquire) > mask_) return false;
        items_[head & mask_] = item;
        head_.store(head + 1, std::memory_order_release);
        return true;
    }

    bool pop(T& item) noexcept {
        const std::uint64_t tail = tail_.load(std::memory_order_relaxed);
        if (tail == head_.load(std::memory_order_acquire)) return false;
        item = items_[tail & mask_];
        tail_.store(tail + 1, std::memory_order_release);
        return true;
    }

    // Producer: free places. Consumer: items waiting.
    std::size_t free() const noexcept { return mask_ + 1 - size(); }
    std::size_t size() const noexcept {
        return head_.load(std::memory_order_acquire) - tail_.load(std::memory_order_acquire);
    }

private:
    alignas(kCacheLine) std::atomic<std::uint64_t> head_{0};
    alignas(kCacheLine) std::atomic<std::uint64_t> tail_{0};
    alignas(kCacheLine) std::size_t mask_ = 0;
    std::unique_ptr<T[]> items_;
};

}  // namespace isobooth::ipc
