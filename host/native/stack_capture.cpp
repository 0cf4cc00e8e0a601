// SPDX-License-Identifier: GPL-3.0-or-later
#include "host/native/stack_capture.hpp"

#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <sstream>
#include <thread>

namespace isobooth::host {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostThreads = 64;
constexpr std::size_t kMostMapsBytes = 1 << 20;
constexpr std::size_t kStackBytes = 128 * 1024;
constexpr std::uint64_t kRedZone = 128;
constexpr int kSamples = 10;
constexpr std::uint64_t kRunBetweenSamplesNs = 300'000;
constexpr auto kPause = std::chrono::microseconds(100);

std::string proc(pid_t pid, const std::string& rest) {
    return "/proc/" + std::to_string(pid) + "/" + rest;
}

std::string read_file(const std::string& path, std::size_t most) {
    std::string text;
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return text;
    char part[4096];
    for (ssize_t got; text.size() < most && (got = read(fd, part, sizeof part)) > 0;)
        text.append(part, static_cast<std::size_t>(got));
    close(fd);
    return text;
}

std::vector<pid_t> threads_of(pid_t pid) {
    std::vector<pid_t> found;
    if (DIR* const folder = opendir(proc(pid, "task").c_str())) {
        while (const dirent* const entry = readdir(folder))
            if (const pid_t thread = std::atoi(entry->d_name);
                thread > 0 && found.size() < kMostThreads)
                found.push_back(thread);
        closedir(folder);
    }
    return found;
}

// The upper end of the mapping that holds `address`; 0 if none does.
std::uint64_t mapping_end(const std::string& maps, std::uint64_t address) {
    std::istringstream lines(maps);
    for (std::string line; std::getline(lines, line);) {
        unsigned long start = 0, end = 0;
        if (std::sscanf(line.c_str(), "%lx-%lx", &start, &end) == 2 && address >= start &&
            address < end)
            return end;
    }
    return 0;
}

// One process while it is traced.
class Capture {
public:
    Capture(pid_t pid, double limit_s)
        : pid_(pid),
          deadline_(Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                       std::chrono::duration<double>(limit_s))) {}

    CapturedProcess run(pid_t suspect) {
        CapturedProcess result;
        std::vector<pid_t> threads = threads_of(pid_);
        const auto first = std::find(threads.begin(), threads.end(), suspect ? suspect : pid_);
        if (first != threads.end()) std::rotate(threads.begin(), first, first + 1);
        // " (name) T …": what SIGSTOP has stopped would only be woken by further looks.
        const std::string stat = read_file(proc(pid_, "stat"), 512);
        const std::size_t state = stat.rfind(") ");
        stopped_ = state != std::string::npos && stat.compare(state, 3, ") T") == 0;
        std::vector<pid_t> traced;
        for (const pid_t thread : threads) {
            if (ptrace(PTRACE_SEIZE, thread, nullptr, nullptr) != 0) {
                if (errno == EPERM || errno == EACCES) result.error = std::strerror(errno);
                continue;
            }
            ptrace(PTRACE_INTERRUPT, thread, nullptr, nullptr);
            traced.push_back(thread);
        }
        if (traced.empty()) return result;
        result.error.clear();
        maps_ = result.maps = read_file(proc(pid_, "maps"), kMostMapsBytes);
        memory_ = open(proc(pid_, "mem").c_str(), O_RDONLY | O_CLOEXEC);
        for (const pid_t thread : traced) result.threads.push_back(look_at(thread));
        sample(result);
        if (memory_ >= 0) close(memory_);
        return result;
    }

private:
    CapturedThread look_at(pid_t thread) {
        CapturedThread found;
        found.id = thread;
        found.name = read_file(proc(pid_, "task/" + std::to_string(thread) + "/comm"), 64);
        if (!found.name.empty() && found.name.back() == '\n') found.name.pop_back();
        if (wait_for_stop(thread))
            read_registers(thread, found);
        else
            ask_the_kernel(thread, found);
        read_stack(found);
        return found;
    }

