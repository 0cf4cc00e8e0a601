// SPDX-License-Identifier: GPL-3.0-or-later
//
// The engine for Python: objects that plans are made of, commands, counters. Python never runs on
// the audio thread; what it calls here only fills rings and reads atomics.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <sched.h>

#include <cstdio>

#include "host/native/driver.hpp"
#include "host/native/engine.hpp"
#include "host/native/shared_memory.hpp"
#include "host/native/watchdog.hpp"

namespace nb = nanobind;
using namespace isobooth::host;
namespace ipc = isobooth::ipc;

#ifndef ISOBOOTH_MODULE
#define ISOBOOTH_MODULE _native
#endif

namespace {

using Samples = nb::ndarray<const float, nb::shape<2, -1>, nb::c_contig, nb::device::cpu>;

// A shared file that Python mapped; held as long as the chain uses it.
class HeldBuffer {
public:
    HeldBuffer(nb::handle object, std::size_t needed) {
        if (PyObject_GetBuffer(object.ptr(), &view_, PyBUF_WRITABLE) != 0) throw nb::python_error();
        if (static_cast<std::size_t>(view_.len) < needed) {
            PyBuffer_Release(&view_);
            throw nb::value_error("a segment of the chain is smaller than its geometry");
        }
    }
    HeldBuffer(HeldBuffer&& other) noexcept : view_(other.view_) { other.view_.obj = nullptr; }
    ~HeldBuffer() {
        if (view_.obj) PyBuffer_Release(&view_);
    }
    std::byte* data() const { return static_cast<std::byte*>(view_.buf); }

private:
    Py_buffer view_{};
};

// A Chain with the Python buffers that it lies on: host file, activation file, then one output
// file a record.
class PyChain : public Chain {
public:
    PyChain(std::uint32_t id, const ChainMemory& memory, std::vector<HeldBuffer> held)
        : Chain(id, memory), held_(std::move(held)) {
        const auto guard = [this](std::byte* base, std::size_t size) {
            memory_.emplace_back(base, size);
        };
        guard(memory.host, memory.geometry.host_size());
        guard(memory.activation, memory.geometry.activation_size());
        for (std::byte* output : memory.outputs) guard(output, memory.geometry.record_size());
    }

