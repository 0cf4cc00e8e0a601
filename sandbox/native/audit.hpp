// SPDX-License-Identifier: GPL-3.0-or-later
//
// Looks at what a plugin does inside process(): allocation and locks (through the preload library of
// sandbox/native/audit/), system calls (call_dispatch.hpp), numbers that are none or too small to be
// normal (float_trap.hpp). Everything is counted with its stack, and done: the plugin plays as it
// would without. Made for the stress suites; the host's own audio thread has a strict sibling in
// host/native/realtime.hpp.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sandbox/native/call_dispatch.hpp"
#include "sandbox/native/float_trap.hpp"
#include "sandbox/native/place_table.hpp"

namespace isobooth::sandbox {

struct Violation {
    const char* kind;  // allocation, lock, system-call, invalid, denormal
    // malloc; pthread_mutex_lock, pthread_mutex_lock (contended); futex; division by zero; …
    std::string what;
    std::uint64_t count;
    // Innermost first: addresses inside the instructions that did it or called.
    std::vector<std::uintptr_t> stack;
};

class Audit {
public:
    // `calls`: allocation, locks and system calls, as far as they can be seen here. Throws
    // std::system_error if a signal cannot be handled.
    Audit(bool calls, FloatTrap floats);

    // Around each process(), on the audio thread, and always on the same one. What is in between
    // costs what is seen: 2 to 6 µs each (Xeon); nothing else that could be measured.
    void enter() noexcept;
    void leave() noexcept;

    // What has been seen since the last time, in the order in which it was seen first. To be
    // resolved (place_names.hpp) before the plugin's libraries are unloaded.
    std::vector<Violation> take();
    // What the next take() leaves out: there were more than PlaceTable::kPlaces stacks.
    std::uint64_t lost() const noexcept { return places_->lost(); }

    static bool sees_calls() noexcept;  // the library is preloaded
    static bool sees_system_calls() noexcept { return can_see_system_calls(); }
    static bool sees_numbers() noexcept { return can_trap_floats(); }

private:
    void unblock_signals() noexcept;

    const bool listens_;
    bool unblocked_ = false;
    std::unique_ptr<PlaceTable> places_;
    std::optional<CallDispatch> dispatch_;
    FloatGuard floats_;
};

}  // namespace isobooth::sandbox
