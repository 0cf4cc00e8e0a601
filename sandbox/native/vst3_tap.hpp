// SPDX-License-Identifier: GPL-3.0-or-later
//
// Stands between JUCE's VST3 host and a plugin, and hands on the buffers of a test rig
// (direct_buffers.hpp).
//
// A module's factory, what it makes, and what that answers may each time be an object with a table of
// functions of its own, so the tap goes the way that JUCE goes: it stands where minihost asks the loader
// for the module's functions, puts its own function into the table of the factory that JUCE gets, then
// into that of the component that the factory makes, and into that of the processor that JUCE asks the
// component for. It stays for the life of the process.
#pragma once

#include "sandbox/native/minihost_abi.hpp"

namespace isobooth::sandbox {

// Each call of the VST3 plugins that `library` creates from now on meets the buffers of a rig. One
// module of a process. Main thread. Throws std::runtime_error where there is no such way, and
// std::system_error.
void tap_vst3(const MinihostLibrary& library);

}  // namespace isobooth::sandbox
