// SPDX-License-Identifier: GPL-3.0-or-later
//
// Ends a worker whose host is gone. The worker's main thread may be stuck
// inside the plugin, holding Python's lock for good, and its audio thread may
// spin, so the one that watches the control socket is a native thread that
// needs neither.
#include "sandbox/native/bindings.hpp"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

namespace nb = nanobind;

namespace isobooth::sandbox {

namespace {

// The plugin's own processes go too, as long as they stayed in the worker's
// process group.
[[noreturn]] void end_group() noexcept {
    if (getpgrp() == getpid()) kill(0, SIGKILL);
    _exit(1);
}

void* watch(void* argument) noexcept {
    const int fd = static_cast<int>(reinterpret_cast<std::intptr_t>(argument));
    prctl(PR_SET_NAME, "isb-guard");
    pollfd socket{fd, POLLRDHUP, 0};  // POLLHUP and POLLERR come unasked
    for (;;) {
        const int ready = poll(&socket, 1, -1);
        if (ready > 0 || (ready < 0 && errno != EINTR)) end_group();
    }
}

// Small, but with room for the thread-local storage of the plugin's libraries.
constexpr std::size_t kStackBytes = 256 * 1024;

void start_guard(int fd) {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, kStackBytes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    // No handler of a plugin may ever run on this thread.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t thread;
    const int error = pthread_create(&thread, &attributes, &watch,
                                     reinterpret_cast<void*>(static_cast<std::intptr_t>(fd)));
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    pthread_attr_destroy(&attributes);
    if (error != 0)
        throw std::system_error(error, std::generic_category(), "cannot start the guard thread");
}

}  // namespace

void bind_guard(nb::module_& m) {
    m.def("start_guard", &start_guard, nb::arg("control_fd"),
          "Starts the thread that kills this process group when the peer of the "
          "socket `control_fd` closes.");
}

}  // namespace isobooth::sandbox
