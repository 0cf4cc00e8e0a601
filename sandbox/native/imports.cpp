// SPDX-License-Identifier: GPL-3.0-or-later
#include "sandbox/native/imports.hpp"

#include <dlfcn.h>
#include <link.h>

#include <cstdint>
#include <cstring>
#include <span>

namespace isobooth::sandbox {

namespace {

// What a library's dynamic section says, as far as it is needed here.
struct Dynamic {
    explicit Dynamic(const link_map& library) {
        for (const ElfW(Dyn)* entry = library.l_ld; entry->d_tag != DT_NULL; ++entry) {
            // The loader has made addresses of most offsets.
            const ElfW(Addr) address = entry->d_un.d_ptr < library.l_addr
                                           ? library.l_addr + entry->d_un.d_ptr
                                           : entry->d_un.d_ptr;
            const auto count = entry->d_un.d_val / sizeof(ElfW(Rela));
            switch (entry->d_tag) {
                case DT_SYMTAB:
                    symbols = reinterpret_cast<const ElfW(Sym)*>(address);
                    break;
                case DT_STRTAB:
                    names = reinterpret_cast<const char*>(address);
                    break;
                case DT_JMPREL:
                    calls = reinterpret_cast<const ElfW(Rela)*>(address);
                    break;
                case DT_PLTRELSZ:
                    call_count = count;
                    break;
                case DT_RELA:
                    others = reinterpret_cast<const ElfW(Rela)*>(address);
                    break;
                case DT_RELASZ:
                    other_count = count;
                    break;
            }
        }
    }

    const ElfW(Sym) * symbols = nullptr;
    const char* names = nullptr;
    const ElfW(Rela) * calls = nullptr, *others = nullptr;
    std::size_t call_count = 0, other_count = 0;
};

}  // namespace

std::vector<void**> imports_of(const void* inside, const char* name) {
    std::vector<void**> found;
    Dl_info info;
    link_map* library = nullptr;
    if (!dladdr1(inside, &info, reinterpret_cast<void**>(&library), RTLD_DL_LINKMAP) || !library)
        return found;
    const Dynamic dynamic(*library);
    if (!dynamic.symbols || !dynamic.names) return found;
    const auto look = [&](const ElfW(Rela) * relocations, std::size_t count) {
        if (!relocations) return;
        for (const auto& one : std::span(relocations, count)) {
            const std::size_t symbol = one.r_info >> 32;  // of 64 bits, as all that we run on
            if (symbol != 0 &&
                std::strcmp(dynamic.names + dynamic.symbols[symbol].st_name, name) == 0)
                found.push_back(reinterpret_cast<void**>(library->l_addr + one.r_offset));
        }
    };
    look(dynamic.calls, dynamic.call_count);
    look(dynamic.others, dynamic.other_count);
    return found;
}

}  // namespace isobooth::sandbox
