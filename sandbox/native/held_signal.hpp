// SPDX-License-Identifier: GPL-3.0-or-later
//
// A signal whose handler is ours for a while. Handlers belong to the whole process, so what is not
// for us goes to whoever has it in the eyes of all others: the crash handler, as a rule.
#pragma once

#include <signal.h>

#include <atomic>
#include <cstdint>
#include <mutex>

namespace isobooth::sandbox {

class HeldSignal {
public:
    using Handler = void (*)(int, siginfo_t*, void*);

    // `alone`: no other handler may interrupt this one.
    HeldSignal(int number, Handler handler, bool alone) noexcept
        : number_(number), handler_(handler), alone_(alone) {}

    // Several may hold it at a time, for different threads.
    void hold();
    void release() noexcept;

    // Who holds it now; null: nobody.
    static HeldSignal* of(int number) noexcept;

    // In the handler: as if it had never been ours. System calls must be free.
    void pass_on(siginfo_t* info, void* context) const noexcept;

    // The kernel's struct sigaction, which is not libc's.
    struct Action {
        std::uintptr_t handler;
        unsigned long flags;
        std::uintptr_t restorer;
        std::uint64_t mask;
    };
    // What rt_sigaction() would do if it had never been ours; either may be null. Takes effect for
    // whatever is passed on, and when it is released.
    void change(const Action* wanted, Action* before) noexcept;

private:
    const int number_;
    const Handler handler_;
    const bool alone_;
    std::mutex mutex_;
    int holders_ = 0;
    // One by one, because a handler can wait for nobody.
    struct {
        std::atomic<std::uintptr_t> handler;
        std::atomic<unsigned long> flags;
        std::atomic<std::uintptr_t> restorer;
        std::atomic<std::uint64_t> mask;
    } theirs_{};
};

}  // namespace isobooth::sandbox
