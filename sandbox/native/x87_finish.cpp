// SPDX-License-Identifier: GPL-3.0-or-later
#include "sandbox/native/x87_finish.hpp"

#if defined(__x86_64__)
#include <sys/auxv.h>

#include <cstdint>

// All instructions of the x87, 4 bytes each: D8 to DF with their 64 forms that name registers, then
// with their 8 forms that name the memory at %rax; each goes on at %rdx. Of the one that trapped the
// processor has kept these bits and the address. (Intel's manual, volume 1, 8.1.9)
asm(R"(
    .pushsection .text
    .balign 16
isobooth_x87_register_forms:
    .set first, 0xd8
    .rept 8
    .set second, 0xc0
    .rept 64
    .byte first, second, 0xff, 0xe2
    .set second, second + 1
    .endr
    .set first, first + 1
    .endr
isobooth_x87_memory_forms:
    .set first, 0xd8
    .rept 8
    .set second, 0
    .rept 8
    .byte first, second, 0xff, 0xe2
    .set second, second + 8
    .endr
    .set first, first + 1
    .endr
    .popsection
)");
extern "C" __attribute__((visibility("hidden")))
const unsigned char isobooth_x87_register_forms[8][64][4],
    isobooth_x87_memory_forms[8][8][4];

namespace isobooth::sandbox {

namespace {

constexpr unsigned kExceptions = 0x3f, kPending = 0x8080;  // busy, error summary
constexpr std::uintptr_t kRedZone = 128, kOwnFrame = 1024;

// fcomi and its like leave their result in the processor's flags.
constexpr greg_t kCompared = 0x45;  // zero, parity, carry
bool compares_into_flags(unsigned first, unsigned second) noexcept {
    return (first == 3 || first == 7) && second >= 0xe8 && second < 0xf8;
}

constexpr unsigned long kBasesAreReadable = 2;  // asm/hwcap2.h: rdgsbase may be used

std::uintptr_t fs_base() noexcept {
    std::uintptr_t base;  // by the ABI, the first word there is its own address
    asm("mov %%fs:0, %0" : "=r"(base));
    return base;
}
std::uintptr_t gs_base() noexcept {
    if (!(getauxval(AT_HWCAP2) & kBasesAreReadable)) return 0;  // as good as nobody has one
    std::uintptr_t base;
    asm volatile("rdgsbase %0" : "=r"(base));
    return base;
}

// Of an operand the processor has kept the offset alone: what lies in thread-local memory is named by
// its distance from %fs. So the instruction itself is looked at, whose prefixes come first.
std::uintptr_t segment_of(const unsigned char* instruction) noexcept {
    constexpr int kMostPrefixes = 14;  // of 15 bytes
    std::uintptr_t base = 0;
    for (int i = 0; i < kMostPrefixes && (instruction[i] < 0xd8 || instruction[i] > 0xdf); ++i) {
        if (instruction[i] == 0x64) base = fs_base();
        if (instruction[i] == 0x65) base = gs_base();
    }
    return base;
}

// What was raised stays on record, as without a trap, unless that would trap again.
void forget_unmasked(_libc_fpstate& floats) noexcept {
    floats.swd = static_cast<std::uint16_t>(floats.swd & ~((~floats.cwd & kExceptions) | kPending));
}

}  // namespace

void finish_x87_instruction(mcontext_t& machine, bool denormal) noexcept {
    auto& floats = *machine.fpregs;
    const std::uintptr_t instruction = floats.rip;
    if (instruction == 0) return;  // this processor does not tell
    const unsigned first = floats.fop >> 8 & 7, second = floats.fop & 0xff;
    const bool registers_only = second >= 0xc0;
    const void* const form = registers_only ? isobooth_x87_register_forms[first][second - 0xc0]
                                            : isobooth_x87_memory_forms[first][second >> 3 & 7];
    const bool loads = !registers_only && (first == 1 || first == 5) && (second >> 3 & 7) == 0;
    if (denormal && loads) {  // what no manual says: it has been loaded (Xeon; Bochs does so too)
        forget_unmasked(floats);
        return;
    }
    // Of a function that has returned since, this handler may lie over the variable.
    std::uint64_t gone[16] = {};
    std::uintptr_t operand = floats.rdp;
    if (!registers_only) operand += segment_of(reinterpret_cast<const unsigned char*>(instruction));
    const auto top = static_cast<std::uintptr_t>(machine.gregs[REG_RSP]) - kRedZone;
    if (operand >= reinterpret_cast<std::uintptr_t>(gone) - kOwnFrame && operand < top)
        operand = reinterpret_cast<std::uintptr_t>(gone);

    const std::uint16_t control = floats.cwd;
    floats.cwd = static_cast<std::uint16_t>(control | kExceptions);
    floats.swd = static_cast<std::uint16_t>(floats.swd & ~(kExceptions | kPending));
    std::uint32_t own_mode;
    std::uintptr_t flags = operand;
    asm volatile(
        "stmxcsr %[mode]\n\t"
        "fxrstor64 %[floats]\n\t"
        "lea 1f(%%rip), %%rdx\n\t"
        "jmp *%[form]\n"
        "1:\tlahf\n\t"
        "fxsave64 %[floats]\n\t"
        "fninit\n\t"
        "ldmxcsr %[mode]"
        : [mode] "=m"(own_mode), [floats] "+m"(floats), "+a"(flags)
        : [form] "r"(form)
        : "rdx", "cc", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
          "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
    floats.cwd = control;
    forget_unmasked(floats);
    const bool is_next = static_cast<std::uintptr_t>(machine.gregs[REG_RIP]) == instruction + 2;
    if (registers_only && compares_into_flags(first, second) && is_next)
        machine.gregs[REG_EFL] =
            (machine.gregs[REG_EFL] & ~kCompared) | (static_cast<greg_t>(flags >> 8) & kCompared);
}

}  // namespace isobooth::sandbox
#endif
