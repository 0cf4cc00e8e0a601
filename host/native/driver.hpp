// SPDX-License-Identifier: GPL-3.0-or-later
//
// Who calls the engine in real time: an audio device's callback, or the null clock when there is
// no device or the device has stopped calling. Exactly one of them renders a block at a time.
//
// Whoever drives, the clock thread wakes the workers shortly before each block. A processor that
// has done other things, or nothing, since the last block has forgotten them, and would take twice
// as long to hand the block from one to the next.
//
// A device block that is a multiple of the engine's is rendered in place, each engine block with
// its own share of the device's period. Any other size passes through a pair of queues, at the
// cost of one engine block of latency.
//
// A device that dies may leave its stream behind: its driver does not let go of it, and may call
// once more when nobody expects it. So every stream has a record of its own (DeviceStream) that
// lives as long as the driver, and only the current one's calls render.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "host/native/engine.hpp"

namespace isobooth::host {

constexpr std::uint32_t kMaxDeviceChannels = 64;

struct DriverConfig {
    int priority = 0;     // SCHED_FIFO priority of whoever drives, 0: normal
    int cpu = -1;         // of the null clock
    bool prewake = true;  // workers, shortly before each block
    // Larger device blocks pass the queues in pieces of this size.
    std::uint32_t max_queued_frames = 8192;
};

class Driver;

// A device stream as its callback knows it: the callback's user data.
struct DeviceStream {
    Driver& driver;
    const std::uint32_t inputs, outputs;  // channels, interleaved float32
    bool first_call = true;               // audio thread
    int thread = 0;                       // whose calls these are; 0: at real-time priority
};

class Driver {
public:
    Driver(Engine& engine, const DriverConfig& config);
    ~Driver();

    // ---- control thread ----
    void start();
    void stop();
    // A record for a stream of this layout; at most kMaxDeviceChannels each.
    DeviceStream* add_stream(std::uint32_t inputs, std::uint32_t outputs);
    // From its first call on, this stream drives; the null clock does until then.
    void expect_device(DeviceStream* stream);
    // No stream drives any longer: what still calls is answered with silence. When these return,
    // no device is inside the engine. A lost device counts as a take-over, one let go does not.
    void device_lost() { forget_device(true); }
    void no_device() { forget_device(false); }

    bool device_alive() const noexcept;
    // Whether the null clock, and the device that drives or drove last, run at real-time priority.
    bool realtime() const noexcept { return realtime_.load(); }
    bool device_realtime() const noexcept { return device_realtime_.load(); }
    // Frames the queues add when the device's block is no multiple of the engine's.
    std::uint32_t queue_latency() const noexcept { return queue_latency_.load(); }

    std::atomic<std::uint64_t> xruns{0};        // as the device reported
    std::atomic<std::uint64_t> clock_slips{0};  // null clock: woken more than a period late
    std::atomic<std::uint64_t> takeovers{0};    // the null clock took over from a device
    std::atomic<std::uint64_t> prewakes{0};     // blocks before which workers were woken
    std::atomic<std::uint64_t> callbacks{0};    // of the stream that drives
    std::atomic<std::uint32_t> device_frames{0};
    std::atomic<std::uint64_t> repaired_inputs{0};  // samples from the device that were no numbers

    // PortAudio's stream callback; `stream` is a DeviceStream.
    static int portaudio_callback(const void* input, void* output, unsigned long frames,
                                  const void* time, unsigned long status, void* stream) noexcept;

private:
    enum class Owner : int { None, Clock, Device };

    void run_clock() noexcept;
    void prewake(std::uint64_t next) noexcept;
    std::uint64_t next_call(std::uint64_t now) const noexcept;
    void forget_device(bool lost);
    void device_block(DeviceStream& stream, const float* input, float* output, std::uint32_t frames,
                      bool xrun) noexcept;
    void begin_stream(DeviceStream& stream) noexcept;
    void render_in_place(const DeviceStream& stream, const float* input, float* output,
                         std::uint32_t frames, std::uint64_t nominal) ISB_RT;
    void render_queued(const DeviceStream& stream, const float* input, float* output,
                       std::uint32_t frames, std::uint64_t nominal) ISB_RT;
    void take_input(const float* from, std::uint32_t channels) ISB_RT;
    std::uint64_t nominal_start(std::uint64_t entry, std::uint64_t period) ISB_RT;
    void measure_clock(std::uint64_t entry, std::uint64_t period) ISB_RT;
    bool own(Owner who) ISB_RT;
    void disown() ISB_RT { owner_.store(Owner::None, std::memory_order_release); }

    Engine& engine_;
    DriverConfig config_;
    std::thread thread_;
    std::atomic<bool> stopping_{false};
    std::atomic<bool> realtime_{false}, device_realtime_{false};
    std::vector<std::unique_ptr<DeviceStream>> streams_;  // control thread
    std::atomic<DeviceStream*> current_{nullptr};
    std::atomic<bool> device_drove_{false};           // and has not been taken over from
    std::atomic<std::uint64_t> last_callback_ns_{0};  // 0: the current stream has not called yet
    std::atomic<std::uint64_t> silence_limit_ns_{500'000'000};
    std::atomic<std::uint64_t> next_call_ns_{0}, call_period_ns_{0};  // of the device, foreseen
    std::atomic<Owner> owner_{Owner::None};
    std::atomic<std::uint32_t> queue_latency_{0};

    // Owned by whoever drives.
    StereoBuffer rendered_;
    std::vector<std::vector<float>> planes_in_;
    std::vector<const float*> plane_pointers_;
    std::array<float, kMaxDeviceChannels> last_good_{};
    std::vector<float> queue_in_, queue_out_;  // interleaved
    std::uint32_t queued_in_ = 0, queued_out_ = 0;
    bool queueing_ = false;
    double clock_ratio_ = 1.0;  // how long the device's periods are, over what they should be
    std::uint64_t last_entry_ns_ = 0, last_period_ns_ = 0;  // 0: its first call
};

}  // namespace isobooth::host
