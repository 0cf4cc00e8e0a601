// SPDX-License-Identifier: GPL-3.0-or-later
//
// A file that another process has open, where it lies on a disk as far as plugins go: not in
// memory, nor in the kernel.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace isobooth::ipc {

struct DiskFile {
    std::string path;  // as the kernel names it
    std::uint64_t size = 0;
    std::uint64_t room = 0;                        // bytes that the disk has set aside for it
    std::pair<std::uint64_t, std::uint64_t> node;  // which it is, by whatever name
};

// Asks no server of a network folder.
std::optional<DiskFile> disk_file(pid_t thread, std::uint64_t descriptor);

// The same of a file of ours; its path is left empty.
std::optional<DiskFile> disk_file(int descriptor);

}  // namespace isobooth::ipc
