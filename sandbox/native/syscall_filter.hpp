// SPDX-License-Identifier: GPL-3.0-or-later
//
// The seccomp filter of a worker: hands the calls of ipc/native/watched_calls.hpp to the host, or,
// where the kernel cannot do that, refuses what is to be refused by itself.
#pragma once

#include <linux/filter.h>

#include <vector>

namespace isobooth::sandbox {

struct FilterWishes {
    bool network = false;            // sockets of any family, to anywhere
    bool truncate_confined = false;  // by Landlock
    bool signals_scoped = false;     // by Landlock
    bool notify = true;              // a host will answer
    bool disk = false;               // and is asked about calls for files (kDiskCalls)
};

// The program for this process (its pid is in it).
std::vector<sock_filter> filter_program(const FilterWishes& wishes);

// Installs the filter for this thread and those it starts; needs no_new_privs. Returns the
// descriptor on which the host answers, -1 without `notify`. Throws std::system_error: the kernel
// has no filters, or no notification.
int install_filter(const FilterWishes& wishes);

}  // namespace isobooth::sandbox
