// SPDX-License-Identifier: GPL-3.0-or-later
#include "sandbox/native/held_signal.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace isobooth::sandbox {

namespace {

const auto kDefault = reinterpret_cast<std::uintptr_t>(SIG_DFL);
const auto kIgnored = reinterpret_cast<std::uintptr_t>(SIG_IGN);

std::atomic<HeldSignal*> held[NSIG];  // by number

// libc would change what it is given.
long ask_kernel(int number, const HeldSignal::Action* wanted, HeldSignal::Action* before) noexcept {
    return syscall(SYS_rt_sigaction, number, wanted, before, sizeof before->mask);
}

}  // namespace

void HeldSignal::hold() {
    const std::scoped_lock lock(mutex_);
    if (holders_ == 0) {
        struct sigaction action {};
        action.sa_sigaction = handler_;
        action.sa_flags = SA_SIGINFO;
        if (alone_) sigfillset(&action.sa_mask);
        Action before{};
        bool is_ours = ask_kernel(number_, nullptr, &before) == 0;
        if (is_ours) {
            // First: whatever comes as soon as it is ours is passed on to that.
            change(&before, nullptr);
            held[number_] = this;
            is_ours = sigaction(number_, &action, nullptr) == 0;
        }
        if (!is_ours) {
            const int error = errno;
            held[number_] = nullptr;
            throw std::system_error(error, std::generic_category(), "cannot handle a signal");
        }
    }
    ++holders_;
}

void HeldSignal::release() noexcept {
    const std::scoped_lock lock(mutex_);
    if (--holders_ > 0) return;
    held[number_] = nullptr;
    Action theirs{}, now{};
    // Somebody has set another one without asking us: another thread of the plugin.
    if (ask_kernel(number_, nullptr, &now) == 0 &&
        now.handler != reinterpret_cast<std::uintptr_t>(handler_))
        return;
    change(nullptr, &theirs);
    ask_kernel(number_, &theirs, nullptr);
}

HeldSignal* HeldSignal::of(int number) noexcept {
    return number > 0 && number < NSIG ? held[number].load() : nullptr;
}

void HeldSignal::change(const Action* wanted, Action* before) noexcept {
    const Action old{theirs_.handler, theirs_.flags, theirs_.restorer, theirs_.mask};
    if (wanted) {
        theirs_.flags = wanted->flags;
        theirs_.restorer = wanted->restorer;
        theirs_.mask = wanted->mask;
        theirs_.handler = wanted->handler;
    }
    if (before) *before = old;
}

void HeldSignal::pass_on(siginfo_t* info, void* context) const noexcept {
    const std::uintptr_t handler = theirs_.handler;
    const bool sent = info->si_code <= 0;
    if (handler == kIgnored && sent) return;
    // The kernel too hands all three over, whether they are asked for or not.
    if (handler != kIgnored && handler != kDefault)
        return reinterpret_cast<Handler>(handler)(number_, info, context);
    // The end of the process, as soon as this handler has returned.
    struct sigaction fatal {};
    fatal.sa_handler = SIG_DFL;
    sigaction(number_, &fatal, nullptr);
    syscall(SYS_tgkill, getpid(), gettid(), number_);
}

}  // namespace isobooth::sandbox
