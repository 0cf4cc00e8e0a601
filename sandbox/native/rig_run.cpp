// SPDX-License-Identifier: GPL-3.0-or-later
#include "sandbox/native/rig_run.hpp"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <future>
#include <numeric>
#include <optional>
#include <thread>

#include "ipc/native/denormals.hpp"
#include "ipc/native/semaphore.hpp"
#include "sandbox/native/crash_handler.hpp"
#include "sandbox/native/direct_buffers.hpp"
#include "sandbox/native/float_mode.hpp"
#include "sandbox/native/guarded_planes.hpp"

namespace isobooth::sandbox {

namespace {

constexpr std::size_t kMostMidi = 1 << 17;
// Seldom enough to disturb nothing, and often within any time limit.
constexpr std::chrono::milliseconds kTellEvery{100};

std::uint64_t thread_cpu_ns() noexcept {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1000000000u +
           static_cast<std::uint64_t>(now.tv_nsec);
}

class Run {
public:
    Run(Processor& processor, const float* in, const float* key, int frames,
        const std::vector<int>& sizes, int max_frames, const std::vector<ipc::Event>& events,
        const RigTransport& transport, const RigOptions& options)
        : processor_(processor),
          in_(in),
          key_(key),
          frames_(frames),
          sizes_(sizes),
          events_(events),
          settings_(transport),
          options_(options),
          inputs_(processor.in_channels, max_frames, options.guard),
          keys_(key ? processor.sidechain_channels : 0, max_frames, options.guard),
          outputs_(processor.out_channels, max_frames, options.guard),
          read_(static_cast<std::size_t>(processor.in_channels)),
          read_beside_(static_cast<std::size_t>(key ? processor.sidechain_channels : 0)),
          written_(static_cast<std::size_t>(processor.out_channels)),
          events_out_(ipc::kMaxEvents) {
        played_.out.assign(written_.size() * static_cast<std::size_t>(frames), 0.0f);
        const std::size_t blocks = rig_blocks(frames, sizes);
        played_.wall_ns.reserve(blocks);
        played_.cpu_ns.reserve(blocks);
        block_events_.reserve(events.size());
        if (DirectBuffers::are_tapped())
            direct_.emplace(max_frames, options.in_place, options.guard);
        if (options.audit || options.trap != FloatTrap::None)
            audit_.emplace(options.audit, options.trap);
    }

    RigPlayed operator()() {
        prctl(PR_SET_NAME, "isb-rig");
        const CrashStack crash_stack;
        // A thread's first allocation makes system calls, which are not the plugin's.
        void* volatile memory = std::malloc(1);
        std::free(memory);
        if (options_.denormals) {
            play();
        } else {
            const ipc::DenormalsOff guard;
            play();
        }
        if (direct_) played_.direct_calls = direct_->calls();
        if (audit_) {
            played_.violations_lost = audit_->lost();
            played_.violations = audit_->take();
        }
        return std::move(played_);
    }

    int frames_done() const noexcept { return done_.load(std::memory_order_relaxed); }

private:
    void play() {
        std::size_t turn = 0, next_event = 0;
        for (int at = 0; at < frames_; ++turn) {
            const int length = std::min(sizes_[turn % sizes_.size()], frames_ - at);
            next_event = take_events(next_event, at, length);
            play_block(at, length);
            at += length;
            done_.store(at, std::memory_order_relaxed);
        }
    }

    // Those of the block, counted from its start.
    std::size_t take_events(std::size_t next, int at, int length) {
        block_events_.clear();
        for (; next < events_.size() && events_[next].offset < static_cast<unsigned>(at + length);
             ++next) {
            if (block_events_.size() == ipc::kMaxEvents) continue;  // more than a host sends
            block_events_.push_back(events_[next]);
            auto& offset = block_events_.back().offset;
            offset -= std::min(offset, static_cast<std::uint32_t>(at));
        }
        return next;
    }

    void play_block(int at, int length) {
        const std::size_t bytes = static_cast<std::size_t>(length) * sizeof(float);
        inputs_.read_only(false);
        for (std::size_t c = 0; c < written_.size(); ++c) {
            const bool over = options_.in_place && c < read_.size();
            const int plane = static_cast<int>(c);
            written_[c] = over ? inputs_.at(plane, length) : outputs_.at(plane, length);
            if (!over) std::fill_n(written_[c], length, kUnwritten);
        }
        fill(inputs_, in_, read_, at, length);
        inputs_.read_only(!options_.in_place);
        keys_.read_only(false);
        fill(keys_, key_, read_beside_, at, length);
        keys_.read_only(true);
        PluginBlock block{};
        block.inputs = read_.data();
        block.sidechain = read_beside_.empty() ? nullptr : read_beside_.data();
        block.outputs = written_.data();
        block.frames = length;
        block.events = block_events_.data();
        block.event_count = static_cast<int>(block_events_.size());
        block.events_out = events_out_.data();
        block.events_out_capacity = static_cast<int>(events_out_.size());
        const ipc::Transport transport = transport_at(at);
        block.transport = &transport;
        call(block, at);
        for (std::size_t c = 0; c < written_.size(); ++c)
            std::memcpy(played_.out.data() + c * static_cast<std::size_t>(frames_) + at,
                        written_[c], bytes);
        look_at(length);
        collect_midi(block, at);
    }

    // The block's part of each plane of `from`.
    void fill(const GuardedPlanes& planes, const float* from, std::vector<const float*>& filled,
              int at, int length) const {
        for (std::size_t c = 0; c < filled.size(); ++c) {
            float* const plane = planes.at(static_cast<int>(c), length);
            std::memcpy(plane, from + c * static_cast<std::size_t>(frames_) + at,
                        static_cast<std::size_t>(length) * sizeof(float));
            filled[c] = plane;
        }
    }

