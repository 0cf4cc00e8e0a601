// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a thread's floating-point units are set to, which a plugin must leave as it is: rounding,
// precision, flushing to zero, which exceptions trap; and of the x87, that none is pending and no
// register in use (MMX code without emms leaves them all so, and the next long double is NaN).
#pragma once

#include <cstdint>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace isobooth::sandbox {

struct FloatMode {
    std::uint32_t mxcsr = 0;
    std::uint16_t x87 = 0, tags = 0;
    bool pending = false;

    bool operator==(const FloatMode&) const = default;
};

#if defined(__x86_64__)

inline FloatMode float_mode() noexcept {
    constexpr std::uint32_t kModes = 0xffc0;  // without the flags that calculations leave
    constexpr std::uint16_t kPending = 0x80;
    struct {
        std::uint16_t control, a, status, b, tags, c;
        std::uint32_t pointers[4];
    } x87;
    // Masks all exceptions of the x87; what it had is loaded again without what is pending, which
    // would trap.
    asm volatile("fnstenv %0" : "=m"(x87));
    if (!(x87.status & kPending)) asm volatile("fldcw %0" : : "m"(x87.control));
    return {_mm_getcsr() & kModes, x87.control, x87.tags, (x87.status & kPending) != 0};
}

// With all registers of the x87 free and nothing pending.
inline void set_float_mode(const FloatMode& mode) noexcept {
    _mm_setcsr(mode.mxcsr);
    asm volatile("fninit\n\tfldcw %0" : : "m"(mode.x87));
}

#else

inline FloatMode float_mode() noexcept { return {}; }
inline void set_float_mode(const FloatMode&) noexcept {}

#endif

}  // namespace isobooth::sandbox
