// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a place in this process's code is called.
#pragma once

#include <cstdint>
#include <string>

namespace isobooth::sandbox {

// Names are whatever bytes the library has. Only functions that a library exports have names here:
// the host reads the rest out of its file (host/backtrace/places.py).
struct PlaceName {
    std::string library;    // its path; empty: the address is in none
    std::uintptr_t offset;  // as in the library's symbol table; without one, the address
    std::string function;   // demangled; may be empty
};

PlaceName place_name(std::uintptr_t address);

}  // namespace isobooth::sandbox
