// SPDX-License-Identifier: GPL-3.0-or-later
//
// Sees the system calls of a thread while a switch is on, by Syscall User Dispatch: the kernel sends
// SIGSYS instead of doing the call, the handler counts it, does it in the plugin's place and goes on
// behind it. So calls that no library makes are seen too. x86-64 only.
//
// What it does not see: calls of the vDSO that stay in user space (clock_gettime), and what follows
// one of kOwnInstruction in the same block.
//
// It stands before seccomp in the kernel, so a confined worker's filter sees the call when the handler
// makes it, and only then.
#pragma once

#include "sandbox/native/place_table.hpp"

namespace isobooth::sandbox {

// Whether this kernel and processor can. Not to be called while the switch is on.
bool can_see_system_calls() noexcept;

// Holds SIGSYS as long as anybody wants to see system calls.
class CallDispatch {
public:
    CallDispatch();
    ~CallDispatch();
    CallDispatch(const CallDispatch&) = delete;
    CallDispatch& operator=(const CallDispatch&) = delete;

    // From here on the calling thread's system calls are counted in `places`, until leave().
    void enter(PlaceTable& places) noexcept;
    void leave() noexcept;

private:
    volatile char* armed_ = nullptr;  // the switch of the thread that the kernel knows of
};

// Turns this thread's switch off: for handlers that run with SIGSYS blocked, where a call that is to
// be seen would be the end of the process.
void let_system_calls_pass() noexcept;

}  // namespace isobooth::sandbox
