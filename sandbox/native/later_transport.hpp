// SPDX-License-Identifier: GPL-3.0-or-later
//
// Where the transport stands inside a block, for those who process a block in parts: a plugin must
// see the same positions as if each part had been a block of the host's.
#pragma once

#include "ipc/native/layout.hpp"

namespace isobooth::sandbox {

// The transport `frames` later; a loop ends at most once on the way. The host counts beats from the
// song's start in the same way, so that both come to the same number to the last bit.
inline ipc::Transport later(ipc::Transport transport, int frames, double sample_rate) noexcept {
    if (frames == 0) return transport;
    transport.flags &= ~static_cast<std::uint32_t>(ipc::kTransportJumped);
    if (!(transport.flags & ipc::kTransportPlaying)) return transport;
    const std::int64_t before = transport.position_frames;
    transport.position_frames += frames;
    const std::int64_t end = transport.loop_end_frames;
    if (transport.flags & ipc::kTransportLooping && before < end &&
        transport.position_frames >= end) {
        if (transport.position_frames == end) transport.flags |= ipc::kTransportJumped;
        transport.position_frames -= end - transport.loop_start_frames;
    }
    transport.position_beats =
        static_cast<double>(transport.position_frames) / sample_rate * transport.tempo_bpm / 60.0;
    return transport;
}

}  // namespace isobooth::sandbox
