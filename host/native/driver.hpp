// SPDX-License-Identifier: GPL-3.0-or-later
//
// Who calls the engine in real time: an audio device's callback, or the null clock when there is
// no device or the device has stopped calling. Exactly one of them renders a block at a time.
//
// A device block that is a multiple of the engine's is rendered in place, each engine block with
// its own share of the device's period. Any other size passes through a pair of queues, at the
// cost of one engine block of latency.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "host/native/engine.hpp"

namespace isobooth::host {

struct DriverConfig {
    int priority = 0;  // null clock: SCHED_FIFO priority, 0: normal
    int cpu = -1;
    std::uint32_t device_inputs = 0;  // channels of the device stream
    std::uint32_t device_outputs = 2;
    std::uint32_t max_device_frames = 8192;
};

class Driver {
public:
    Driver(Engine& engine, const DriverConfig& config);
    ~Driver();

    // ---- control thread ----
    void start();
    void stop();
    // A device stream of this layout is about to start, or is gone.
    void expect_device(std::uint32_t inputs, std::uint32_t outputs);
    void no_device();

    bool device_alive() const noexcept;
    bool realtime() const noexcept { return realtime_.load(); }
    // Frames the queues add when the device's block is no multiple of the engine's.
    std::uint32_t queue_latency() const noexcept { return queue_latency_.load(); }

    std::atomic<std::uint64_t> xruns{0};        // as the device reported
    std::atomic<std::uint64_t> clock_slips{0};  // null clock: woken more than a period late
    std::atomic<std::uint64_t> takeovers{0};    // the null clock took over from a device
    std::atomic<std::uint64_t> callbacks{0};

    // PortAudio's stream callback; `self` is a Driver.
    static int portaudio_callback(const void* input, void* output, unsigned long frames,
                                  const void* time, unsigned long status, void* self) noexcept;

private:
    enum class Owner : int { None, Clock, Device };

    void run_clock() noexcept;
    void device_block(const float* input, float* output, std::uint32_t frames) ISB_RT;
    void render_in_place(const float* input, float* output, std::uint32_t frames,
                         std::uint64_t nominal) ISB_RT;
    void render_queued(const float* input, float* output, std::uint32_t frames,
                       std::uint64_t nominal) ISB_RT;
    std::uint64_t nominal_start(std::uint64_t entry, std::uint64_t period) ISB_RT;
    bool own(Owner who) ISB_RT;
    void disown() ISB_RT { owner_.store(Owner::None, std::memory_order_release); }

    Engine& engine_;
    DriverConfig config_;
    std::thread thread_;
    std::atomic<bool> stopping_{false};
    std::atomic<bool> realtime_{false};
    std::atomic<bool> device_expected_{false};
    std::atomic<std::uint64_t> last_callback_ns_{0};
    std::atomic<std::uint64_t> silence_limit_ns_{500'000'000};
    std::atomic<Owner> owner_{Owner::None};
    std::atomic<std::uint32_t> inputs_{0}, outputs_{2};
    std::atomic<std::uint32_t> queue_latency_{0};

    // Owned by whoever drives.
    StereoBuffer rendered_;
    std::vector<std::vector<float>> planes_in_;
    std::vector<const float*> plane_pointers_;
    std::vector<float> queue_in_, queue_out_;  // interleaved
    std::uint32_t queued_in_ = 0, queued_out_ = 0;
    bool queueing_ = false;
    std::uint64_t predicted_ns_ = 0;
};

}  // namespace isobooth::host
