// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which misses count against a plugin: those in blocks for which the machine cannot be blamed.
#include <cstdio>

#include "host/native/lateness.hpp"
#include "tests/native/chain_rig.hpp"

using namespace isobooth;
using namespace isobooth::tests;

namespace {

constexpr int kBudgetMs = 100;

// A plugin that is slow while the test says so.
struct Plugin {
    std::atomic<bool> slow{false};
    std::function<void()> work() {
        return [this] {
            while (slow.load()) sleep_ms(1);
        };
    }
};

// Renders one block in which `late` are slow, and waits until they are back.
void block(Rig& rig, std::initializer_list<Plugin*> late, std::uint64_t late_ns = 0) {
    for (Plugin* plugin : late) plugin->slow = true;
    rig.block(late_ns);
    for (Plugin* plugin : late) plugin->slow = false;
    for (auto& chain : rig.chains) chain->wait_until_back();
}

void the_host_alone_bears_witness() {
    host::BlockWitness witness;
    witness.budget_ns = 1000;
    witness.chains = witness.chains_missed = 1;
    CHECK(!witness.machine_was_away(), "one chain by itself tells nothing of the machine");
    witness.given_up_late_ns = 250;
    CHECK(!witness.machine_was_away(), "waking takes its time");
    witness.given_up_late_ns = 251;
    CHECK(witness.machine_was_away(), "nobody wakes as late as that on a machine that is there");
    witness.given_up_late_ns = 0;
    witness.begun_late = true;
    CHECK(witness.machine_was_away(), "the chains had less than their time");
    witness.begun_late = false;
    witness.chains = 3;
    witness.chains_missed = 2;
    CHECK(!witness.machine_was_away(), "the third was in time");
    witness.chains_missed = 3;
    CHECK(witness.machine_was_away(), "all at once");
}

// The test's own machine may be away as well: then the block is the machine's, and says so.
void a_plugin_that_is_late_alone_is_counted() {
    Plugin first, second;
    Rig rig(kBudgetMs, {first.work(), second.work()});
    std::uint64_t blocks = 0;
    for (; rig.slot(0).misses_in_a_row < 3; ++blocks) {
        CHECK(blocks < 30, "this machine is never there");
        block(rig, {&first});
    }
    CHECK(rig.slot(0).missed_blocks == blocks, "all are shown");
    CHECK(rig.engine.machine_late_blocks == blocks - 3, "the others were the machine's");
    block(rig, {});
    CHECK(rig.slot(0).misses_in_a_row == 0, "it was heard");
}

void a_block_that_all_missed_is_the_machines() {
    Plugin first, second;
    Rig rig(kBudgetMs, {first.work(), second.work()});
    for (int i = 0; i < 3; ++i) block(rig, {&first, &second});
    for (std::size_t chain = 0; chain < 2; ++chain) {
        CHECK(rig.slot(chain).missed_blocks == 3, "shown");
        CHECK(rig.slot(chain).misses_in_a_row == 0, "not counted");
    }
    CHECK(rig.engine.machine_late_blocks == 3, "but as the machine's");
}

void a_block_that_began_late_is_the_machines() {
    Plugin plugin;
    Rig rig(kBudgetMs, {plugin.work()});
    for (int i = 0; i < 2; ++i) block(rig, {&plugin}, rig.budget_ns());
    CHECK(rig.slot(0).missed_blocks == 2 && rig.slot(0).misses_in_a_row == 0, "not counted");
    CHECK(rig.engine.machine_late_blocks == 2, "but as the machine's");
}

void the_machines_misses_end_no_row() {
    Plugin plugin;
    Rig rig(kBudgetMs, {plugin.work()});
    for (int i = 0; rig.slot(0).misses_in_a_row < 1; ++i) {
        CHECK(i < 30, "this machine is never there");
        block(rig, {&plugin});
    }
    block(rig, {&plugin}, rig.budget_ns());
    CHECK(rig.slot(0).misses_in_a_row == 1, "left as it was");
}

}  // namespace

int main() {
    the_host_alone_bears_witness();
    a_plugin_that_is_late_alone_is_counted();
    a_block_that_all_missed_is_the_machines();
    a_block_that_began_late_is_the_machines();
    the_machines_misses_end_no_row();
    std::puts("lateness_test: ok");
}
