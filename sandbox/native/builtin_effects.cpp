// SPDX-License-Identifier: GPL-3.0-or-later
#include "sandbox/native/builtin_effects.hpp"

#include <cstring>
#include <numbers>

namespace isobooth::sandbox {

namespace {

Parameter decibels(const char* id, const char* name, double minimum, double maximum,
                   double initial) {
    return {id, name, "dB", minimum, maximum, initial, false, 0, {}};
}

void copy_plane(float* to, const float* from, int frames) noexcept {
    std::memcpy(to, from, static_cast<std::size_t>(frames) * sizeof(float));
}

void silence_plane(float* to, int frames) noexcept { std::fill_n(to, frames, 0.0f); }

}  // namespace

Gain::Gain(double sample_rate)
    : ParameterProcessor(sample_rate, {decibels("gain", "Gain", -90.0, 24.0, 0.0)}),
      gain_(sample_rate) {
    in_channels = out_channels = 2;
}

bool Gain::run(PluginBlock& stretch) noexcept {
    for (int i = 0; i < stretch.frames; ++i) {
        const auto gain = static_cast<float>(gain_.next());
        for (int side = 0; side < 2; ++side)
            stretch.outputs[side][i] = gain * stretch.inputs[side][i];
    }
    return true;
}

Latency::Latency(double sample_rate, int frames)
    : ParameterProcessor(sample_rate, {}), frames_(frames) {
    if (frames < 0 || frames > 60 * sample_rate)
        throw std::runtime_error("builtin:latency takes 0 frames to one minute of them");
    in_channels = out_channels = 2;
    for (auto& side : held_) side.assign(static_cast<std::size_t>(frames), 0.0f);
}

bool Latency::run(PluginBlock& stretch) noexcept {
    if (frames_ == 0) {
        for (int side = 0; side < 2; ++side)
            copy_plane(stretch.outputs[side], stretch.inputs[side], stretch.frames);
        return true;
    }
    for (int i = 0; i < stretch.frames; ++i) {
        for (int side = 0; side < 2; ++side) {
            float& held = held_[side][at_];
            stretch.outputs[side][i] = held;
            held = stretch.inputs[side][i];
        }
        if (++at_ == static_cast<std::size_t>(frames_)) at_ = 0;
    }
    return true;
}

Passthrough::Passthrough(double sample_rate, int in, int out, bool midi)
    : ParameterProcessor(sample_rate, {}) {
    in_channels = in;
    out_channels = out;
    accepts_midi = produces_midi = midi;
    check_channels("builtin:passthrough");
}

bool Passthrough::run(PluginBlock& stretch) noexcept {
    for (int c = 0; c < out_channels; ++c) {
        if (c < in_channels)
            copy_plane(stretch.outputs[c], stretch.inputs[c], stretch.frames);
        else
            silence_plane(stretch.outputs[c], stretch.frames);
    }
    if (produces_midi) {
        const int count = std::min(stretch.event_count, stretch.events_out_capacity);
        std::copy_n(stretch.events, count, stretch.events_out);
        stretch.events_out_count = count;
    }
    return true;
}

KeyListen::KeyListen(double sample_rate, int key_channels)
    : ParameterProcessor(sample_rate, {{"mix", "Mix", "%", 0.0, 100.0, 100.0, false, 0, {}}}),
      mix_(sample_rate) {
    if (key_channels != 1 && key_channels != 2)
        throw std::runtime_error("builtin:key-listen takes 1 or 2 key channels");
    in_channels = out_channels = 2;
    sidechain_channels = key_channels;
}

bool KeyListen::run(PluginBlock& stretch) noexcept {
    for (int i = 0; i < stretch.frames; ++i) {
        const auto mix = static_cast<float>(mix_.next() / 100.0);
        for (int side = 0; side < 2; ++side) {
            const int key = std::min(side, sidechain_channels - 1);
            const float heard = stretch.sidechain ? stretch.sidechain[key][i] : 0.0f;
            stretch.outputs[side][i] = (1.0f - mix) * stretch.inputs[side][i] + mix * heard;
        }
    }
    return true;
}

Tone::Tone(double sample_rate)
    : ParameterProcessor(sample_rate, {{"frequency",
                                        "Frequency",
                                        "Hz",
                                        20.0,
                                        std::min(20000.0, 0.45 * sample_rate),
                                        440.0,
                                        true,
                                        0,
                                        {}},
                                       decibels("level", "Level", -90.0, 0.0, -18.0)}),
      level_(sample_rate) {
    out_channels = 1;
}

void Tone::parameter_changed(std::size_t index, double plain) noexcept {
    if (index == 0)
        increment_ = plain / sample_rate();
    else
        level_.move_to(db_to_gain(plain));
}

bool Tone::run(PluginBlock& stretch) noexcept {
    for (int i = 0; i < stretch.frames; ++i) {
        const double sine = std::sin(2.0 * std::numbers::pi * phase_);
        stretch.outputs[0][i] = static_cast<float>(level_.next() * sine);
        phase_ += increment_;
        if (phase_ >= 1.0) phase_ -= 1.0;
    }
    return true;
}

MidiTranspose::MidiTranspose(double sample_rate)
    : ParameterProcessor(
          sample_rate, {{"semitones", "Semitones", "semitones", -24.0, 24.0, 0.0, false, 49, {}}}) {
    accepts_midi = produces_midi = true;
    std::memset(sent_, -1, sizeof sent_);
}

void MidiTranspose::send(PluginBlock& stretch, const ipc::Event& event) noexcept {
    if (stretch.events_out_count < stretch.events_out_capacity)
        stretch.events_out[stretch.events_out_count++] = event;
}

bool MidiTranspose::run(PluginBlock& stretch) noexcept {
    for (int i = 0; i < stretch.event_count; ++i) {
        ipc::Event event = stretch.events[i];
        const int kind = event.midi[0] & 0xf0;
        if (kind != 0x80 && kind != 0x90 && kind != 0xa0) {
            send(stretch, event);
            continue;
        }
        signed char& held = sent_[event.midi[0] & 0x0f][event.midi[1] & 0x7f];
        const bool starts = kind == 0x90 && event.midi[2] != 0;
        if (starts) {
            if (held >= 0) {
                // Struck again without an end in between: end it at its old pitch first.
                ipc::Event end = event;
                end.midi[0] = static_cast<std::uint8_t>(0x80 | (event.midi[0] & 0x0f));
                end.midi[1] = static_cast<std::uint8_t>(held);
                end.midi[2] = 0;
                send(stretch, end);
            }
            const int note = (event.midi[1] & 0x7f) + semitones_;
            held = note >= 0 && note <= 127 ? static_cast<signed char>(note) : -1;
        }
        if (held < 0) continue;
        event.midi[1] = static_cast<std::uint8_t>(held);
        send(stretch, event);
        if (kind == 0x80 || (kind == 0x90 && !starts)) held = -1;
    }
    return true;
}

}  // namespace isobooth::sandbox
