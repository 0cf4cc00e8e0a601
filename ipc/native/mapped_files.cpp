// SPDX-License-Identifier: GPL-3.0-or-later
#include "ipc/native/mapped_files.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "ipc/native/disk_file.hpp"
#include "ipc/native/proc.hpp"

namespace isobooth::ipc {

namespace {

constexpr std::size_t kMostFiles = 64;  // each takes a descriptor of the host's

// Which set room aside when a page is first written to, and say so at once.
constexpr std::uint32_t kXfs = 0x58465342;
constexpr std::uint32_t kCountsAtOnce[] = {EXT4_SUPER_MAGIC, kXfs,        BTRFS_SUPER_MAGIC,
                                           F2FS_SUPER_MAGIC, TMPFS_MAGIC, OVERLAYFS_SUPER_MAGIC};

bool counts_at_once(int file) {
    struct statfs system {};
    return fstatfs(file, &system) == 0 &&
           std::ranges::find(kCountsAtOnce, static_cast<std::uint32_t>(system.f_type)) !=
               std::end(kCountsAtOnce);
}

bool may_be_written(pid_t thread, std::uint64_t descriptor) {
    const std::string info =
        proc(thread) + "/fdinfo/" + std::to_string(static_cast<int>(descriptor));
    const long flags = named_field(info, "flags:", 8);
    return flags >= 0 && (flags & O_ACCMODE) == O_RDWR;
}

// What was written before is on the disk then, with all that the disk keeps beside it: that would take
// room later.
void settle(int file) {
    const std::string path = proc_file(getpid(), static_cast<std::uint64_t>(file));
    const int readable = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (readable < 0) return;
    fdatasync(readable);
    close(readable);
}

}  // namespace

MappedFiles::~MappedFiles() {
    for (const Mapped& mapped : files_) close(mapped.file);
}

void MappedFiles::remember(pid_t thread, std::uint64_t descriptor) {
    const std::optional<DiskFile> found = disk_file(thread, descriptor);
    if (!found || !may_be_written(thread, descriptor)) return;
    const std::lock_guard lock(mutex_);
    const auto known = std::ranges::find(files_, found->node, &Mapped::node);
    if (known != files_.end()) return look(*known);  // it may have been emptied since
    if (files_.size() >= kMostFiles) return;
    const int file = open(proc_file(thread, descriptor).c_str(), O_PATH | O_CLOEXEC);
    if (file < 0) return;
    if (!counts_at_once(file)) {
        close(file);
        return;
    }
    files_.push_back({found->path, found->node, file, found->room});
}

void MappedFiles::set_full(bool full) {
    const std::lock_guard lock(mutex_);
    if (full == full_) return;
    for (Mapped& mapped : files_) {
        if (full) settle(mapped.file);
        look(mapped);
    }
    full_ = full;
}

std::vector<std::string> MappedFiles::written_without_room() {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> paths;
    for (Mapped& mapped : files_) {
        look(mapped);
        if (mapped.written) paths.push_back(mapped.path);
    }
    return paths;
}

// A file whose room is enough for all of it grows by what disks keep beside it, not by a page.
void MappedFiles::look(Mapped& mapped) const {
    const std::optional<DiskFile> now = disk_file(mapped.file);
    if (!now) return;
    if (full_ && now->room > mapped.room && mapped.room < now->size) mapped.written = true;
    mapped.room = now->room;
}

}  // namespace isobooth::ipc
