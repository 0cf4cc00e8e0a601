// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a place in this process's code is called.
#pragma once

#include <cstdint>
#include <string>

namespace isobooth::sandbox {

// "FUNCTION in LIBRARY+0xOFFSET", demangled, with the offset that the library's symbol table has.
// Only functions that a library exports have names here: else "LIBRARY+0xOFFSET", or "0xADDRESS" of
// what is in no library. At most 600 bytes.
std::string place_name(std::uintptr_t address);

}  // namespace isobooth::sandbox
