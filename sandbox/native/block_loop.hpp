// SPDX-License-Identifier: GPL-3.0-or-later
//
// The worker's audio thread. It sleeps on its record's semaphore; woken, it
// claims the block, copies its context and input, lets the plugin process,
// publishes the output and hands on to its successor (relay.hpp). From wake to
// process() there is no Python, no lock and no allocation.
#pragma once

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "ipc/native/layout.hpp"
#include "ipc/native/mapping.hpp"
#include "ipc/native/relay.hpp"
#include "ipc/native/semaphore.hpp"
#include "sandbox/native/slot.hpp"

namespace isobooth::sandbox {

// The names of a chain's shared files and semaphores, and which record is ours.
struct ChainNames {
    std::string host, activation, end_semaphore;
    std::vector<std::string> outputs, semaphores;  // one a record
    std::uint32_t record = 0;
};

// A worker's hold on its chain, attached by name before any plugin code is
// loaded: afterwards the worker may be locked down and open nothing more.
// Writable: the activation file and its own output.
class ChainPorts {
public:
    // Throws naming what cannot be opened or does not fit.
    ChainPorts(const ipc::Geometry& geometry, const ChainNames& names);

    ipc::Activation& own_activation() const { return activation.record(record); }
    const ipc::OutputView& own_output() const { return outputs[record]; }

    ipc::Geometry geometry;
    std::uint32_t record;
    std::vector<ipc::Semaphore> semaphores;
    ipc::Semaphore end;
    ipc::HostView host;
    ipc::ActivationView activation;
    std::vector<ipc::OutputView> outputs;

private:
    std::vector<ipc::Mapping> mappings_;
};

class BlockLoop {
public:
    // Both outlive the loop. Throws if the slot was prepared for shorter blocks
    // than the chain's.
    BlockLoop(Slot& slot, ChainPorts& ports);
    ~BlockLoop();

    void warm_up(int blocks);
    void start(int priority, int cpu);
    void activate(std::uint64_t applied_edit, double tail_s);
    void stop();

    int thread_id() const { return thread_id_.load(); }
    bool realtime() const { return realtime_.load(); }
    std::uint64_t applied_edit() const { return ports_.own_output().report().applied_edit.load(); }
    std::uint64_t blocks() const { return ports_.own_output().report().blocks.load(); }

private:
    void run(int priority, int cpu) noexcept;
    void process_claimed(std::uint64_t generation) noexcept;
    std::uint32_t process_parts(const ipc::BlockContext& context, unsigned half,
                                int event_count) noexcept;
    int gather_events(const ipc::BlockContext& context) noexcept;
    void take_input(const ipc::BlockContext& context) noexcept;

    Slot& slot_;
    ChainPorts& ports_;

    std::thread thread_;
    std::atomic<bool> stopping_{false};
    std::atomic<bool> realtime_{false};
    std::atomic<int> thread_id_{0};

    // Owned by the audio thread once it runs.
    struct {
        ipc::BlockContext context;
        std::vector<float> input[ipc::kBusChannels];
        std::vector<float> sidechain[ipc::kBusChannels];
        std::vector<ipc::Event> events, events_out;
        float last_input[ipc::kBusChannels] = {};
        float last_key[ipc::kBusChannels] = {};
        std::uint64_t repaired = 0;
        std::uint64_t applied_edit = 0;
        std::uint64_t blocks = 0;
    } rt_;
};

}  // namespace isobooth::sandbox
