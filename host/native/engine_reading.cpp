// SPDX-License-Identifier: GPL-3.0-or-later
#include "host/native/engine_reading.hpp"

#include <nanobind/ndarray.h>
#include <sched.h>

#include <algorithm>
#include <vector>

#include "host/native/bindings.hpp"

namespace nb = nanobind;

namespace isobooth::host {

namespace {

template <typename T>
nb::object column(std::size_t rows, std::size_t columns, auto fill) {
    auto* data = new T[std::max<std::size_t>(1, rows * columns)];
    nb::capsule owner(data, [](void* p) noexcept { delete[] static_cast<T*>(p); });
    for (std::size_t i = 0; i < rows; ++i) fill(data + i * columns, i);
    if (columns == 1) return nb::cast(nb::ndarray<nb::numpy, T>(data, {rows}, owner));
    return nb::cast(nb::ndarray<nb::numpy, T>(data, {rows, columns}, owner));
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

}  // namespace

nb::object render(Engine& engine, std::uint32_t blocks, int cpu, std::uint32_t cut_frames) {
    if (cut_frames > engine.config.block_frames)
        throw nb::value_error("a cut block is no longer than a whole one");
    const std::size_t frames = cut_frames ? cut_frames : engine.config.block_frames;
    auto* data = new float[std::max<std::size_t>(1, 2 * frames * blocks)];
    nb::capsule owner(data, [](void* p) noexcept { delete[] static_cast<float*>(p); });
    {
        const nb::gil_scoped_release release;
        const OnCore core(cpu);
        const std::size_t plane = frames * blocks;
        for (std::size_t block = 0; block < blocks; ++block) {
            float* out[2] = {data + block * frames, data + plane + block * frames};
            engine.process(nullptr, out, ipc::now_ns(), engine.period_ns, 0, cut_frames);
        }
    }
    return nb::cast(nb::ndarray<nb::numpy, float>(data, {2, frames * blocks}, owner));
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

nb::list read_misses(Engine& engine) {
    nb::list rows;
    MissEvent miss;
    while (engine.misses.pop(miss))
        rows.append(nb::make_tuple(miss.block, miss.time_ns, miss.generation, miss.slot,
                                   miss.record, cause_name(miss.cause)));
    return rows;
}

nb::object read_capture(Engine& engine, std::size_t max_frames) {
    const std::size_t frames =
        engine.capture ? std::min(max_frames, engine.capture->size() / 2) : 0;
    return column<float>(frames, 2, [&](float* to, std::size_t) {
        engine.capture->pop(to[0]);
        engine.capture->pop(to[1]);
    });
}

}  // namespace isobooth::host
