// SPDX-License-Identifier: GPL-3.0-or-later
#include "sandbox/native/call_names.hpp"

namespace isobooth::sandbox {

std::string call_name(std::int64_t number) {
    switch (number) {
#define ISOBOOTH_CALL(name, its_number) \
    case its_number:                    \
        return #name;
#include "call_names.inc"  // CMake writes it
#undef ISOBOOTH_CALL
        default:
            return "system call " + std::to_string(number);
    }
}

}  // namespace isobooth::sandbox
