// SPDX-License-Identifier: GPL-3.0-or-later
//
// Explores every interleaving of the relay's rules: the functions of relay.hpp themselves, with a
// deadline, a death, a restart and a plan swap possible at every step.
//
// Then it does the same with rules that each lack one guard. All of those must fail, or the
// explorer would not notice if relay.hpp lost it.
//
// usage: relay_explore [-v]     -v: tell the shortest way to each broken rule's violation
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <mutex>
#include <thread>

#include "tests/native/relay_model.hpp"

using namespace isobooth::tests;
using isobooth::ipc::Effect;

namespace {

constexpr std::size_t kMostStates = 30'000'000;  // 1.2 GB

// Sanitizers cost an order of magnitude, and what they look for is in every scenario.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSmallOnly = true;
#else
constexpr bool kSmallOnly = false;
#endif

constexpr std::uint32_t effect(Effect e) { return 1u << static_cast<unsigned>(e); }
constexpr std::uint32_t kAlways =
    effect(Effect::Linked) | effect(Effect::Run) | effect(Effect::Released) |
    effect(Effect::Finished) | effect(Effect::Late) | effect(Effect::Handed) |
    effect(Effect::Skipped) | effect(Effect::Unwoken) | effect(Effect::Overrun);

double seconds() {
    using namespace std::chrono;
    return duration<double>(steady_clock::now().time_since_epoch()).count();
}

class Suite {
public:
    explicit Suite(bool verbose) : verbose_(verbose) {}

    void must_hold(const Scenario& scenario) {
        const double start = seconds();
        const RelayModel model(scenario);
        const Exploration found = Explorer(model, kMostStates).run();
        const std::lock_guard lock(mutex_);
        std::printf("%-28s %9zu states  %5.1f s\n", scenario.name, found.states, seconds() - start);
        ++scenarios_;
        states_ += found.states;
        if (!found.violation.empty()) {
            fail(scenario.name, found.violation);
            tell(found);
            return;
        }
        if (!found.complete) fail(scenario.name, "too many states to visit them all");
        std::uint32_t needed = scenario.deadline ? kAlways : 0;
        const bool restart =
            scenario.restart_same || scenario.restart_fresh || scenario.swap_replace;
        if (restart || scenario.retire || scenario.swap_remove) needed |= effect(Effect::Retired);
        if (restart) needed |= effect(Effect::Ready);
        if ((model.effects() & needed) != needed) fail(scenario.name, "some rule was never used");
        if (restart && !model.replacement_played())
            fail(scenario.name, "the new worker never finished a block");
    }

    void must_fail(const char* name, const Rules& rules, const Scenario& scenario,
                   const std::string& violation) {
        const Exploration found = Explorer(RelayModel(scenario, rules), kMostStates).run();
        std::printf("%-28s %9zu states  found: %s\n", name, found.states, found.violation.c_str());
        ++broken_;
        if (verbose_) tell(found);
        if (found.violation != violation) fail(name, "expected to find: " + violation);
    }

    int sum_up() const {
        std::printf("relay_explore: %d scenarios, %zu states; %d ways of being wrong; %d failed\n",
                    scenarios_, states_, broken_, failures_);
        return failures_ == 0 ? 0 : 1;
    }

private:
    void fail(const char* name, const std::string& why) {
        ++failures_;
        std::printf("FAILED %s: %s\n", name, why.c_str());
    }
    static void tell(const Exploration& found) {
        for (const std::string& line : found.trace) std::printf("    %s\n", line.c_str());
    }

    bool verbose_;
    std::mutex mutex_;  // scenarios that must hold are explored two at a time
    int failures_ = 0;
    int scenarios_ = 0;
    int broken_ = 0;
    std::size_t states_ = 0;
};

void real_rules(Suite& suite) {
    const Scenario scenarios[] = {
        {.name = "calm", .deadline = false},
        {.name = "deadline"},
        {.name = "abandoned back to front", .abandon_back = true},
        {.name = "in segments", .generations = 2, .cut = true},
        {.name = "death", .death = true},
        {.name = "slots reversed", .swap_reverse = true},
        {.name = "slot removed", .swap_remove = true},
    };
    const Scenario large[] = {
        {.name = "death, in segments", .generations = 2, .death = true, .cut = true},
        {.name = "death, retired", .death = true, .retire = true},
        {.name = "restart",
         .death = true,
         .retire = true,
         .restart_same = true,
         .restart_fresh = true},
        {.name = "restart, slots reversed",
         .death = true,
         .retire = true,
         .restart_same = true,
         .swap_reverse = true},
        {.name = "hang", .restart_same = true, .hang = true},
        {.name = "slot replaced", .swap_replace = true},
    };
    for (const Scenario& scenario : scenarios) suite.must_hold(scenario);
    if (kSmallOnly) return;
    std::atomic<std::size_t> next{0};
    const auto explore = [&] {
        for (std::size_t i = next++; i < std::size(large); i = next++) suite.must_hold(large[i]);
    };
    std::thread beside(explore);
    explore();
    beside.join();
}

void broken_rules(Suite& suite) {
    const Scenario deadline{.name = "deadline"};
    const Scenario death{.name = "death", .death = true};
    const Scenario retire{.name = "retire", .death = true, .retire = true};
    const Scenario restart{.name = "restart", .death = true, .retire = true, .restart_same = true};
    const Scenario forward{.name = "forward", .forward = true};
    const Scenario unreaped{
        .name = "unreaped", .restart_same = true, .hang = true, .unreaped = true};
    const char* const stuck = "a live worker sleeps and nobody will post it";
    const char* const early = "a slot ran before its predecessor finished";
    const char* const given_up = "a block was finished that was given up";

    suite.must_fail("all triggered at once", all_triggered(), deadline, early);
    suite.must_fail("no post for the unwoken", no_post_for_the_unwoken(), death, stuck);
    suite.must_fail("the waiting claimed", claim_the_waiting(), deadline, early);
    suite.must_fail("handed on in any block", hand_on_in_any_block(), deadline, early);
    suite.must_fail("finished anyway", finish_anyway(), deadline, given_up);
    suite.must_fail("the running left alone", leave_the_running(), deadline, given_up);
    suite.must_fail("the busy linked", link_too<Status::Abandoned>(), deadline,
                    "a worker read the context of another block");
    suite.must_fail("the offline linked", link_too<Status::Offline>(), retire,
                    "a record out of service was linked");
    suite.must_fail("the abandoned not retired", retire_only_the_idle(), restart,
                    "a new worker cannot get into service");
    suite.must_fail("linked front to back", {}, forward,
                    "a block that nothing is wrong with ends only at its deadline");
    suite.must_fail("restarted before reaped", {}, unreaped, stuck);
}

}  // namespace

int main(int argc, char** argv) {
    Suite suite(argc > 1 && std::strcmp(argv[1], "-v") == 0);
    real_rules(suite);
    broken_rules(suite);
    return suite.sum_up();
}
