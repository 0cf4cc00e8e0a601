// SPDX-License-Identifier: GPL-3.0-or-later
#include "sandbox/native/plugin_text.hpp"

#include <cstdint>
#include <cstring>
#include <string_view>

namespace isobooth::sandbox {

namespace {

// Bytes of the UTF-8 character that `text` begins with; 0 if it is none (overlong forms and
// surrogates included), -1 if it is the beginning of one.
int character_size(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
    const std::uint8_t first = byte(0);
    if (first < 0x80) return 1;
    const std::size_t size = first >= 0xc2 && first <= 0xdf   ? 2
                             : first >= 0xe0 && first <= 0xef ? 3
                             : first >= 0xf0 && first <= 0xf4 ? 4
                                                              : 0;
    if (size == 0) return 0;
    for (std::size_t i = 1; i < size; ++i) {
        if (i == text.size()) return -1;
        if ((byte(i) & 0xc0) != 0x80) return 0;
        if (i > 1) continue;
        const std::uint8_t least = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
        const std::uint8_t most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
        if (byte(1) < least || byte(1) > most) return 0;
    }
    return static_cast<int>(size);
}

}  // namespace

std::string plugin_text(const char* text, std::size_t most) {
    if (!text) return "";
    const std::string_view bytes(text, strnlen(text, most));
    std::size_t at = 0;
    while (at < bytes.size()) {
        const int size = character_size(bytes.substr(at));
        if (size < 0 && bytes.size() == most) return std::string(bytes.substr(0, at));
        if (size <= 0) break;
        at += static_cast<std::size_t>(size);
    }
    if (at == bytes.size()) return std::string(bytes);
    std::string utf8;
    for (const char letter : bytes) {
        const auto byte = static_cast<std::uint8_t>(letter);
        if (byte < 0x80) {
            utf8 += letter;
        } else {
            utf8 += static_cast<char>(0xc0 | (byte >> 6));
            utf8 += static_cast<char>(0x80 | (byte & 0x3f));
        }
    }
    return utf8;
}

}  // namespace isobooth::sandbox
