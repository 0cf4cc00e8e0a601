// SPDX-License-Identifier: GPL-3.0-or-later
//
// Whoever holds a chain's semaphore may post its end as often as it likes: the chain is heard, and
// one that does not come is given up at its deadline and not before.
#include <cstdio>

#include "tests/native/chain_rig.hpp"

using namespace isobooth;
using namespace isobooth::tests;

namespace {

// Posts the end of a chain as fast as it can.
class Flood {
public:
    explicit Flood(const ipc::Semaphore& end)
        : thread_([this, &end] {
              while (!stopping_.load(std::memory_order_relaxed)) end.post();
          }) {}
    ~Flood() {
        stopping_.store(true);
        thread_.join();
    }

private:
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

void a_flooded_chain_is_heard() {
    Rig rig(1000, {[] { sleep_ms(5); }});
    const Flood flood(rig.chains[0]->end);
    for (int i = 0; i < 20; ++i) rig.block();
    CHECK(rig.slot(0).processed_blocks == 20, "%d", int(rig.slot(0).processed_blocks));
    CHECK(rig.slot(0).missed_blocks == 0, "nothing was late");
}

void a_flooded_chain_costs_no_more_than_its_time() {
    std::atomic<bool> slow{true};
    Rig rig(40, {[&] {
                while (slow) sleep_ms(1);
            }});
    const Flood flood(rig.chains[0]->end);
    const std::uint64_t before = ipc::now_ns();
    rig.block();
    CHECK(ipc::now_ns() - before >= 28'000'000, "it was waited for until its deadline");
    CHECK(rig.slot(0).missed_blocks == 1, "then given up");
    slow = false;
    rig.chains[0]->wait_until_back();
}

void a_death_ends_the_wait_of_a_flooded_chain() {
    std::atomic<bool> slow{true};
    Rig rig(60'000, {[&] {
                while (slow) sleep_ms(1);
            }});
    const Flood flood(rig.chains[0]->end);
    std::thread control([&] {
        sleep_ms(50);
        rig.chains[0]->chain->retire(RigChain::kRecord);
    });
    const std::uint64_t before = ipc::now_ns();
    rig.block();
    CHECK(ipc::now_ns() - before < 40'000'000'000u, "a dead worker is not waited for");
    CHECK(rig.slot(0).missed_blocks == 0, "and not blamed for lateness");
    control.join();
    slow = false;
}

}  // namespace

int main() {
    a_flooded_chain_is_heard();
    a_flooded_chain_costs_no_more_than_its_time();
    a_death_ends_the_wait_of_a_flooded_chain();
    std::puts("end_posts_test: ok");
}
