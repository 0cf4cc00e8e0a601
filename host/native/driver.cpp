// SPDX-License-Identifier: GPL-3.0-or-later
#include "host/native/driver.hpp"

#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "ipc/native/repair.hpp"
#include "ipc/native/scheduling.hpp"

namespace isobooth::host {

using ipc::now_ns;

namespace {

// PortAudio's status flags: input under-/overflow, output under-/overflow.
constexpr unsigned long kXrunFlags = 1 | 2 | 4 | 8;

// To wake a worker and to let it find that there is nothing to do takes some 10 us; the last one
// should rest again when the block comes, but not for long.
constexpr std::uint64_t kPrewakeNs = 60'000, kPrewakeSlotNs = 12'000;
constexpr std::uint64_t kLongestPrewakePart = 4;  // of a period
// Workers that have rested for less are still at hand.
constexpr std::uint64_t kForgottenNs = 500'000;

// One call of a device moves what is foreseen by this part of how far it was from it.
constexpr std::uint32_t kTrust = 32;

// A null clock woken later than this part of a period starts its schedule anew: nobody consumes
// its blocks, so catching up would only take the time from the plugins.
constexpr double kSlipPart = 0.3;

}  // namespace

Driver::Driver(Engine& engine, const DriverConfig& config)
    : engine_(engine), config_(config), rendered_(engine.config.block_frames) {
    planes_in_.assign(kMaxDeviceChannels, std::vector<float>(engine.config.block_frames, 0.0f));
    for (const auto& plane : planes_in_) plane_pointers_.push_back(plane.data());
    const std::size_t queue = config.max_queued_frames + 4 * engine.config.block_frames;
    queue_in_.assign(queue * kMaxDeviceChannels, 0.0f);
    queue_out_.assign(queue * 2, 0.0f);
}

Driver::~Driver() {
    no_device();
    stop();
}

void Driver::start() {
    if (thread_.joinable()) return;
    stopping_.store(false);
    thread_ = std::thread([this] { run_clock(); });
}

void Driver::stop() {
    stopping_.store(true);
    if (thread_.joinable()) thread_.join();
}

DeviceStream* Driver::add_stream(std::uint32_t inputs, std::uint32_t outputs) {
    streams_.push_back(std::make_unique<DeviceStream>(*this, inputs, outputs));
    return streams_.back().get();
}

void Driver::expect_device(DeviceStream* stream) {
    last_callback_ns_.store(0);
    current_.store(stream);
}

void Driver::forget_device(bool lost) {
    if (!lost) device_drove_.store(false);
    current_.store(nullptr);
    // A callback that looked at current_ before this is inside the engine, or not yet: it looks
    // again when it owns the engine. A block ends by its deadline.
    while (owner_.load() == Owner::Device) {
        const timespec a_while{0, 100'000};
        nanosleep(&a_while, nullptr);
    }
}

bool Driver::device_alive() const noexcept {
    const std::uint64_t last = last_callback_ns_.load(std::memory_order_relaxed);
    return current_.load(std::memory_order_relaxed) != nullptr && last != 0 &&
           now_ns() - last < silence_limit_ns_.load(std::memory_order_relaxed);
}

bool Driver::own(Owner who) ISB_RT {
    Owner none = Owner::None;
    return owner_.compare_exchange_strong(none, who);
}

// ---------------------------------------------------------------- null clock

void Driver::run_clock() noexcept {
    prctl(PR_SET_NAME, "isb-clock");
    realtime_.store(ipc::ask_for_attention(config_.priority, config_.cpu));
    const int thread = realtime_.load() ? 0 : gettid();
    const std::uint64_t period = engine_.period_ns;
    std::uint64_t next = now_ns() + period;
    bool driving = false;
    while (!stopping_.load(std::memory_order_relaxed)) {
        if (device_alive()) next = next_call(now_ns());
        if (config_.prewake) prewake(next);
        const timespec wake = ipc::to_timespec(next);
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wake, nullptr);
        const std::uint64_t now = now_ns();
        if (now > next + static_cast<std::uint64_t>(kSlipPart * static_cast<double>(period))) {
            if (driving && now > next + period) clock_slips.fetch_add(1, std::memory_order_relaxed);
            next = now;
        }
        driving = !device_alive() && own(Owner::Clock);
        if (driving) {
            // A first call may have come and gone since the clock looked.
            driving = !device_alive();
            if (driving) {
                if (device_drove_.exchange(false))
                    takeovers.fetch_add(1, std::memory_order_relaxed);
                engine_.audio_thread.is(thread);
                float* out[2] = {rendered_[0], rendered_[1]};
                engine_.process(nullptr, out, next, period, kBlockNullClock);
            }
            disown();
        }
        next += period;
    }
}

// When the device will call next, after `now`.
std::uint64_t Driver::next_call(std::uint64_t now) const noexcept {
    const std::uint64_t period = call_period_ns_.load(std::memory_order_relaxed);
    const std::uint64_t next = next_call_ns_.load(std::memory_order_relaxed);
    if (period == 0) return now + engine_.period_ns;
    return next > now ? std::min(next, now + period) : now + period - (now - next) % period;
}

void Driver::prewake(std::uint64_t next) noexcept {
    const std::uint32_t slots = engine_.relayed_slots();
    const std::uint64_t lead =
        std::min(kPrewakeNs + slots * kPrewakeSlotNs, engine_.period_ns / kLongestPrewakePart);
    if (slots == 0 || now_ns() + lead + kForgottenNs > next) return;
    const timespec wake = ipc::to_timespec(next - lead);
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wake, nullptr);
    // In a block of the device, who came early, they are awake.
    if (now_ns() >= next || engine_.next_block_ns.load(std::memory_order_relaxed) == 0) return;
    engine_.prewake(next);
    prewakes.fetch_add(1, std::memory_order_relaxed);
}

