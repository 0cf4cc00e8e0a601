// SPDX-License-Identifier: GPL-3.0-or-later
//
// A stuck worker is held back, and gets back what was taken from it, by a user without special
// rights too.
#include "host/native/worker_thread.hpp"

#include <linux/sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <functional>
#include <string>
#include <thread>

#include "tests/native/check.hpp"

using namespace isobooth;

namespace {

constexpr int kPriority = 7;
constexpr uid_t kNobody = 65534;

void sleep_ms(int ms) { usleep(static_cast<useconds_t>(ms) * 1000); }

// A process that spins until it is killed.
struct Spinner {
    const pid_t parent = getpid();
    pid_t pid = fork();

    Spinner() {
        if (pid != 0) return;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) std::_Exit(1);  // a test that fails is gone at once
        for (volatile bool always = true; always;) {
        }
    }
    ~Spinner() {
        kill(pid, SIGKILL);
        waitpid(pid, nullptr, 0);
    }

    char state() const {
        char line[512] = {};
        FILE* const file = fopen(("/proc/" + std::to_string(pid) + "/stat").c_str(), "r");
        if (!file) return '?';
        const std::size_t length = fread(line, 1, sizeof line - 1, file);
        fclose(file);
        const char* const name_end = length ? strrchr(line, ')') : nullptr;
        return name_end ? name_end[2] : '?';
    }
    bool reaches(char wanted) const {
        for (int i = 0; i < 2000 && state() != wanted; ++i) sleep_ms(1);
        return state() == wanted;
    }
};

// Runs `body` as a user who may use real-time priority and nothing else; false if that cannot be
// had here.
bool as_plain_user(const std::function<void()>& body) {
    const pid_t child = fork();
    if (child == 0) {
        const rlimit realtime{99, 99}, nice{0, 0};
        setrlimit(RLIMIT_RTPRIO, &realtime);
        setrlimit(RLIMIT_NICE, &nice);
        if (getuid() == 0 && (setgid(kNobody) != 0 || setuid(kNobody) != 0)) std::_Exit(77);
        sched_param param{.sched_priority = kPriority};
        if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param) != 0) std::_Exit(77);
        body();
        std::_Exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status), "the child died of signal %d", WTERMSIG(status));
    CHECK(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 77, "see above");
    return WEXITSTATUS(status) == 0;
}

void a_plain_users_worker_gets_its_priority_back() {
    const bool done = as_plain_user([] {
        const host::WorkerThread own(getpid(), kPriority, 0);
        own.demote();
        CHECK((sched_getscheduler(0) & ~SCHED_RESET_ON_FORK) == SCHED_OTHER,
              "it was left as it is");
        own.restore();
        CHECK((sched_getscheduler(0) & ~SCHED_RESET_ON_FORK) == SCHED_FIFO, "lost for good");
        sched_param param{};
        sched_getparam(0, &param);
        CHECK(param.sched_priority == kPriority, "another priority: %d", param.sched_priority);
    });
    if (!done) std::puts("no real-time priority here: half of this is not tested");
}

void a_host_without_descriptors_takes_no_thread_for_dead() {
    const Spinner spinner;
    rlimit files{};
    getrlimit(RLIMIT_NOFILE, &files);
    const rlimit none{0, files.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
    const host::WorkerThread worker(spinner.pid, kPriority, 0);
    setrlimit(RLIMIT_NOFILE, &files);
    worker.demote();
    CHECK(getpriority(PRIO_PROCESS, static_cast<id_t>(spinner.pid)) == 19, "it is left as it is");
}

// A process with the number of a thread that has ended; -1 if this user may not choose.
pid_t start_as(pid_t number) {
    clone_args arguments{};
    arguments.exit_signal = SIGCHLD;
    arguments.set_tid = reinterpret_cast<std::uint64_t>(&number);
    arguments.set_tid_size = 1;
    const long pid = syscall(SYS_clone3, &arguments, sizeof arguments);
    if (pid != 0) return static_cast<pid_t>(pid);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) pause();
}

void who_has_the_number_of_a_thread_that_has_ended_is_left_alone() {
    std::atomic<pid_t> number{0};
    std::atomic<bool> ends{false};
    std::thread thread([&] {
        number = gettid();
        while (!ends) sleep_ms(1);
    });
    while (!number) sleep_ms(1);
    const host::WorkerThread worker(number, kPriority, 0);
    worker.demote();
    CHECK(getpriority(PRIO_PROCESS, static_cast<id_t>(number)) == 19, "not while it lives");
    ends = true;
    thread.join();
    pid_t stranger = -1;
    // The kernel gives the number back a moment after the thread's end.
    for (int i = 0; i < 1000 && stranger < 0; ++i) {
        stranger = start_as(number);
        if (stranger < 0 && errno != EEXIST) break;
        sleep_ms(1);
    }
    if (stranger < 0) return void(std::puts("numbers cannot be chosen here: not tested"));
    worker.demote();
    worker.restore();
    const int scheduler = sched_getscheduler(stranger) & ~SCHED_RESET_ON_FORK;
    const int nice = getpriority(PRIO_PROCESS, static_cast<id_t>(stranger));
    kill(stranger, SIGKILL);
    waitpid(stranger, nullptr, 0);
    CHECK(stranger == number && nice == getpriority(PRIO_PROCESS, 0) && scheduler == SCHED_OTHER,
          "nice %d, scheduler %d", nice, scheduler);
}

void a_worker_at_normal_priority_is_stopped_and_goes_on() {
    const Spinner spinner;
    const host::WorkerThread worker(spinner.pid, 0, spinner.pid);
    CHECK(worker.can_be_stopped(), "nobody else is in its process");
    CHECK(spinner.reaches('R'), "it is %c", spinner.state());
    worker.stop();
    CHECK(spinner.reaches('T'), "it is %c", spinner.state());
    const std::uint64_t used = worker.cpu_ns();
    CHECK(used > 0, "it has run");
    sleep_ms(20);
    CHECK(worker.cpu_ns() == used, "it runs on");
    worker.go_on();
    CHECK(spinner.reaches('R'), "it is %c", spinner.state());
}

void who_shares_a_process_is_never_stopped() {
    const Spinner spinner;
    CHECK(!host::WorkerThread(spinner.pid, 0, 0).can_be_stopped(), "its neighbours would stop too");
    CHECK(!host::WorkerThread(spinner.pid, kPriority, spinner.pid).can_be_stopped(),
          "losing its priority is enough");
}

}  // namespace

int main() {
    a_plain_users_worker_gets_its_priority_back();
    a_host_without_descriptors_takes_no_thread_for_dead();
    who_has_the_number_of_a_thread_that_has_ended_is_left_alone();
    a_worker_at_normal_priority_is_stopped_and_goes_on();
    who_shares_a_process_is_never_stopped();
    std::puts("all passed");
}
