// SPDX-License-Identifier: GPL-3.0-or-later
#include "sandbox/native/builtin_synth.hpp"

#include <numbers>

namespace isobooth::sandbox {

namespace {

enum : std::size_t { kWaveform, kAttack, kDecay, kSustain, kRelease, kLevel };

constexpr double kSilent = 1e-4;  // -80 dB: where a released voice ends

// The factor a frame that falls by 60 dB in `seconds`.
double fall_factor(double seconds, double sample_rate) {
    return std::pow(10.0, -3.0 / (seconds * sample_rate));
}

// Smooths the step of a saw over the two frames around it (polynomial band-limited step), which
// takes most of the aliasing away.
double smooth_step(double phase, double increment) {
    if (phase < increment) {
        const double t = phase / increment;
        return t + t - t * t - 1.0;
    }
    if (phase > 1.0 - increment) {
        const double t = (phase - 1.0) / increment;
        return t * t + t + t + 1.0;
    }
    return 0.0;
}

}  // namespace

Synth::Synth(double sample_rate)
    : ParameterProcessor(sample_rate,
                         {{"waveform", "Waveform", "", 0.0, 1.0, 1.0, false, 2, {"sine", "saw"}},
                          {"attack", "Attack", "s", 0.001, 4.0, 0.005, true, 0, {}},
                          {"decay", "Decay", "s", 0.01, 8.0, 0.4, true, 0, {}},
                          {"sustain", "Sustain", "%", 0.0, 100.0, 60.0, false, 0, {}},
                          {"release", "Release", "s", 0.005, 8.0, 0.3, true, 0, {}},
                          {"level", "Level", "dB", -60.0, 6.0, -12.0, false, 0, {}}}),
      level_(sample_rate) {
    out_channels = 1;
    accepts_midi = true;
}

void Synth::parameter_changed(std::size_t index, double plain) noexcept {
    switch (index) {
        case kWaveform:
            saw_ = plain >= 0.5;
            break;
        case kAttack:
            attack_step_ = 1.0 / (plain * sample_rate());
            break;
        case kDecay:
            decay_factor_ = fall_factor(plain, sample_rate());
            break;
        case kSustain:
            sustain_ = plain / 100.0;
            break;
        case kRelease:
            release_factor_ = fall_factor(plain, sample_rate());
            break;
        case kLevel:
            level_.move_to(db_to_gain(plain));
            break;
        default:
            break;
    }
}

bool Synth::run(PluginBlock& stretch) noexcept {
    int next = 0;
    for (int i = 0; i < stretch.frames; ++i) {
        for (; next < stretch.event_count && static_cast<int>(stretch.events[next].offset) <= i;
             ++next)
            handle(stretch.events[next]);
        double sum = 0.0;
        for (Voice& voice : voices_)
            if (voice.stage != Stage::Off) sum += render(voice);
        stretch.outputs[0][i] = static_cast<float>(level_.next() * sum);
    }
    return true;
}

void Synth::handle(const ipc::Event& event) noexcept {
    const int channel = event.midi[0] & 0x0f;
    const int first = event.midi[1] & 0x7f;
    const int second = event.midi[2] & 0x7f;
    switch (event.midi[0] & 0xf0) {
        case 0x80:
            end_note(channel, first);
            break;
        case 0x90:
            if (second > 0)
                start_note(channel, first, second);
            else
                end_note(channel, first);
            break;
        case 0xb0:
            if (first == 64) {
                pedal_[static_cast<std::size_t>(channel)] = second >= 64;
                if (second < 64) release_pedal(channel);
            } else if (first == 120 || first == 123) {
                release_channel(channel, first == 120);
            }
            break;
        default:
            break;
    }
}

void Synth::start_note(int channel, int note, int velocity) noexcept {
    Voice& voice = choose_voice(channel, note);
    // The envelope and the phase go on from where a stolen voice is, so that it does not click.
    if (voice.stage == Stage::Off) voice.level = voice.phase = 0.0;
    voice.stage = Stage::Attack;
    voice.channel = channel;
    voice.note = note;
    voice.pedal = false;
    voice.started = ++notes_;
    const double frequency = 440.0 * std::pow(2.0, (note - 69) / 12.0);
    voice.increment = std::min(0.5, frequency / sample_rate());
    voice.velocity = velocity / 127.0;
}

// The same note again, a free voice, the quietest released one, or the oldest.
Synth::Voice& Synth::choose_voice(int channel, int note) noexcept {
    Voice* best = nullptr;
    const auto rank = [&](const Voice& voice) {
        if (voice.stage != Stage::Off && voice.channel == channel && voice.note == note) return 0;
        if (voice.stage == Stage::Off) return 1;
        return voice.stage == Stage::Release ? 2 : 3;
    };
    for (Voice& voice : voices_) {
        if (!best || rank(voice) < rank(*best)) {
            best = &voice;
        } else if (rank(voice) == rank(*best)) {
            const bool quieter = rank(voice) == 2 && voice.level < best->level;
            const bool older = rank(voice) == 3 && voice.started < best->started;
            if (quieter || older) best = &voice;
        }
    }
    return *best;
}

void Synth::end_note(int channel, int note) noexcept {
    for (Voice& voice : voices_) {
        if (voice.stage == Stage::Off || voice.channel != channel || voice.note != note) continue;
        if (pedal_[static_cast<std::size_t>(channel)])
            voice.pedal = true;
        else
            voice.stage = Stage::Release;
    }
}

void Synth::release_pedal(int channel) noexcept {
    for (Voice& voice : voices_)
        if (voice.pedal && voice.channel == channel) {
            voice.pedal = false;
            voice.stage = Stage::Release;
        }
}

void Synth::release_channel(int channel, bool at_once) noexcept {
    for (Voice& voice : voices_)
        if (voice.stage != Stage::Off && voice.channel == channel) {
            voice.pedal = false;
            voice.stage = at_once ? Stage::Off : Stage::Release;
        }
}

double Synth::render(Voice& voice) const noexcept {
    double wave;
    if (saw_)
        wave = 2.0 * voice.phase - 1.0 - smooth_step(voice.phase, voice.increment);
    else
        wave = std::sin(2.0 * std::numbers::pi * voice.phase);
    voice.phase += voice.increment;
    if (voice.phase >= 1.0) voice.phase -= 1.0;
    advance_envelope(voice);
    return wave * voice.level * voice.velocity;
}

void Synth::advance_envelope(Voice& voice) const noexcept {
    switch (voice.stage) {
        case Stage::Attack:
            voice.level += attack_step_;
            if (voice.level >= 1.0) {
                voice.level = 1.0;
                voice.stage = Stage::Decay;
            }
            break;
        case Stage::Decay:
            voice.level = sustain_ + (voice.level - sustain_) * decay_factor_;
            break;
        case Stage::Release:
            voice.level *= release_factor_;
            if (voice.level < kSilent) voice.stage = Stage::Off;
            break;
        case Stage::Off:
            break;
    }
}

}  // namespace isobooth::sandbox
