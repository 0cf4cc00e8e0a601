// SPDX-License-Identifier: GPL-3.0-or-later
//
// Takes the snapshot of a crashing worker (ipc/native/crash_snapshot.hpp) and lets it die of the
// very signal. It allocates nothing, locks nothing and follows no pointer that the plugin could
// have broken: the heap may be corrupt, the stack smashed or used up, the dynamic linker half-way
// through a dlopen. Restarting the plugin waits for the death, so it must be done in a millisecond.
//
// A plugin may install handlers of its own; they are overruled once, after the plugin is loaded,
// and not fought afterwards.
#pragma once

#include <cstddef>

namespace isobooth::sandbox {

// Maps the snapshot file `fd` (which may be closed afterwards) and takes over the fatal signals;
// the calling thread gets a stack for it. Throws std::system_error.
void install_crash_handler(int fd);

// Takes the signals back from whoever has them now. Does nothing where none was installed.
void rearm_crash_handler() noexcept;

// A stack for signal handlers of the calling thread, so that a thread that has used up its own
// can still say so. None where there is no memory: then such a crash has no backtrace.
class CrashStack {
public:
    CrashStack() noexcept;
    ~CrashStack();
    CrashStack(const CrashStack&) = delete;
    CrashStack& operator=(const CrashStack&) = delete;

private:
    void* memory_ = nullptr;
};

}  // namespace isobooth::sandbox
