// SPDX-License-Identifier: GPL-3.0-or-later
#include "sandbox/native/minihost_processor.hpp"

namespace isobooth::sandbox {

namespace {

// JUCE hands an LV2 plugin 8 KB of events a call, a MIDI message takes 24 bytes, and what does not
// fit is dropped without a word.
constexpr int kMaxMidiPerCall = 256;

// An index that minihost may check further; -1 is refused by it.
int checked(std::uint32_t index) { return index <= 0x7fffffffu ? static_cast<int>(index) : -1; }

}  // namespace

MinihostProcessor::MinihostProcessor(const MinihostLibrary& library, std::uintptr_t plugin,
                                     double sample_rate, int max_frames,
                                     const MinihostLayout& layout)
    : library_(library),
      plugin_(reinterpret_cast<MH_Plugin*>(plugin)),
      max_frames_(max_frames),
      main_in_(layout.main_in),
      sidechain_bus_(layout.sidechain > 0),
      silence_(static_cast<std::size_t>(std::max(1, max_frames)), 0.0f),
      splitter_(sample_rate, kMaxMidiPerCall) {
    const int keys = static_cast<int>(layout.main_keys.size());
    in_channels = layout.main_in - keys;
    out_channels = layout.main_out;
    sidechain_channels = layout.sidechain + keys;
    accepts_midi = layout.accepts_midi;
    produces_midi = layout.produces_midi;
    try {
        check_channels("the plugin");
        if (layout.main_in > kMaxPluginChannels || (sidechain_bus_ && keys > 0))
            throw TooLarge(
                "the plugin's inputs, its side-chain among them, are more than a slot can carry");
        key_of_.fill(-1);
        for (int i = 0; i < keys; ++i)
            key_of_.at(static_cast<std::size_t>(layout.main_keys[static_cast<std::size_t>(i)])) = i;
    } catch (...) {
        library_.close(plugin_);
        throw;
    }
}

MinihostProcessor::~MinihostProcessor() { close(); }

void MinihostProcessor::close() noexcept {
    if (!gate_.close()) return;
    library_.close(plugin_);
    plugin_ = nullptr;
}

void MinihostProcessor::flush() noexcept {
    const int frames = std::min(max_frames_, 16);
    int sent = 0;
    if (sidechain_bus_)
        library_.process_sidechain_midi_io(plugin_, nullptr, nullptr, nullptr, frames, nullptr, 0,
                                           nullptr, 0, &sent);
    else
        library_.process_midi_io(plugin_, nullptr, nullptr, frames, nullptr, 0, nullptr, 0, &sent);
}

int MinihostProcessor::latency_frames() noexcept {
    return plugin_ ? std::max(0, library_.latency_samples_rt(plugin_)) : 0;
}

void MinihostProcessor::make_room(int frames) {
    if (static_cast<std::size_t>(frames) > silence_.size())
        silence_.assign(static_cast<std::size_t>(frames), 0.0f);
}

bool MinihostProcessor::process(PluginBlock& block) noexcept {
    block.events_out_count = 0;
    if (!gate_.enter()) return false;
    // No format changes programs inside a block, so a change counts from the block's start. It
    // may allocate: that is the plugin's doing, and the reason why its deadline may pass.
    for (int i = 0; i < block.event_count; ++i)
        if (block.events[i].kind == ipc::EventKind::Program &&
            block.events[i].index < program_order_.size())
            library_.set_program(plugin_, program_order_[block.events[i].index]);
    const bool done = splitter_(
        *this, block,
        [this](std::uint32_t index, float value) {
            if (std::isfinite(value))
                library_.set_param_rt(plugin_, checked(index), std::clamp(value, 0.0f, 1.0f));
        },
        [this](PluginBlock& stretch) { return run(stretch); });
    gate_.leave();
    return done;
}

void MinihostProcessor::send_transport(const ipc::Transport& transport) noexcept {
    const auto flag = [&](std::uint32_t bit) { return transport.flags & bit ? 1 : 0; };
    const MH_TransportInfo info{transport.tempo_bpm,
                                transport.numerator,
                                transport.denominator,
                                transport.position_frames,
                                transport.position_beats,
                                flag(ipc::kTransportPlaying),
                                flag(ipc::kTransportRecording),
                                flag(ipc::kTransportLooping),
                                transport.loop_start_frames,
                                transport.loop_end_frames};
    library_.set_transport(plugin_, &info);
}

bool MinihostProcessor::run(PluginBlock& stretch) noexcept {
    int plain = 0;
    for (int c = 0; c < main_in_; ++c) {
        const auto channel = static_cast<std::size_t>(c);
        if (const int key = key_of_[channel]; key >= 0)
            rt_.inputs[channel] = stretch.sidechain ? stretch.sidechain[key] : silence_.data();
        else
            rt_.inputs[channel] = stretch.inputs[plain++];
    }
    int midi_count = 0;
    if (accepts_midi)
        for (; midi_count < stretch.event_count; ++midi_count) {
            const ipc::Event& event = stretch.events[midi_count];
            rt_.midi_in[static_cast<std::size_t>(midi_count)] = {
                static_cast<int>(event.offset), event.midi[0],
                event.size > 1 ? event.midi[1] : std::uint8_t{0},
                event.size > 2 ? event.midi[2] : std::uint8_t{0}};
        }
    send_transport(*stretch.transport);
    // Without a MIDI output a plugin leaves its input in the buffer: that is no output of its.
    MH_MidiEvent* const sent = produces_midi ? rt_.midi_out.data() : nullptr;
    const int capacity =
        produces_midi ? std::min<int>(stretch.events_out_capacity, ipc::kMaxEvents) : 0;
    int sent_count = 0;
    const int done =
        sidechain_bus_
            ? library_.process_sidechain_midi_io(
                  plugin_, rt_.inputs.data(), stretch.outputs, stretch.sidechain, stretch.frames,
                  rt_.midi_in.data(), midi_count, sent, capacity, &sent_count)
            : library_.process_midi_io(plugin_, rt_.inputs.data(), stretch.outputs, stretch.frames,
                                       rt_.midi_in.data(), midi_count, sent, capacity, &sent_count);
    if (done && produces_midi) collect_midi(stretch, std::clamp(sent_count, 0, capacity));
    return done != 0;
}

void MinihostProcessor::collect_midi(PluginBlock& stretch, int count) noexcept {
    for (int i = 0; i < count; ++i) {
        const MH_MidiEvent& sent = rt_.midi_out[static_cast<std::size_t>(i)];
        const int size = midi_message_size(sent.status);
        if (size == 0) continue;
        ipc::Event event{};
        event.offset = static_cast<std::uint32_t>(
            std::clamp(sent.sample_offset, 0, std::max(0, stretch.frames - 1)));
        event.kind = ipc::EventKind::Midi;
        event.size = static_cast<std::uint16_t>(size);
        event.midi[0] = sent.status;
        event.midi[1] = sent.data1;
        event.midi[2] = sent.data2;
        stretch.events_out[stretch.events_out_count++] = event;
    }
}

}  // namespace isobooth::sandbox
