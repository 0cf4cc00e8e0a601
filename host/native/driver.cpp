// SPDX-License-Identifier: GPL-3.0-or-later
#include "host/native/driver.hpp"

#include <sys/prctl.h>
#include <time.h>

#include <algorithm>
#include <cstring>

namespace isobooth::host {

using ipc::now_ns;

namespace {

constexpr std::uint32_t kMaxDeviceChannels = 64;

// PortAudio's status flags: input under-/overflow, output under-/overflow.
constexpr unsigned long kXrunFlags = 1 | 2 | 4 | 8;

// A null clock woken later than this part of a period starts its schedule anew: nobody consumes
// its blocks, so catching up would only take the time from the plugins.
constexpr double kSlipPart = 0.3;

}  // namespace

Driver::Driver(Engine& engine, const DriverConfig& config)
    : engine_(engine), config_(config), rendered_(engine.config.block_frames) {
    planes_in_.assign(kMaxDeviceChannels, std::vector<float>(engine.config.block_frames, 0.0f));
    for (const auto& plane : planes_in_) plane_pointers_.push_back(plane.data());
    const std::size_t queue = config.max_device_frames + 4 * engine.config.block_frames;
    queue_in_.assign(queue * kMaxDeviceChannels, 0.0f);
    queue_out_.assign(queue * 2, 0.0f);
    inputs_.store(config.device_inputs);
    outputs_.store(config.device_outputs);
}

Driver::~Driver() { stop(); }

void Driver::start() {
    if (thread_.joinable()) return;
    stopping_.store(false);
    thread_ = std::thread([this] { run_clock(); });
}

void Driver::stop() {
    stopping_.store(true);
    if (thread_.joinable()) thread_.join();
}

void Driver::expect_device(std::uint32_t inputs, std::uint32_t outputs) {
    inputs_.store(std::min(inputs, kMaxDeviceChannels));
    outputs_.store(outputs);
    last_callback_ns_.store(now_ns());
    device_expected_.store(true);
}

void Driver::no_device() { device_expected_.store(false); }

bool Driver::device_alive() const noexcept {
    return device_expected_.load(std::memory_order_relaxed) &&
           now_ns() - last_callback_ns_.load(std::memory_order_relaxed) <
               silence_limit_ns_.load(std::memory_order_relaxed);
}

bool Driver::own(Owner who) ISB_RT {
    Owner none = Owner::None;
    return owner_.compare_exchange_strong(none, who, std::memory_order_acquire);
}

// ---------------------------------------------------------------- null clock

void Driver::run_clock() noexcept {
    prctl(PR_SET_NAME, "isb-clock");
    realtime_.store(become_realtime(config_.priority, config_.cpu));
    const std::uint64_t period = engine_.period_ns;
    std::uint64_t next = now_ns() + period;
    bool driving = false;
    while (!stopping_.load(std::memory_order_relaxed)) {
        const timespec wake = ipc::to_timespec(next);
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wake, nullptr);
        const std::uint64_t now = now_ns();
        if (now > next + static_cast<std::uint64_t>(kSlipPart * static_cast<double>(period))) {
            if (driving && now > next + period) clock_slips.fetch_add(1, std::memory_order_relaxed);
            next = now;
        }
        if (device_alive()) {
            driving = false;
        } else if (own(Owner::Clock)) {
            if (!driving && device_expected_.load())
                takeovers.fetch_add(1, std::memory_order_relaxed);
            driving = true;
            float* out[2] = {rendered_[0], rendered_[1]};
            engine_.process(nullptr, out, next, period, kBlockNullClock);
            disown();
        }
        next += period;
    }
}

// ---------------------------------------------------------------- device

int Driver::portaudio_callback(const void* input, void* output, unsigned long frames, const void*,
                               unsigned long status, void* self) noexcept {
    auto& driver = *static_cast<Driver*>(self);
    if (status & kXrunFlags) driver.xruns.fetch_add(1, std::memory_order_relaxed);
    driver.callbacks.fetch_add(1, std::memory_order_relaxed);
    driver.device_block(static_cast<const float*>(input), static_cast<float*>(output),
                        static_cast<std::uint32_t>(frames));
    return 0;  // paContinue
}

// The period's nominal start: the clock's prediction, corrected slowly by when calls really come,
// so that one late call does not shift the deadline.
std::uint64_t Driver::nominal_start(std::uint64_t entry, std::uint64_t period) ISB_RT {
    const std::uint64_t predicted = predicted_ns_ + period;
    if (entry <= predicted || entry > predicted + 2 * period)
        predicted_ns_ = entry;
    else
        predicted_ns_ = predicted + (entry - predicted) / 32;
    return predicted_ns_;
}

