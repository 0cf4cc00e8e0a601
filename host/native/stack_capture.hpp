// SPDX-License-Identifier: GPL-3.0-or-later
//
// The stacks of all threads of a worker that hangs, taken from outside by ptrace: it may be
// stopped, spin, or have every signal masked, so it cannot be asked. Runs on a thread of its own,
// because a traced process belongs to the thread that traces it, and is let go with that thread's
// end. Takes milliseconds, and never longer than it was given.
//
// Only for a process that is about to be killed: its system calls may be interrupted.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace isobooth::host {

struct CapturedThread {
    int id = 0;
    std::string name;
    std::string note;  // why there is no more than this
    std::uint64_t pc = 0, sp = 0;
    std::vector<std::uint64_t> registers;  // by DWARF number
    std::uint64_t stack_address = 0;
    std::string stack;
};

struct CapturedProcess {
    std::string maps;                     // /proc/PID/maps
    std::vector<CapturedThread> threads;  // the suspect first
    // Further looks at the suspect, a millisecond or two apart: what stays on its stack is what
    // it is stuck in.
    std::vector<CapturedThread> samples;
    std::string error;  // why there is nothing at all
};

// `suspect` is the thread that is believed to hang; 0: the process's first.
CapturedProcess capture_stacks(pid_t pid, pid_t suspect, double limit_s);

}  // namespace isobooth::host
