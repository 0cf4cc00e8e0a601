// SPDX-License-Identifier: GPL-3.0-or-later
#include "ipc/native/disk_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include "ipc/native/proc.hpp"

namespace isobooth::ipc {

namespace {

constexpr unsigned kBlock = 512;  // statx(2), whatever the disk's are

std::optional<DiskFile> look(int folder, const char* path, int flags) {
    struct statx status {};
    if (statx(folder, path, flags | AT_STATX_DONT_SYNC, STATX_BASIC_STATS, &status) != 0 ||
        !S_ISREG(status.stx_mode))
        return std::nullopt;
    const std::uint64_t device = std::uint64_t{status.stx_dev_major} << 32 | status.stx_dev_minor;
    return DiskFile{"", status.stx_size, status.stx_blocks * kBlock, {device, status.stx_ino}};
}

}  // namespace

std::optional<DiskFile> disk_file(pid_t thread, std::uint64_t descriptor) {
    const std::string link = proc_file(thread, descriptor);
    std::optional<DiskFile> file = look(AT_FDCWD, link.c_str(), 0);
    if (!file) return std::nullopt;
    file->path = read_link(link);
    for (const char* elsewhere : {"/memfd:", "/dev/shm/", "/proc/", "/sys/"})
        if (file->path.starts_with(elsewhere)) return std::nullopt;
    return file;
}

std::optional<DiskFile> disk_file(int descriptor) { return look(descriptor, "", AT_EMPTY_PATH); }

}  // namespace isobooth::ipc
