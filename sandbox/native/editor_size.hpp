// SPDX-License-Identifier: GPL-3.0-or-later
//
// How large an editor is, in pixels of X11, whatever its format: as its plugin says, so any number.
#pragma once

#include <cstdint>

namespace isobooth::sandbox {

struct EditorSize {
    std::uint32_t width, height;
};

}  // namespace isobooth::sandbox
