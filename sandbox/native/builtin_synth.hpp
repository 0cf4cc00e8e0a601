// SPDX-License-Identifier: GPL-3.0-or-later
//
// builtin:synth. A plain polyphonic synthesizer: 16 voices, sine or saw, one envelope. The same
// notes give the same bits, for any division into blocks, on any run.
#pragma once

#include <array>

#include "sandbox/native/parameter_processor.hpp"
#include "sandbox/native/ramp.hpp"

namespace isobooth::sandbox {

class Synth : public ParameterProcessor {
public:
    explicit Synth(double sample_rate);

protected:
    void parameter_changed(std::size_t index, double plain) noexcept override;
    bool run(PluginBlock& stretch) noexcept override;

private:
    enum class Stage { Off, Attack, Decay, Release };

    struct Voice {
        Stage stage = Stage::Off;
        int channel = 0, note = 0;
        bool pedal = false;  // released, but held by the sustain pedal
        std::uint64_t started = 0;
        double phase = 0.0, increment = 0.0;  // cycles
        double level = 0.0;                   // of the envelope
        double velocity = 0.0;
    };

    void handle(const ipc::Event& event) noexcept;
    void start_note(int channel, int note, int velocity) noexcept;
    void end_note(int channel, int note) noexcept;
    void release_channel(int channel, bool at_once) noexcept;
    void release_pedal(int channel) noexcept;
    Voice& choose_voice(int channel, int note) noexcept;
    double render(Voice& voice) const noexcept;
    void advance_envelope(Voice& voice) const noexcept;

    std::array<Voice, 16> voices_;
    std::array<bool, 16> pedal_{};  // a MIDI channel each
    std::uint64_t notes_ = 0;
    bool saw_ = true;
    double attack_step_ = 0.0, decay_factor_ = 0.0, release_factor_ = 0.0, sustain_ = 0.0;
    Ramp level_;
};

}  // namespace isobooth::sandbox
