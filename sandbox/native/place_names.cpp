// SPDX-License-Identifier: GPL-3.0-or-later
#include "sandbox/native/place_names.hpp"

#include <cxxabi.h>
#include <dlfcn.h>
#include <link.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace isobooth::sandbox {

namespace {

// Templates make names of any length.
constexpr std::size_t kMostOfFunction = 440, kMostOfLibrary = 120;

std::string demangled(const char* symbol) {
    int status = 0;
    const std::unique_ptr<char, decltype(&std::free)> name(
        abi::__cxa_demangle(symbol, nullptr, nullptr, &status), &std::free);
    return status == 0 && name ? name.get() : symbol;
}

std::string hexadecimal(std::uintptr_t number) {
    char text[24];
    std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(number));
    return text;
}

std::string shortened(std::string text, std::size_t most) {
    if (text.size() <= most) return text;
    text.resize(most);
    return text + "…";
}

}  // namespace

std::string place_name(std::uintptr_t address) {
    Dl_info info{};
    void* found = nullptr;
    if (!dladdr1(reinterpret_cast<void*>(address), &info, &found, RTLD_DL_LINKMAP) || !found)
        return hexadecimal(address);
    const char* const slash = std::strrchr(info.dli_fname, '/');
    const std::uintptr_t offset = address - static_cast<const link_map*>(found)->l_addr;
    const std::string place =
        shortened(slash ? slash + 1 : info.dli_fname, kMostOfLibrary) + "+" + hexadecimal(offset);
    if (!info.dli_sname) return place;
    return shortened(demangled(info.dli_sname), kMostOfFunction) + " in " + place;
}

}  // namespace isobooth::sandbox
