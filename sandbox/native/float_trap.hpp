// SPDX-License-Identifier: GPL-3.0-or-later
//
// Finds the instruction that makes numbers which are none, or too small to be normal: the processor
// traps, the handler counts the place and masks that exception, and the plugin goes on with the
// number that it would have had anyway. So in each block the first place of each exception is
// seen. x86-64 only.
//
// Of the x87 too, but for results that are too small: there, an instruction that has trapped is told
// by the next one, or by the end of the block, and finished (x87_finish.hpp). Only what is read
// between the two, of a value that was to be stored in memory, is not what it would have been.
#pragma once

#include <cstdint>

#include "sandbox/native/place_table.hpp"

namespace isobooth::sandbox {

enum class FloatTrap : std::uint8_t {
    None,
    Invalid,  // invalid operations (0/0, comparing NaN, too large for an integer), division by zero
    Denormal,  // operands and results that are denormal, where the plugin does not flush them to zero
};

bool can_trap_floats() noexcept;

class FloatGuard {
public:
    explicit FloatGuard(FloatTrap trap);  // holds SIGFPE, unless None
    ~FloatGuard();
    FloatGuard(const FloatGuard&) = delete;
    FloatGuard& operator=(const FloatGuard&) = delete;

    // From here on the calling thread's exceptions are counted in `places`, until leave(). With
    // Denormal, flush-to-zero is off in between, unless the plugin turns it on.
    void enter(PlaceTable& places) noexcept;
    // What the plugin made of rounding and precision stays; all that enter() changed is restored.
    void leave() noexcept;

private:
    const FloatTrap trap_;
    struct {
        std::uint32_t mxcsr;
        std::uint16_t x87;
    } before_{};
};

}  // namespace isobooth::sandbox
