// SPDX-License-Identifier: GPL-3.0-or-later
//
// Files that a worker on a test rig has mapped to share them, and so writes to without a call.
//
// Where a disk has no room for a page, whoever writes to it is killed by SIGBUS. Nobody can make
// that happen from outside, but it shows: on a disk that the host calls full no call finds room, so
// a file that takes more of it than before was written to through memory.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace isobooth::ipc {

class MappedFiles {
public:
    MappedFiles() = default;
    ~MappedFiles();
    MappedFiles(const MappedFiles&) = delete;
    MappedFiles& operator=(const MappedFiles&) = delete;

    // One that `thread` is about to map. What can only be read is left out, and what lies where
    // room is counted late (a network folder, ZFS): it would grow by what was written long before.
    void remember(pid_t thread, std::uint64_t descriptor);
    // Whether the disk is full from now on. Waits until it holds what was written before.
    void set_full(bool full);
    // Paths of those that were written to where there was no room for it, in all.
    std::vector<std::string> written_without_room();

private:
    struct Mapped {
        std::string path;
        std::pair<std::uint64_t, std::uint64_t> node;
        int file;  // ours, of the same: it may lose its name meanwhile
        std::uint64_t room = 0;
        bool written = false;
    };
    void look(Mapped& mapped) const;

    std::mutex mutex_;
    std::vector<Mapped> files_;
    bool full_ = false;
};

}  // namespace isobooth::ipc