    // Has the record's output file, or what all workers of the chain share, shrunk?
    bool lost(std::uint32_t record) const {
        return memory_[1].lost() || (record + 2 < memory_.size() && memory_[record + 2].lost());
    }
    bool locked() const {
        return std::all_of(memory_.begin(), memory_.end(),
                           [](const auto& m) { return m.locked(); });
    }

private:
    std::vector<HeldBuffer> held_;
    std::vector<SharedMemory> memory_;
};

std::shared_ptr<PyChain> make_chain(std::uint32_t id, const ipc::Geometry& geometry,
                                    nb::handle host, nb::handle activation,
                                    const std::vector<nb::object>& outputs,
                                    std::vector<std::string> semaphores, std::string end) {
    if (outputs.size() != geometry.records || semaphores.size() != geometry.records)
        throw nb::value_error("a chain needs one output file and one semaphore a record");
    std::vector<HeldBuffer> held;
    ChainMemory memory;
    memory.geometry = geometry;
    const auto hold = [&held](nb::handle object, std::size_t size) {
        return held.emplace_back(object, size).data();
    };
    memory.host = hold(host, geometry.host_size());
    memory.activation = hold(activation, geometry.activation_size());
    for (const nb::object& output : outputs)
        memory.outputs.push_back(hold(output, geometry.record_size()));
    memory.semaphores = std::move(semaphores);
    memory.end_semaphore = std::move(end);
    return std::make_shared<PyChain>(id, memory, std::move(held));
}

std::shared_ptr<AudioClip> make_audio_clip(Samples samples, std::int64_t start, float gain,
                                           bool loop) {
    auto clip = std::make_shared<AudioClip>();
    clip->planes[0] = samples.data();
    clip->planes[1] = samples.data() + samples.shape(1);
    clip->frames = static_cast<std::int64_t>(samples.shape(1));
    clip->start = start;
    clip->gain = gain;
    clip->loop = loop;
    clip->keep_alive = std::make_shared<Samples>(samples);
    return clip;
}

std::shared_ptr<MidiClip> make_midi_clip(
    nb::ndarray<const std::int64_t, nb::ndim<1>, nb::c_contig> frames,
    nb::ndarray<const std::uint8_t, nb::shape<-1, 3>, nb::c_contig> data) {
    if (frames.shape(0) != data.shape(0))
        throw nb::value_error("one row of three bytes is needed for each frame");
    std::vector<TimedMidi> events(frames.shape(0));
    for (std::size_t i = 0; i < events.size(); ++i) {
        events[i] = {frames.data()[i],
                     {data.data()[3 * i], data.data()[3 * i + 1], data.data()[3 * i + 2], 0}};
        if (i > 0 && events[i].frame < events[i - 1].frame)
            throw nb::value_error("MIDI events must be sorted by frame");
    }
    return std::make_shared<MidiClip>(std::move(events));
}

ChainMode mode_of(const std::string& name) {
    if (name == "relayed") return ChainMode::Relayed;
    if (name == "hosted") return ChainMode::Hosted;
    if (name == "pipelined") return ChainMode::Pipelined;
    throw nb::value_error("a chain's mode is relayed, hosted or pipelined");
}

PlanStrip& strip_at(Plan& plan, std::uint32_t index) {
    if (index >= plan.strips.size()) throw nb::index_error("no such strip in the plan");
    return plan.strips[index];
}

// Refuses plans that would read outside of themselves.
void check_plan(const Plan& plan) {
    std::vector<int> stage_of(plan.strips.size(), -1);
    for (std::size_t stage = 0; stage < plan.stages.size(); ++stage)
        for (const std::uint32_t index : plan.stages[stage]) {
            if (index >= plan.strips.size() || stage_of[index] >= 0)
                throw nb::value_error("every strip belongs to exactly one stage");
            stage_of[index] = static_cast<int>(stage);
        }
    if (plan.master >= plan.strips.size()) throw nb::value_error("the plan has no master");
    const auto before = [&](std::uint32_t from, std::size_t to) {
        return from < plan.strips.size() && stage_of[from] >= 0 && stage_of[from] < stage_of[to];
    };
    for (std::size_t i = 0; i < plan.strips.size(); ++i) {
        if (stage_of[i] < 0) throw nb::value_error("every strip belongs to exactly one stage");
        for (const Feed& feed : plan.strips[i].feeds)
            if (!before(feed.from, i)) throw nb::value_error("a strip is fed by a later stage");
        for (const KeyFeed& key : plan.strips[i].keys)
            if (!before(key.from, i) || key.slot >= plan.strips[i].slots.size())
                throw nb::value_error("a side-chain comes from a later stage");
    }
}

template <typename T>
nb::object column(std::size_t rows, std::size_t columns, auto fill) {
    auto* data = new T[std::max<std::size_t>(1, rows * columns)];
    nb::capsule owner(data, [](void* p) noexcept { delete[] static_cast<T*>(p); });
    for (std::size_t i = 0; i < rows; ++i) fill(data + i * columns, i);
    if (columns == 1) return nb::cast(nb::ndarray<nb::numpy, T>(data, {rows}, owner));
    return nb::cast(nb::ndarray<nb::numpy, T>(data, {rows, columns}, owner));
}

nb::dict read_blocks(Engine& engine) {
    std::vector<BlockRecord> records;
    records.reserve(engine.blocks.size());
    BlockRecord record;
    const std::size_t waiting = engine.blocks.size();
    while (records.size() < waiting && engine.blocks.pop(record)) records.push_back(record);
    const auto of = [&](auto member) {
        using T = std::remove_reference_t<decltype(records[0].*member)>;
        return column<T>(records.size(), 1,
                         [&](T* to, std::size_t i) { *to = records[i].*member; });
    };
    nb::dict table;
    table["block"] = of(&BlockRecord::block);
    table["start_ns"] = of(&BlockRecord::start_ns);
    table["entry_ns"] = of(&BlockRecord::entry_ns);
    table["duration_ns"] = of(&BlockRecord::duration_ns);
    table["flags"] = of(&BlockRecord::flags);
    table["missed_slots"] = of(&BlockRecord::missed_slots);
    table["peaks"] = column<float>(records.size(), kLoggedStrips, [&](float* to, std::size_t i) {
        std::copy_n(records[i].peaks, kLoggedStrips, to);
    });
    return table;
}

const char* cause_name(MissCause cause) {
    switch (cause) {
        case MissCause::None:
            return "none";
        case MissCause::Overrun:
            return "overrun";
        case MissCause::Unwoken:
            return "unwoken";
        case MissCause::Skipped:
            return "skipped";
        case MissCause::Busy:
            return "busy";
        case MissCause::Offline:
            return "offline";
        case MissCause::Bypassed:
            return "bypassed";
    }
    return "none";
}

nb::list read_misses(Engine& engine) {
    nb::list rows;
    MissEvent miss;
    while (engine.misses.pop(miss))
        rows.append(nb::make_tuple(miss.block, miss.time_ns, miss.generation, miss.slot,
                                   miss.record, cause_name(miss.cause)));
    return rows;
}

// The calling thread on one core for the length of a scope; -1: where it was.
class OnCore {
public:
    explicit OnCore(int cpu) noexcept {
        sched_getaffinity(0, sizeof before_, &before_);
        if (cpu < 0 || cpu >= CPU_SETSIZE) return;
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(cpu, &set);
        sched_setaffinity(0, sizeof set, &set);
    }
    ~OnCore() { sched_setaffinity(0, sizeof before_, &before_); }
    OnCore(const OnCore&) = delete;
    OnCore& operator=(const OnCore&) = delete;

private:
    cpu_set_t before_;
};

// Renders `blocks` blocks as fast as they go, or as fast as their chains answer.
nb::object render(Engine& engine, std::uint32_t blocks, int cpu) {
    const std::size_t frames = engine.config.block_frames;
    auto* data = new float[std::max<std::size_t>(1, 2 * frames * blocks)];
    nb::capsule owner(data, [](void* p) noexcept { delete[] static_cast<float*>(p); });
    {
        const nb::gil_scoped_release release;
        const OnCore core(cpu);
        const std::size_t plane = frames * blocks;
        for (std::size_t block = 0; block < blocks; ++block) {
            float* out[2] = {data + block * frames, data + plane + block * frames};
            engine.process(nullptr, out, ipc::now_ns(), engine.period_ns, 0);
        }
    }
    return nb::cast(nb::ndarray<nb::numpy, float>(data, {2, frames * blocks}, owner));
}

nb::object read_capture(Engine& engine, std::size_t max_frames) {
    const std::size_t frames =
        engine.capture ? std::min(max_frames, engine.capture->size() / 2) : 0;
    return column<float>(frames, 2, [&](float* to, std::size_t) {
        engine.capture->pop(to[0]);
        engine.capture->pop(to[1]);
    });
}

Command command(CommandKind kind, void* target, std::int64_t a = 0, std::int64_t b = 0,
                double value = 0.0, std::uint64_t edit = 0) {
    return {kind, {}, target, a, b, value, edit};
}

std::array<std::uint8_t, 3> midi_bytes(nb::bytes bytes) {
    if (bytes.size() < 1 || bytes.size() > 3)
        throw nb::value_error("a MIDI message has 1 to 3 bytes");
    std::array<std::uint8_t, 3> out{};
    std::memcpy(out.data(), bytes.c_str(), bytes.size());
    if (out[0] < 0x80 || out[1] > 0x7f || out[2] > 0x7f)
        throw nb::value_error("not a MIDI channel message");
    return out;
}

OnMiss policy_of(const std::string& name) {
    if (name == "auto") return OnMiss::Auto;
    if (name == "dry") return OnMiss::Dry;
    if (name == "silence") return OnMiss::Silence;
    throw nb::value_error("on_miss is auto, dry or silence");
}

nb::list recent_events(const PluginSlot& slot) {
    nb::list rows;
    const std::uint64_t count = slot.recent.event_count.load(std::memory_order_acquire);
    const std::uint64_t first = count > Recent::kEvents ? count - Recent::kEvents : 0;
    for (std::uint64_t i = first; i < count; ++i) {
        const RecentEvent& recent = slot.recent.events[i % Recent::kEvents];
        const ipc::Event& event = recent.event;
        const char* kind = event.kind == ipc::EventKind::Midi        ? "midi"
                           : event.kind == ipc::EventKind::Parameter ? "parameter"
                                                                     : "program";
        rows.append(nb::make_tuple(
            recent.generation, event.offset, kind,
            nb::bytes(reinterpret_cast<const char*>(event.midi), std::min<unsigned>(event.size, 3)),
            event.index, event.value));
    }
    return rows;
}

nb::list recent_process_us(const PluginSlot& slot) {
    nb::list rows;
    const std::uint64_t count = slot.recent.time_count.load(std::memory_order_acquire);
    const std::uint64_t first = count > Recent::kTimes ? count - Recent::kTimes : 0;
    for (std::uint64_t i = first; i < count; ++i)
        rows.append(static_cast<double>(slot.recent.times_ns[i % Recent::kTimes]) / 1000.0);
    return rows;
}

void bind_parts(nb::module_& m) {
    const auto counter = [](auto member) {
        return [member](const PluginSlot& slot) { return (slot.counters.*member).load(); };
    };
    nb::class_<PluginSlot>(m, "PluginSlot")
        .def(nb::new_(
                 [](std::uint32_t id, double rate, std::uint32_t frames, std::uint32_t capacity) {
                     return std::make_shared<PluginSlot>(id, rate, frames, capacity);
                 }),
             nb::arg("id"), nb::arg("sample_rate"), nb::arg("max_frames"),
             nb::arg("latency_capacity") = 16384)
        .def_ro("id", &PluginSlot::id)
        .def_prop_ro("processed_blocks", counter(&SlotCounters::processed_blocks))
        .def_prop_ro("bypassed_blocks", counter(&SlotCounters::bypassed_blocks))
        .def_prop_ro("missed_blocks", counter(&SlotCounters::missed_blocks))
        .def_prop_ro("repaired_samples", counter(&SlotCounters::repaired_samples))
        .def_prop_ro("dropped_events", counter(&SlotCounters::dropped_events))
        .def_prop_ro("misses_in_a_row", counter(&SlotCounters::misses_in_a_row))
        .def_prop_ro("stuck_blocks", counter(&SlotCounters::stuck_blocks))
        .def_prop_ro("stuck_since_ns", counter(&SlotCounters::stuck_since_ns))
        .def_prop_ro("nonfinite_in_a_row", counter(&SlotCounters::nonfinite_in_a_row))
        .def_prop_ro("overlevel_in_a_row", counter(&SlotCounters::overlevel_in_a_row))
        .def_prop_ro("reported_latency_frames", counter(&SlotCounters::reported_latency))
        .def_prop_ro("process_ns", counter(&SlotCounters::process_ns))
        .def_prop_ro(
            "last_cause",
            [](const PluginSlot& slot) { return cause_name(slot.counters.last_cause.load()); })
        .def_prop_ro("generation",
                     [](const PluginSlot& slot) { return slot.recent.generation.load(); })
        .def("recent_events", recent_events)
        .def("recent_process_us", recent_process_us)
        .def(
            "set_worker",
            [](PluginSlot& slot, int thread, int priority) {
                slot.worker_priority.store(priority);
                slot.worker_thread.store(thread);
            },
            nb::arg("thread_id"), nb::arg("priority"));

    nb::class_<Strip>(m, "Strip")
        .def(nb::new_([](std::uint32_t id, std::uint32_t frames) {
                 return std::make_shared<Strip>(id, frames);
             }),
             nb::arg("id"), nb::arg("max_frames"))
        .def_ro("id", &Strip::id)
        .def_prop_ro("peaks", [](const Strip& strip) {
            return nb::make_tuple(strip.peaks[0].load(), strip.peaks[1].load());
        });

    nb::class_<DelayLine>(m, "DelayLine")
        .def(nb::new_([](std::uint32_t delay, std::uint32_t frames) {
                 return std::make_shared<DelayLine>(delay, frames);
             }),
             nb::arg("delay_frames"), nb::arg("max_frames"))
        .def_prop_ro("delay_frames", &DelayLine::delay_frames);

    nb::class_<AudioClip>(m, "AudioClip")
        .def(nb::new_(&make_audio_clip), nb::arg("samples"), nb::arg("start_frame") = 0,
             nb::arg("gain") = 1.0f, nb::arg("loop") = false)
        .def_ro("frames", &AudioClip::frames);
    nb::class_<MidiClip>(m, "MidiClip")
        .def(nb::new_(&make_midi_clip), nb::arg("frames"), nb::arg("data"));

    nb::class_<PyChain>(m, "Chain")
        .def(nb::new_(&make_chain), nb::arg("id"), nb::arg("geometry"), nb::arg("host"),
             nb::arg("activation"), nb::arg("outputs"), nb::arg("semaphores"),
             nb::arg("end_semaphore"))
        .def_prop_ro("id", [](const PyChain& chain) { return chain.id; })
        .def_prop_ro("locked", &PyChain::locked)
        .def("lost", &PyChain::lost, nb::arg("record"))
        .def("retire", &Chain::retire, nb::arg("record"))
        .def("is_stuck", &Chain::is_stuck, nb::arg("record"))
        .def("reset", &Chain::reset, nb::arg("record"));
}

void bind_plan(nb::module_& m) {
    nb::class_<Plan>(m, "Plan")
        .def(nb::new_([] { return std::make_shared<Plan>(); }))
        .def(
            "add_strip",
            [](Plan& plan, std::shared_ptr<Strip> strip, std::shared_ptr<AudioClip> audio,
               std::shared_ptr<MidiClip> midi, std::int64_t source_delay, int live_left,
               int live_right) {
                PlanStrip entry;
                entry.strip = std::move(strip);
                entry.audio = std::move(audio);
                entry.midi = std::move(midi);
                entry.source_delay = source_delay;
                entry.live_left = live_left;
                entry.live_right = live_right;
                plan.strips.push_back(std::move(entry));
                return plan.strips.size() - 1;
            },
            nb::arg("strip"), nb::arg("audio").none() = nb::none(),
            nb::arg("midi").none() = nb::none(), nb::arg("source_delay") = 0,
            nb::arg("live_left") = -1, nb::arg("live_right") = -1)
        .def(
            "set_chain",
            [](Plan& plan, std::uint32_t index, std::shared_ptr<PyChain> chain,
               std::vector<std::shared_ptr<PluginSlot>> slots, const std::string& mode) {
                PlanStrip& strip = strip_at(plan, index);
                strip.chain = std::move(chain);
                strip.mode = mode_of(mode);
                strip.slots = std::move(slots);
                strip.slot_pointers.clear();
                for (const auto& slot : strip.slots) strip.slot_pointers.push_back(slot.get());
            },
            nb::arg("strip"), nb::arg("chain"), nb::arg("slots"), nb::arg("mode") = "relayed")
        .def(
            "add_feed",
            [](Plan& plan, std::uint32_t to, std::uint32_t from, std::shared_ptr<DelayLine> delay) {
                strip_at(plan, to).feeds.push_back({from, std::move(delay)});
            },
            nb::arg("to"), nb::arg("source"), nb::arg("delay").none() = nb::none())
        .def(
            "add_key",
            [](Plan& plan, std::uint32_t to, std::size_t slot, std::uint32_t from,
               std::shared_ptr<DelayLine> delay, std::uint32_t max_frames) {
                KeyFeed key;
                key.slot = slot;
                key.from = from;
                if (delay) key.buffer = std::make_unique<StereoBuffer>(max_frames);
                key.delay = std::move(delay);
                strip_at(plan, to).keys.push_back(std::move(key));
            },
            nb::arg("to"), nb::arg("slot"), nb::arg("source"), nb::arg("delay").none(),
            nb::arg("max_frames"))
        .def(
            "finish",
            [](Plan& plan, std::vector<std::vector<std::uint32_t>> stages, std::uint32_t master) {
                plan.stages = std::move(stages);
                plan.master = master;
                check_plan(plan);
                plan.share_time();
                for (PlanStrip& strip : plan.strips) {
                    if (strip.chain) strip.midi_events.resize(ipc::kMaxEvents);
                    strip.key_signals.reserve(strip.keys.size());
                }
            },
            nb::arg("stages"), nb::arg("master"),
            "Sets order and master; raises ValueError for a plan that cannot be rendered.");
}

void bind_engine(nb::module_& m) {
    const auto counter = [](auto member) {
        return [member](const Engine& engine) { return (engine.*member).load(); };
    };
    nb::class_<Engine>(m, "Engine")
        .def(
            "__init__",
            [](Engine* self, double rate, std::uint32_t frames, double fraction, bool offline,
               double hang_limit, double capture, std::uint32_t log_blocks) {
                if (frames < 1 || frames > ipc::kMaxFrames || !(rate >= 8000 && rate <= 768000))
                    throw nb::value_error("block size or sample rate out of range");
                EngineConfig config;
                config.sample_rate = rate;
                config.block_frames = frames;
                config.deadline_fraction = fraction;
                config.offline = offline;
                config.hang_limit_s = hang_limit;
                config.capture_s = capture;
                config.input_channels = 64;
                config.log_blocks = log_blocks;
                new (self) Engine(config);
            },
            nb::arg("sample_rate"), nb::arg("block_frames"), nb::arg("deadline_fraction") = 0.7,
            nb::arg("offline") = false, nb::arg("hang_limit_s") = 10.0, nb::arg("capture_s") = 0.0,
            nb::arg("log_blocks") = 65536)
        .def_prop_ro("sample_rate", [](const Engine& e) { return e.config.sample_rate; })
        .def_prop_ro("block_frames", [](const Engine& e) { return e.config.block_frames; })
        .def_ro("period_ns", &Engine::period_ns)
        .def_prop_ro("block_count", counter(&Engine::block_count))
        .def_prop_ro("late_blocks", counter(&Engine::late_blocks))
        .def_prop_ro("machine_late_blocks", counter(&Engine::machine_late_blocks))
        .def_prop_ro("lost_block_records", counter(&Engine::lost_records))
        .def_prop_ro("lost_capture_frames", counter(&Engine::lost_capture_frames))
        .def_prop_ro("position_frames",
                     [](const Engine& e) { return e.transport.shown_position.load(); })
        .def_prop_ro("playing", [](const Engine& e) { return e.transport.shown_playing.load(); })
        .def_prop_ro("command_space", &Engine::command_space)
        .def("adopt_slot", [](Engine& e, std::shared_ptr<PluginSlot> s) { e.adopt(std::move(s)); })
        .def("adopt_strip", [](Engine& e, std::shared_ptr<Strip> s) { e.adopt(std::move(s)); })
        .def("publish", [](Engine& e, std::shared_ptr<Plan> p) { return e.publish(std::move(p)); })
        .def("collect", &Engine::collect)
        .def("clear", &Engine::clear)
        .def("set_gain", [](Engine& e, Strip& s,
                            double v) { return e.send(command(CommandKind::Gain, &s, 0, 0, v)); })
        .def("set_pan", [](Engine& e, Strip& s,
                           double v) { return e.send(command(CommandKind::Pan, &s, 0, 0, v)); })
        .def("set_mute",
             [](Engine& e, Strip& s, bool v) { return e.send(command(CommandKind::Mute, &s, v)); })
        .def("settle", [](Engine& e, Strip& s) { return e.send(command(CommandKind::Settle, &s)); })
        .def(
            "attach",
            [](Engine& e, PluginSlot& s, std::uint32_t record, bool restarted) {
                return e.send(command(CommandKind::Attach, &s, record, restarted));
            },
            nb::arg("slot"), nb::arg("record"), nb::arg("restarted"))
        .def("detach",
             [](Engine& e, PluginSlot& s) { return e.send(command(CommandKind::Detach, &s)); })
        .def(
            "set_bypass",
            [](Engine& e, PluginSlot& s, bool v, bool by_user) {
                return e.send(command(CommandKind::Bypass, &s, v, by_user));
            },
            nb::arg("slot"), nb::arg("bypassed"), nb::arg("by_user"))
        .def("set_latency",
             [](Engine& e, PluginSlot& s, std::uint32_t frames) {
                 return e.send(command(CommandKind::Latency, &s, frames));
             })
        .def(
            "set_policy",
            [](Engine& e, PluginSlot& s, const std::string& on_miss, bool instrument,
               bool accepts_midi, bool produces_midi) {
                return e.send(command(
                    CommandKind::Policy, &s, static_cast<std::int64_t>(policy_of(on_miss)),
                    (instrument ? 1 : 0) | (accepts_midi ? 2 : 0) | (produces_midi ? 4 : 0)));
            },
            nb::arg("slot"), nb::arg("on_miss"), nb::arg("is_instrument"), nb::arg("accepts_midi"),
            nb::arg("produces_midi"))
        .def(
            "set_parameter",
            [](Engine& e, PluginSlot& s, std::uint32_t index, double value, std::uint64_t edit,
               std::uint32_t offset) {
                return e.send(command(CommandKind::Parameter, &s, index, offset, value, edit));
            },
            nb::arg("slot"), nb::arg("index"), nb::arg("value"), nb::arg("edit"),
            nb::arg("offset") = 0)
        .def(
            "set_program",
            [](Engine& e, PluginSlot& s, std::uint32_t program, std::uint64_t edit) {
                return e.send(command(CommandKind::Program, &s, program, 0, 0.0, edit));
            },
            nb::arg("slot"), nb::arg("program"), nb::arg("edit"))
        .def("send_midi",
             [](Engine& e, PluginSlot& s, nb::bytes bytes) {
                 Command c = command(CommandKind::SlotMidi, &s);
                 const auto data = midi_bytes(bytes);
                 std::copy_n(data.data(), 3, c.bytes);
                 return e.send(c);
             })
        .def("live_midi", [](Engine& e, Strip& s,
                             nb::bytes bytes) { return e.live_midi(&s, midi_bytes(bytes).data()); })
        .def("play",
             [](Engine& e, bool v) { return e.send(command(CommandKind::Play, nullptr, v)); })
        .def("locate",
             [](Engine& e, std::int64_t frame) {
                 return e.send(command(CommandKind::Locate, nullptr, frame));
             })
        .def("set_loop",
             [](Engine& e, std::int64_t start, std::int64_t end) {
                 return e.send(command(CommandKind::Loop, nullptr, start, end));
             })
        .def("set_tempo",
             [](Engine& e, double bpm) {
                 return e.send(command(CommandKind::Tempo, nullptr, 0, 0, bpm));
             })
        .def("set_signature",
             [](Engine& e, int numerator, int denominator) {
                 return e.send(command(CommandKind::Signature, nullptr, numerator, denominator));
             })
        .def("render", &render, nb::arg("blocks"), nb::arg("cpu") = -1)
        .def("read_blocks", &read_blocks)
        .def("read_misses", &read_misses)
        .def("read_capture", &read_capture, nb::arg("max_frames"));

    const auto driver_counter = [](auto member) {
        return [member](const Driver& driver) { return (driver.*member).load(); };
    };
    nb::class_<Driver>(m, "Driver")
        .def(
            "__init__",
            [](Driver* self, Engine& engine, int priority, int cpu) {
                DriverConfig config;
                config.priority = priority;
                config.cpu = cpu;
                new (self) Driver(engine, config);
            },
            nb::arg("engine"), nb::arg("priority"), nb::arg("cpu") = -1, nb::keep_alive<1, 2>())
        .def("start", &Driver::start)
        .def("stop", &Driver::stop, nb::call_guard<nb::gil_scoped_release>())
        .def(
            "add_stream",
            [](Driver& driver, std::uint32_t inputs, std::uint32_t outputs) {
                if (inputs > kMaxDeviceChannels || outputs > kMaxDeviceChannels || outputs == 0)
                    throw nb::value_error("a stream has 0 to 64 inputs and 1 to 64 outputs");
                return reinterpret_cast<std::uintptr_t>(driver.add_stream(inputs, outputs));
            },
            nb::arg("inputs"), nb::arg("outputs"))
        .def(
            "expect_device",
            [](Driver& driver, std::uintptr_t stream) {
                driver.expect_device(reinterpret_cast<DeviceStream*>(stream));
            },
            nb::arg("stream"))
        .def("device_lost", &Driver::device_lost, nb::call_guard<nb::gil_scoped_release>())
        .def("no_device", &Driver::no_device, nb::call_guard<nb::gil_scoped_release>())
        .def_prop_ro("device_alive", &Driver::device_alive)
        .def_prop_ro("realtime", &Driver::realtime)
        .def_prop_ro("device_realtime", &Driver::device_realtime)
        .def_prop_ro("queue_latency_frames", &Driver::queue_latency)
        .def_prop_ro("xruns", driver_counter(&Driver::xruns))
        .def_prop_ro("clock_slips", driver_counter(&Driver::clock_slips))
        .def_prop_ro("takeovers", driver_counter(&Driver::takeovers))
        .def_prop_ro("callbacks", driver_counter(&Driver::callbacks))
        .def_prop_ro("device_frames", driver_counter(&Driver::device_frames))
        .def_prop_ro("repaired_inputs", driver_counter(&Driver::repaired_inputs))
        .def_prop_ro("callback_address", [](const Driver&) {
            return reinterpret_cast<std::uintptr_t>(&Driver::portaudio_callback);
        });

    nb::class_<Watchdog>(m, "Watchdog")
        .def(nb::init<std::uint64_t, int>(), nb::arg("period_ns"), nb::arg("priority"))
        .def("stop", &Watchdog::stop, nb::call_guard<nb::gil_scoped_release>())
        .def("watch", &Watchdog::watch, nb::arg("slot"))
        .def(
            "forget", [](Watchdog& w, PluginSlot& s) { w.forget(&s); }, nb::arg("slot"))
        .def_prop_ro("demotions", &Watchdog::demotions);
}

}  // namespace

NB_MODULE(ISOBOOTH_MODULE, m) {
    nb::module_::import_("ipc._native");  // Geometry
    m.attr("LOGGED_STRIPS") = kLoggedStrips;
    m.attr("BLOCK_LATE") = static_cast<unsigned>(kBlockLate);
    m.attr("BLOCK_MISSED") = static_cast<unsigned>(kBlockMissed);
    m.attr("BLOCK_ALL_MISSED") = static_cast<unsigned>(kBlockAllMissed);
    m.attr("BLOCK_NULL_CLOCK") = static_cast<unsigned>(kBlockNullClock);
    m.attr("RT_CHECKS") = rt_checks();
    bind_parts(m);
    bind_plan(m);
    bind_engine(m);
}
