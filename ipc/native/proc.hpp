// SPDX-License-Identifier: GPL-3.0-or-later
//
// What /proc says of other processes and threads.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace isobooth::ipc {

std::string proc(pid_t pid);                             // its folder
std::string proc_file(pid_t pid, std::uint64_t number);  // one that it has open

// Where a link leads; empty: nowhere, or it is none.
std::string read_link(const std::string& path);

bool is_thread_of(pid_t process_or_thread, std::uint64_t thread);

// A field of /proc/PID/stat, counted as in proc(5); only such as stand behind the name. -1: not
// there.
inline constexpr int kSession = 6, kThreads = 20, kStarted = 22;
long stat_field(pid_t pid, int field);

// A number in a file such as /proc/PID/status; -1: not there.
long named_field(const std::string& path, const char* name, int base = 10);

}  // namespace isobooth::ipc
