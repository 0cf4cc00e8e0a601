# SPDX-License-Identifier: GPL-3.0-or-later
"""What processes, their supervision and their confinement are made of."""

import errno
import os
import resource
import subprocess
import sys

from tools.console import counted
from tools.doctor import libc
from tools.doctor.check import Finding, Machine, fail, ok, warn

_PR_SET_CHILD_SUBREAPER = 36
_PR_GET_CHILD_SUBREAPER = 37
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_PR_SET_SYSCALL_USER_DISPATCH = 59
_SYS_LANDLOCK_CREATE_RULESET = 444  # the same on every architecture
_LANDLOCK_CREATE_RULESET_VERSION = 1
_PTRACE_SEIZE = 0x4206

# Landlock confines signals from here on.
LANDLOCK_SIGNALS_ABI = 6

# The files of a track's chain, 24 records: 1.23 MiB at 128 frames, 4.1 at 4096, 7.1 at the 8192
# that a render does at a time (measured with ipc._native.Geometry), and the semaphores.
SHM_PLAYED_BYTES = 3 * 2**19
SHM_RENDERED_BYTES = 15 * 2**19
SHM_ENOUGH_BYTES = 128 * 2**20  # for 32 tracks at any block size

# The usual soft limit. Each slot takes several descriptors: its socket, pidfd, stderr and files.
FILES_ENOUGH = 1024


def shared_memory(machine: Machine) -> Finding:
    """Where audio goes between processes; a full /dev/shm would end them."""
    folder = machine.path("/dev/shm")
    mount = "mount a tmpfs there: `mount -t tmpfs -o size=50% tmpfs /dev/shm`"
    try:
        space = os.statvfs(folder)
    except OSError as error:
        return fail(f"{folder}: {error.strerror}", mount)
    size, free = space.f_blocks * space.f_frsize, space.f_bavail * space.f_frsize
    values = {"size_bytes": size, "free_bytes": free}
    told = f"{free / 2**20:.0f} of {size / 2**20:.0f} MiB free"
    grow = "enlarge it (`mount -o remount,size=50% /dev/shm`; docker: `--shm-size=1g`)"
    if not os.access(folder, os.W_OK | os.X_OK):
        return fail(f"{folder} cannot be written", "`chmod 1777 /dev/shm`", **values)
    if free < SHM_PLAYED_BYTES:
        return fail(f"{told}, too little for the plugins of a track", grow, **values)
    if free < SHM_ENOUGH_BYTES:
        played, rendered = free // SHM_PLAYED_BYTES, free // SHM_RENDERED_BYTES
        tracks = f"the plugins of {counted(played, 'track')} to be played, {rendered} rendered"
        return warn(f"{told}, enough for {tracks}", grow, **values)
    return ok(told, **values)


def semaphores(machine: Machine) -> Finding:
    """How processes wake each other, by making one and waiting for it."""
    advice = "mount /dev/shm as a tmpfs with mode 1777"
    try:
        import posix_ipc
    except ImportError as error:
        return fail(str(error), "`pip install posix_ipc`")
    try:
        semaphore = posix_ipc.Semaphore(None, posix_ipc.O_CREX)
    except (OSError, posix_ipc.Error) as error:
        return fail(f"cannot be made: {error}", advice)
    try:
        semaphore.release()
        semaphore.acquire(1)
    except posix_ipc.Error as error:
        return fail(f"do not wake: {error}", advice)
    finally:
        semaphore.unlink()
        semaphore.close()
    return ok("made, posted, waited for")


def process_descriptors(machine: Machine) -> Finding:
    """pidfd_open: how the host learns that a worker ended."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError as error:
        return fail(
            f"pidfd_open: {error.strerror}", "needs Linux 5.3 or newer, and no filter on it"
        )
    return ok("pidfd_open works")


def child_subreaper(machine: Machine) -> Finding:
    """How workers, forked by the launcher, become the host's own children."""
    try:
        libc.prctl(_PR_SET_CHILD_SUBREAPER, libc.prctl_read_int(_PR_GET_CHILD_SUBREAPER))
    except OSError as error:
        return fail(f"PR_SET_CHILD_SUBREAPER: {error.strerror}", "needs Linux, and no filter on it")
    return ok("can be set")


def open_files(machine: Machine) -> Finding:
    """How many slots fit before descriptors run out."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    values = {"soft": libc.limit_value(soft), "hard": libc.limit_value(hard)}
    if soft != resource.RLIM_INFINITY and soft < FILES_ENOUGH:
        return warn(f"limit {soft}", f"`ulimit -n {FILES_ENOUGH}` or more", **values)
    return ok("unlimited" if soft == resource.RLIM_INFINITY else f"limit {soft}", **values)


def landlock(machine: Machine) -> Finding:
    """Whether the kernel can keep a plugin from files it has no business with."""
    try:
        abi = libc.syscall(_SYS_LANDLOCK_CREATE_RULESET, 0, 0, _LANDLOCK_CREATE_RULESET_VERSION)
    except OSError as error:
        advice = (
            "boot with `landlock` in `lsm=`"
            if error.errno == errno.EOPNOTSUPP
            else "needs Linux 5.13 or newer with Landlock, and no filter on it"
        )
        advice += "; without it plugins can read and write all your files"
        return warn(f"not available ({error.strerror})", advice, abi=0)
    if abi < LANDLOCK_SIGNALS_ABI:
        return warn(
            f"ABI {abi}: confines files, not signals",
            "needs Linux 6.12 for signals; until then the host decides about each by itself",
            abi=abi,
        )
    return ok(f"ABI {abi}", abi=abi)


def seccomp(machine: Machine) -> Finding:
    """Whether system calls of plugins can be refused and shown."""
    try:
        libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, 0)
    except OSError as error:
        # With no filter given, a kernel that has filters complains about the address.
        available = error.errno in (errno.EFAULT, errno.EACCES)
    else:
        available = False
    if not available:
        return warn(
            "no filters",
            "needs a kernel with CONFIG_SECCOMP_FILTER; without it plugins can reach the network",
            actions=[],
        )
    actions = (machine.read("/proc/sys/kernel/seccomp/actions_avail") or "").split()
    if actions and "user_notif" not in actions:
        return warn(
            "filters, but no notification",
            "needs Linux 5.5 or newer; without it what plugins are denied is not told",
            actions=actions,
        )
    return ok("filters and notification", actions=actions)


def syscall_dispatch(machine: Machine) -> Finding:
    """Whether system calls inside process() can be caught, for stress checks."""
    try:
        libc.prctl(_PR_SET_SYSCALL_USER_DISPATCH, 0)  # off, which it is
    except OSError:
        return warn("not available", "needs Linux 5.11 or newer on x86-64")
    return ok("available")


def tracing(machine: Machine) -> Finding:
    """Whether the stacks of a hung plugin can be read, by attaching to a child."""
    scope = machine.read("/proc/sys/kernel/yama/ptrace_scope")
    values = {"ptrace_scope": None if scope is None else int(scope)}
    child = subprocess.Popen(
        [sys.executable, "-S", "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE
    )
    try:
        libc.ptrace(_PTRACE_SEIZE, child.pid)
    except OSError as error:
        return warn(
            f"refused ({error.strerror}; ptrace_scope {scope or 'not set'})",
            "`sysctl kernel.yama.ptrace_scope=1`; in a container allow SYS_PTRACE",
            **values,
        )
    finally:
        child.kill()
        child.communicate()
    return ok("children can be traced", **values)
