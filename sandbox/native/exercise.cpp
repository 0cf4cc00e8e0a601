// SPDX-License-Identifier: GPL-3.0-or-later
#include "sandbox/native/exercise.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "ipc/native/denormals.hpp"
#include "ipc/native/semaphore.hpp"

namespace isobooth::sandbox {

namespace {

constexpr float kNoisePeak = 0.25f;
constexpr std::uint8_t kNoteOn = 0x90, kNoteOff = 0x80, kMiddleC = 60, kVelocity = 100;

// Numerical Recipes' generator: the same noise on every machine.
class Noise {
public:
    float next() {
        seed_ = seed_ * 1664525u + 1013904223u;
        return kNoisePeak * (static_cast<float>(seed_ >> 8) / 8388608.0f - 1.0f);
    }

private:
    std::uint32_t seed_ = 1;
};

ipc::Event note(std::uint8_t status) {
    ipc::Event event{};
    event.kind = ipc::EventKind::Midi;
    event.size = 3;
    event.midi[0] = status;
    event.midi[1] = kMiddleC;
    event.midi[2] = kVelocity;
    return event;
}

void look_at(const std::vector<float>& plane, Played& played) {
    for (const float sample : plane) {
        if (std::isfinite(sample))
            played.peak = std::max(played.peak, std::fabs(sample));
        else
            ++played.nonfinite;
    }
}

}  // namespace

Played exercise(Slot& slot, int blocks, int frames, double sample_rate, bool noise) {
    const auto length = static_cast<std::size_t>(frames);
    std::vector<float> in[ipc::kBusChannels], out[ipc::kBusChannels];
    for (unsigned side = 0; side < ipc::kBusChannels; ++side) {
        in[side].assign(length, 0.0f);
        out[side].assign(length, 0.0f);
    }
    std::vector<ipc::Event> sent(ipc::kMaxEvents);
    ipc::Transport transport{120.0, 4, 4, 0, 0.0, 0, 0, ipc::kTransportPlaying, 0};
    Noise source;
    Played played;
    for (int block = 0; block < blocks; ++block) {
        if (noise)
            for (std::size_t i = 0; i < length; ++i)
                for (auto& plane : in) plane[i] = source.next();
        transport.position_frames = static_cast<std::int64_t>(block) * frames;
        transport.position_beats =
            static_cast<double>(transport.position_frames) / sample_rate * 2.0;
        const ipc::Event event = note(block == 0 ? kNoteOn : kNoteOff);
        BusBlock bus{};
        for (unsigned side = 0; side < ipc::kBusChannels; ++side) {
            bus.inputs[side] = in[side].data();
            bus.outputs[side] = out[side].data();
        }
        bus.frames = frames;
        bus.events = &event;
        bus.event_count = noise && (block == 0 || block == blocks / 2) ? 1 : 0;
        bus.events_out = sent.data();
        bus.events_out_capacity = ipc::kMaxEvents;
        bus.transport = &transport;
        const std::uint64_t begin = ipc::now_ns();
        {
            const ipc::DenormalsOff guard;
            if (!slot.process(bus)) ++played.refused_blocks;
        }
        const double took_ms = static_cast<double>(ipc::now_ns() - begin) / 1e6;
        played.longest_ms = std::max(played.longest_ms, took_ms);
        played.total_ms += took_ms;
        played.midi_out += static_cast<std::uint64_t>(std::max(0, bus.events_out_count));
        for (const auto& plane : out) look_at(plane, played);
    }
    return played;
}

}  // namespace isobooth::sandbox
