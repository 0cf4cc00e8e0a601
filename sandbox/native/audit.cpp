// SPDX-License-Identifier: GPL-3.0-or-later
#include "sandbox/native/audit.hpp"

#include <dlfcn.h>
#include <signal.h>

#include "sandbox/native/audit/calls.h"
#include "sandbox/native/call_names.hpp"

namespace isobooth::sandbox {

namespace {

__attribute__((tls_model("initial-exec"))) thread_local PlaceTable* told_in = nullptr;

void on_library_call(int kind, const char* what, const void* caller) {
    told_in->count(kind == ISOBOOTH_CALL_LOCK ? Deed::Lock : Deed::Allocation, what, 0,
                   Innermost::returns_to(caller));
}

isobooth_listen_function listen_function() noexcept {
    static const auto found =
        reinterpret_cast<isobooth_listen_function>(dlsym(RTLD_DEFAULT, ISOBOOTH_LISTEN_FUNCTION));
    return found;
}

const char* kind_of(Deed deed) {
    switch (deed) {
        case Deed::Allocation:
            return "allocation";
        case Deed::Lock:
            return "lock";
        case Deed::SystemCall:
            return "system-call";
        case Deed::Invalid:
            return "invalid";
        case Deed::Denormal:
            return "denormal";
    }
    return "";
}

std::string what_of(const Place& place) {
    if (place.deed != Deed::SystemCall) return place.what;
    if (!place.what) return call_name(place.number);
    return "call " + std::to_string(place.number) + " " + place.what;
}

}  // namespace

Audit::Audit(bool calls, FloatTrap floats)
    : listens_(calls && sees_calls()), places_(std::make_unique<PlaceTable>()), floats_(floats) {
    if (calls && sees_system_calls()) dispatch_.emplace();
}

// System calls are seen last and let go first: ours are not to be counted.
void Audit::enter() noexcept {
    if (!unblocked_) unblock_signals();
    if (listens_) {
        told_in = places_.get();
        listen_function()(&on_library_call);
    }
    floats_.enter(*places_);
    if (dispatch_) dispatch_->enter(*places_);
}

void Audit::leave() noexcept {
    if (dispatch_) dispatch_->leave();
    floats_.leave();
    if (listens_) listen_function()(nullptr);
}

std::vector<Violation> Audit::take() {
    std::vector<Violation> taken;
    taken.reserve(places_->size());
    for (std::size_t i = 0; i < places_->size(); ++i) {
        const Place& place = (*places_)[i];
        taken.push_back({kind_of(place.deed),
                         what_of(place),
                         place.count,
                         {place.stack, place.stack + place.depth}});
    }
    places_->clear();
    return taken;
}

// A plugin may have blocked everything on the thread that started this one; the kernel ends a process
// that blocks a signal by which it is told of a trap.
void Audit::unblock_signals() noexcept {
    sigset_t ours;
    sigemptyset(&ours);
    sigaddset(&ours, SIGSYS);
    sigaddset(&ours, SIGFPE);
    pthread_sigmask(SIG_UNBLOCK, &ours, nullptr);
    unblocked_ = true;
}

bool Audit::sees_calls() noexcept { return listen_function() != nullptr; }

}  // namespace isobooth::sandbox
