// SPDX-License-Identifier: GPL-3.0-or-later
//
// The binary interface of LV2 plugins (https://lv2plug.in/ns/lv2core), the part of it that we use.
#pragma once

#include <cstdint>

namespace isobooth::sandbox::lv2 {

struct Feature {
    const char* uri;
    void* data;
};

struct Descriptor {
    const char* uri;
    void* (*instantiate)(const Descriptor*, double sample_rate, const char* bundle,
                         const Feature* const* features);
    void (*connect_port)(void* instance, std::uint32_t port, void* data);
    void (*activate)(void* instance);
    void (*run)(void* instance, std::uint32_t frames);
    void (*deactivate)(void* instance);
    void (*cleanup)(void* instance);
    const void* (*extension_data)(const char* uri);
};

using Descriptors = const Descriptor* (*)(std::uint32_t index);

}  // namespace isobooth::sandbox::lv2
