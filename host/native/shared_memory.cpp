// SPDX-License-Identifier: GPL-3.0-or-later
#include "host/native/shared_memory.hpp"

#include <signal.h>
#include <sys/mman.h>

#include <cstdint>
#include <mutex>
#include <stdexcept>
#include <utility>

#include "host/native/realtime.hpp"

namespace isobooth::host {

namespace {

// 256 chains of 64 records. The handler walks the table, so it is plain memory with atomic fields.
constexpr int kMost = 256 * 66;

struct Entry {
    std::atomic<std::uintptr_t> base{0};  // 0: free
    std::atomic<std::size_t> size{0};
    std::atomic<bool> lost{false};
};

Entry entries[kMost];
std::atomic<int> used{0};  // entries beyond were never taken
std::mutex table_mutex;
struct sigaction previous;

void on_bus_error(int signal, siginfo_t* info, void* context) {
    const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
    const int count = used.load(std::memory_order_acquire);
    for (int i = 0; i < count; ++i) {
        const std::uintptr_t base = entries[i].base.load(std::memory_order_acquire);
        const std::size_t size = entries[i].size.load(std::memory_order_relaxed);
        if (base == 0 || address < base || address >= base + size) continue;
        entries[i].lost.store(true, std::memory_order_release);
        const RtAllow fault_handling;  // the one block in which this happens may be late
        if (mmap(reinterpret_cast<void*>(base), size, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED)
            return;
    }
    // Not ours: as it would have been without us.
    if (previous.sa_flags & SA_SIGINFO && previous.sa_sigaction) {
        previous.sa_sigaction(signal, info, context);
    } else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
        previous.sa_handler(signal);
    } else {
        ::signal(signal, SIG_DFL);  // the instruction runs again and ends the process
    }
}

void install_handler() {
    static const bool installed = [] {
        struct sigaction action {};
        action.sa_sigaction = on_bus_error;
        action.sa_flags = SA_SIGINFO | SA_NODEFER;
        sigaction(SIGBUS, &action, &previous);
        return true;
    }();
    (void)installed;
}

}  // namespace

SharedMemory::SharedMemory(void* base, std::size_t size) {
    const std::scoped_lock lock(table_mutex);
    install_handler();
    const int count = used.load(std::memory_order_relaxed);
    int free = 0;
    while (free < count && entries[free].base.load(std::memory_order_relaxed) != 0) ++free;
    if (free == kMost) throw std::runtime_error("too many chains at the same time");
    entries[free].lost.store(false, std::memory_order_relaxed);
    entries[free].size.store(size, std::memory_order_relaxed);
    entries[free].base.store(reinterpret_cast<std::uintptr_t>(base), std::memory_order_release);
    if (free == count) used.store(count + 1, std::memory_order_release);
    entry_ = free;
    locked_ = mlock(base, size) == 0;
}

SharedMemory::SharedMemory(SharedMemory&& other) noexcept
    : entry_(std::exchange(other.entry_, -1)), locked_(other.locked_) {}

SharedMemory::~SharedMemory() {
    if (entry_ < 0) return;
    const std::scoped_lock lock(table_mutex);
    entries[entry_].base.store(0, std::memory_order_release);
}

bool SharedMemory::lost() const noexcept {
    return entry_ >= 0 && entries[entry_].lost.load(std::memory_order_acquire);
}

}  // namespace isobooth::host
