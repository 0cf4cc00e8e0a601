// SPDX-License-Identifier: GPL-3.0-or-later
#include "sandbox/native/syscall_filter.hpp"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <system_error>

#include "ipc/native/watched_calls.hpp"

namespace isobooth::sandbox {

namespace {

using ipc::Treatment;
using ipc::WatchedCall;

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "the system call filter knows x86-64 and aarch64"
#endif

constexpr std::uint32_t kX32Bit = 0x40000000;
constexpr std::uint32_t kNotifyFlag = 1u << 3;    // SECCOMP_FILTER_FLAG_NEW_LISTENER, Linux 5.0
constexpr std::uint32_t kKillableFlag = 1u << 5;  // …_WAIT_KILLABLE_RECV, Linux 5.19
constexpr std::uint32_t kUserNotify = 0x7fc00000;
constexpr std::uint32_t kNewNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
                                         CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |
                                         CLONE_NEWNET | 0x80 /* CLONE_NEWTIME */;
constexpr std::uint32_t kSocketTypes = 0xf;     // the others are SOCK_CLOEXEC and SOCK_NONBLOCK
constexpr std::uint32_t kIoprioWhoProcess = 1;  // linux/ioprio.h
constexpr std::uint32_t kFioSetOwn = 0x8901, kSiocSetGroup = 0x8902;  // asm-generic/sockios.h

// linux/fs.h, fsverity.h and fscrypt.h: f, v, X; linux/btrfs.h: 0x94.
constexpr std::uint32_t kIoctlTypes = 0xff00;
constexpr std::uint32_t kFileSystemTypes[] = {'f' << 8, 'v' << 8, 'X' << 8, 0x94 << 8};

constexpr std::uint32_t errno_action(int error) {
    return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error);
}

// Writes a filter. A call's block ends in a return and is jumped over by all other calls, so that
// no jump is longer than a block.
class Program {
public:
    explicit Program(const FilterWishes& wishes)
        : wishes_(wishes), self_(static_cast<std::uint32_t>(getpid())) {}

