// SPDX-License-Identifier: GPL-3.0-or-later
//
// A signal whose handler is ours for a while. Handlers belong to the whole process, so what is not
// for us goes to whoever had the signal before: the crash handler, as a rule.
#pragma once

#include <signal.h>

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

    // In the handler: as if it had never been ours. System calls must be free.
    void pass_on(siginfo_t* info, void* context) const noexcept;

private:
    const int number_;
    const Handler handler_;
    const bool alone_;
    std::mutex mutex_;
    int holders_ = 0;
    struct sigaction before_ {};
};

}  // namespace isobooth::sandbox
