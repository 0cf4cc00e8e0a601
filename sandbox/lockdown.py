# SPDX-License-Identifier: GPL-3.0-or-later
"""The first acts of a worker's life: whatever it inherited and must not have is put away here,
before any plugin code is loaded.
"""

import os
import resource
import signal
import socket

from ipc.names import WORKER_VARIABLE
from ipc.processes import own_identity, set_process_name
from sandbox._native import install_crash_handler

# Where a worker's control socket is; 0 is /dev/null, 1 and 2 are the pipe to the host. The crash
# handler keeps /proc/self/maps open besides.
CONTROL_FD = 3

PROCESS_NAME = "isb-worker"

# CPU time that a real-time thread may take without ever sleeping. The host's watchdog is faster;
# this stands behind it, for when the host is gone. SIGXCPU first, so that a crash report can tell
# it from a plain kill.
_RUNAWAY_SOFT_US = 1_000_000
_RUNAWAY_HARD_US = 1_200_000


def separate(control_fd: int, output_fd: int, crash_fd: int) -> socket.socket:
    """Leaves the launcher's session and descriptors; returns the control socket."""
    os.setsid()
    set_process_name(PROCESS_NAME)
    # The host ends its workers in order; a Ctrl-C that somehow comes here must not.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _keep_only(control_fd, output_fd, crash_fd)
    install_crash_handler(crash_fd)
    os.close(crash_fd)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # If memory runs out, a plugin is what the mix can do without.
    with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write("1000")
    # Known by this to the host, whatever the plugin starts (ipc/process_tree.py).
    os.environ[WORKER_VARIABLE] = str(own_identity())
    return socket.socket(fileno=CONTROL_FD)


def _keep_only(control_fd: int, output_fd: int, crash_fd: int) -> None:
    # All are above 2, received in this order, so the last cannot be where the first belongs; the
    # output is put in place first, so that it cannot be overwritten.
    os.dup2(output_fd, 1)
    os.dup2(output_fd, 2)
    if control_fd != CONTROL_FD:
        os.dup2(control_fd, CONTROL_FD)
    os.set_inheritable(CONTROL_FD, False)  # what a plugin starts cannot speak for the worker
    for entry in os.listdir("/proc/self/fd"):
        if int(entry) > CONTROL_FD and int(entry) != crash_fd:
            try:
                os.close(int(entry))
            except OSError:
                continue  # the descriptor that listed the folder


def limit_realtime() -> None:
    """A thread at real-time priority that never sleeps is ended by the kernel."""
    resource.setrlimit(resource.RLIMIT_RTTIME, (_RUNAWAY_SOFT_US, _RUNAWAY_HARD_US))
