// SPDX-License-Identifier: GPL-3.0-or-later
//
// A shared library of somebody else's.
#pragma once

#include <dlfcn.h>

#include <stdexcept>
#include <string>

namespace isobooth::sandbox {

// For dlsym and dlclose. Throws std::runtime_error: "`who` cannot be loaded", and why.
inline void* load_library(const std::string& path, const std::string& who = "it") {
    void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        const char* why = dlerror();
        throw std::runtime_error(who + " cannot be loaded: " + (why ? std::string(why) : path));
    }
    return library;
}

}  // namespace isobooth::sandbox
