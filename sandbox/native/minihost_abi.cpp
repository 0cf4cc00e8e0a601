// SPDX-License-Identifier: GPL-3.0-or-later
#include "sandbox/native/minihost_abi.hpp"

#include <dlfcn.h>

#include <stdexcept>

#include "sandbox/native/library.hpp"

namespace isobooth::sandbox {

namespace {

// 2.10 is the first with a side-chain call that carries MIDI; 3.0 may change any signature.
constexpr int kOldestApi = 21000;
constexpr int kNextMajorApi = 30000;

}  // namespace

MinihostLibrary::MinihostLibrary(const std::string& path) {
    // Never closed: plugins and JUCE's statics live in it until the process ends.
    void* module = load_library(path, "minihost");
    const auto find = [&](const char* name, auto& function) {
        void* symbol = dlsym(module, name);
        if (!symbol)
            throw std::runtime_error("minihost at " + path + " lacks " + name +
                                     "; install the version that the project pins");
        function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(symbol);
    };
    find("mh_api_version", version_);
    if (const int version = version_(); version < kOldestApi || version >= kNextMajorApi)
        throw std::runtime_error(
            "minihost at " + path + " has interface version " + std::to_string(version / 10000) +
            "." + std::to_string(version / 100 % 100) +
            ", needed is 2.10 or a later 2.x; install the version that the project pins");
    find("mh_close", close);
    find("mh_process_midi_io", process_midi_io);
    find("mh_process_sidechain_midi_io", process_sidechain_midi_io);
    find("mh_set_param_rt", set_param_rt);
    find("mh_set_program", set_program);
    find("mh_set_transport", set_transport);
    find("mh_get_latency_samples_rt", latency_samples_rt);
}

}  // namespace isobooth::sandbox