// ---------------------------------------------------------------- device

int Driver::portaudio_callback(const void* input, void* output, unsigned long frames, const void*,
                               unsigned long status, void* self) noexcept {
    auto& stream = *static_cast<DeviceStream*>(self);
    stream.driver.device_block(stream, static_cast<const float*>(input),
                               static_cast<float*>(output), static_cast<std::uint32_t>(frames),
                               (status & kXrunFlags) != 0);
    return 0;  // paContinue
}

// The period's nominal start: the clock's prediction, corrected slowly by when calls really come,
// so that one late call does not shift the deadline.
std::uint64_t Driver::nominal_start(std::uint64_t entry, std::uint64_t period) ISB_RT {
    const std::uint64_t predicted = next_call_ns_.load(std::memory_order_relaxed);
    std::uint64_t nominal = entry;
    if (entry > predicted && entry <= predicted + 2 * period)
        nominal = predicted + (entry - predicted) / kTrust;
    measure_clock(entry, period);
    const auto measured = static_cast<std::uint64_t>(clock_ratio_ * static_cast<double>(period));
    call_period_ns_.store(measured, std::memory_order_relaxed);
    next_call_ns_.store(nominal + measured, std::memory_order_relaxed);
    return nominal;
}

// The device's second is not quite ours.
void Driver::measure_clock(std::uint64_t entry, std::uint64_t period) ISB_RT {
    if (last_period_ns_ > 0) {
        const double ratio =
            static_cast<double>(entry - last_entry_ns_) / static_cast<double>(last_period_ns_);
        // Calls that come in bursts, or after a pause, tell nothing.
        if (ratio > 0.5 && ratio < 1.5) clock_ratio_ += (ratio - clock_ratio_) / kTrust;
    }
    last_entry_ns_ = entry;
    last_period_ns_ = period;
}

// Outside of a block, so a system call is allowed. JACK's thread has the priority its server gave
// it; other drivers call from a normal thread, which a busy desktop would keep waiting.
void Driver::begin_stream(DeviceStream& stream) noexcept {
    stream.first_call = false;
    const int policy = sched_getscheduler(0) & ~SCHED_RESET_ON_FORK;
    const bool is_realtime = policy == SCHED_FIFO || policy == SCHED_RR;
    device_realtime_.store(is_realtime || ipc::ask_for_attention(config_.priority, -1));
    stream.thread = device_realtime_.load() ? 0 : gettid();
    queueing_ = false;
    queue_latency_.store(0, std::memory_order_relaxed);
    next_call_ns_.store(0, std::memory_order_relaxed);
    clock_ratio_ = 1.0;
    last_period_ns_ = 0;
    // Channels that this stream does not have are silent.
    for (auto& plane : planes_in_) std::fill(plane.begin(), plane.end(), 0.0f);
    last_good_.fill(0.0f);
}

void Driver::device_block(DeviceStream& stream, const float* input, float* output,
                          std::uint32_t frames, bool xrun) noexcept {
    const std::uint64_t entry = now_ns();
    const std::uint32_t block = engine_.config.block_frames;
    const auto period = static_cast<std::uint64_t>(1e9 * frames / engine_.config.sample_rate);
    bool renders = current_.load() == &stream;
    if (renders) {
        if (xrun) xruns.fetch_add(1, std::memory_order_relaxed);
        callbacks.fetch_add(1, std::memory_order_relaxed);
        device_frames.store(frames, std::memory_order_relaxed);
        // Twenty of the device's periods, at least half a second, without a call: it is gone.
        silence_limit_ns_.store(std::max<std::uint64_t>(500'000'000, 20 * period),
                                std::memory_order_relaxed);
        last_callback_ns_.store(entry, std::memory_order_relaxed);
        renders = own(Owner::Device);
        if (renders && current_.load() != &stream) {
            disown();
            renders = false;
        }
    }
    if (!renders) {
        std::memset(output, 0, sizeof(float) * stream.outputs * frames);
        return;
    }
    device_drove_.store(true, std::memory_order_relaxed);
    if (stream.first_call) begin_stream(stream);
    engine_.audio_thread.is(stream.thread);
    const std::uint64_t nominal = nominal_start(entry, period);
    if (frames % block == 0 && !queueing_) {
        render_in_place(stream, input, output, frames, nominal);
    } else {
        for (std::uint32_t done = 0; done < frames;) {
            const std::uint32_t piece = std::min(frames - done, config_.max_queued_frames);
            render_queued(stream, input ? input + done * stream.inputs : nullptr,
                          output + done * stream.outputs, piece, nominal + done * period / frames);
            done += piece;
        }
        // Not each call renders, so nobody knows when the thread should be there.
        engine_.audio_thread.is(0);
    }
    disown();
}

