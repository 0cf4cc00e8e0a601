// SPDX-License-Identifier: GPL-3.0-or-later
#include "sandbox/native/float_trap.hpp"

#if defined(__x86_64__)
#include <signal.h>
#include <ucontext.h>
#include <xmmintrin.h>

#include "sandbox/native/call_dispatch.hpp"
#include "sandbox/native/held_signal.hpp"
#include "sandbox/native/x87_finish.hpp"
#endif

namespace isobooth::sandbox {

#if defined(__x86_64__)

namespace {

// Exceptions have the same bits in MXCSR, and in status and control word of the x87. A bit in the
// control word masks, in MXCSR it is kMaskShift higher.
constexpr std::uint32_t kInvalid = 0x01, kDenormal = 0x02, kZeroDivide = 0x04, kUnderflow = 0x10,
                        kAll = 0x3f;
constexpr int kMaskShift = 7;
constexpr std::uint32_t kFlushToZero = 0x8000, kDenormalsAreZero = 0x0040;

constexpr std::uint32_t exceptions_of(FloatTrap trap) {
    return trap == FloatTrap::Invalid    ? kInvalid | kZeroDivide
           : trap == FloatTrap::Denormal ? kDenormal | kUnderflow
                                         : 0;
}

// Of the x87, results that are too small are not looked at: a register has them scaled up by then.
constexpr std::uint32_t x87_exceptions_of(FloatTrap trap) {
    return exceptions_of(trap) & ~kUnderflow;
}

// Bits of MXCSR that are the trap's between enter() and leave().
constexpr std::uint32_t owned_bits(FloatTrap trap) {
    return kAll | exceptions_of(trap) << kMaskShift |
           (trap == FloatTrap::Denormal ? kFlushToZero | kDenormalsAreZero : 0);
}

const char* name_of(std::uint32_t exceptions, bool x87) noexcept {
    if (exceptions & kInvalid) return x87 ? "invalid operation (x87)" : "invalid operation";
    if (exceptions & kZeroDivide) return x87 ? "division by zero (x87)" : "division by zero";
    if (exceptions & kDenormal) return x87 ? "denormal operand (x87)" : "denormal operand";
    return "underflow";
}

std::uint16_t x87_control() noexcept {
    std::uint16_t word;
    asm volatile("fnstcw %0" : "=m"(word));
    return word;
}
// Without what is pending, which the next instruction would trap for.
void set_x87_control(std::uint16_t word) noexcept {
    asm volatile("fnclex\n\tfldcw %0" : : "m"(word));
}

std::uint16_t x87_status() noexcept {
    std::uint16_t word;
    asm volatile("fnstsw %0" : "=m"(word));
    return word;
}
// Traps for what is pending. On its own, so that nothing of a caller lies below its stack.
__attribute__((noinline)) void wait_for_x87() noexcept { asm volatile("fwait"); }

__attribute__((tls_model("initial-exec"))) thread_local PlaceTable* seen_in = nullptr;
__attribute__((tls_model("initial-exec"))) thread_local std::uint32_t looked_for = 0;

constexpr greg_t kX87Error = 16, kSimdError = 19;  // the processor's numbers of traps

void on_exception(int, siginfo_t* info, void* context) noexcept;
// Alone, because it is short. It makes no system calls.
HeldSignal sigfpe(SIGFPE, &on_exception, true);

void on_exception(int, siginfo_t* info, void* context) noexcept {
    auto& machine = static_cast<ucontext_t*>(context)->uc_mcontext;
    const greg_t trap = machine.gregs[REG_TRAPNO];
    const bool x87 = trap == kX87Error;
    // Integers that are divided by zero, and signals that somebody sent, are not for us.
    if (!seen_in || info->si_code <= 0 || (!x87 && trap != kSimdError) || !machine.fpregs) {
        let_system_calls_pass();
        return sigfpe.pass_on(info, context);
    }
    auto& floats = *machine.fpregs;
    const auto at = static_cast<std::uintptr_t>(machine.gregs[REG_RIP]);
    const std::uint32_t raised =
        x87 ? floats.swd & ~floats.cwd & kAll : floats.mxcsr & ~(floats.mxcsr >> kMaskShift) & kAll;
    if (!(raised & looked_for)) {  // the plugin has asked for it
        let_system_calls_pass();
        return sigfpe.pass_on(info, context);
    }
    std::uintptr_t culprit = at;
    if (x87) {
        // Told by the next instruction of the x87 only; whose it was is kept.
        if (floats.rip) culprit = floats.rip;
        floats.cwd = static_cast<std::uint16_t>(floats.cwd | raised);
        finish_x87_instruction(machine, raised == kDenormal);
    } else {
        floats.mxcsr |= raised << kMaskShift;
        // Flushing results to zero works where underflow is masked only; the plugin wants it.
        if (raised == kUnderflow && (floats.mxcsr & kFlushToZero)) return;
    }
    const Deed deed = raised & (kInvalid | kZeroDivide) ? Deed::Invalid : Deed::Denormal;
    seen_in->count(deed, name_of(raised, x87), 0, {at, culprit});
}

}  // namespace

bool can_trap_floats() noexcept { return true; }

FloatGuard::FloatGuard(FloatTrap trap) : trap_(trap) {
    if (trap_ != FloatTrap::None) sigfpe.hold();
}

FloatGuard::~FloatGuard() {
    if (trap_ != FloatTrap::None) sigfpe.release();
}

void FloatGuard::enter(PlaceTable& places) noexcept {
    if (trap_ == FloatTrap::None) return;
    seen_in = &places;
    looked_for = exceptions_of(trap_);
    before_ = {_mm_getcsr(), x87_control()};
    _mm_setcsr(before_.mxcsr & ~owned_bits(trap_));
    set_x87_control(static_cast<std::uint16_t>(before_.x87 & ~x87_exceptions_of(trap_)));
}

void FloatGuard::leave() noexcept {
    if (trap_ == FloatTrap::None) return;
    const std::uint32_t own = owned_bits(trap_), own_x87 = x87_exceptions_of(trap_);
    if (x87_status() & ~x87_control() & own_x87) wait_for_x87();
    _mm_setcsr((_mm_getcsr() & ~own) | (before_.mxcsr & own));
    set_x87_control(
        static_cast<std::uint16_t>((x87_control() & ~own_x87) | (before_.x87 & own_x87)));
    seen_in = nullptr;
}

#else

bool can_trap_floats() noexcept { return false; }
FloatGuard::FloatGuard(FloatTrap trap) : trap_(trap) {}
FloatGuard::~FloatGuard() = default;
void FloatGuard::enter(PlaceTable&) noexcept {}
void FloatGuard::leave() noexcept {}

#endif

}  // namespace isobooth::sandbox
