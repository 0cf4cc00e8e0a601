// SPDX-License-Identifier: GPL-3.0-or-later
//
// The host's answer to the system calls that one worker's filter hands over.
//
// A worker's thread waits inside its call until it is answered, so the answer comes from a native
// thread, which waits for nobody: not for Python, not for a disk, not for another worker. What was
// asked for is put into a short queue, for Python to find out whether it was denied and to tell.
//
// What a call's pointers lead to is written by the worker, which may change it after it has been
// read. So it decides nothing: calls about files go on, and Landlock decides; all others are
// answered by their number and by arguments in registers. On a test rig it plays the disk, too, which
// may be full or slow: that is no protection, and so may look at what a descriptor is. To one of the few addresses that a worker
// may reach without the network, it is the host that connects: from its own copy of the address, by
// a socket of its own, which then takes the place of the worker's.
#pragma once

#include <linux/seccomp.h>
#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "ipc/native/mapped_files.hpp"
#include "ipc/native/watched_calls.hpp"

namespace isobooth::ipc {

// What a worker may do, as it says itself before the plugin is loaded.
struct WatchedRights {
    std::vector<std::string> readable;  // absolute paths: these and all below
    std::vector<std::string> writable;
    bool signals_scoped = false;
    std::vector<std::string> reachable;  // sockets of other programs, by absolute path
};

// A call that was denied, or may have been.
struct WatchedAct {
    std::string call;
    std::string path;     // absolute, not resolved; or an address; empty: none, or unreadable
    bool write = false;   // of a file call
    bool refused = true;  // false: Landlock has decided
    std::uint64_t argument = 0;
    pid_t thread = 0;  // whose call it was
};

// What a disk does to those who write to it, and read from it.
struct DiskFaults {
    bool full = false;                  // each write to a file fails with ENOSPC
    std::chrono::milliseconds wait{0};  // each write, and each wait for one, takes so long at least
    std::chrono::milliseconds read_wait{0};  // each read; of what is mapped, each 128 KiB
    // Of all that is waited for there is no more than this, until the next set_disk(): whoever writes
    // or reads much on a slow disk does not hang.
    std::chrono::milliseconds most{0};
};

// More are no plugin's work but a bomb's.
inline constexpr unsigned kMaxThreads = 512;    // of a process
inline constexpr unsigned kForkBurst = 64;      // processes at once
inline constexpr unsigned kForksPerSecond = 8;  // and from then on

class CallWatch {
public:
    // Takes `listener` over; both worker and everything that it starts are heard there.
    CallWatch(int listener, pid_t worker, WatchedRights rights);
    ~CallWatch() { stop(); }
    CallWatch(const CallWatch&) = delete;
    CallWatch& operator=(const CallWatch&) = delete;

    // Ends the thread. Calls that still wait, and later ones, fail with ENOSYS.
    void stop();
    // Readable when there is something for read().
    int fileno() const { return news_; }
    // What was denied since the last call. `lost` is what there was no room for, in all.
    std::vector<WatchedAct> read();
    // Files that it asked for and may have, and whether to write, of all that it ever asked for;
    // the first so many.
    std::vector<std::pair<std::string, bool>> touched();
    // Processes, and when they began (as /proc says it), that came from the worker and have left
    // its session, or its program: nothing else tells where those came from. From then on none may
    // leave.
    std::vector<std::pair<pid_t, std::uint64_t>> leavers();
    // From now on, for a worker whose filter asks about its writes. What waits already is left so.
    void set_disk(DiskFaults faults);
    // Writes that failed or waited because of it, and waits for them, in all; and reads that waited.
    std::uint64_t disk_faults() const { return disk_faults_.load(std::memory_order_relaxed); }
    std::uint64_t slow_reads() const { return slow_reads_.load(std::memory_order_relaxed); }
    // Files that it wrote to through memory while the disk had no room (MappedFiles).
    std::vector<std::string> written_without_room() { return mapped_.written_without_room(); }
    std::uint64_t lost() const { return lost_.load(std::memory_order_relaxed); }
    std::uint64_t answered() const { return answered_.load(std::memory_order_relaxed); }

private:
    // A bucket of permits that fills by itself.
    struct Bucket {
        double room, per_second, level;
        std::chrono::steady_clock::time_point filled = std::chrono::steady_clock::now();
        bool take();
    };

    using Clock = std::chrono::steady_clock;
    struct Waiting {
        std::uint64_t id;
        int error;
        Clock::time_point until;
    };

    void run();
    int milliseconds_left() const;
    void close_all() const;
    void answer(const seccomp_notif& asked);
    void send(std::uint64_t id, bool goes_on, int error) const;
    void answer_disk(const DiskCall& call, const seccomp_notif& asked);
    void answer_those_who_waited();
    bool still_waits(const seccomp_notif& asked) const;
    int judge(const WatchedCall& watched, const seccomp_notif& asked, bool& goes_on);
    int connect_in_its_stead(const seccomp_notif& asked, const std::string& path) const;
    void see_file(const WatchedCall& watched, const seccomp_notif& asked, int path, int folder);
    void note_files();
    void note(WatchedAct act);
    bool remember(pid_t thread);
    std::string path_of(const seccomp_notif& asked, int path, int folder) const;

    const int listener_;
    const pid_t worker_;
    const WatchedRights rights_;
    const int news_;
    const int end_;
    std::vector<WatchedAct> files_;  // of the call that is being answered
    std::mutex mutex_;
    std::vector<WatchedAct> acts_;
    std::set<std::pair<std::string, bool>> touched_;
    std::vector<std::pair<pid_t, std::uint64_t>> leavers_;
    bool told_leavers_ = false;
    pid_t caller_ = 0;  // the thread that is answered
    DiskFaults disk_;
    MappedFiles mapped_;
    std::vector<Waiting> waiting_;  // for the disk; the answering thread's alone
    std::atomic<std::uint64_t> disk_faults_{0}, slow_reads_{0};
    Bucket notes_;
    Bucket forks_;
    std::atomic<std::uint64_t> lost_{0};
    std::atomic<std::uint64_t> answered_{0};
    std::thread thread_;
};

}  // namespace isobooth::ipc
