// SPDX-License-Identifier: GPL-3.0-or-later
#include "sandbox/native/place_names.hpp"

#include <cxxabi.h>
#include <dlfcn.h>
#include <link.h>

#include <cstdlib>
#include <cstring>
#include <memory>

namespace isobooth::sandbox {

namespace {

// Names of C are left alone: "f" would be demangled too, as the type float.
std::string demangled(const char* symbol) {
    if (std::strncmp(symbol, "_Z", 2) != 0) return symbol;
    int status = 0;
    const std::unique_ptr<char, decltype(&std::free)> name(
        abi::__cxa_demangle(symbol, nullptr, nullptr, &status), &std::free);
    return status == 0 && name ? name.get() : symbol;
}

}  // namespace

PlaceName place_name(std::uintptr_t address) {
    Dl_info info{};
    void* found = nullptr;
    if (!dladdr1(reinterpret_cast<void*>(address), &info, &found, RTLD_DL_LINKMAP) || !found)
        return {"", address, ""};
    return {info.dli_fname, address - static_cast<const link_map*>(found)->l_addr,
            info.dli_sname ? demangled(info.dli_sname) : ""};
}

}  // namespace isobooth::sandbox