void Driver::device_block(const float* input, float* output, std::uint32_t frames) ISB_RT {
    const std::uint64_t entry = now_ns();
    const std::uint32_t outputs = outputs_.load(std::memory_order_relaxed);
    const auto period = static_cast<std::uint64_t>(1e9 * frames / engine_.config.sample_rate);
    last_callback_ns_.store(entry, std::memory_order_relaxed);
    // Twenty of the device's periods, at least half a second, without a call: the device is gone.
    silence_limit_ns_.store(std::max<std::uint64_t>(500'000'000, 20 * period),
                            std::memory_order_relaxed);
    if (frames > config_.max_device_frames || !own(Owner::Device)) {
        std::memset(output, 0, sizeof(float) * outputs * frames);
        return;
    }
    const std::uint64_t nominal = nominal_start(entry, period);
    const bool in_place = frames % engine_.config.block_frames == 0;
    if (in_place && !queueing_)
        render_in_place(input, output, frames, nominal);
    else
        render_queued(input, output, frames, nominal);
    disown();
}

namespace {

void deinterleave(const float* from, std::uint32_t channels, std::uint32_t frames,
                  std::vector<std::vector<float>>& planes) ISB_RT {
    for (std::uint32_t channel = 0; channel < channels; ++channel)
        for (std::uint32_t i = 0; i < frames; ++i)
            planes[channel][i] = from[i * channels + channel];
}

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

void Driver::render_in_place(const float* input, float* output, std::uint32_t frames,
                             std::uint64_t nominal) ISB_RT {
    const std::uint32_t block = engine_.config.block_frames;
    const std::uint32_t inputs = inputs_.load(std::memory_order_relaxed);
    const std::uint32_t outputs = outputs_.load(std::memory_order_relaxed);
    float* out[2] = {rendered_[0], rendered_[1]};
    for (std::uint32_t k = 0; k < frames / block; ++k) {
        if (input && inputs > 0)
            deinterleave(input + k * block * inputs, inputs, block, planes_in_);
        engine_.process(input && inputs > 0 ? plane_pointers_.data() : nullptr, out,
                        nominal + k * engine_.period_ns, engine_.period_ns, 0);
        interleave(out[0], out[1], block, output + k * block * outputs, outputs);
    }
}

void Driver::render_queued(const float* input, float* output, std::uint32_t frames,
                           std::uint64_t nominal) ISB_RT {
    const std::uint32_t block = engine_.config.block_frames;
    const std::uint32_t inputs = inputs_.load(std::memory_order_relaxed);
    const std::uint32_t outputs = outputs_.load(std::memory_order_relaxed);
    if (!queueing_) {
        queueing_ = true;
        queued_in_ = 0;
        queued_out_ = block;  // silence: the queues' latency
        std::fill_n(queue_out_.data(), 2 * block, 0.0f);
        queue_latency_.store(block, std::memory_order_relaxed);
    }
    const std::size_t in_stride = std::max(1u, inputs);
    if (input && inputs > 0)
        std::memcpy(queue_in_.data() + queued_in_ * in_stride, input,
                    sizeof(float) * inputs * frames);
    else
        std::fill_n(queue_in_.data() + queued_in_ * in_stride, frames * in_stride, 0.0f);
    queued_in_ += frames;
    const std::uint32_t ready = queued_in_ / block;
    const auto period = static_cast<std::uint64_t>(1e9 * frames / engine_.config.sample_rate);
    float* out[2] = {rendered_[0], rendered_[1]};
    for (std::uint32_t k = 0; k < ready; ++k) {
        if (inputs > 0)
            deinterleave(queue_in_.data() + k * block * in_stride, inputs, block, planes_in_);
        engine_.process(inputs > 0 ? plane_pointers_.data() : nullptr, out,
                        nominal + k * period / ready, period / ready, 0);
        interleave(out[0], out[1], block, queue_out_.data() + 2 * queued_out_, 2);
        queued_out_ += block;
    }
    queued_in_ -= ready * block;
    std::memmove(queue_in_.data(), queue_in_.data() + ready * block * in_stride,
                 sizeof(float) * queued_in_ * in_stride);
    for (std::uint32_t i = 0; i < frames; ++i)
        interleave(&queue_out_[2 * i], &queue_out_[2 * i + 1], 1, output + i * outputs, outputs);
    queued_out_ -= frames;
    std::memmove(queue_out_.data(), queue_out_.data() + 2 * frames,
                 sizeof(float) * 2 * queued_out_);
}

}  // namespace isobooth::host
