// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a crashing worker leaves behind: registers, the top of the stack and the memory map, in a
// file that the host made for this worker alone. The host unwinds it at leisure, in another
// process, because a process whose heap or stack is broken is the worst place to do so.
//
// Written by sandbox/native/crash_handler.cpp inside a signal handler, `complete` last. Until it
// dies the plugin can write here too, so a reader copies the file once and believes no field.
//
// Version history
//     1  first layout
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace isobooth::ipc {

constexpr std::uint32_t kSnapshotVersion = 1;
constexpr std::uint32_t kSnapshotComplete = 0x43425349;  // "ISBC"

// In the order of the DWARF numbers: rax rdx rcx rbx rsi rdi rbp rsp r8…r15, or x0…x30 sp.
constexpr std::uint32_t kSnapshotRegisters = 32;
constexpr std::uint32_t kSnapshotMapsBytes = 256 * 1024;   // some 2500 mappings
constexpr std::uint32_t kSnapshotStackBytes = 256 * 1024;  // frames with large local buffers

// How the memory at `fault_address` was used, where the machine says so.
enum class Access : std::uint32_t { Unknown = 0, Read = 1, Write = 2, Execute = 3 };

struct CrashSnapshot {
    std::atomic<std::uint32_t> complete;
    std::uint32_t version;
    std::int32_t thread_id;
    std::int32_t signal;       // 0: the process called exit()
    std::int32_t signal_code;  // si_code: > 0 raised by the kernel, else sent by a process
    std::int32_t sender;       // the process that sent it; 0: the kernel
    std::uint64_t fault_address;
    Access access;
    std::uint32_t register_count;
    std::uint64_t pc, sp;
    std::uint64_t registers[kSnapshotRegisters];
    char thread_name[16];
    std::uint64_t stack_address;  // of stack[0]
    std::uint32_t stack_bytes;    // used of `stack`
    std::uint32_t maps_bytes;     // used of `maps`: /proc/self/maps, perhaps cut
    char maps[kSnapshotMapsBytes];
    std::byte stack[kSnapshotStackBytes];
};

static_assert(offsetof(CrashSnapshot, fault_address) == 24);
static_assert(offsetof(CrashSnapshot, registers) == 56);
static_assert(offsetof(CrashSnapshot, thread_name) == 312);
static_assert(offsetof(CrashSnapshot, maps) == 344);
static_assert(sizeof(CrashSnapshot) == 344 + kSnapshotMapsBytes + kSnapshotStackBytes);

}  // namespace isobooth::ipc