    std::vector<sock_filter> write() {
        load(offsetof(seccomp_data, arch));
        unless_equal(kArchitecture, [this] { ret(SECCOMP_RET_KILL_PROCESS); });
        load(offsetof(seccomp_data, nr));
#if defined(__x86_64__)
        add(BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, kX32Bit, 0, 1));
        ret(SECCOMP_RET_KILL_PROCESS);
#endif
        // What audio threads call: out at once, for kernels that do not remember it (before 5.11).
        for (const std::uint32_t number : {__NR_futex, __NR_clock_gettime})
            for_call(number, [this] { allow(); });
        if (!wishes_.disk)
            for (const std::uint32_t number : {__NR_read, __NR_write})
                for_call(number, [this] { allow(); });
        else if (wishes_.notify)
            disk_blocks();
        // Its flags are in memory, where no filter sees them. C libraries fall back to clone.
        for_call(ipc::call::kClone3, [this] { ret(errno_action(ENOSYS)); });
        // The same with the flags of open: programs fall back to openat.
        for_call(ipc::call::kOpenat2, [this] { ret(errno_action(ENOSYS)); });
        // A second filter could answer for the host.
        for_call(__NR_seccomp, [this] { ret(errno_action(EPERM)); });
        for_call(__NR_prctl, [this] { prctl_block(); });
        for (const WatchedCall& watched : ipc::kWatchedCalls) {
            if (watched.network && wishes_.network) continue;
            for_call(watched.number, [this, &watched] { block(watched); });
        }
        ret(SECCOMP_RET_ALLOW);
        return std::move(program_);
    }

private:
    void add(sock_filter instruction) { program_.push_back(instruction); }
    void ret(std::uint32_t action) { add(BPF_STMT(BPF_RET | BPF_K, action)); }
    void load(std::size_t offset) {
        add(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)));
    }
    // Both architectures are little-endian: the low half stands first. What is compared has 32
    // bits in the kernel too.
    void load_argument(int index) {
        load(offsetof(seccomp_data, args) + 8 * static_cast<std::size_t>(index));
    }

    // `body` is done where the accumulator is `value`; it must end in a return.
    template <typename Body>
    void if_equal(std::uint32_t value, Body body) {
        const std::size_t jump = program_.size();
        add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 0));
        body();
        program_[jump].jf = static_cast<std::uint8_t>(program_.size() - jump - 1);
    }
    template <typename Body>
    void unless_equal(std::uint32_t value, Body body) {
        const std::size_t jump = program_.size();
        add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 0));
        body();
        program_[jump].jt = static_cast<std::uint8_t>(program_.size() - jump - 1);
    }
    template <typename Body>
    void if_any_bit(std::uint32_t bits, Body body) {
        const std::size_t jump = program_.size();
        add(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 0, 0));
        body();
        program_[jump].jf = static_cast<std::uint8_t>(program_.size() - jump - 1);
    }
    // The accumulator is the call's number again behind it, because a body never falls through.
    template <typename Body>
    void for_call(std::uint32_t number, Body body) {
        if_equal(number, body);
    }

    void refuse(int error = EPERM) { ret(wishes_.notify ? kUserNotify : errno_action(error)); }
    void ask() { ret(wishes_.notify ? kUserNotify : SECCOMP_RET_ALLOW); }
    void allow() { ret(SECCOMP_RET_ALLOW); }

    void disk_blocks() {
        for (const ipc::DiskCall& disk : ipc::kDiskCalls)
            for_call(disk.number, [this, &disk] {
                if (disk.work == ipc::DiskWork::Map) {
                    load_argument(3);
                    if_any_bit(MAP_ANONYMOUS, [this] { allow(); });
                }
                ask();
            });
        // Its calls are in memory, where no filter sees them. Programs fall back to those above.
        for_call(__NR_io_setup, [this] { ret(errno_action(ENOSYS)); });
    }

    void prctl_block() {
        load_argument(0);
        if_equal(PR_SET_SECCOMP, [this] { ret(errno_action(EPERM)); });
        // The host could no longer see what a denied call was about, nor the stacks of a hang.
        if_equal(PR_SET_DUMPABLE, [this] { ret(errno_action(EPERM)); });
        allow();
    }

    void block(const WatchedCall& watched) {
        switch (watched.treatment) {
            case Treatment::File:
                if (watched.number == __NR_truncate && !wishes_.truncate_confined)
                    return ret(errno_action(EPERM));
                return ask();
            case Treatment::Refuse:
                return watched.number == __NR_socket || watched.number == __NR_socketpair
                           ? socket_block()
                           : refuse();
            case Treatment::Connect:
                return refuse(EACCES);
            case Treatment::OwnThread:
                return own_thread_block(watched);
            case Treatment::Start:
                return start_block(watched);
            case Treatment::Signal:
                return signal_block(watched);
            case Treatment::Command:
                return watched.number == __NR_fcntl ? fcntl_block() : ioctl_block();
            case Treatment::Remember:
                return ask();
        }
    }

    // A local stream socket reaches nobody before connect() is called; a local datagram socket, or
    // one of a pair, reaches whom it wants.
    void socket_block() {
        load_argument(0);
        unless_equal(AF_UNIX, [this] { refuse(); });
        load_argument(1);
        add(BPF_STMT(BPF_ALU | BPF_AND | BPF_K, kSocketTypes));
        if_equal(SOCK_STREAM, [this] { allow(); });
        if_equal(SOCK_SEQPACKET, [this] { allow(); });
        refuse();
    }

    void own_thread_block(const WatchedCall& watched) {
        if (watched.number == __NR_setpriority || watched.number == __NR_ioprio_set) {
            // Of a process; that of a group or user would be that of others.
            const std::uint32_t process =
                watched.number == __NR_ioprio_set ? kIoprioWhoProcess : std::uint32_t{PRIO_PROCESS};
            load_argument(0);
            unless_equal(process, [this] { ret(errno_action(EPERM)); });
        }
        load_argument(watched.subject);
        if_equal(0, [this] { allow(); });
        if_equal(self_, [this] { allow(); });
        ask();
    }

    void start_block(const WatchedCall& watched) {
        if (watched.number == __NR_clone) {
            load_argument(0);
            if_any_bit(kNewNamespaces, [this] { ret(errno_action(EPERM)); });
        }
        ask();
    }

    void signal_block(const WatchedCall& watched) {
        if (watched.subject >= 0) {
            load_argument(watched.subject);
            if_equal(self_, [this] { allow(); });
            // The worker leads its own process group.
            if (watched.number == __NR_kill) if_equal(0, [this] { allow(); });
        }
        if (wishes_.signals_scoped)
            ask();
        else
            refuse();
    }

    // Who owns a file is sent its signals, whichever it chose: as good as kill(). A lease makes
    // everybody else wait who opens a file, even one that its holder may only read.
    void fcntl_block() {
        load_argument(1);
        if_equal(F_SETLEASE, [this] { ret(errno_action(EPERM)); });
        if (!wishes_.signals_scoped)
            for (const std::uint32_t command : {F_SETOWN, F_SETOWN_EX, F_SETSIG})
                if_equal(command, [this] { ret(errno_action(EPERM)); });
        allow();
    }

    // Some commands of file systems need no file that is open for writing: they set flags, seal
    // for ever, make and remove subvolumes. To a plugin no file system has any.
    void ioctl_block() {
        load_argument(1);
        if (!wishes_.signals_scoped)
            for (const std::uint32_t command : {kFioSetOwn, kSiocSetGroup})
                if_equal(command, [this] { ret(errno_action(EPERM)); });
        add(BPF_STMT(BPF_ALU | BPF_AND | BPF_K, kIoctlTypes));
        for (const std::uint32_t type : kFileSystemTypes)
            if_equal(type, [this] { ret(errno_action(ENOTTY)); });
        allow();
    }

    const FilterWishes wishes_;
    const std::uint32_t self_;
    std::vector<sock_filter> program_;
};

int install(const sock_fprog& program, std::uint32_t flags) {
    return static_cast<int>(syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program));
}

}  // namespace

std::vector<sock_filter> filter_program(const FilterWishes& wishes) {
    return Program(wishes).write();
}

int install_filter(const FilterWishes& wishes) {
    std::vector<sock_filter> instructions = filter_program(wishes);
    const sock_fprog program{static_cast<unsigned short>(instructions.size()), instructions.data()};
    int result = install(program, wishes.notify ? kNotifyFlag | kKillableFlag : 0);
    if (result < 0 && errno == EINVAL && wishes.notify) result = install(program, kNotifyFlag);
    if (result < 0)
        throw std::system_error(errno, std::generic_category(), "cannot filter system calls");
    return wishes.notify ? result : -1;
}

}  // namespace isobooth::sandbox
