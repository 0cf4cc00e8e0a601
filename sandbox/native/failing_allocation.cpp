// SPDX-License-Identifier: GPL-3.0-or-later
#include "sandbox/native/failing_allocation.hpp"

#include <dlfcn.h>
#include <unwind.h>

#include <cstring>
#include <string_view>
#include <utility>

#include "sandbox/native/audit/calls.h"

namespace isobooth::sandbox {

namespace {

constexpr int kMostFrames = 64;
// They allocate for whoever called them: `new` is a call of libstdc++'s.
constexpr const char* kGoBetweens[] = {"libc.so",    "libstdc++.so", "libgcc_s.so",
                                       "ld-linux",   "libm.so",      "libisobooth_audit.so",
                                       "libasan.so", "libpthread.so"};

thread_local FailingAllocation* current = nullptr;

isobooth_judge_function judge_function() noexcept {
    static const auto found =
        reinterpret_cast<isobooth_judge_function>(dlsym(RTLD_DEFAULT, ISOBOOTH_JUDGE_FUNCTION));
    return found;
}

// The file that code is in, without its folders; empty: not known.
std::string_view file_of(std::uintptr_t address) noexcept {
    Dl_info info{};
    if (!dladdr(reinterpret_cast<const void*>(address), &info) || !info.dli_fname) return {};
    const char* const slash = std::strrchr(info.dli_fname, '/');
    return slash ? slash + 1 : info.dli_fname;
}

bool is_go_between(std::string_view file) noexcept {
    for (const char* name : kGoBetweens)
        if (file.substr(0, std::strlen(name)) == name) return true;
    return false;
}

struct Walk {
    std::uintptr_t from;
    std::string_view found;  // the first file that is no go-between
    bool begun = false;
    int frames = 0;
};

_Unwind_Reason_Code step(_Unwind_Context* context, void* argument) noexcept {
    Walk& walk = *static_cast<Walk*>(argument);
    const std::uintptr_t address = _Unwind_GetIP(context);
    if (++walk.frames > kMostFrames || address == 0) return _URC_END_OF_STACK;
    walk.begun = walk.begun || address == walk.from;
    if (!walk.begun) return _URC_NO_REASON;  // ours
    const std::string_view file = file_of(address - 1);
    if (is_go_between(file)) return _URC_NO_REASON;
    walk.found = file;
    return _URC_END_OF_STACK;
}

}  // namespace

FailingAllocation::FailingAllocation(std::string library, std::uint64_t failing)
    : library_(std::move(library)), failing_(failing) {}

bool FailingAllocation::is_possible() noexcept { return judge_function() != nullptr; }

void FailingAllocation::begin() noexcept {
    if (!is_possible()) return;
    current = this;
    is_of_plugin(nullptr);  // the unwinder prepares itself when it is called first
    judge_function()(&judge);
}

void FailingAllocation::end() noexcept {
    if (current != this) return;
    judge_function()(nullptr);
    current = nullptr;
}

int FailingAllocation::judge(const void* caller) noexcept {
    FailingAllocation& self = *current;
    if (self.judging_) return 0;
    self.judging_ = true;
    const bool counts = self.is_of_plugin(caller);
    self.judging_ = false;
    if (!counts || ++self.asked_ != self.failing_) return 0;
    self.end();  // nobody has to know of those after it
    return 1;
}

bool FailingAllocation::is_of_plugin(const void* caller) const noexcept {
    Walk walk{reinterpret_cast<std::uintptr_t>(caller), {}};
    _Unwind_Backtrace(&step, &walk);
    return walk.found == library_;
}

}  // namespace isobooth::sandbox
