// SPDX-License-Identifier: GPL-3.0-or-later
//
// Numbers for URIs, as LV2 plugins and their UIs ask for them: the same for all of a process, for
// as long as it lives. Any thread.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <string>

#include "sandbox/native/lv2_ui_abi.hpp"

namespace isobooth::sandbox {

class Lv2Urids {
public:
    static Lv2Urids& of_process();

    lv2::Urid map(const char* uri);     // 0 for what is no URI, or one too many
    const char* unmap(lv2::Urid urid);  // nullptr for what is none of its numbers

private:
    static constexpr std::size_t kMost = 1u << 16;
    std::mutex lock_;
    std::map<std::string, lv2::Urid> numbers_;
    std::deque<const std::string*> uris_;  // by number, from 1 on
};

}  // namespace isobooth::sandbox
