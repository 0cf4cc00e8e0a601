// SPDX-License-Identifier: GPL-3.0-or-later
//
// An audio thread that waits in the queue of a busy core is taken to another one, and nobody else is
// moved.
#include "host/native/audio_thread.hpp"

#include <sched.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <thread>

#include "tests/native/check.hpp"

using namespace isobooth;

namespace {

int cores[2] = {-1, -1};  // two that this process may use

void allow(pid_t thread, std::initializer_list<int> on) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (const int core : on) CPU_SET(static_cast<std::size_t>(core), &set);
    CHECK(sched_setaffinity(thread, sizeof set, &set) == 0, "thread %d", thread);
}

bool may_use_both(pid_t thread) {
    cpu_set_t set;
    sched_getaffinity(thread, sizeof set, &set);
    return CPU_ISSET(static_cast<std::size_t>(cores[0]), &set) &&
           CPU_ISSET(static_cast<std::size_t>(cores[1]), &set);
}

// Uses a core until its end. At SCHED_IDLE it waits for everybody else there.
class Busy {
public:
    Busy(int core, bool idle) {
        while (!id) sched_yield();
        allow(id, {core});
        const sched_param none{};
        if (idle) CHECK(sched_setscheduler(id, SCHED_IDLE, &none) == 0, "SCHED_IDLE is refused");
    }
    ~Busy() {
        ends_ = true;
        thread_.join();
    }

    std::atomic<pid_t> id{0};
    std::atomic<int> core{-1};

private:
    std::atomic<bool> ends_{false};
    std::thread thread_{[this] {
        id = gettid();
        while (!ends_) core = sched_getcpu();
    }};
};

void one_that_is_kept_waiting_is_taken_along() {
    host::AudioThread audio_thread;
    const Busy other(cores[0], false), victim(cores[0], true);
    audio_thread.is(victim.id);
    allow(gettid(), {cores[1]});
    bool moved = false;
    // Now and then the kernel has moved it already, or lets it run just then.
    for (int i = 0; i < 1000 && !moved; ++i) {
        allow(victim.id, {cores[0]});
        usleep(2000);
        allow(victim.id, {cores[0], cores[1]});
        moved = audio_thread.fetch();
    }
    CHECK(moved, "it waits behind the other");
    CHECK(may_use_both(victim.id), "it may go where it could before");
}

void one_that_runs_is_left_alone() {
    host::AudioThread audio_thread;
    const Busy running(cores[0], false);
    audio_thread.is(running.id);
    allow(gettid(), {cores[1]});
    allow(running.id, {cores[0], cores[1]});
    bool left_alone = false;
    // Where others are busy, too, it does not always run.
    for (int i = 0; i < 5000 && !left_alone; ++i) {
        left_alone = !audio_thread.fetch();
        usleep(1000);
    }
    CHECK(left_alone, "it was moved each time");
}

void nobody_is_moved_at_real_time_priority_or_behind_the_end() {
    host::AudioThread audio_thread;
    CHECK(!audio_thread.fetch(), "there is none");
    pid_t ended = 0;
    std::thread([&] { ended = gettid(); }).join();
    audio_thread.is(ended);
    CHECK(!audio_thread.fetch(), "it has ended");
}

void one_that_is_bound_to_its_core_stays_there() {
    host::AudioThread audio_thread;
    const Busy other(cores[0], false), bound(cores[0], true);
    audio_thread.is(bound.id);
    allow(gettid(), {cores[1]});
    for (int i = 0; i < 20; ++i) CHECK(!audio_thread.fetch(), "it has one core only");
    CHECK(!may_use_both(bound.id), "as before");
}

}  // namespace

int main() {
    cpu_set_t all;
    sched_getaffinity(0, sizeof all, &all);
    int found = 0;
    for (int core = 0; core < CPU_SETSIZE && found < 2; ++core)
        if (CPU_ISSET(static_cast<std::size_t>(core), &all)) cores[found++] = core;
    if (found < 2) return std::puts("one core only: not tested"), 0;
    one_that_is_kept_waiting_is_taken_along();
    one_that_runs_is_left_alone();
    nobody_is_moved_at_real_time_priority_or_behind_the_end();
    one_that_is_bound_to_its_core_stays_there();
    std::puts("all passed");
}
