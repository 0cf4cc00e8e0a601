// SPDX-License-Identifier: GPL-3.0-or-later
//
// Flush-to-zero for the length of a scope: denormals cost a plugin up to a
// hundred times its normal block time, and no ear hears them. Restored
// afterwards, since plugins change it too.
#pragma once

#if defined(__x86_64__) || defined(_M_X64)
#include <xmmintrin.h>
#endif
#include <cstdint>

namespace isobooth::ipc {

class DenormalsOff {
public:
#if defined(__x86_64__) || defined(_M_X64)
    DenormalsOff() noexcept : saved_(_mm_getcsr()) { _mm_setcsr(saved_ | 0x8040u); }  // FTZ, DAZ
    ~DenormalsOff() { _mm_setcsr(saved_); }

private:
    unsigned saved_;
#elif defined(__aarch64__)
    DenormalsOff() noexcept {
        asm volatile("mrs %0, fpcr" : "=r"(saved_));
        const std::uint64_t flushed = saved_ | (1u << 24);
        asm volatile("msr fpcr, %0" ::"r"(flushed));
    }
    ~DenormalsOff() { asm volatile("msr fpcr, %0" ::"r"(saved_)); }

private:
    std::uint64_t saved_;
#endif
public:
    DenormalsOff(const DenormalsOff&) = delete;
    DenormalsOff& operator=(const DenormalsOff&) = delete;
};

}  // namespace isobooth::ipc
