// SPDX-License-Identifier: GPL-3.0-or-later
//
// Counts what was done, by what it was and the stack it was done from, while the plugin that did it
// goes on. It is written in signal handlers and inside of malloc, so it never allocates, never makes
// a system call and never waits.
//
// Stacks are walked by libgcc's unwinder, by the call frame information that compilers leave for
// exceptions. That takes no lock, given glibc 2.35 and GCC 12 or later: code of a library is found
// by _dl_find_object, which is made to be called anywhere. Before these, the dynamic linker's
// lock is taken, which is recursive and which others hold for moments only (a plugin that loads
// libraries in process() holds it itself). Code that was compiled at run time and registered is
// searched for under a lock of libgcc's own until GCC 13; nobody calls out of there but when such
// code throws for the first time.
#pragma once

#include <cstddef>
#include <cstdint>

namespace isobooth::sandbox {

enum class Deed : std::uint8_t { Allocation, Lock, SystemCall, Invalid, Denormal };

constexpr std::size_t kPlaceFrames = 32;

struct Place {
    Deed deed;
    std::uint32_t depth = 0;
    const char* what = nullptr;  // a literal; null for system calls
    std::int64_t number = 0;     // of the system call
    std::uint64_t count = 0;
    // Innermost first: of the instruction that did it, then addresses inside the call instructions.
    std::uintptr_t stack[kPlaceFrames] = {};
};

// Where the stack of a deed begins: what lies above is ours. `found_as` is what the unwinder gives
// that frame as, `told_as` what the table keeps.
struct Innermost {
    std::uintptr_t found_as, told_as;
    static Innermost returns_to(const void* address) noexcept {
        const auto number = reinterpret_cast<std::uintptr_t>(address);
        return {number, number - 1};
    }
};

class PlaceTable {
public:
    static constexpr std::size_t kPlaces = 256;

    PlaceTable() noexcept;  // walks a stack once: the first time, libgcc prepares itself

    void count(Deed deed, const char* what, std::int64_t number,
               const Innermost& innermost) noexcept;

    std::size_t size() const noexcept { return size_; }
    const Place& operator[](std::size_t index) const noexcept { return places_[index]; }
    std::uint64_t lost() const noexcept { return lost_; }  // deeds that found no room
    void clear() noexcept;

private:
    static constexpr std::size_t kSlots = 2 * kPlaces;  // half empty: searches are short

    Place places_[kPlaces] = {};  // in the order in which they were seen first
    std::uint64_t hashes_[kPlaces] = {};
    std::uint16_t slots_[kSlots] = {};  // index + 1
    std::size_t size_ = 0;
    std::uint64_t lost_ = 0;
    bool counting_ = false;  // what is done meanwhile, by us or in a handler, is not looked at
};

}  // namespace isobooth::sandbox
