// SPDX-License-Identifier: GPL-3.0-or-later
//
// The render plan, checked before the engine may see it.
#include <nanobind/nanobind.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "host/native/bindings.hpp"
#include "host/native/plan.hpp"
#include "host/native/python_chain.hpp"

namespace nb = nanobind;

namespace isobooth::host {

namespace {

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

}  // namespace

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
            "set_time",
            [](Plan& plan, std::uint32_t index, std::shared_ptr<OwnTime> time) {
                strip_at(plan, index).time = std::move(time);
            },
            nb::arg("strip"), nb::arg("time"))
        .def(
            "set_chain",
            [](Plan& plan, std::uint32_t index, std::shared_ptr<PythonChain> chain,
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
                    for (const KeyFeed& key : strip.keys) plan.strips[key.from].is_key = true;
                }
            },
            nb::arg("stages"), nb::arg("master"),
            "Sets order and master; raises ValueError for a plan that cannot be rendered.");
}

}  // namespace isobooth::host
