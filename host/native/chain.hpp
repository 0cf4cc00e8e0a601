// SPDX-License-Identifier: GPL-3.0-or-later
//
// One chain's blocks: links its slots, and fills in for those that did not deliver.
//
// Slots that simply run are relayed worker to worker: one wake of the host for all of them. Where
// a slot must pass through the host (it is being covered or faded in), the relay is cut into
// segments at that slot; that happens around faults only.
#pragma once

#include <vector>

#include "host/native/block_time.hpp"
#include "host/native/chain_relay.hpp"
#include "host/native/faults.hpp"
#include "host/native/pipelined_sound.hpp"
#include "host/native/plugin_slot.hpp"
#include "host/native/signal_path.hpp"
#include "ipc/native/ring.hpp"

namespace isobooth::host {

// A side-chain key for one slot of a chain: this block's planes.
struct KeySignal {
    std::size_t slot;
    const float* planes[ipc::kBusChannels];
};

enum class ChainMode : std::uint8_t {
    Relayed,    // worker to worker, the result is used in the same block
    Hosted,     // the host wakes every slot itself: a measuring mode
    Pipelined,  // the result is used in the next block; the host never waits
};

class Chain {
public:
    Chain(std::uint32_t id_, const ChainMemory& memory);

    const std::uint32_t id;

    // Control thread: see ChainRelay.
    void retire(std::uint32_t record) noexcept { relay_.retire(record); }
    bool is_stuck(std::uint32_t record) const noexcept { return relay_.is_stuck(record); }
    bool is_in_block(std::uint32_t record) const noexcept { return relay_.is_in_block(record); }
    void reset(std::uint32_t record) noexcept { relay_.reset(record); }

    // Any thread, between blocks: see ChainRelay.
    void prewake() const noexcept { relay_.prewake(); }

    // ---- audio thread ----
    using MissLog = ipc::Ring<MissEvent>;

    // Starts the block: `input` must stay valid until complete() returns.
    void begin(const BlockTime& time, ChainMode mode, PluginSlot* const* slots, std::size_t count,
               const float* const* input, const ipc::Event* midi, std::uint32_t midi_count,
               const KeySignal* keys, std::size_t key_count, MissLog& log) ISB_RT;

    // Waits for what begin() started until the deadline and leaves the chain's output, repaired,
    // in output(). Returns the number of slots that missed the deadline.
    std::uint32_t complete() ISB_RT;

    // The end of the block, when all is heard: whoever stands by in this chain is given what he has
    // not had yet. Nobody waits for him.
    void feed_standbys() ISB_RT;

    const float* const* output() const ISB_RT { return output_; }
    bool ran_any() const ISB_RT { return run_.ran_any; }
    bool all_missed() const ISB_RT { return run_.ran_any && !run_.delivered_any; }
    // How long after its deadline the host gave the chain up, ns; 0: it did not.
    std::uint64_t given_up_late_ns() const ISB_RT { return run_.given_up_late_ns; }
    // The end of the block: whose fault its misses were.
    void judge(bool machine_was_away) ISB_RT {
        for (std::size_t i = 0; i < run_.count; ++i) run_.slots[i]->judge(machine_was_away);
    }

private:
    struct Run {
        const BlockTime* time = nullptr;
        ChainMode mode = ChainMode::Relayed;
        PluginSlot* const* slots = nullptr;
        std::size_t count = 0;
        const ipc::Event* midi = nullptr;
        std::uint32_t midi_count = 0;
        const KeySignal* keys = nullptr;
        std::size_t key_count = 0;
        MissLog* log = nullptr;
        std::size_t next = 0;                       // the first slot not handled yet
        std::int32_t midi_record = ipc::kNoRecord;  // who sends the MIDI from here on, or kNobody
        std::uint32_t missed = 0;
        std::uint64_t deadline_ns = 0;
        std::uint64_t given_up_late_ns = 0;
        bool too_late = false;
        bool ran_any = false, delivered_any = false;
    };

    // A slot that sends MIDI is out for a moment: those behind it hear nothing, rather than notes
    // that it would have changed, and whose ends would come from it later.
    static constexpr std::int32_t kNobody = -2;

    // Linking.
    bool linkable(PluginSlot& slot) ISB_RT;
    MissCause why_unlinkable(PluginSlot& slot) const ISB_RT;
    void enlist(PluginSlot& slot) ISB_RT;
    void pass_by(PluginSlot& slot, MissCause cause) ISB_RT;
    void start_next_segment() ISB_RT;
    void link_segment() ISB_RT;
    void write_context(const Linked& linked, std::int32_t input_record,
                       std::int32_t successor) ISB_RT;

    // Standby (chain_standby.cpp).
    bool is_up_to_date(const PluginSlot& slot, const Seat& seat) const ISB_RT;
    void remember(PluginSlot& slot, std::int32_t midi_record, Seat* linked, bool failed) ISB_RT;
    void remember_events(PluginSlot& slot, PastBlock& block, std::int32_t midi_record,
                         const Seat* linked) ISB_RT;
    bool feed(PluginSlot& slot, Seat& seat) ISB_RT;
    void catch_up() ISB_RT;
    const KeySignal* key_of(const PluginSlot& slot) const ISB_RT;

    // Events.
    void turn_to_sender(const PluginSlot& slot, Seat& seat, std::int32_t midi_record) ISB_RT;
    void gather_events(PluginSlot& slot) ISB_RT;
    void forget_last_block() ISB_RT;
    void follow_midi() ISB_RT;

    // The end of a segment.
    void finish_segment() ISB_RT;
    void abandon_segment() ISB_RT;
    void take_delivered(const Linked& linked, bool is_kept) ISB_RT;
    void note_heard(const Linked& linked) ISB_RT;
    MissCause blame(const Linked& linked, ipc::Effect effect, bool behind) ISB_RT;
    void hear_signal() ISB_RT;
    void hear_final() ISB_RT;

    // Pipelined (chain_pipelined.cpp).
    void begin_pipelined() ISB_RT;
    void collect_flight(const float* const* input) ISB_RT;
    void abandon_flight() ISB_RT;
    void start_flight() ISB_RT;

    ChainRelay relay_;

    // Owned by the audio thread.
    Run run_;
    std::vector<Linked> segment_;
    SignalPath signal_;
    StereoBuffer final_;
    const float* output_[ipc::kBusChannels];
    float last_good_[ipc::kBusChannels] = {};

    // Pipelined.
    Flight flight_;
    StereoBuffer previous_input_;
    PipelinedSound sound_;
};

}  // namespace isobooth::host
