// SPDX-License-Identifier: GPL-3.0-or-later
//
// Marks what runs on the audio thread, and in the checked build traps what must not happen there.
//
// ISB_RT functions never allocate, lock, throw, call Python or make a system call but a
// semaphore's. The checked build (ISOBOOTH_RT_CHECKS) arms two traps inside an RtSection: system
// calls through Syscall User Dispatch, and allocation and locks through librtcheck.so, if that is
// preloaded. A violation prints what and where and aborts.
#pragma once

#include <cstdint>

#define ISB_RT noexcept

namespace isobooth::host {

#ifdef ISOBOOTH_RT_CHECKS
void rt_enter() noexcept;
void rt_leave() noexcept;
void rt_allow(bool allowed) noexcept;
#else
inline void rt_enter() noexcept {}
inline void rt_leave() noexcept {}
inline void rt_allow(bool) noexcept {}
#endif

// The traps this build arms: "" in a release build.
const char* rt_checks() noexcept;

// The audio thread is inside a block.
class RtSection {
public:
    RtSection() noexcept { rt_enter(); }
    ~RtSection() { rt_leave(); }
    RtSection(const RtSection&) = delete;
    RtSection& operator=(const RtSection&) = delete;
};

// Around semaphore calls, the one system call a block may make.
class RtAllow {
public:
    RtAllow() noexcept { rt_allow(true); }
    ~RtAllow() { rt_allow(false); }
    RtAllow(const RtAllow&) = delete;
    RtAllow& operator=(const RtAllow&) = delete;
};

}  // namespace isobooth::host
