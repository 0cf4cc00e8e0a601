// SPDX-License-Identifier: GPL-3.0-or-later
//
// A VST3 or LV2 plugin, opened by Python through minihost (sandbox/backends/juce_plugin.py), as
// the block loop sees it: straight calls of minihost's C functions.
//
// minihost forbids some calls (restoring state above all) while a block is processed: a gate keeps
// blocks out meanwhile.
#pragma once

#include <array>
#include <vector>

#include "sandbox/native/block_gate.hpp"
#include "sandbox/native/block_splitter.hpp"
#include "sandbox/native/minihost_abi.hpp"

namespace isobooth::sandbox {

struct MinihostLayout {
    int main_in = 0;    // channels of the plugin's main input bus
    int main_out = 0;   // and of its main output
    int sidechain = 0;  // channels of the side-chain bus it was opened with
    // Channels of the main input that are a side-chain: LV2 plugins without port groups have all
    // their inputs in one bus. Sorted. Only where `sidechain` is 0.
    std::vector<int> main_keys;
    bool accepts_midi = false;
    bool produces_midi = false;
};

class MinihostProcessor : public Processor {
public:
    // Takes over `plugin` (an MH_Plugin*) and closes it with the processor. `library` outlives it.
    // Throws std::runtime_error if the plugin's layout is not usable; `plugin` is closed then too.
    MinihostProcessor(const MinihostLibrary& library, std::uintptr_t plugin, double sample_rate,
                      int max_frames, const MinihostLayout& layout);
    ~MinihostProcessor() override;
    MinihostProcessor(const MinihostProcessor&) = delete;
    MinihostProcessor& operator=(const MinihostProcessor&) = delete;

    bool process(PluginBlock& block) noexcept override;
    void make_room(int frames) override;
    int latency_frames() noexcept override;

    // minihost's index of each of our programs. Main thread, before the first block.
    void set_program_order(std::vector<int> order) { program_order_ = std::move(order); }

    // Blocks processed, refused ones not counted. Any thread.
    std::uint64_t blocks() const noexcept { return gate_.blocks(); }

    // Main thread, as BlockGate has them.
    void pause(double timeout_s) { gate_.pause(timeout_s); }
    void resume() noexcept { gate_.resume(); }

    // The plugin hears a parameter that was set outside a block only with its next block, and does
    // not save it before. Main thread, paused: processes a few frames of silence.
    void flush() noexcept;

    // Closes the plugin; every later block is refused.
    void close() noexcept;

private:
    bool run(PluginBlock& stretch) noexcept;
    void send_transport(const ipc::Transport& transport) noexcept;
    void collect_midi(PluginBlock& stretch, int count) noexcept;

    const MinihostLibrary& library_;
    MH_Plugin* plugin_;
    int max_frames_;
    int main_in_;
    std::array<int, kMaxPluginChannels> key_of_{};  // main input -> side-chain channel, or -1
    bool sidechain_bus_;
    std::vector<int> program_order_;
    std::vector<float> silence_;
    BlockGate gate_;

    // Owned by the audio thread.
    struct {
        std::array<const float*, kMaxPluginChannels> inputs{};
        std::array<MH_MidiEvent, kMaxBlockEvents> midi_in;
        std::array<MH_MidiEvent, ipc::kMaxEvents> midi_out;
    } rt_;
    BlockSplitter splitter_;
};

}  // namespace isobooth::sandbox
