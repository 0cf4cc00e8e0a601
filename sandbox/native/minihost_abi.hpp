// SPDX-License-Identifier: GPL-3.0-or-later
//
// The few C functions of minihost that the block loop calls, found in minihost's extension module.
//
// minihost's Python class costs a call into Python per block; its module exports the C functions
// below it. They are declared here from their documentation, and refused by name when the module
// lacks one or speaks another major version of its interface.
#pragma once

#include <string>

namespace isobooth::sandbox {

struct MH_Plugin;

struct MH_MidiEvent {
    int sample_offset;
    unsigned char status, data1, data2;
};

struct MH_TransportInfo {
    double bpm;
    int time_sig_numerator, time_sig_denominator;
    long long position_samples;
    double position_beats;
    int is_playing, is_recording, is_looping;
    long long loop_start_samples, loop_end_samples;
};

static_assert(sizeof(MH_MidiEvent) == 8);
static_assert(sizeof(MH_TransportInfo) == 64);

class MinihostLibrary {
public:
    // `path` is minihost's extension module; loaded if it is not yet. Throws std::runtime_error
    // if it cannot be used.
    explicit MinihostLibrary(const std::string& path);

    int api_version() const { return version_(); }  // major * 10000 + minor * 100 + patch

    void (*close)(MH_Plugin*) = nullptr;
    int (*process_midi_io)(MH_Plugin*, const float* const* in, float* const* out, int frames,
                           const MH_MidiEvent* midi_in, int midi_in_count, MH_MidiEvent* midi_out,
                           int midi_out_capacity, int* midi_out_count) = nullptr;
    int (*process_sidechain_midi_io)(MH_Plugin*, const float* const* in, float* const* out,
                                     const float* const* sidechain, int frames,
                                     const MH_MidiEvent* midi_in, int midi_in_count,
                                     MH_MidiEvent* midi_out, int midi_out_capacity,
                                     int* midi_out_count) = nullptr;
    int (*set_param_rt)(MH_Plugin*, int index, float value) = nullptr;
    int (*set_program)(MH_Plugin*, int index) = nullptr;
    int (*set_transport)(MH_Plugin*, const MH_TransportInfo*) = nullptr;
    int (*latency_samples_rt)(MH_Plugin*) = nullptr;

private:
    int (*version_)() = nullptr;
};

}  // namespace isobooth::sandbox
