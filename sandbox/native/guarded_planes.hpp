// SPDX-License-Identifier: GPL-3.0-or-later
//
// Buffers for one block of sound. Guarded, each ends where the next page is nobody's, and inputs can
// be read only: whoever goes too far is caught in the act.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <stdexcept>
#include <vector>

namespace isobooth::sandbox {

class GuardedPlanes {
public:
    GuardedPlanes(int planes, int max_frames, bool guard)
        : guard_(guard), planes_(static_cast<std::size_t>(planes)) {
        const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
        const std::size_t bytes = static_cast<std::size_t>(max_frames) * sizeof(float);
        room_ = (bytes + page - 1) / page * page;
        step_ = room_ + page;
        size_ = page + planes_ * step_;
        void* const made = mmap(nullptr, size_, guard ? PROT_NONE : PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (made == MAP_FAILED) throw std::runtime_error("no memory for the buffers of a block");
        memory_ = static_cast<char*>(made);
        first_ = memory_ + page;
        if (guard)
            for (std::size_t i = 0; i < planes_; ++i) protect(i, PROT_READ | PROT_WRITE);
    }
    ~GuardedPlanes() { munmap(memory_, size_); }
    GuardedPlanes(const GuardedPlanes&) = delete;
    GuardedPlanes& operator=(const GuardedPlanes&) = delete;

    // A plane's buffer of so many frames: guarded, its end is the end of its memory.
    float* at(int plane, int frames) const noexcept {
        char* const start = first_ + static_cast<std::size_t>(plane) * step_;
        const std::size_t bytes = static_cast<std::size_t>(frames) * sizeof(float);
        return reinterpret_cast<float*>(guard_ ? start + room_ - bytes : start);
    }
    void read_only(bool only) const noexcept {
        if (guard_)
            for (std::size_t i = 0; i < planes_; ++i)
                protect(i, only ? PROT_READ : PROT_READ | PROT_WRITE);
    }

private:
    void protect(std::size_t plane, int rights) const noexcept {
        mprotect(first_ + plane * step_, room_, rights);
    }

    bool guard_;
    std::size_t planes_, room_ = 0, step_ = 0, size_ = 0;
    char* memory_ = nullptr;
    char* first_ = nullptr;
};

}  // namespace isobooth::sandbox