    ipc::Transport transport_at(int at) const {
        ipc::Transport transport{};
        transport.tempo_bpm = settings_.tempo_bpm;
        transport.numerator = transport.denominator = 4;
        transport.position_frames = settings_.position_frames + (settings_.playing ? at : 0);
        transport.position_beats = static_cast<double>(transport.position_frames) /
                                   settings_.sample_rate * settings_.tempo_bpm / 60.0;
        transport.flags = settings_.playing ? ipc::kTransportPlaying : 0u;
        return transport;
    }

    void call(PluginBlock& block, int at) {
        const bool audits = audit_ && at >= options_.audit_from;
        rusage before{}, after{};
        const FloatMode mode = float_mode();
        getrusage(RUSAGE_THREAD, &before);
        const std::uint64_t cpu = thread_cpu_ns();
        const std::uint64_t began = ipc::now_ns();
        if (audits) audit_->enter();
        const bool done = processor_.process(block);
        if (audits) audit_->leave();
        const std::uint64_t ended = ipc::now_ns();
        const std::uint64_t cpu_end = thread_cpu_ns();
        getrusage(RUSAGE_THREAD, &after);
        if (float_mode() != mode) {
            played_.changed_float_mode = true;
            set_float_mode(mode);
        }
        played_.refused_blocks += !done;
        played_.wall_ns.push_back(ended - began);
        played_.cpu_ns.push_back(cpu_end - cpu);
        const auto faults = static_cast<std::uint64_t>(after.ru_minflt - before.ru_minflt +
                                                       after.ru_majflt - before.ru_majflt);
        const auto waits = static_cast<std::uint64_t>(after.ru_nvcsw - before.ru_nvcsw);
        played_.page_faults += faults;
        played_.waits += waits;
        played_.blocks_with_faults += faults > 0;
        played_.blocks_with_waits += waits > 0;
    }

    // By its bits: to a thread that takes small numbers for zero, they compare as zero.
    void look_at(int length) {
        constexpr std::uint32_t kExponent = 0x7f800000, kMagnitude = 0x7fffffff;
        for (const float* plane : written_)
            for (int i = 0; i < length; ++i) {
                const std::uint32_t bits = std::bit_cast<std::uint32_t>(plane[i]) & kMagnitude;
                if (bits >= kExponent)
                    ++played_.nonfinite;
                else if (bits != 0 && (bits & kExponent) == 0)
                    ++played_.subnormal;
                else
                    played_.peak = std::max(played_.peak, std::bit_cast<float>(bits));
            }
    }

    void collect_midi(const PluginBlock& block, int at) {
        const int count = std::clamp(block.events_out_count, 0, block.events_out_capacity);
        for (int i = 0; i < count && played_.midi.size() < kMostMidi; ++i) {
            const ipc::Event& event = events_out_[static_cast<std::size_t>(i)];
            if (event.kind != ipc::EventKind::Midi) continue;
            RigMidi sent{};
            sent.frame =
                static_cast<std::uint32_t>(at) +
                std::min(event.offset, static_cast<std::uint32_t>(std::max(0, block.frames - 1)));
            sent.size = static_cast<std::uint8_t>(std::clamp<int>(event.size, 1, 3));
            std::memcpy(sent.bytes, event.midi, sizeof sent.bytes);
            played_.midi.push_back(sent);
        }
    }

    Processor& processor_;
    const float* in_;
    const float* key_;  // nullptr: silence
    int frames_;
    const std::vector<int>& sizes_;
    const std::vector<ipc::Event>& events_;
    const RigTransport settings_;
    const RigOptions options_;
    GuardedPlanes inputs_, keys_, outputs_;
    std::vector<const float*> read_, read_beside_;
    std::vector<float*> written_;
    std::vector<ipc::Event> events_out_, block_events_;
    std::optional<DirectBuffers> direct_;
    std::optional<Audit> audit_;
    RigPlayed played_;
    std::atomic<int> done_{0};  // frames, for the thread that waits
};

}  // namespace

std::size_t rig_blocks(int frames, const std::vector<int>& sizes) noexcept {
    const auto turn = std::accumulate(sizes.begin(), sizes.end(), std::size_t{0});
    return (static_cast<std::size_t>(frames) / std::max<std::size_t>(1, turn) + 1) * sizes.size();
}

RigPlayed rig_run(Processor& processor, const float* in, const float* key, int frames,
                  const std::vector<int>& sizes, int max_frames,
                  const std::vector<ipc::Event>& events, const RigTransport& transport,
                  const RigOptions& options, const std::function<void(int)>& tell) {
    Run run(processor, in, key, frames, sizes, max_frames, events, transport, options);
    std::promise<RigPlayed> promise;
    std::future<RigPlayed> coming = promise.get_future();
    std::thread thread([&] {
        try {
            promise.set_value(run());
        } catch (...) {
            promise.set_exception(std::current_exception());
        }
    });
    std::exception_ptr failure;
    for (int told = 0; coming.wait_for(kTellEvery) != std::future_status::ready;) {
        const int done = run.frames_done();
        if (done == told || failure) continue;
        try {
            tell(told = done);
        } catch (...) {
            failure = std::current_exception();  // the plugin still plays: nothing may be freed
        }
    }
    thread.join();
    if (failure) std::rethrow_exception(failure);
    return coming.get();
}

}  // namespace isobooth::sandbox
