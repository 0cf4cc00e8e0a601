// SPDX-License-Identifier: GPL-3.0-or-later
//
// Landlock: what a worker may do with files, and that it may neither signal nor speak to what is
// not its own. The system calls are declared here because the headers of older distributions know
// only part of them.
#pragma once

#include <string>
#include <vector>

namespace isobooth::sandbox {

enum class FileAccess : int {
    Read = 0,     // files and folders below, and running programs
    Device = 1,   // one device, both ways
    Write = 2,    // read, write, make, rename, remove; no links and sockets, which fool others
    Private = 3,  // all of it
};

struct FileRule {
    std::string path;
    FileAccess access;
};

// The kernel's Landlock version, at most `most`; 0: none.
int landlock_abi(int most) noexcept;

// What a version confines.
constexpr int kLandlockTruncate = 3;
constexpr int kLandlockNetwork = 4;
constexpr int kLandlockSignals = 6;

// Confines this thread and those it starts to `rules`, for good; needs no_new_privs. Paths that do
// not exist are passed over. Throws std::system_error.
void restrict_self(const std::vector<FileRule>& rules, bool network, int abi);

}  // namespace isobooth::sandbox