namespace {

// Stereo to the device: its first two channels; a mono device hears the mean.
void interleave(const float* left, const float* right, std::uint32_t frames, float* to,
                std::uint32_t channels) ISB_RT {
    for (std::uint32_t i = 0; i < frames; ++i) {
        float* frame = to + i * channels;
        for (std::uint32_t channel = 2; channel < channels; ++channel) frame[channel] = 0.0f;
        if (channels == 1) {
            frame[0] = 0.5f * (left[i] + right[i]);
        } else if (channels >= 2) {
            frame[0] = left[i];
            frame[1] = right[i];
        }
    }
}

}  // namespace

// One engine block of the device's input into planes. It comes from other programs (JACK), so it
// is repaired like anything else that crosses a process border.
void Driver::take_input(const float* from, std::uint32_t channels) ISB_RT {
    const std::uint32_t frames = engine_.config.block_frames;
    for (std::uint32_t channel = 0; channel < channels; ++channel) {
        float* to = planes_in_[channel].data();
        for (std::uint32_t i = 0; i < frames; ++i) to[i] = from[i * channels + channel];
        const ipc::RepairCount fixed =
            ipc::repair(to, static_cast<int>(frames), last_good_[channel]);
        if (fixed.nonfinite) repaired_inputs.fetch_add(fixed.nonfinite, std::memory_order_relaxed);
    }
}

void Driver::render_in_place(const DeviceStream& stream, const float* input, float* output,
                             std::uint32_t frames, std::uint64_t nominal) ISB_RT {
    const std::uint32_t block = engine_.config.block_frames;
    const bool hears = input && stream.inputs > 0;
    float* out[2] = {rendered_[0], rendered_[1]};
    for (std::uint32_t k = 0; k < frames / block; ++k) {
        if (hears) take_input(input + k * block * stream.inputs, stream.inputs);
        engine_.process(hears ? plane_pointers_.data() : nullptr, out,
                        nominal + k * engine_.period_ns, engine_.period_ns, 0);
        interleave(out[0], out[1], block, output + k * block * stream.outputs, stream.outputs);
    }
}

// The frames that wait in both queues together are always one engine block, so neither runs dry.
void Driver::render_queued(const DeviceStream& stream, const float* input, float* output,
                           std::uint32_t frames, std::uint64_t nominal) ISB_RT {
    const std::uint32_t block = engine_.config.block_frames;
    if (!queueing_) {
        queueing_ = true;
        queued_in_ = 0;
        queued_out_ = block;  // silence: the queues' latency
        std::fill_n(queue_out_.data(), 2 * block, 0.0f);
        queue_latency_.store(block, std::memory_order_relaxed);
    }
    const std::size_t stride = stream.inputs;
    if (input)
        std::memcpy(queue_in_.data() + queued_in_ * stride, input, sizeof(float) * stride * frames);
    else
        std::fill_n(queue_in_.data() + queued_in_ * stride, stride * frames, 0.0f);
    queued_in_ += frames;
    const std::uint32_t ready = queued_in_ / block;
    const auto period = static_cast<std::uint64_t>(1e9 * frames / engine_.config.sample_rate);
    float* out[2] = {rendered_[0], rendered_[1]};
    for (std::uint32_t k = 0; k < ready; ++k) {
        if (stride > 0) take_input(queue_in_.data() + k * block * stride, stream.inputs);
        engine_.process(stride > 0 ? plane_pointers_.data() : nullptr, out,
                        nominal + k * period / ready, period / ready, 0);
        interleave(out[0], out[1], block, queue_out_.data() + 2 * queued_out_, 2);
        queued_out_ += block;
    }
    queued_in_ -= ready * block;
    std::memmove(queue_in_.data(), queue_in_.data() + ready * block * stride,
                 sizeof(float) * queued_in_ * stride);
    for (std::uint32_t i = 0; i < frames; ++i)
        interleave(&queue_out_[2 * i], &queue_out_[2 * i + 1], 1, output + i * stream.outputs,
                   stream.outputs);
    queued_out_ -= frames;
    std::memmove(queue_out_.data(), queue_out_.data() + 2 * frames,
                 sizeof(float) * 2 * queued_out_);
}

}  // namespace isobooth::host
