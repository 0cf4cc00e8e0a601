// SPDX-License-Identifier: GPL-3.0-or-later
//
// Stands between JUCE's LV2 host and a plugin: knows its instances, which some editors want to see,
// and hands on the buffers of a test rig (direct_buffers.hpp).
//
// A library's descriptors are the same for whoever asks, so a tap puts its own functions into the
// descriptor before JUCE reads it. It stays for the life of the process.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sandbox/native/lv2_abi.hpp"

namespace isobooth::sandbox {

class DirectBuffers;

struct Lv2Ports {
    std::vector<std::uint32_t> inputs, keys, outputs;  // of audio; by their numbers
};

// Of the main thread, but for what a plugin's own calls do.
class Lv2Tap {
public:
    // One for each plugin of a process. `library` stays loaded. Throws std::runtime_error if it
    // cannot be loaded or does not hold the plugin, and std::system_error.
    static Lv2Tap& of(const std::string& library, const std::string& uri);

    // From the next instance on, each call meets the buffers of a rig. One plugin of a process.
    void lend_buffers(Lv2Ports ports);

    // The handles of those that are there, in the order of their creation.
    std::vector<void*> handles() const;
    // What the plugin's library says beyond its descriptor; or nullptr.
    auto extension_data() const noexcept { return own_.extension_data; }

private:
    struct Instance {
        void* handle;
        std::vector<float*> inputs, keys, outputs;  // JUCE's, as far as it has connected them
    };

    explicit Lv2Tap(lv2::Descriptor& descriptor) : descriptor_(descriptor), own_(descriptor) {}
    void stand_between();
    Instance* find(void* handle) noexcept;
    void note(Instance& instance, std::uint32_t port, float* to) const noexcept;
    void run_with(DirectBuffers& buffers, Instance& instance, std::uint32_t frames) noexcept;

    static void* on_instantiate(const lv2::Descriptor*, double sample_rate, const char* bundle,
                                const lv2::Feature* const* features);
    static void on_cleanup(void* handle);
    static void on_connect_port(void* handle, std::uint32_t port, void* data);
    static void on_run(void* handle, std::uint32_t frames);

    lv2::Descriptor& descriptor_;
    const lv2::Descriptor own_;  // as it was
    std::vector<Instance> instances_;
    Lv2Ports ports_;
};

}  // namespace isobooth::sandbox
