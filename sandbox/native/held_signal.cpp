// SPDX-License-Identifier: GPL-3.0-or-later
#include "sandbox/native/held_signal.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace isobooth::sandbox {

void HeldSignal::hold() {
    const std::scoped_lock lock(mutex_);
    if (holders_ == 0) {
        struct sigaction action {};
        action.sa_sigaction = handler_;
        action.sa_flags = SA_SIGINFO;
        if (alone_) sigfillset(&action.sa_mask);
        if (sigaction(number_, &action, &before_) != 0)
            throw std::system_error(errno, std::generic_category(), "cannot handle a signal");
    }
    ++holders_;
}

void HeldSignal::release() noexcept {
    const std::scoped_lock lock(mutex_);
    if (--holders_ == 0) sigaction(number_, &before_, nullptr);
}

void HeldSignal::pass_on(siginfo_t* info, void* context) const noexcept {
    if (before_.sa_flags & SA_SIGINFO) return before_.sa_sigaction(number_, info, context);
    const bool sent = info->si_code <= 0;
    if (before_.sa_handler == SIG_IGN && sent) return;
    if (before_.sa_handler != SIG_IGN && before_.sa_handler != SIG_DFL)
        return before_.sa_handler(number_);
    // The end of the process, as soon as this handler has returned.
    struct sigaction fatal {};
    fatal.sa_handler = SIG_DFL;
    sigaction(number_, &fatal, nullptr);
    syscall(SYS_tgkill, getpid(), gettid(), number_);
}

}  // namespace isobooth::sandbox
