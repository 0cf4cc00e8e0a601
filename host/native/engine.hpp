// SPDX-License-Identifier: GPL-3.0-or-later
//
// The engine: renders one block of the whole mix, whoever calls it (a device, the null clock, an
// offline loop). Everything it needs from Python arrives through lock-free rings.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "host/native/audio_thread.hpp"
#include "host/native/faults.hpp"
#include "host/native/plan.hpp"
#include "ipc/native/ring.hpp"

namespace isobooth::host {

enum class CommandKind : std::uint8_t {
    SwapPlan,
    Gain,
    Pan,
    Mute,
    Settle,  // a strip's fader is where it should be at once: nothing was heard yet
    Attach,
    Detach,
    Bypass,
    Latency,
    Policy,
    Parameter,
    Forget,  // an event that its plugin dies of
    StripMidi,
    Play,
    Locate,
    Loop,
    Tempo,
    Signature,
};

// One instruction from the control thread. Targets are owned by the engine until released.
struct Command {
    CommandKind kind;
    std::uint8_t bytes[4];
    void* target;
    std::int64_t a, b;
    double value;
    std::uint64_t edit;
};

struct EngineConfig {
    double sample_rate = 48000.0;
    std::uint32_t block_frames = 128;
    std::uint32_t batch = 1;         // blocks that the plugins are called with in one of these
    double deadline_fraction = 0.7;  // of the period, for all chains of a block
    bool offline = false;
    double hang_limit_s = 10.0;  // offline: when a block is given up
    std::uint32_t input_channels = 2;
    std::uint32_t log_blocks = 65536;
    double capture_s = 0.0;  // length of the capture ring; 0: none
};

class Engine {
public:
    explicit Engine(const EngineConfig& config);
    ~Engine();

    const EngineConfig config;
    const std::uint64_t period_ns;

    // ---- control thread ----
    bool send(const Command& command) noexcept { return commands_.push(command); }
    bool publish(std::shared_ptr<Plan> plan);
    // Frees plans that the audio thread has left. Returns how many.
    int collect();
    // Lets go of every plan, and so of the chains' memory. Only when nobody renders any more.
    void clear();
    // The engine keeps what commands and plans point to; see Plan.
    void adopt(std::shared_ptr<PluginSlot> slot) { slots_.push_back(std::move(slot)); }
    void adopt(std::shared_ptr<Strip> strip) { strips_.push_back(std::move(strip)); }
    // Of what is in no plan any more, and in no command that may still wait in the ring.
    void release(const PluginSlot* slot) {
        std::erase_if(slots_, [slot](const auto& one) { return one.get() == slot; });
    }
    void release(const Strip* strip) {
        std::erase_if(strips_, [strip](const auto& one) { return one.get() == strip; });
    }

    // A MIDI event for a strip, now, from any one thread that is not the control thread.
    bool live_midi(Strip* strip, const std::uint8_t* bytes) noexcept;

    // ---- the driver's clock thread ----
    // Wakes the workers that rest, so that they are at hand when their block comes; until
    // `until_ns` at the latest.
    void prewake(std::uint64_t until_ns) noexcept;
    // How many there may be.
    std::uint32_t relayed_slots() const noexcept {
        return relayed_slots_.load(std::memory_order_relaxed);
    }

    ipc::Ring<MissEvent> misses{4096};
    ipc::Ring<BlockRecord> blocks;
    std::unique_ptr<ipc::Ring<float>> capture;  // interleaved stereo

    std::atomic<std::uint64_t> block_count{0};
    std::atomic<std::uint64_t> plugin_block_count{0};  // `batch` a block, fewer in a cut one
    std::atomic<std::uint64_t> late_blocks{0};
    std::atomic<std::uint64_t> lost_capture_frames{0};
    std::atomic<std::uint64_t> machine_late_blocks{0};  // whose misses were the machine's
    std::atomic<std::uint64_t> next_block_ns{0};        // when it is due; 0: in a block
    std::atomic<std::uint64_t> deadline_ns{0};          // of the last block's chains
    AudioThread audio_thread;
    TransportClock transport;

    // ---- audio thread ----
    // Renders one block. `input`: config.input_channels planes or nullptr; `output`: two planes.
    // `nominal_ns`: when the block's period began; `budget_ns`: its share of the period. `frames`:
    // fewer than config.block_frames for a cut block, relayed chains only; 0: all.
    void process(const float* const* input, float* const* output, std::uint64_t nominal_ns,
                 std::uint64_t budget_ns, std::uint32_t flags, std::uint32_t frames = 0) ISB_RT;

private:
    void drain_commands() ISB_RT;
    void apply(const Command& command) ISB_RT;
    void attach(PluginSlot& slot, std::uint32_t seat, std::int32_t record, bool restarted) ISB_RT;
    void prepare_strip(PlanStrip& strip, const float* const* input, const BlockTime& time) ISB_RT;
    int pieces(const PlanStrip& strip, Piece (&to)[kMaxPieces]) const ISB_RT;
    std::uint32_t gather_midi(PlanStrip& strip) ISB_RT;
    void begin_chain(PlanStrip& strip, const BlockTime& time, std::uint32_t midi_count) ISB_RT;
    void record_block(const BlockTime& time, std::uint64_t nominal, std::uint64_t entry,
                      std::uint32_t flags, std::uint32_t missed) ISB_RT;

    ipc::Ring<Command> commands_{8192};
    ipc::Ring<Command> live_midi_{4096};
    ipc::Ring<Plan*> retired_{256};

    // Control thread.
    std::vector<std::shared_ptr<Plan>> plans_;
    std::vector<std::shared_ptr<PluginSlot>> slots_;
    std::vector<std::shared_ptr<Strip>> strips_;

    // The plan that plays, for the clock thread, and the one that it reads just now: collect() waits
    // for it.
    std::atomic<const Plan*> playing_{nullptr};
    std::atomic<const Plan*> prewaking_{nullptr};
    std::atomic<std::uint32_t> relayed_slots_{0};

    // Owned by the audio thread.
    Plan* plan_ = nullptr;
    std::vector<Command> strip_midi_;
    StereoBuffer delayed_;
};

}  // namespace isobooth::host
