// SPDX-License-Identifier: GPL-3.0-or-later
#include "sandbox/native/lv2_urids.hpp"

namespace isobooth::sandbox {

// Never destroyed: threads of plugins may ask to the last.
Lv2Urids& Lv2Urids::of_process() {
    static auto* const all = new Lv2Urids;
    return *all;
}

lv2::Urid Lv2Urids::map(const char* uri) {
    if (!uri) return 0;
    const std::lock_guard guard(lock_);
    if (const auto known = numbers_.find(uri); known != numbers_.end()) return known->second;
    if (uris_.size() == kMost) return 0;
    const auto number = static_cast<lv2::Urid>(uris_.size() + 1);
    uris_.push_back(&numbers_.emplace(uri, number).first->first);
    return number;
}

const char* Lv2Urids::unmap(lv2::Urid urid) {
    const std::lock_guard guard(lock_);
    return urid == 0 || urid > uris_.size() ? nullptr : uris_[urid - 1]->c_str();
}

}  // namespace isobooth::sandbox
