// SPDX-License-Identifier: GPL-3.0-or-later
//
// Our transport in CLAP's words.
#pragma once

#include <algorithm>
#include <cmath>

#include "ipc/native/layout.hpp"
#include "sandbox/native/clap_abi.hpp"

namespace isobooth::sandbox {

// Fixed point with 31 bits behind the point; bounded far beyond any song.
inline clap::Fixed clap_fixed(double value) noexcept {
    if (std::isnan(value)) return 0;
    return std::llround(std::clamp(value, -4e9, 4e9) * clap::kFixedOne);
}

inline clap::TransportEvent clap_transport(const ipc::Transport& from,
                                           double sample_rate) noexcept {
    const double beats_a_frame = from.tempo_bpm / (60.0 * sample_rate);
    const auto beats = [&](std::int64_t frames) {
        return clap_fixed(static_cast<double>(frames) * beats_a_frame);
    };
    const auto seconds = [&](std::int64_t frames) {
        return clap_fixed(static_cast<double>(frames) / sample_rate);
    };
    const int numerator = std::clamp(from.numerator, 1, 255);
    const int denominator = std::clamp(from.denominator, 1, 255);
    const double beats_a_bar = 4.0 * numerator / denominator;
    const double position =
        std::isfinite(from.position_beats) ? std::clamp(from.position_beats, -1e9, 1e9) : 0.0;
    const double bar = std::floor(position / beats_a_bar);
    clap::TransportEvent to{};
    to.header = {sizeof to, 0, clap::kCoreSpace, clap::kTransport, 0};
    to.flags = clap::kHasTempo | clap::kHasBeats | clap::kHasSeconds | clap::kHasTimeSignature;
    if (from.flags & ipc::kTransportPlaying) to.flags |= clap::kIsPlaying;
    if (from.flags & ipc::kTransportRecording) to.flags |= clap::kIsRecording;
    if (from.flags & ipc::kTransportLooping) to.flags |= clap::kIsLooping;
    to.position_beats = clap_fixed(position);
    to.position_seconds = seconds(from.position_frames);
    to.tempo = from.tempo_bpm;
    to.loop_start_beats = beats(from.loop_start_frames);
    to.loop_end_beats = beats(from.loop_end_frames);
    to.loop_start_seconds = seconds(from.loop_start_frames);
    to.loop_end_seconds = seconds(from.loop_end_frames);
    to.bar_start = clap_fixed(bar * beats_a_bar);
    to.bar_number = static_cast<std::int32_t>(bar);
    to.numerator = static_cast<std::uint16_t>(numerator);
    to.denominator = static_cast<std::uint16_t>(denominator);
    return to;
}

}  // namespace isobooth::sandbox
