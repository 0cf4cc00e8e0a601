// SPDX-License-Identifier: GPL-3.0-or-later
//
// The names of this machine's system calls, as the kernel's headers had them when we were built.
#pragma once

#include <cstdint>
#include <string>

namespace isobooth::sandbox {

std::string call_name(std::int64_t number);  // "system call 999" where it has none

}  // namespace isobooth::sandbox
