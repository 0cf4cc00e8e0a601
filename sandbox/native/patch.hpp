// SPDX-License-Identifier: GPL-3.0-or-later
//
// Puts another function into a table of a plugin's, which the loader may have made read only. Main
// thread, before the plugin plays.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

namespace isobooth::sandbox {

// Returns what was there. Throws std::system_error where it cannot be written.
template <class Function>
Function patch(Function* place, Function with) {
    const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
    const auto address = reinterpret_cast<std::uintptr_t>(place);
    const std::uintptr_t start = address / page * page;
    const std::uintptr_t end = (address + sizeof *place + page - 1) / page * page;
    // It stays writable: what it was before nobody tells, and a table on the heap must.
    if (mprotect(reinterpret_cast<void*>(start), end - start, PROT_READ | PROT_WRITE) != 0)
        throw std::system_error(errno, std::generic_category(),
                                "the plugin's functions cannot be led elsewhere");
    const Function before = *place;
    *place = with;
    return before;
}

}  // namespace isobooth::sandbox