    // A thread inside the kernel that cannot be interrupted does not stop.
    bool wait_for_stop(pid_t thread) {
        for (;;) {
            int status = 0;
            const pid_t got = waitpid(thread, &status, __WALL | WNOHANG);
            if (got == thread) return WIFSTOPPED(status);
            if ((got < 0 && errno != EINTR) || Clock::now() > deadline_) return false;
            std::this_thread::sleep_for(kPause);
        }
    }

    static void read_registers(pid_t thread, CapturedThread& to) {
        user_regs_struct from{};
        iovec buffer{&from, sizeof from};
        if (ptrace(PTRACE_GETREGSET, thread, NT_PRSTATUS, &buffer) != 0) {
            to.note = "its registers could not be read";
            return;
        }
#if defined(__x86_64__)
        to.registers = {from.rax, from.rdx, from.rcx, from.rbx, from.rsi, from.rdi,
                        from.rbp, from.rsp, from.r8,  from.r9,  from.r10, from.r11,
                        from.r12, from.r13, from.r14, from.r15};
        to.pc = from.rip;
        to.sp = from.rsp;
#elif defined(__aarch64__)
        to.registers.assign(from.regs, from.regs + 31);
        to.registers.push_back(from.sp);
        to.pc = from.pc;
        to.sp = from.sp;
#endif
    }

    // What the kernel says of a thread that sleeps in it: "call arguments… sp pc".
    void ask_the_kernel(pid_t thread, CapturedThread& to) {
        to.note = "did not stop: stuck inside the kernel";
        std::istringstream words(
            read_file(proc(pid_, "task/" + std::to_string(thread) + "/syscall"), 512));
        std::vector<std::string> all{std::istream_iterator<std::string>(words), {}};
        if (all.size() < 3) return;
        to.sp = std::strtoull(all[all.size() - 2].c_str(), nullptr, 16);
        to.pc = std::strtoull(all.back().c_str(), nullptr, 16);
    }

    void read_stack(CapturedThread& of) {
        const std::uint64_t end = mapping_end(maps_, of.sp);
        if (end == 0 || memory_ < 0) return;
        of.stack_address = of.sp < kRedZone ? 0 : of.sp - kRedZone;
        of.stack.resize(std::min<std::size_t>(end - of.stack_address, kStackBytes));
        ssize_t got =
            pread(memory_, of.stack.data(), of.stack.size(), static_cast<off_t>(of.stack_address));
        if (got <= 0) {  // the red zone may lie below the mapping
            of.stack_address = of.sp;
            got = pread(memory_, of.stack.data(), of.stack.size(), static_cast<off_t>(of.sp));
        }
        of.stack.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    }

    void sample(CapturedProcess& result) {
        const pid_t suspect = result.threads.front().id;
        if (!result.threads.front().note.empty() || stopped_) return;
        for (int i = 0; i < kSamples && Clock::now() < deadline_; ++i) {
            if (ptrace(PTRACE_CONT, suspect, nullptr, nullptr) != 0) return;
            let_run(suspect);
            ptrace(PTRACE_INTERRUPT, suspect, nullptr, nullptr);
            CapturedThread look = look_at(suspect);
            if (!look.note.empty()) return;
            result.samples.push_back(std::move(look));
        }
    }

    // A look is only worth something if the thread has moved since the last one, or sleeps.
    void let_run(pid_t thread) const {
        const std::string task = "task/" + std::to_string(thread);
        const auto run_ns = [&] {
            return std::strtoull(read_file(proc(pid_, task + "/schedstat"), 128).c_str(), nullptr,
                                 10);
        };
        const std::uint64_t until = run_ns() + kRunBetweenSamplesNs;
        do {
            std::this_thread::sleep_for(4 * kPause);
            const std::string stat = read_file(proc(pid_, task + "/stat"), 512);
            const std::size_t state = stat.rfind(") ");
            if (state == std::string::npos || stat.compare(state, 3, ") R") != 0) return;
        } while (run_ns() < until && Clock::now() < deadline_);
    }

    const pid_t pid_;
    const Clock::time_point deadline_;
    std::string maps_;
    int memory_ = -1;
    bool stopped_ = false;
};

}  // namespace

CapturedProcess capture_stacks(pid_t pid, pid_t suspect, double limit_s) {
    CapturedProcess result;
    std::thread([&] { result = Capture(pid, limit_s).run(suspect); }).join();
    return result;
}

}  // namespace isobooth::host
