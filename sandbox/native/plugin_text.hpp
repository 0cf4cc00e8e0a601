// SPDX-License-Identifier: GPL-3.0-or-later
//
// What plugins call things, as UTF-8: names come from other people's code, without a terminating
// zero, in encodings of another time, or not at all.
#pragma once

#include <cstddef>
#include <string>

namespace isobooth::sandbox {

// The text up to its zero, or `most` bytes of it; empty for nullptr. What is no UTF-8 is read as
// Latin-1.
std::string plugin_text(const char* text, std::size_t most = 4096);

}  // namespace isobooth::sandbox
