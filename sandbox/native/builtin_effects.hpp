// SPDX-License-Identifier: GPL-3.0-or-later
//
// The small built-in devices. They are real effects and at the same time the known quantities
// that the host is tested with: their output is the same bits for any division into blocks.
#pragma once

#include "sandbox/native/parameter_processor.hpp"
#include "sandbox/native/ramp.hpp"

namespace isobooth::sandbox {

// builtin:gain. Stereo, one parameter in dB.
class Gain : public ParameterProcessor {
public:
    explicit Gain(double sample_rate);

protected:
    void parameter_changed(std::size_t, double plain) noexcept override {
        gain_.move_to(db_to_gain(plain));
    }
    bool run(PluginBlock& stretch) noexcept override;

private:
    Ramp gain_;
};

// builtin:latency. Delays by a fixed number of frames and reports it, as a look-ahead device does.
class Latency : public ParameterProcessor {
public:
    Latency(double sample_rate, int frames);
    int latency_frames() noexcept override { return frames_; }

protected:
    void parameter_changed(std::size_t, double) noexcept override {}
    bool run(PluginBlock& stretch) noexcept override;

private:
    int frames_;
    std::size_t at_ = 0;
    std::vector<float> held_[2];
};

// builtin:passthrough. Copies input i to output i, for any channel layout; outputs without an
// input are silent, MIDI passes if asked for.
class Passthrough : public ParameterProcessor {
public:
    Passthrough(double sample_rate, int in, int out, bool midi);

protected:
    void parameter_changed(std::size_t, double) noexcept override {}
    bool run(PluginBlock& stretch) noexcept override;
};

// builtin:key-listen. What comes in at the side-chain, mixed with the input: how one listens to
// the key of a compressor.
class KeyListen : public ParameterProcessor {
public:
    KeyListen(double sample_rate, int key_channels);

protected:
    void parameter_changed(std::size_t, double plain) noexcept override { mix_.move_to(plain); }
    bool run(PluginBlock& stretch) noexcept override;

private:
    Ramp mix_;
};

// builtin:tone. A sine to test with.
class Tone : public ParameterProcessor {
public:
    explicit Tone(double sample_rate);

protected:
    void parameter_changed(std::size_t index, double plain) noexcept override;
    bool run(PluginBlock& stretch) noexcept override;

private:
    double phase_ = 0.0, increment_ = 0.0;  // cycles
    Ramp level_;
};

// builtin:midi-transpose. A MIDI effect: no audio, notes shifted by semitones. A note that sounds
// when the parameter changes is ended where it was started.
class MidiTranspose : public ParameterProcessor {
public:
    explicit MidiTranspose(double sample_rate);

protected:
    void parameter_changed(std::size_t, double plain) noexcept override {
        semitones_ = static_cast<int>(std::lround(plain));
    }
    bool run(PluginBlock& stretch) noexcept override;

private:
    void send(PluginBlock& stretch, const ipc::Event& event) noexcept;

    int semitones_ = 0;
    // What a held note was sent as: [channel][note]; -1: it is not held, or out of the MIDI range.
    signed char sent_[16][128];
};

}  // namespace isobooth::sandbox
