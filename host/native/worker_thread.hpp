// SPDX-License-Identifier: GPL-3.0-or-later
//
// A worker's block thread, as the host holds it back when it is stuck.
//
// At real-time priority it loses that priority, and gets it again when it comes back. Not to
// SCHED_IDLE: a user without the right to lower nice values does not get a thread out of there.
//
// At normal priority no class helps: the kernel lets whoever runs keep the processor until its
// next tick, 4 ms on many machines, if the one that wakes has had a hair more than its share. So
// the whole process is stopped while a block is rendered, and runs between blocks. One that is
// stopped when its host is killed cannot end itself: the next host sweeps it away.
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string>

#include "ipc/native/semaphore.hpp"

namespace isobooth::host {

class WorkerThread {
public:
    // `thread`: of a worker that is alive and not yet reaped. `priority`: its real-time priority;
    // 0: normal. `process`: its process, if nobody else's plugin is in it; 0: never stopped.
    WorkerThread(int thread_, int priority_, int process)
        : thread(thread_),
          priority(priority_),
          process_(process),
          // A number may be another process's by tomorrow; these stay what they are.
          pidfd_(process > 0 ? static_cast<int>(syscall(SYS_pidfd_open, process, 0)) : -1),
          path_("/proc/" + std::to_string(thread_)),
          folder_(open(path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)),
          has_ended_(folder_ < 0 && (errno == ENOENT || errno == ESRCH)) {}
    ~WorkerThread() {
        if (pidfd_ >= 0) close(pidfd_);
        if (folder_ >= 0) close(folder_);
    }
    WorkerThread(const WorkerThread&) = delete;
    WorkerThread& operator=(const WorkerThread&) = delete;

    const int thread;
    const int priority;

    // Those that have ended are left alone: the number may be a stranger's. There is no call that
    // takes anything but the number, so one is looked at just before; the kernel hands out all others
    // before it hands out one again.
    void demote() const noexcept {
        if (priority <= 0 || !is_alive()) return;
        const sched_param normal{};
        sched_setscheduler(thread, SCHED_OTHER | SCHED_RESET_ON_FORK, &normal);
        setpriority(PRIO_PROCESS, static_cast<id_t>(thread), kNicest);
    }
    void restore() const noexcept {
        if (priority <= 0 || !is_alive()) return;
        const sched_param own{.sched_priority = priority};
        sched_setscheduler(thread, SCHED_FIFO | SCHED_RESET_ON_FORK, &own);
    }

    bool can_be_stopped() const noexcept { return priority <= 0 && pidfd_ >= 0; }
    void stop() const noexcept { send(SIGSTOP); }
    void go_on() const noexcept { send(SIGCONT); }

    // What its process has used of the processor so far, ns; 0 if it is gone.
    std::uint64_t cpu_ns() const noexcept {
        constexpr unsigned kScheduled = 2;  // the kernel's CPUCLOCK_SCHED, of a whole process
        timespec used{};
        const auto clock =
            static_cast<clockid_t>((~static_cast<unsigned>(process_) << 3) | kScheduled);
        return clock_gettime(clock, &used) == 0 ? ipc::to_ns(used) : 0;
    }

private:
    static constexpr int kNicest = 19;  // of no effect at real-time priority, so it may stay

    bool is_alive() const noexcept {
        if (folder_ >= 0) return faccessat(folder_, "comm", F_OK, 0) == 0;
        // No descriptor was left for it. That it may be a stranger's by then, when all numbers have
        // been used once, is less likely than that a stuck one keeps its core.
        return !has_ended_ && access(path_.c_str(), F_OK) == 0;
    }

    void send(int number) const noexcept {
        syscall(SYS_pidfd_send_signal, pidfd_, number, nullptr, 0);
    }

    int process_;
    int pidfd_;
    std::string path_;
    int folder_;  // the thread's, in /proc; -1: it had ended already, or could not be opened
    bool has_ended_;
};

}  // namespace isobooth::host
