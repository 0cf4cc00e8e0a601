// SPDX-License-Identifier: GPL-3.0-or-later
//
// Where a loaded library keeps the addresses of functions that it has from others. Whoever changes
// one there changes it for that library alone.
#pragma once

#include <vector>

namespace isobooth::sandbox {

// Of the library that the address `inside` lies in; empty where it does not import `name`.
std::vector<void**> imports_of(const void* inside, const char* name);

}  // namespace isobooth::sandbox
