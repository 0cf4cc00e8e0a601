// SPDX-License-Identifier: GPL-3.0-or-later
//
// The binary interface of LADSPA 1.1 (https://www.ladspa.org/ladspa_sdk/ladspa.h.txt): what a
// plugin file exports through ladspa_descriptor(index).
#pragma once

namespace isobooth::sandbox::ladspa {

enum PortFlag : int { kInput = 1, kOutput = 2, kControl = 4, kAudio = 8 };

enum Hint : int {
    kBoundedBelow = 0x1,
    kBoundedAbove = 0x2,
    kToggled = 0x4,
    kSampleRate = 0x8,  // bounds are multiples of the sample rate
    kLogarithmic = 0x10,
    kInteger = 0x20,

    kDefaultMask = 0x3c0,
    kDefaultNone = 0x0,
    kDefaultMinimum = 0x40,
    kDefaultLow = 0x80,
    kDefaultMiddle = 0xc0,
    kDefaultHigh = 0x100,
    kDefaultMaximum = 0x140,
    kDefault0 = 0x200,
    kDefault1 = 0x240,
    kDefault100 = 0x280,
    kDefault440 = 0x2c0,
};

enum Property : int { kInPlaceBroken = 2 };

struct RangeHint {
    int hints;
    float lower, upper;
};

using Handle = void*;

struct Descriptor {
    unsigned long unique_id;
    const char* label;
    int properties;
    const char* name;
    const char* maker;
    const char* copyright;
    unsigned long port_count;
    const int* port_flags;
    const char* const* port_names;
    const RangeHint* port_hints;
    void* implementation_data;
    Handle (*instantiate)(const Descriptor*, unsigned long sample_rate);
    void (*connect_port)(Handle, unsigned long port, float* location);
    void (*activate)(Handle);  // may be nullptr
    void (*run)(Handle, unsigned long frames);
    void (*run_adding)(Handle, unsigned long frames);
    void (*set_run_adding_gain)(Handle, float gain);
    void (*deactivate)(Handle);  // may be nullptr
    void (*cleanup)(Handle);
};

using DescriptorFunction = const Descriptor* (*)(unsigned long index);

}  // namespace isobooth::sandbox::ladspa
