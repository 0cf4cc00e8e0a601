// SPDX-License-Identifier: GPL-3.0-or-later
//
// The system calls that a confined worker's filter hands to the host, and what the host makes of
// each. Declared once: the worker builds its filter from this (sandbox/native/syscall_filter.cpp),
// the host answers by it (ipc/native/call_watch.cpp). Everything that is not here is left alone.
#pragma once

#include <fcntl.h>
#include <sys/syscall.h>

#include <cstdint>

namespace isobooth::ipc {

// Headers of the oldest distributions that we build on lack these; numbers from 424 on are the same
// on every architecture.
namespace call {
inline constexpr std::uint32_t kOpenTree = 428, kMoveMount = 429, kFsopen = 430, kFsconfig = 431,
                               kFsmount = 432, kFspick = 433, kClone3 = 435, kOpenat2 = 437,
                               kPidfdGetfd = 438, kProcessMadvise = 440, kMountSetattr = 442,
                               kQuotactlFd = 443, kProcessMrelease = 448, kFchmodat2 = 452,
                               kSetxattrat = 463, kRemovexattrat = 466, kOpenTreeAttr = 467,
                               kFileSetattr = 469;
}  // namespace call

enum class Treatment : std::uint8_t {
    File,       // goes on: Landlock decides, the host only finds out whether to tell
    Refuse,     // fails with EPERM
    OwnThread,  // goes on if it is about a thread of the caller's process
    Start,      // of a thread or process: goes on while there are not too many
    Signal,     // goes on if Landlock confines signals, or to what the worker started
    Command,    // the filter looks at its command, and knows without asking
    Connect,    // fails with EACCES, but to few addresses, which the host connects to in its stead
    Remember,   // goes on: whoever leaves the session or the program is to be found all the same
};

// Indices of arguments; -1: has none. The second path is that of calls that move or link.
struct WatchedCall {
    std::uint32_t number;
    const char* name;
    Treatment treatment;
    std::int8_t path = -1;
    std::int8_t folder = -1;  // the descriptor that a relative path starts from; -1: cwd
    std::int8_t flags = -1;   // of open; without, a file call writes
    std::int8_t path2 = -1;
    std::int8_t folder2 = -1;
    std::int8_t subject = -1;  // a thread
    bool network = false;      // not watched where the network is allowed
};

inline constexpr WatchedCall kWatchedCalls[] = {
#ifdef __NR_open
    {.number = __NR_open, .name = "open", .treatment = Treatment::File, .path = 0, .flags = 1},
    {.number = __NR_creat, .name = "creat", .treatment = Treatment::File, .path = 0},
    {.number = __NR_mkdir, .name = "mkdir", .treatment = Treatment::File, .path = 0},
    {.number = __NR_rmdir, .name = "rmdir", .treatment = Treatment::File, .path = 0},
    {.number = __NR_unlink, .name = "unlink", .treatment = Treatment::File, .path = 0},
    {.number = __NR_mknod, .name = "mknod", .treatment = Treatment::File, .path = 0},
    {.number = __NR_symlink, .name = "symlink", .treatment = Treatment::File, .path = 1},
    {.number = __NR_link, .name = "link", .treatment = Treatment::File, .path = 0, .path2 = 1},
    {.number = __NR_rename, .name = "rename", .treatment = Treatment::File, .path = 0, .path2 = 1},
    {.number = __NR_chmod, .name = "chmod", .treatment = Treatment::Refuse, .path = 0},
    {.number = __NR_chown, .name = "chown", .treatment = Treatment::Refuse, .path = 0},
    {.number = __NR_lchown, .name = "lchown", .treatment = Treatment::Refuse, .path = 0},
    {.number = __NR_utime, .name = "utime", .treatment = Treatment::Refuse, .path = 0},
    {.number = __NR_utimes, .name = "utimes", .treatment = Treatment::Refuse, .path = 0},
    {.number = __NR_futimesat,
     .name = "utimes",
     .treatment = Treatment::Refuse,
     .path = 1,
     .folder = 0},
    {.number = __NR_fork, .name = "fork", .treatment = Treatment::Start},
    {.number = __NR_vfork, .name = "vfork", .treatment = Treatment::Start},
#endif
    {.number = __NR_openat,
     .name = "openat",
     .treatment = Treatment::File,
     .path = 1,
     .folder = 0,
     .flags = 2},
    {.number = __NR_truncate, .name = "truncate", .treatment = Treatment::File, .path = 0},
    {.number = __NR_mkdirat, .name = "mkdir", .treatment = Treatment::File, .path = 1, .folder = 0},
    {.number = __NR_unlinkat,
     .name = "unlink",
     .treatment = Treatment::File,
     .path = 1,
     .folder = 0},
    {.number = __NR_mknodat, .name = "mknod", .treatment = Treatment::File, .path = 1, .folder = 0},
    {.number = __NR_symlinkat,
     .name = "symlink",
     .treatment = Treatment::File,
     .path = 2,
     .folder = 1},
    {.number = __NR_linkat,
     .name = "link",
     .treatment = Treatment::File,
     .path = 1,
     .folder = 0,
     .path2 = 3,
     .folder2 = 2},
#ifdef __NR_renameat
    {.number = __NR_renameat,
     .name = "rename",
     .treatment = Treatment::File,
     .path = 1,
     .folder = 0,
     .path2 = 3,
     .folder2 = 2},
#endif
    {.number = __NR_renameat2,
     .name = "rename",
     .treatment = Treatment::File,
     .path = 1,
     .folder = 0,
     .path2 = 3,
     .folder2 = 2},

    // What Landlock leaves open: rights, owners, times and attributes of files.
    {.number = __NR_utimensat,
     .name = "utimes",
     .treatment = Treatment::Refuse,
     .path = 1,
     .folder = 0},
    {.number = __NR_fchmod, .name = "fchmod", .treatment = Treatment::Refuse},
    {.number = __NR_fchmodat,
     .name = "chmod",
     .treatment = Treatment::Refuse,
     .path = 1,
     .folder = 0},
    {.number = call::kFchmodat2,
     .name = "chmod",
     .treatment = Treatment::Refuse,
     .path = 1,
     .folder = 0},
    {.number = __NR_fchown, .name = "fchown", .treatment = Treatment::Refuse},
    {.number = __NR_fchownat,
     .name = "chown",
     .treatment = Treatment::Refuse,
     .path = 1,
     .folder = 0},
    {.number = __NR_setxattr, .name = "setxattr", .treatment = Treatment::Refuse, .path = 0},
    {.number = __NR_lsetxattr, .name = "lsetxattr", .treatment = Treatment::Refuse, .path = 0},
    {.number = __NR_fsetxattr, .name = "fsetxattr", .treatment = Treatment::Refuse},
    {.number = __NR_removexattr, .name = "removexattr", .treatment = Treatment::Refuse, .path = 0},
    {.number = __NR_lremovexattr, .name = "removexattr", .treatment = Treatment::Refuse, .path = 0},
    {.number = __NR_fremovexattr, .name = "fremovexattr", .treatment = Treatment::Refuse},
    {.number = call::kSetxattrat, .name = "setxattrat", .treatment = Treatment::Refuse},
    {.number = call::kRemovexattrat, .name = "removexattrat", .treatment = Treatment::Refuse},
    {.number = call::kFileSetattr, .name = "file_setattr", .treatment = Treatment::Refuse},

    // Other programs and machines. Which address family a socket has is for the filter to look at.
    {.number = __NR_socket, .name = "socket", .treatment = Treatment::Refuse, .network = true},
    {.number = __NR_socketpair,
     .name = "socketpair",
     .treatment = Treatment::Refuse,
     .network = true},
    {.number = __NR_connect, .name = "connect", .treatment = Treatment::Connect, .network = true},
    {.number = __NR_shmget, .name = "shmget", .treatment = Treatment::Refuse},
    {.number = __NR_shmat, .name = "shmat", .treatment = Treatment::Refuse},
    {.number = __NR_shmctl, .name = "shmctl", .treatment = Treatment::Refuse},
    {.number = __NR_semget, .name = "semget", .treatment = Treatment::Refuse},
    {.number = __NR_semop, .name = "semop", .treatment = Treatment::Refuse},
    {.number = __NR_semtimedop, .name = "semtimedop", .treatment = Treatment::Refuse},
    {.number = __NR_semctl, .name = "semctl", .treatment = Treatment::Refuse},
    {.number = __NR_msgget, .name = "msgget", .treatment = Treatment::Refuse},
    {.number = __NR_msgsnd, .name = "msgsnd", .treatment = Treatment::Refuse},
    {.number = __NR_msgrcv, .name = "msgrcv", .treatment = Treatment::Refuse},
    {.number = __NR_msgctl, .name = "msgctl", .treatment = Treatment::Refuse},
    {.number = __NR_mq_open, .name = "mq_open", .treatment = Treatment::Refuse},
    {.number = __NR_mq_unlink, .name = "mq_unlink", .treatment = Treatment::Refuse},

    // Into other processes.
    {.number = __NR_ptrace, .name = "ptrace", .treatment = Treatment::Refuse},
    {.number = __NR_process_vm_readv, .name = "process_vm_readv", .treatment = Treatment::Refuse},
    {.number = __NR_process_vm_writev, .name = "process_vm_writev", .treatment = Treatment::Refuse},
    {.number = call::kPidfdGetfd, .name = "pidfd_getfd", .treatment = Treatment::Refuse},
    {.number = call::kProcessMadvise, .name = "process_madvise", .treatment = Treatment::Refuse},
    {.number = call::kProcessMrelease, .name = "process_mrelease", .treatment = Treatment::Refuse},
    {.number = __NR_kcmp, .name = "kcmp", .treatment = Treatment::Refuse},
    {.number = __NR_migrate_pages, .name = "migrate_pages", .treatment = Treatment::Refuse},
    {.number = __NR_prlimit64, .name = "prlimit", .treatment = Treatment::OwnThread, .subject = 0},
    {.number = __NR_move_pages,
     .name = "move_pages",
     .treatment = Treatment::OwnThread,
     .subject = 0},
    {.number = __NR_sched_setscheduler,
     .name = "sched_setscheduler",
     .treatment = Treatment::OwnThread,
     .subject = 0},
    {.number = __NR_sched_setparam,
     .name = "sched_setparam",
     .treatment = Treatment::OwnThread,
     .subject = 0},
    {.number = __NR_sched_setattr,
     .name = "sched_setattr",
     .treatment = Treatment::OwnThread,
     .subject = 0},
    {.number = __NR_sched_setaffinity,
     .name = "sched_setaffinity",
     .treatment = Treatment::OwnThread,
     .subject = 0},
    {.number = __NR_setpriority,
     .name = "setpriority",
     .treatment = Treatment::OwnThread,
     .subject = 1},
    {.number = __NR_ioprio_set,
     .name = "ioprio_set",
     .treatment = Treatment::OwnThread,
     .subject = 1},

    // Into the kernel: what no plugin needs, and what has been the way out of many a sandbox.
    // io_uring does file and network calls that no filter sees.
    {.number = __NR_io_uring_setup, .name = "io_uring_setup", .treatment = Treatment::Refuse},
    {.number = __NR_io_uring_enter, .name = "io_uring_enter", .treatment = Treatment::Refuse},
    {.number = __NR_io_uring_register, .name = "io_uring_register", .treatment = Treatment::Refuse},
    {.number = __NR_unshare, .name = "unshare", .treatment = Treatment::Refuse},
    {.number = __NR_setns, .name = "setns", .treatment = Treatment::Refuse},
    {.number = __NR_mount, .name = "mount", .treatment = Treatment::Refuse},
    {.number = __NR_umount2, .name = "umount", .treatment = Treatment::Refuse},
    {.number = __NR_pivot_root, .name = "pivot_root", .treatment = Treatment::Refuse},
    {.number = __NR_chroot, .name = "chroot", .treatment = Treatment::Refuse},
    {.number = call::kOpenTree, .name = "open_tree", .treatment = Treatment::Refuse},
    {.number = call::kOpenTreeAttr, .name = "open_tree_attr", .treatment = Treatment::Refuse},
    {.number = call::kMoveMount, .name = "move_mount", .treatment = Treatment::Refuse},
    {.number = call::kFsopen, .name = "fsopen", .treatment = Treatment::Refuse},
    {.number = call::kFsconfig, .name = "fsconfig", .treatment = Treatment::Refuse},
    {.number = call::kFsmount, .name = "fsmount", .treatment = Treatment::Refuse},
    {.number = call::kFspick, .name = "fspick", .treatment = Treatment::Refuse},
    {.number = call::kMountSetattr, .name = "mount_setattr", .treatment = Treatment::Refuse},
    {.number = __NR_quotactl, .name = "quotactl", .treatment = Treatment::Refuse},
    {.number = call::kQuotactlFd, .name = "quotactl_fd", .treatment = Treatment::Refuse},
    {.number = __NR_swapon, .name = "swapon", .treatment = Treatment::Refuse},
    {.number = __NR_swapoff, .name = "swapoff", .treatment = Treatment::Refuse},
    {.number = __NR_acct, .name = "acct", .treatment = Treatment::Refuse},
    {.number = __NR_open_by_handle_at, .name = "open_by_handle_at", .treatment = Treatment::Refuse},
    {.number = __NR_fanotify_init, .name = "fanotify_init", .treatment = Treatment::Refuse},
    {.number = __NR_add_key, .name = "add_key", .treatment = Treatment::Refuse},
    {.number = __NR_request_key, .name = "request_key", .treatment = Treatment::Refuse},
    {.number = __NR_keyctl, .name = "keyctl", .treatment = Treatment::Refuse},
    {.number = __NR_bpf, .name = "bpf", .treatment = Treatment::Refuse},
    {.number = __NR_perf_event_open, .name = "perf_event_open", .treatment = Treatment::Refuse},
    {.number = __NR_userfaultfd, .name = "userfaultfd", .treatment = Treatment::Refuse},
    {.number = __NR_init_module, .name = "init_module", .treatment = Treatment::Refuse},
    {.number = __NR_finit_module, .name = "finit_module", .treatment = Treatment::Refuse},
    {.number = __NR_delete_module, .name = "delete_module", .treatment = Treatment::Refuse},
    {.number = __NR_kexec_load, .name = "kexec_load", .treatment = Treatment::Refuse},
#ifdef __NR_kexec_file_load
    {.number = __NR_kexec_file_load, .name = "kexec_file_load", .treatment = Treatment::Refuse},
#endif
    {.number = __NR_reboot, .name = "reboot", .treatment = Treatment::Refuse},
    {.number = __NR_settimeofday, .name = "settimeofday", .treatment = Treatment::Refuse},
    {.number = __NR_clock_settime, .name = "clock_settime", .treatment = Treatment::Refuse},
    {.number = __NR_adjtimex, .name = "adjtimex", .treatment = Treatment::Refuse},
    {.number = __NR_clock_adjtime, .name = "clock_adjtime", .treatment = Treatment::Refuse},
    {.number = __NR_sethostname, .name = "sethostname", .treatment = Treatment::Refuse},
    {.number = __NR_setdomainname, .name = "setdomainname", .treatment = Treatment::Refuse},
    {.number = __NR_syslog, .name = "syslog", .treatment = Treatment::Refuse},
#ifdef __NR_iopl
    {.number = __NR_iopl, .name = "iopl", .treatment = Treatment::Refuse},
    {.number = __NR_ioperm, .name = "ioperm", .treatment = Treatment::Refuse},
#endif

    // With flags for new namespaces the filter refuses it.
    {.number = __NR_clone, .name = "clone", .treatment = Treatment::Start},

    // To itself the filter lets them pass.
    {.number = __NR_kill, .name = "kill", .treatment = Treatment::Signal, .subject = 0},
    {.number = __NR_tkill, .name = "kill", .treatment = Treatment::Signal, .subject = 0},
    {.number = __NR_tgkill, .name = "kill", .treatment = Treatment::Signal, .subject = 0},
    {.number = __NR_rt_sigqueueinfo, .name = "kill", .treatment = Treatment::Signal, .subject = 0},
    {.number = __NR_rt_tgsigqueueinfo,
     .name = "kill",
     .treatment = Treatment::Signal,
     .subject = 0},
    {.number = __NR_pidfd_send_signal, .name = "kill", .treatment = Treatment::Signal},
    {.number = __NR_fcntl, .name = "fcntl", .treatment = Treatment::Command},
    {.number = __NR_ioctl, .name = "ioctl", .treatment = Treatment::Command},

    {.number = __NR_setsid, .name = "setsid", .treatment = Treatment::Remember},
    {.number = __NR_execve, .name = "execve", .treatment = Treatment::Remember},
    {.number = __NR_execveat, .name = "execve", .treatment = Treatment::Remember},
};

// Calls that wait for a disk, of workers on test rigs whose disk is to be slow, or full. Not among
// those above, because read() and write() are what programs call all day. What is read or written
// through memory is no call, but that it is mapped is one: of files, the filter asks about no other.
enum class DiskWork : std::uint8_t { Write, Sync, Read, Map };

struct DiskCall {
    std::uint32_t number;
    DiskWork work;
    std::int8_t file = -1;  // the descriptor's argument; -1: has none
};

inline constexpr DiskCall kDiskCalls[] = {
    {.number = __NR_write, .work = DiskWork::Write, .file = 0},
    {.number = __NR_pwrite64, .work = DiskWork::Write, .file = 0},
    {.number = __NR_writev, .work = DiskWork::Write, .file = 0},
    {.number = __NR_pwritev, .work = DiskWork::Write, .file = 0},
    {.number = __NR_pwritev2, .work = DiskWork::Write, .file = 0},
    {.number = __NR_fallocate, .work = DiskWork::Write, .file = 0},
    {.number = __NR_sendfile, .work = DiskWork::Write, .file = 0},
    {.number = __NR_splice, .work = DiskWork::Write, .file = 2},
    {.number = __NR_copy_file_range, .work = DiskWork::Write, .file = 2},
    {.number = __NR_fsync, .work = DiskWork::Sync, .file = 0},
    {.number = __NR_fdatasync, .work = DiskWork::Sync, .file = 0},
    {.number = __NR_sync_file_range, .work = DiskWork::Sync, .file = 0},
    {.number = __NR_syncfs, .work = DiskWork::Sync, .file = 0},
    {.number = __NR_sync, .work = DiskWork::Sync},
    {.number = __NR_msync, .work = DiskWork::Sync},
    {.number = __NR_read, .work = DiskWork::Read, .file = 0},
    {.number = __NR_pread64, .work = DiskWork::Read, .file = 0},
    {.number = __NR_readv, .work = DiskWork::Read, .file = 0},
    {.number = __NR_preadv, .work = DiskWork::Read, .file = 0},
    {.number = __NR_preadv2, .work = DiskWork::Read, .file = 0},
    {.number = __NR_mmap, .work = DiskWork::Map, .file = 4},
};

inline const DiskCall* disk_call(std::uint32_t number) noexcept {
    for (const DiskCall& call : kDiskCalls)
        if (call.number == number) return &call;
    return nullptr;
}

inline const WatchedCall* watched_call(std::uint32_t number) noexcept {
    for (const WatchedCall& watched : kWatchedCalls)
        if (watched.number == number) return &watched;
    return nullptr;
}

// Whether open() with these flags is for more than reading.
inline bool opens_for_writing(std::uint64_t flags) noexcept {
    return (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC)) != 0;
}

}  // namespace isobooth::ipc
