// SPDX-License-Identifier: GPL-3.0-or-later
//
// A semaphore that no other process can post: what the audio thread sleeps on when it cannot
// believe a shared one.
#pragma once

#include <semaphore.h>

#include "ipc/native/semaphore.hpp"

namespace isobooth::host {

class PrivateSemaphore {
public:
    PrivateSemaphore() noexcept { sem_init(&handle_, 0, 0); }
    ~PrivateSemaphore() { sem_destroy(&handle_); }
    PrivateSemaphore(const PrivateSemaphore&) = delete;
    PrivateSemaphore& operator=(const PrivateSemaphore&) = delete;

    void post() noexcept { sem_post(&handle_); }

    // Waits until posted or until `deadline_ns` (CLOCK_MONOTONIC).
    void wait_until(std::uint64_t deadline_ns) noexcept {
        const timespec t = ipc::to_timespec(deadline_ns);
        sem_clockwait(&handle_, CLOCK_MONOTONIC, &t);
    }

private:
    sem_t handle_;
};

}  // namespace isobooth::host
