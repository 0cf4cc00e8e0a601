// SPDX-License-Identifier: GPL-3.0-or-later
//
// The host's hand in one chain's relay: wakes the records of a block, waits for them, abandons
// what is late. It knows words, semaphores and shared files; what becomes of the sound is the
// chain's business (chain.hpp).
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "host/native/plugin_slot.hpp"
#include "host/native/private_semaphore.hpp"
#include "host/native/realtime.hpp"
#include "ipc/native/layout.hpp"
#include "ipc/native/relay.hpp"
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

// One slot of the segment that is being waited for.
struct Linked {
    PluginSlot* slot;
    std::uint32_t record;
    std::int32_t midi_record;  // whose MIDI it hears besides the host's
};

class ChainRelay {
public:
    explicit ChainRelay(const ChainMemory& memory);

    // ---- control thread ----
    // `record`'s worker is dead or leaves. Wakes a waiting host.
    void retire(std::uint32_t record) noexcept;
    // Makes a reaped record fit for a new worker.
    void reset(std::uint32_t record) noexcept;
    // Of a record that is in no block: is its worker still in one that was given up, or its word
    // one that no rule of the relay leaves there?
    bool is_stuck(std::uint32_t record) const noexcept;
    // Has its worker begun a block and not ended it? As it says itself.
    bool is_in_block(std::uint32_t record) const noexcept;

    // ---- audio thread ----
    std::uint64_t generation() const ISB_RT { return generation_.load(std::memory_order_relaxed); }
    void next_generation() ISB_RT {
        generation_.store(generation() + 1, std::memory_order_relaxed);
    }

    const ipc::HostView& host() const ISB_RT { return host_; }
    const ipc::OutputView& output(std::uint32_t record) const ISB_RT { return outputs_[record]; }

    // May the record be linked into this generation?
    bool is_free(std::uint32_t record) const ISB_RT;
    bool is_free(std::uint32_t record, std::uint64_t generation) const ISB_RT;
    // Is its worker dead? Nobody else's word counts: it may be a wild write.
    bool is_offline(std::uint32_t record) const ISB_RT;
    bool is_finished(std::uint32_t record) const ISB_RT;

    // Triggers `segment`, whose contexts are written, and wakes its first worker.
    void start(std::span<const Linked> segment) ISB_RT;
    // Wakes a record for a block of its own, which nobody waits for: `generation` is one that the
    // chain is through with, so that the record is free for the next.
    void start_aside(std::uint32_t record, std::uint64_t generation) ISB_RT;
    bool is_finished(std::span<const Linked> segment) const ISB_RT;
    // True once the last of `segment` is finished; false at the deadline, or when it is a dead
    // worker's turn.
    bool wait(std::span<const Linked> segment, std::uint64_t deadline_ns) ISB_RT;
    // Between blocks: wakes the workers that rest. A post is only a hint, so that they find nothing
    // to do; but their processor has them at hand when their block comes.
    void prewake() const noexcept;
    // Gives the record up for this generation; one that never woke to its post is posted again.
    ipc::Effect abandon(std::uint32_t record) ISB_RT;

private:
    bool lost_a_record(std::span<const Linked> segment) const ISB_RT;
    void nap(std::uint64_t deadline_ns) ISB_RT;
    std::atomic<ipc::Word>& word(std::uint32_t record) const ISB_RT {
        return activation_.record(record).state;
    }

    ipc::HostView host_;
    ipc::ActivationView activation_;
    std::vector<ipc::OutputView> outputs_;
    std::vector<ipc::Semaphore> semaphores_;
    ipc::Semaphore end_;
    PrivateSemaphore retired_;  // posted with end_, but by no worker
    std::unique_ptr<std::atomic<bool>[]> dead_;
    std::atomic<std::uint64_t> generation_{0};  // written by the audio thread alone
};

}  // namespace isobooth::host
