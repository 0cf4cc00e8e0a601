// SPDX-License-Identifier: GPL-3.0-or-later
//
// The host's side of one chain's relay: links the block, waits, abandons what is late, and fills
// in for slots that did not deliver.
//
// Slots that simply run are relayed worker to worker: one wake of the host for all of them. Where
// a slot must pass through the host (it is being covered or faded in), the relay is cut into
// segments at that slot; that happens around faults only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "host/native/faults.hpp"
#include "host/native/plugin_slot.hpp"
#include "host/native/signal.hpp"
#include "ipc/native/layout.hpp"
#include "ipc/native/relay.hpp"
#include "ipc/native/ring.hpp"
#include "ipc/native/semaphore.hpp"

namespace isobooth::host {

// The shared memory of a chain, mapped by the host; kept alive by whoever made it.
struct ChainMemory {
    ipc::Geometry geometry;
    std::byte* host = nullptr;
    std::byte* activation = nullptr;
    std::vector<std::byte*> outputs;      // one a record
    std::vector<std::string> semaphores;  // names, one a record
    std::string end_semaphore;
};

// A side-chain key for one slot of a chain: this block's planes.
struct KeySignal {
    std::size_t slot;
    const float* planes[ipc::kBusChannels];
};

// What a block is about, the same for all chains.
struct BlockTime {
    std::uint64_t block;
    int frames;
    ipc::Transport transport;
    std::uint64_t deadline_ns;
    bool offline;               // no clock: wait for every block
    std::uint64_t patience_ns;  // offline: how long a chain is waited for
};

enum class ChainMode : std::uint8_t {
    Relayed,    // worker to worker, the result is used in the same block
    Hosted,     // the host wakes every slot itself: a measuring mode
    Pipelined,  // the result is used in the next block; the host never waits
};

class Chain {
public:
    Chain(std::uint32_t id_, const ChainMemory& memory);

    // Control thread: `record`'s worker is dead or leaves. Wakes a waiting host.
    void retire(std::uint32_t record) noexcept;
    // Control thread: is `record`'s worker still in a block that was given up?
    bool is_stuck(std::uint32_t record) const noexcept {
        return ipc::status_of(word(record).load()) == ipc::Status::Abandoned;
    }
    // Control thread: makes a reaped record fit for a new worker.
    void reset(std::uint32_t record) noexcept;

    const std::uint32_t id;

    // ---- audio thread ----
    using MissLog = ipc::Ring<MissEvent>;

    // Starts the block: `input` must stay valid until complete() returns.
    void begin(const BlockTime& time, ChainMode mode, PluginSlot* const* slots, std::size_t count,
               const float* const* input, const ipc::Event* midi, std::uint32_t midi_count,
               const KeySignal* keys, std::size_t key_count, MissLog& log) ISB_RT;

    // Waits for what begin() started until the deadline and leaves the chain's output, repaired,
    // in output(). Returns the number of slots that missed the deadline.
    std::uint32_t complete() ISB_RT;

    const float* const* output() const ISB_RT { return output_; }
    bool ran_any() const ISB_RT { return run_.ran_any; }
    bool all_missed() const ISB_RT { return run_.ran_any && !run_.delivered_any; }

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
        std::size_t next = 0;                         // the first slot not handled yet
        const float* signal[ipc::kBusChannels] = {};  // input of the next slot
        std::int32_t signal_record = ipc::kNoRecord;  // its record, if it lies in a worker's file
        std::int32_t midi_record = ipc::kNoRecord;    // who sends the MIDI from here on, or kNobody
        std::uint32_t missed = 0;
        std::uint64_t deadline_ns = 0;
        bool too_late = false;
        bool muted = false;  // pipelined: a slot's level is beyond any use
        bool ran_any = false, delivered_any = false;
    };

    // A slot that sends MIDI is out for a moment: those behind it hear nothing, rather than notes
    // that it would have changed, and whose ends would come from it later.
    static constexpr std::int32_t kNobody = -2;

    // One slot of the segment that is being waited for.
    struct Linked {
        PluginSlot* slot;
        std::uint32_t record;
        std::int32_t midi_record;  // whose MIDI it hears besides the host's
    };

    void start_next_segment() ISB_RT;
    void link_segment() ISB_RT;
    void finish_segment() ISB_RT;
    bool wait_for_segment() ISB_RT;
    bool segment_finished() const ISB_RT;
    bool segment_lost_a_record() const ISB_RT;
    void abandon_segment() ISB_RT;
    void enlist(PluginSlot& slot) ISB_RT;
    MissCause blame(const Linked& linked, ipc::Effect effect, bool behind) ISB_RT;
    void take_delivered(const Linked& linked, const float* const* input) ISB_RT;
    void cover_slot(PluginSlot& slot) ISB_RT;
    void host_signal(const float* const* from) ISB_RT;
    bool linkable(const PluginSlot& slot) const ISB_RT;
    MissCause why_unlinkable(const PluginSlot& slot) const ISB_RT;
    void write_context(const Linked& linked, std::int32_t input_record,
                       std::int32_t successor) ISB_RT;
    void gather_events(PluginSlot& slot) ISB_RT;
    void pass_by(PluginSlot& slot, MissCause cause) ISB_RT;
    void forget_last_block() ISB_RT;
    void follow_midi() ISB_RT;
    void note_busy(PluginSlot& slot) ISB_RT;
    void begin_pipelined() ISB_RT;
    void publish_output() ISB_RT;
    std::atomic<ipc::Word>& word(std::uint32_t record) const ISB_RT {
        return activation_.record(record).state;
    }

    ipc::Geometry geometry_;
    ipc::HostView host_;
    ipc::ActivationView activation_;
    std::vector<ipc::OutputView> outputs_;
    std::vector<ipc::Semaphore> semaphores_;
    ipc::Semaphore end_;
    std::unique_ptr<std::atomic<bool>[]> dead_;

    // Owned by the audio thread.
    std::uint64_t generation_ = 0;
    Run run_;
    std::vector<Linked> segment_;
    StereoBuffer mixed_a_, mixed_b_;  // host-side signal, used in turn
    StereoBuffer final_;
    StereoBuffer taken_a_, taken_b_;  // outputs as they were read, used in turn
    float* output_[ipc::kBusChannels];
    float last_good_[ipc::kBusChannels] = {};
    bool use_b_ = false, use_taken_b_ = false;

    // Pipelined: the block in flight, which is heard with the next one.
    struct Flight {
        bool linked = false;            // workers have it
        bool passes = false;            // no slot was to run: its input is its output
        std::uint32_t latency = 0;      // of the slots that were to run, frames
        std::uint32_t latency_out = 0;  // of those that are bypassed: their delay stays
        std::uint64_t path = 0;         // a bit for each slot that was to run
        OnMiss policy = OnMiss::Auto;
        bool is_instrument = false;
    };
    void collect_flight(const float* const* input) ISB_RT;
    void hear_flight(const float* const* input, bool delivered) ISB_RT;
    void start_flight() ISB_RT;

    Flight flight_;
    std::uint64_t heard_path_ = 0;
    std::uint32_t heard_latency_out_ = 0;
    bool heard_any_ = false;
    bool started_ = false;
    StereoBuffer previous_input_;
    Cover chain_cover_;        // the whole chain is wet or dry
    VariableDelay delay_out_;  // stands for bypassed slots
    Splice splice_;            // where the path changes
    Splice delay_splice_;      // where the delay out does
};

}  // namespace isobooth::host
