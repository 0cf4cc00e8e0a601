// SPDX-License-Identifier: GPL-3.0-or-later
#include "ipc/native/call_watch.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "ipc/native/disk_file.hpp"
#include "ipc/native/proc.hpp"

namespace isobooth::ipc {

namespace {

// linux/seccomp.h; flags and ioctls that came after the headers of older distributions.
constexpr std::uint32_t kContinue = 1;                            // Linux 5.5
constexpr unsigned long kSetFlags = _IOW('!', 4, std::uint64_t);  // Linux 6.6
constexpr std::uint64_t kWakeOnThisCore = 1;
struct AddedDescriptor {  // seccomp_notif_addfd, Linux 5.9
    std::uint64_t id;
    std::uint32_t flags, source, number, number_flags;
};
constexpr unsigned long kAddDescriptor = _IOW('!', 3, AddedDescriptor);
constexpr std::uint32_t kAtNumber = 1;

// For Python to fetch: what a person would read of one plugin.
constexpr std::size_t kMostActs = 64;
constexpr std::size_t kMostTouched = 512;
constexpr double kNotesBurst = 64, kNotesPerSecond = 20;

constexpr std::size_t kPage = 4096;

constexpr std::uint64_t kReadAhead = 128 * 1024;  // what Linux reads of a file at a time, usually

// Alive at once there are fewer: new processes are rationed. Who comes on top may not leave.
constexpr std::size_t kMostLeavers = 4096;

// Reads memory of a thread that waits in a call; fewer bytes than asked for where it ends.
std::size_t read_memory(pid_t thread, std::uint64_t address, void* to, std::size_t size) {
    iovec local{to, size};
    iovec remote{reinterpret_cast<void*>(address), size};
    const ssize_t got = process_vm_readv(thread, &local, 1, &remote, 1, 0);
    return got > 0 ? static_cast<std::size_t>(got) : 0;
}

// A string of at most PATH_MAX bytes; none if it cannot be read or does not end.
std::optional<std::string> read_string(pid_t thread, std::uint64_t address) {
    std::string text;
    while (text.size() < PATH_MAX) {
        std::array<char, kPage> part;
        // Not across a page: the next one may not be there.
        const std::size_t room = kPage - (address + text.size()) % kPage;
        const std::size_t got = read_memory(thread, address + text.size(), part.data(), room);
        if (got == 0) return std::nullopt;
        const std::size_t length = strnlen(part.data(), got);
        text.append(part.data(), length);
        if (length < got) return text;
    }
    return std::nullopt;
}

// Processes that have ended and that nobody descends from: a session is called after its first.
void forget_the_dead(std::vector<std::pair<pid_t, std::uint64_t>>& processes) {
    std::set<long> sessions;
    std::error_code error;
    for (std::filesystem::directory_iterator at("/proc", error), end; !error && at != end;
         at.increment(error)) {
        const pid_t pid = std::atoi(at->path().filename().c_str());
        if (pid > 0) sessions.insert(stat_field(pid, kSession));
    }
    if (error) return;
    std::erase_if(processes, [&](const auto& process) {
        return !sessions.contains(process.first) &&
               stat_field(process.first, kStarted) != static_cast<long>(process.second);
    });
}

// Reads that a mapping of `file` stands for, as if all that it maps were read at once: a page that
// is touched later asks nobody. What is neither there nor to be looked at takes none, nor what lies
// over another mapping: the loader maps a library as a whole, and its parts over that again.
std::int64_t reads_of_mapping(const DiskFile& file, const seccomp_data& call) {
    const std::uint64_t length = call.args[1], offset = call.args[5];
    if ((call.args[3] & MAP_FIXED) != 0 || call.args[2] == PROT_NONE || offset >= file.size)
        return 0;
    const std::uint64_t bytes = std::min({length, file.size - offset, file.room});
    return static_cast<std::int64_t>((bytes + kReadAhead - 1) / kReadAhead);
}

bool is_below(const std::string& path, const std::vector<std::string>& folders) {
    return std::any_of(folders.begin(), folders.end(), [&](const std::string& folder) {
        return path.compare(0, folder.size(), folder) == 0 &&
               (path.size() == folder.size() || path[folder.size()] == '/' || folder == "/");
    });
}

std::string address_text(const sockaddr_storage& address, std::size_t size) {
    std::array<char, INET6_ADDRSTRLEN> host{};
    if (address.ss_family == AF_UNIX && size > offsetof(sockaddr_un, sun_path)) {
        const auto& local = reinterpret_cast<const sockaddr_un&>(address);
        const std::size_t most =
            std::min(sizeof local.sun_path, size - offsetof(sockaddr_un, sun_path));
        std::string text(local.sun_path,
                         local.sun_path[0] != 0 ? strnlen(local.sun_path, most) : most);
        if (!text.empty() && text[0] == 0) text[0] = '@';  // an abstract name, as ss(8) shows it
        return text;
    }
    if (address.ss_family == AF_INET) {
        const auto& inet = reinterpret_cast<const sockaddr_in&>(address);
        inet_ntop(AF_INET, &inet.sin_addr, host.data(), host.size());
        return std::string(host.data()) + ":" + std::to_string(ntohs(inet.sin_port));
    }
    if (address.ss_family == AF_INET6) {
        const auto& inet = reinterpret_cast<const sockaddr_in6&>(address);
        inet_ntop(AF_INET6, &inet.sin6_addr, host.data(), host.size());
        std::array<char, INET6_ADDRSTRLEN + 16> text{};
        std::snprintf(text.data(), text.size(), "[%s]:%u", host.data(), ntohs(inet.sin6_port));
        return text.data();
    }
    return {};
}

}  // namespace

bool CallWatch::Bucket::take() {
    const auto now = std::chrono::steady_clock::now();
    level =
        std::min(room, level + per_second * std::chrono::duration<double>(now - filled).count());
    filled = now;
    if (level < 1) return false;
    level -= 1;
    return true;
}

CallWatch::CallWatch(int listener, pid_t worker, WatchedRights rights)
    : listener_(listener),
      worker_(worker),
      rights_(std::move(rights)),
      news_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      end_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      notes_{kNotesBurst, kNotesPerSecond, kNotesBurst},
      forks_{kForkBurst, kForksPerSecond, kForkBurst} {
    try {
        if (news_ < 0 || end_ < 0)
            throw std::system_error(errno, std::generic_category(),
                                    "cannot watch a worker's calls");
        ioctl(listener_, kSetFlags, kWakeOnThisCore);
        // No signal of the host's is ever handled here.
        sigset_t all, before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        const auto mask = std::unique_ptr<sigset_t, void (*)(sigset_t*)>(
            &before, [](sigset_t* set) { pthread_sigmask(SIG_SETMASK, set, nullptr); });
        thread_ = std::thread([this] { run(); });
    } catch (...) {
        close_all();  // then whatever the worker asks fails
        throw;
    }
}

void CallWatch::close_all() const {
    for (const int fd : {listener_, news_, end_})
        if (fd >= 0) close(fd);
}

void CallWatch::stop() {
    if (!thread_.joinable()) return;
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(end_, &one, sizeof one);
    thread_.join();
    close_all();
}

std::vector<WatchedAct> CallWatch::read() {
    if (!thread_.joinable()) return {};
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(news_, &count, sizeof count);
    std::vector<WatchedAct> taken;
    const std::lock_guard lock(mutex_);
    taken.swap(acts_);
    return taken;
}

void CallWatch::run() {
    prctl(PR_SET_NAME, "isb-calls");
    std::array<pollfd, 2> waits{{{listener_, POLLIN, 0}, {end_, POLLIN, 0}}};
    for (;;) {
        if (poll(waits.data(), waits.size(), milliseconds_left()) < 0) continue;  // EINTR
        if (waits[1].revents != 0) return;
        answer_those_who_waited();
        if ((waits[0].revents & POLLIN) != 0) {
            // The kernel wants it zeroed. It has grown in no version yet, and may only at its end.
            alignas(seccomp_notif) std::array<std::byte, sizeof(seccomp_notif) + 256> room{};
            auto& asked = reinterpret_cast<seccomp_notif&>(room);
            // Does not wait: we alone read here, and there was one.
            if (ioctl(listener_, SECCOMP_IOCTL_NOTIF_RECV, &asked) == 0) answer(asked);
        } else if (waits[0].revents != 0) {
            waits[0].fd = -1;  // everybody who could ask is gone
        }
    }
}

bool CallWatch::still_waits(const seccomp_notif& asked) const {
    return ioctl(listener_, SECCOMP_IOCTL_NOTIF_ID_VALID, &asked.id) == 0;
}

void CallWatch::answer(const seccomp_notif& asked) {
    caller_ = static_cast<pid_t>(asked.pid);
    const auto number = static_cast<std::uint32_t>(asked.data.nr);
    if (const DiskCall* disk = disk_call(number)) return answer_disk(*disk, asked);
    bool goes_on = false;
    int error = EPERM;
    if (const WatchedCall* watched = watched_call(number)) error = judge(*watched, asked, goes_on);
    send(asked.id, goes_on, error);
    answered_.fetch_add(1, std::memory_order_relaxed);
    note_files();
}

void CallWatch::send(std::uint64_t id, bool goes_on, int error) const {
    struct {
        seccomp_notif_resp response;
        std::array<std::byte, 256> room;
    } reply{};
    reply.response.id = id;
    reply.response.error = goes_on ? 0 : -error;
    reply.response.flags = goes_on ? kContinue : 0;
    ioctl(listener_, SECCOMP_IOCTL_NOTIF_SEND, &reply.response);  // ENOENT: it was killed meanwhile
}

void CallWatch::set_disk(DiskFaults faults) {
    mapped_.set_full(faults.full);
    const std::lock_guard lock(mutex_);
    disk_ = faults;
}

void CallWatch::answer_disk(const DiskCall& call, const seccomp_notif& asked) {
    const auto& arguments = asked.data.args;
    const bool maps = call.work == DiskWork::Map;
    const bool reads = maps || call.work == DiskWork::Read;
    if (maps && (arguments[3] & MAP_TYPE) != MAP_PRIVATE) mapped_.remember(caller_, arguments[4]);
    DiskFaults disk;
    {
        const std::lock_guard lock(mutex_);
        disk = disk_;
    }
    const bool fails = disk.full && call.work == DiskWork::Write;
    std::chrono::milliseconds wait = std::min(reads ? disk.read_wait : disk.wait, disk.most);
    if (!fails && wait.count() == 0) return send(asked.id, true, 0);
    if (call.file >= 0) {
        // A file's descriptor stands in the register; whoever changes what it is meanwhile gets
        // the fault of another file.
        const std::optional<DiskFile> file = disk_file(caller_, arguments[call.file]);
        const std::int64_t times = !file ? 0 : maps ? reads_of_mapping(*file, asked.data) : 1;
        if (times == 0) return send(asked.id, true, 0);
        wait = std::min(wait * times, disk.most);
    }
    (reads ? slow_reads_ : disk_faults_).fetch_add(1, std::memory_order_relaxed);
    const int error = fails ? ENOSPC : 0;
    if (wait.count() == 0) return send(asked.id, !fails, error);
    {
        const std::lock_guard lock(mutex_);
        disk_.most = std::max(disk_.most - wait, std::chrono::milliseconds(0));
    }
    waiting_.push_back({asked.id, error, Clock::now() + wait});
}

void CallWatch::answer_those_who_waited() {
    const auto now = Clock::now();
    std::erase_if(waiting_, [&](const Waiting& one) {
        if (one.until > now) return false;
        send(one.id, one.error == 0, one.error);
        return true;
    });
}

// Until somebody has waited long enough, for poll(); -1: nobody waits.
int CallWatch::milliseconds_left() const {
    if (waiting_.empty()) return -1;
    const auto first = std::min_element(
        waiting_.begin(), waiting_.end(),
        [](const Waiting& one, const Waiting& other) { return one.until < other.until; });
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(first->until - Clock::now());
    return std::max(0, static_cast<int>(left.count()));
}

// The errno of a refusal; `goes_on` if it is none.
int CallWatch::judge(const WatchedCall& watched, const seccomp_notif& asked, bool& goes_on) {
    const auto caller = static_cast<pid_t>(asked.pid);
    const auto& arguments = asked.data.args;
    const std::uint64_t subject = watched.subject >= 0 ? arguments[watched.subject] : 0;
    switch (watched.treatment) {
        case Treatment::File:
            goes_on = true;
            see_file(watched, asked, watched.path, watched.folder);
            if (watched.path2 >= 0) see_file(watched, asked, watched.path2, watched.folder2);
            return 0;
        case Treatment::OwnThread:
            goes_on = is_thread_of(caller, subject) && still_waits(asked);
            break;
        case Treatment::Signal: {
            const auto target = static_cast<std::int32_t>(subject);
            const bool own = watched.subject >= 0 && target > 0 &&
                             stat_field(target, kSession) == worker_ && still_waits(asked);
            goes_on = own || rights_.signals_scoped;
            if (!own && watched.subject >= 0)
                note({watched.name, "", false, !goes_on, static_cast<std::uint64_t>(target)});
            return EPERM;
        }
        case Treatment::Start: {
            const bool thread = asked.data.nr == __NR_clone && (arguments[0] & CLONE_THREAD) != 0;
            goes_on = thread ? stat_field(caller, kThreads) < static_cast<long>(kMaxThreads)
                             : forks_.take();
            if (!goes_on)
                note({thread ? "thread" : "fork", "", false, true,
                      thread ? kMaxThreads : kForkBurst});
            return EAGAIN;
        }
        case Treatment::Remember:
            goes_on = remember(caller);
            return EAGAIN;
        case Treatment::Connect: {
            sockaddr_storage address{};
            const std::size_t size =
                std::min<std::size_t>(sizeof address, static_cast<std::uint32_t>(arguments[2]));
            std::string text =
                address_text(address, read_memory(caller, arguments[1], &address, size));
            for (const std::string& path : rights_.reachable) {
                if (text == path) return connect_in_its_stead(asked, path);
                // Not let there; libxcb asks there first, and gives up at any other answer.
                if (text == '@' + path) return ECONNREFUSED;
            }
            if (!still_waits(asked)) text.clear();
            note({watched.name, std::move(text), false, true, arguments[0]});
            return EACCES;
        }
        case Treatment::Refuse:
        case Treatment::Command:  // never asked about
            break;
    }
    if (goes_on) return 0;
    WatchedAct act{watched.name, "", false, true, subject != 0 ? subject : arguments[0]};
    if (watched.path >= 0) {
        act.path = path_of(asked, watched.path, watched.folder);
    } else if (asked.data.nr == __NR_ptrace) {
        act.argument = arguments[1];
    }
    if (!still_waits(asked)) act.path.clear();
    note(std::move(act));
    return watched.network ? EACCES : EPERM;
}

// Its errno. Never waits: the worker could share its own socket with whoever makes it block, so it
// is replaced, as by dup2(), in the worker's table of files, of which only the worker depends.
int CallWatch::connect_in_its_stead(const seccomp_notif& asked, const std::string& path) const {
    const std::string process = proc(static_cast<pid_t>(asked.pid));
    const std::string number = std::to_string(static_cast<std::uint32_t>(asked.data.args[0]));
    const long flags = named_field(process + "/fdinfo/" + number, "flags:", 8);
    if (flags < 0) return EBADF;
    if (!read_link(process + "/fd/" + number).starts_with("socket:")) return ENOTSOCK;
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    if (path.size() >= sizeof to.sun_path) return EACCES;
    path.copy(to.sun_path, path.size());
    const int line = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (line < 0) return errno;
    const AddedDescriptor added{asked.id, kAtNumber, static_cast<std::uint32_t>(line),
                                static_cast<std::uint32_t>(asked.data.args[0]),
                                static_cast<std::uint32_t>(flags & O_CLOEXEC)};
    int error = 0;
    if (connect(line, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0 ||
        fcntl(line, F_SETFL, static_cast<int>(flags & O_NONBLOCK)) != 0 ||
        ioctl(listener_, kAddDescriptor, &added) < 0)
        error = errno;
    close(line);
    return error;
}

// Read while the caller waits, for its memory changes when it goes on.
void CallWatch::see_file(const WatchedCall& watched, const seccomp_notif& asked, int path,
                         int folder) {
    const bool write = watched.flags < 0 || opens_for_writing(asked.data.args[watched.flags]);
    WatchedAct act{watched.name, path_of(asked, path, folder), write, false, 0};
    if (still_waits(asked)) files_.push_back(std::move(act));
}

// Looked at when the caller has been let go. Nearly all calls are about what may be opened, and end
// here, unless a link leads elsewhere.
void CallWatch::note_files() {
    for (WatchedAct& act : files_) {
        const auto& allowed = act.write ? rights_.writable : rights_.readable;
        if (is_below(act.path, allowed)) {
            std::array<char, PATH_MAX> real;
            // What links in /proc lead to depends on who looks.
            if (act.path.starts_with("/proc/")) continue;
            if (realpath(act.path.c_str(), real.data()) == nullptr ||
                is_below(real.data(), allowed)) {
                const std::lock_guard lock(mutex_);
                if (touched_.size() < kMostTouched)
                    touched_.emplace(std::move(act.path), act.write);
                continue;
            }
        }
        note(std::move(act));
    }
    files_.clear();
}

std::string CallWatch::path_of(const seccomp_notif& asked, int path, int folder) const {
    const auto caller = static_cast<pid_t>(asked.pid);
    const std::optional<std::string> text = read_string(caller, asked.data.args[path]);
    if (!text) return {};
    std::filesystem::path whole = *text;
    if (!whole.is_absolute()) {
        const int from = folder >= 0 ? static_cast<int>(asked.data.args[folder]) : AT_FDCWD;
        const std::string base =
            read_link(from == AT_FDCWD ? proc(caller) + "/cwd"
                                       : proc_file(caller, static_cast<std::uint64_t>(from)));
        if (base.empty()) return {};
        whole = std::filesystem::path(base) / whole;
    }
    return whole.lexically_normal().string();
}

// By the moment it began as well: the number may be another's later. False: nobody may leave whom
// nobody would find.
bool CallWatch::remember(pid_t thread) {
    const pid_t process = static_cast<pid_t>(named_field(proc(thread) + "/status", "Tgid:"));
    const long started = process > 0 ? stat_field(process, kStarted) : -1;
    if (started < 0) return false;
    const std::pair leaver(process, static_cast<std::uint64_t>(started));
    const std::lock_guard lock(mutex_);
    if (told_leavers_) return false;
    if (std::find(leavers_.begin(), leavers_.end(), leaver) != leavers_.end()) return true;
    if (leavers_.size() >= kMostLeavers) forget_the_dead(leavers_);
    if (leavers_.size() >= kMostLeavers) return false;
    leavers_.push_back(leaver);
    return true;
}

std::vector<std::pair<std::string, bool>> CallWatch::touched() {
    const std::lock_guard lock(mutex_);
    return {touched_.begin(), touched_.end()};
}

std::vector<std::pair<pid_t, std::uint64_t>> CallWatch::leavers() {
    const std::lock_guard lock(mutex_);
    told_leavers_ = true;
    return leavers_;
}

void CallWatch::note(WatchedAct act) {
    const std::lock_guard lock(mutex_);
    if (acts_.size() >= kMostActs || !notes_.take()) {
        lost_.fetch_add(1, std::memory_order_relaxed);
        return;
    }
    act.thread = caller_;
    acts_.push_back(std::move(act));
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(news_, &one, sizeof one);
}

}  // namespace isobooth::ipc
