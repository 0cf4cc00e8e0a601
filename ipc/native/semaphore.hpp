// SPDX-License-Identifier: GPL-3.0-or-later
//
// Named POSIX semaphores, waited for until an absolute CLOCK_MONOTONIC time.
//
// The host creates and unlinks them (through posix_ipc); host and workers open
// them here, by name. A post is a hint that a relay word moved; whoever wakes
// looks at the word.
#pragma once

#include <fcntl.h>
#include <semaphore.h>
#include <time.h>

#include <cerrno>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

namespace isobooth::ipc {

inline std::uint64_t to_ns(const timespec& t) noexcept {
    return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000u +
           static_cast<std::uint64_t>(t.tv_nsec);
}

inline std::uint64_t now_ns() noexcept {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);  // vDSO: no system call
    return to_ns(t);
}

inline timespec to_timespec(std::uint64_t ns) noexcept {
    return {static_cast<time_t>(ns / 1'000'000'000u), static_cast<long>(ns % 1'000'000'000u)};
}

class Semaphore {
public:
    Semaphore() = default;
    // Opens an existing semaphore. Throws std::system_error naming it.
    explicit Semaphore(const std::string& name) : handle_(sem_open(name.c_str(), 0)) {
        if (handle_ == SEM_FAILED) {
            handle_ = nullptr;
            throw std::system_error(errno, std::generic_category(),
                                    "cannot open semaphore " + name);
        }
    }
    Semaphore(Semaphore&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    Semaphore& operator=(Semaphore&& other) noexcept {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~Semaphore() {
        if (handle_) sem_close(handle_);
    }

    void post() const noexcept { sem_post(handle_); }

    bool try_wait() const noexcept { return sem_trywait(handle_) == 0; }

    // Waits until posted (true) or until `deadline_ns` or a signal (false).
    bool wait_until(std::uint64_t deadline_ns) const noexcept {
        const timespec t = to_timespec(deadline_ns);
        return sem_clockwait(handle_, CLOCK_MONOTONIC, &t) == 0;
    }

    // Waits until posted or interrupted by a signal.
    void wait() const noexcept { sem_wait(handle_); }

    // Takes back at most `limit` posts, so that a reused semaphore starts near
    // zero.
    void drain(int limit = 4096) const noexcept {
        while (limit-- > 0 && try_wait()) {
        }
    }

private:
    sem_t* handle_ = nullptr;
};

}  // namespace isobooth::ipc
