// SPDX-License-Identifier: GPL-3.0-or-later
#include "sandbox/native/landlock.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <system_error>

namespace isobooth::sandbox {

namespace {

// The same on every architecture.
constexpr long kCreateRuleset = 444, kAddRule = 445, kRestrictSelf = 446;
constexpr std::uint32_t kAskVersion = 1;
constexpr int kRulePathBeneath = 1;

// linux/landlock.h: rights of ABI 1, then what later versions added.
constexpr std::uint64_t kExecute = 1 << 0, kWriteFile = 1 << 1, kReadFile = 1 << 2,
                        kReadDir = 1 << 3, kRemoveDir = 1 << 4, kRemoveFile = 1 << 5,
                        kMakeChar = 1 << 6, kMakeDir = 1 << 7, kMakeReg = 1 << 8,
                        kMakeSock = 1 << 9, kMakeFifo = 1 << 10, kMakeBlock = 1 << 11,
                        kMakeSym = 1 << 12;
constexpr std::uint64_t kAbi1 = (1 << 13) - 1;
constexpr std::uint64_t kRefer = 1 << 13;     // ABI 2
constexpr std::uint64_t kTruncate = 1 << 14;  // ABI 3
constexpr std::uint64_t kIoctlDev = 1 << 15;  // ABI 5
constexpr std::uint64_t kOfFiles = kExecute | kWriteFile | kReadFile | kTruncate | kIoctlDev;
constexpr std::uint64_t kAllTcp = 3;     // ABI 4: bind, connect
constexpr std::uint64_t kAllScopes = 3;  // ABI 6: abstract Unix sockets, signals

struct RulesetAttributes {
    std::uint64_t files;
    std::uint64_t network;
    std::uint64_t scopes;
};

struct [[gnu::packed]] PathAttributes {
    std::uint64_t allowed;
    std::int32_t parent;
};

[[noreturn]] void fail(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

class Descriptor {
public:
    explicit Descriptor(int fd) : fd_(fd) {}
    ~Descriptor() {
        if (fd_ >= 0) close(fd_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int get() const { return fd_; }

private:
    int fd_;
};

std::uint64_t handled_files(int abi) {
    std::uint64_t handled = kAbi1;
    if (abi >= 2) handled |= kRefer;
    if (abi >= 3) handled |= kTruncate;
    if (abi >= 5) handled |= kIoctlDev;
    return handled;
}

std::uint64_t rights(FileAccess access) {
    constexpr std::uint64_t read = kExecute | kReadFile | kReadDir;
    constexpr std::uint64_t write = read | kWriteFile | kTruncate | kRemoveDir | kRemoveFile |
                                    kMakeDir | kMakeReg | kMakeFifo | kRefer;
    switch (access) {
        case FileAccess::Read:
            return read;
        case FileAccess::Device:
            return kReadFile | kWriteFile | kTruncate | kIoctlDev;
        case FileAccess::Write:
            return write & ~kExecute;  // what a plugin has written is not run
        case FileAccess::Private:
            return write | kMakeSym | kMakeSock;
    }
    return 0;
}

void add_rule(int ruleset, const FileRule& rule, std::uint64_t handled) {
    const Descriptor file(open(rule.path.c_str(), O_PATH | O_CLOEXEC));
    struct stat status {};
    if (file.get() < 0 || fstat(file.get(), &status) != 0) return;
    std::uint64_t allowed = rights(rule.access) & handled;
    if (!S_ISDIR(status.st_mode)) allowed &= kOfFiles;
    const PathAttributes path{allowed, file.get()};
    if (syscall(kAddRule, ruleset, kRulePathBeneath, &path, 0) != 0)
        fail("cannot add a Landlock rule");
}

}  // namespace

int landlock_abi(int most) noexcept {
    const long abi = syscall(kCreateRuleset, nullptr, 0, kAskVersion);
    return std::max(0, std::min(static_cast<int>(abi), most));
}

void restrict_self(const std::vector<FileRule>& rules, bool network, int abi) {
    RulesetAttributes attributes{handled_files(abi), 0, 0};
    std::size_t size = sizeof attributes.files;
    if (abi >= kLandlockNetwork) {
        attributes.network = network ? 0 : kAllTcp;
        size = 2 * sizeof attributes.files;
    }
    if (abi >= kLandlockSignals) {
        attributes.scopes = network ? kAllScopes & ~1u : kAllScopes;
        size = sizeof attributes;
    }
    const Descriptor ruleset(static_cast<int>(syscall(kCreateRuleset, &attributes, size, 0)));
    if (ruleset.get() < 0) fail("cannot create a Landlock ruleset");
    for (const FileRule& rule : rules) add_rule(ruleset.get(), rule, attributes.files);
    if (syscall(kRestrictSelf, ruleset.get(), 0) != 0) fail("cannot enforce a Landlock ruleset");
}

}  // namespace isobooth::sandbox
