// SPDX-License-Identifier: GPL-3.0-or-later
//
// The real engine on chains whose workers are threads of the test: they copy their input and do
// what the test says meanwhile. Time is the test's too: it says when a block's period began.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "host/native/engine.hpp"
#include "ipc/native/semaphore.hpp"
#include "tests/native/check.hpp"

namespace isobooth::tests {

inline void sleep_ms(int ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); }

// A chain of one slot. `work` runs in each block, on the worker's thread.
class RigChain {
public:
    static constexpr std::uint32_t kRecord = 0;

    RigChain(std::uint32_t id, const ipc::Geometry& geometry, std::function<void()> work)
        : slot(std::make_shared<host::PluginSlot>(id, geometry.sample_rate, geometry.max_frames,
                                                  1024)),
          geometry_(geometry),
          work_(std::move(work)) {
        memory_.geometry = geometry;
        memory_.host = room(geometry.host_size());
        memory_.activation = room(geometry.activation_size());
        for (std::uint32_t record = 0; record < geometry.records; ++record) {
            memory_.outputs.push_back(room(geometry.record_size()));
            memory_.semaphores.push_back(make_semaphore(id, std::to_string(record)));
        }
        memory_.end_semaphore = make_semaphore(id, "end");
        wake_ = ipc::Semaphore(memory_.semaphores[kRecord]);
        end = ipc::Semaphore(memory_.end_semaphore);
        chain = std::make_shared<host::Chain>(id, memory_);
        for (const std::string& name : memory_.semaphores) sem_unlink(name.c_str());
        sem_unlink(memory_.end_semaphore.c_str());
        slot->seat().record = kRecord;
        slot->cover.start_wet();
        ipc::apply(word(), [](ipc::Word seen) { return ipc::activate(seen); });
        worker_ = std::thread([this] { run(); });
    }
    ~RigChain() {
        stopping_.store(true);
        wake_.post();
        worker_.join();
    }
    RigChain(const RigChain&) = delete;
    RigChain& operator=(const RigChain&) = delete;

    // Until its worker is back from a block that was given up.
    void wait_until_back() {
        while (ipc::status_of(word().load()) != ipc::Status::Idle &&
               ipc::status_of(word().load()) != ipc::Status::Finished)
            sleep_ms(1);
    }

    std::shared_ptr<host::PluginSlot> slot;
    std::shared_ptr<host::Chain> chain;
    ipc::Semaphore end;

private:
    std::byte* room(std::size_t size) {
        // Cache lines, as mappings are aligned to more.
        storage_.emplace_back(size / ipc::kCacheLine + 1);
        return reinterpret_cast<std::byte*>(storage_.back().data());
    }
    static std::string make_semaphore(std::uint32_t id, const std::string& what) {
        const std::string name =
            "/isb-rig-" + std::to_string(getpid()) + "-" + std::to_string(id) + "-" + what;
        sem_t* made = sem_open(name.c_str(), O_CREAT | O_EXCL, 0600, 0);
        CHECK(made != SEM_FAILED, "cannot make semaphore %s", name.c_str());
        sem_close(made);
        return name;
    }
    std::atomic<ipc::Word>& word() {
        return ipc::ActivationView{memory_.activation, geometry_}.record(kRecord).state;
    }
    void run() {
        const ipc::HostView given{memory_.host, geometry_};
        const ipc::OutputView own{memory_.outputs[kRecord], geometry_};
        for (;;) {
            wake_.wait();
            if (stopping_.load()) return;
            const ipc::Move claimed =
                ipc::apply(word(), [](ipc::Word seen) { return ipc::claim(seen); });
            if (claimed.effect != ipc::Effect::Run) continue;
            const std::uint64_t generation = ipc::generation_of(claimed.from);
            for (unsigned side = 0; side < ipc::kBusChannels; ++side)
                std::memcpy(own.audio_out(ipc::half_of(generation), side),
                            given.audio_in(kRecord, side), geometry_.max_frames * sizeof(float));
            work_();
            const ipc::Move done =
                ipc::apply(word(), [&](ipc::Word seen) { return ipc::finish(seen, generation); });
            if (done.effect == ipc::Effect::Finished) end.post();
        }
    }

    struct alignas(ipc::kCacheLine) Line {
        std::byte bytes[ipc::kCacheLine];
    };

    ipc::Geometry geometry_;
    std::function<void()> work_;
    std::vector<std::vector<Line>> storage_;
    host::ChainMemory memory_;
    ipc::Semaphore wake_;
    std::atomic<bool> stopping_{false};
    std::thread worker_;
};

// A mix of one track a chain.
class Rig {
public:
    // `budget_ms`: a block's time; chains get 70 % of it.
    explicit Rig(int budget_ms, const std::vector<std::function<void()>>& works)
        : budget_ns_(static_cast<std::uint64_t>(budget_ms) * 1'000'000), engine(config()) {
        auto plan = std::make_shared<host::Plan>();
        std::vector<std::uint32_t> tracks;
        for (const auto& work : works) {
            const auto id = static_cast<std::uint32_t>(chains.size());
            chains.push_back(
                std::make_unique<RigChain>(id, ipc::Geometry{1, kFrames, kRate}, work));
            host::PlanStrip track;
            track.strip = std::make_shared<host::Strip>(id, kFrames);
            track.chain = chains.back()->chain;
            track.slots = {chains.back()->slot};
            track.slot_pointers = {chains.back()->slot.get()};
            track.midi_events.resize(ipc::kMaxEvents);
            plan->strips.push_back(std::move(track));
            tracks.push_back(id);
        }
        host::PlanStrip master;
        master.strip =
            std::make_shared<host::Strip>(static_cast<std::uint32_t>(works.size()), kFrames);
        for (const std::uint32_t track : tracks) master.feeds.push_back({track, nullptr});
        plan->master = static_cast<std::uint32_t>(works.size());
        plan->stages = {tracks, {plan->master}};
        plan->strips.push_back(std::move(master));
        plan->share_time();
        CHECK(engine.publish(plan), "the plan is taken");
    }

    // One block; `late_ns`: how long ago its period began.
    void block(std::uint64_t late_ns = 0) {
        float left[kFrames], right[kFrames];
        float* const out[2] = {left, right};
        engine.process(nullptr, out, ipc::now_ns() - late_ns, budget_ns_, 0);
    }
    std::uint64_t budget_ns() const { return budget_ns_; }

    host::SlotCounters& slot(std::size_t chain) { return chains[chain]->slot->counters; }

private:
    static constexpr std::uint32_t kFrames = 64;
    static constexpr double kRate = 48000.0;

    static host::EngineConfig config() {
        host::EngineConfig config;
        config.sample_rate = kRate;
        config.block_frames = kFrames;
        return config;
    }

    std::uint64_t budget_ns_;

public:
    std::vector<std::unique_ptr<RigChain>> chains;  // outlived by the engine, which lets go first
    host::Engine engine;
};

}  // namespace isobooth::tests
