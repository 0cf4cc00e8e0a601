// SPDX-License-Identifier: GPL-3.0-or-later
//
// Lets one of a plugin's allocations fail, through the preload library of sandbox/native/audit/: the
// so-manieth that its library asks for on this thread. What the host and its libraries ask for is
// left alone, whoever called them: their crash would say nothing of the plugin.
#pragma once

#include <cstdint>
#include <string>

namespace isobooth::sandbox {

class FailingAllocation {
public:
    // `library`: the file that the plugin's code is in, without its folders.
    FailingAllocation(std::string library, std::uint64_t failing);
    ~FailingAllocation() { end(); }
    FailingAllocation(const FailingAllocation&) = delete;
    FailingAllocation& operator=(const FailingAllocation&) = delete;

    // From here on, and no longer, on the calling thread. One at a time.
    void begin() noexcept;
    void end() noexcept;

    // Allocations of the plugin's, up to the one that failed.
    std::uint64_t asked() const noexcept { return asked_; }

    static bool is_possible() noexcept;  // the library is preloaded

private:
    static int judge(const void* caller) noexcept;
    bool is_of_plugin(const void* caller) const noexcept;

    const std::string library_;
    const std::uint64_t failing_;
    std::uint64_t asked_ = 0;
    bool judging_ = false;  // what is allocated meanwhile is ours
};

}  // namespace isobooth::sandbox
