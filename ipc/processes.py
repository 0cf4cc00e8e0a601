# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel says about processes, and the few `prctl` switches that ours need.

A pid alone names nobody: it is reused. Everything that must outlive a process (names in /dev/shm,
marks on command lines) therefore carries the pid and the start time, which together are unique
until the next boot.
"""

import ctypes
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

# linux/prctl.h
_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class ProcessStat:
    """The fields of /proc/PID/stat that matter here."""

    pid: int
    name: str
    state: str  # R, S, D, T, Z, X …
    parent: int
    session: int
    start_time: int  # clock ticks since boot

    @property
    def dead(self) -> bool:
        """True for a process that has ended, whether or not somebody has reaped it."""
        return self.state in "ZX"


@dataclass(frozen=True)
class ProcessIdentity:
    """A process that is never confused with a later one of the same pid."""

    pid: int
    start_time: int

    def exists(self) -> bool:
        """True also for a process that has ended but has not been reaped."""
        stat = process_stat(self.pid)
        return stat is not None and stat.start_time == self.start_time

    def is_alive(self) -> bool:
        stat = process_stat(self.pid)
        return stat is not None and stat.start_time == self.start_time and not stat.dead

    def __str__(self) -> str:
        return f"{self.pid}-{self.start_time}"


def oom_kills() -> int | None:
    """How many processes the kernel has ended for want of memory since it was booted; None where
    it does not say."""
    try:
        with open("/proc/vmstat", encoding="ascii") as file:
            return next((int(line[9:]) for line in file if line.startswith("oom_kill ")), None)
    except (OSError, ValueError):
        return None


def is_thread_of(thread: int, pid: int) -> bool:
    """Whether this is a thread of that process, and neither has ended."""
    return thread > 0 and os.path.isdir(f"/proc/{pid}/task/{thread}")


def process_stat(pid: int) -> ProcessStat | None:
    """None if there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return None
    # The name is in parentheses and may itself hold spaces and parentheses.
    name = text[text.index("(") + 1 : text.rindex(")")]
    fields = text[text.rindex(")") + 2 :].split()
    return ProcessStat(
        pid=pid,
        name=name,
        state=fields[0],
        parent=int(fields[1]),
        session=int(fields[3]),
        start_time=int(fields[19]),
    )


def own_identity() -> ProcessIdentity:
    stat = process_stat(os.getpid())
    assert stat is not None, "/proc is not mounted"
    return ProcessIdentity(stat.pid, stat.start_time)


def children_of(pid: int) -> list[int]:
    """The direct children, ended ones included."""
    # The kernel may skip an entry when a child ends while the list is read, so it is read until
    # two readings agree.
    before: list[int] | None = None
    for _ in range(8):
        now = sorted(_read_children(pid))
        if now == before:
            break
        before = now
    return before or []


def _read_children(pid: int) -> Iterator[int]:
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return
    for task in tasks:
        try:
            with open(f"/proc/{pid}/task/{task}/children", "rb") as file:
                yield from map(int, file.read().split())
        except OSError:
            continue  # the thread ended


def all_pids() -> list[int]:
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def is_elsewhere(pid: int) -> bool:
    """Whether it lives in a process namespace below this one (a container): there it has another
    pid, and so has whoever it names."""
    try:
        with open(f"/proc/{pid}/status", "rb") as file:
            found = re.search(rb"^NSpid:((?:\s+\d+)+)$", file.read(), re.MULTILINE)
    except OSError:
        return False
    return found is not None and len(found[1].split()) > 1


def mapped_files(pid: int, *, writable: bool = False) -> set[str]:
    """Paths of the files that a process has mapped shared (`writable`: those it may write).

    A deleted file keeps its path. Empty if the process is gone or not ours to look at.
    """
    try:
        with open(f"/proc/{pid}/maps", "rb") as file:
            text = file.read().decode("utf-8", "surrogateescape")
    except OSError:
        return set()
    rights = "rw.s" if writable else "...s"
    found = re.findall(rf"^\S+ {rights} \S+ \S+ \d+ +(/.*)$", text, re.MULTILINE)
    return {path.removesuffix(" (deleted)") for path in found}


def command_line(pid: int) -> list[str]:
    """Empty if the process is gone, has ended, or is a kernel thread."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().decode("utf-8", "surrogateescape").split("\0")
    except OSError:
        return []


def _prctl(option: int, argument: object) -> None:
    unused = ctypes.c_ulong(0)
    if _libc.prctl(option, argument, unused, unused, unused) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), f"prctl({option})")


def set_process_name(name: str) -> None:
    """What ps and top show: at most 15 bytes."""
    _prctl(_PR_SET_NAME, ctypes.c_char_p(name.encode()))


def adopt_orphans() -> None:
    """Makes this process the parent of whatever its descendants leave behind."""
    _prctl(_PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(1))


def forbid_new_privileges() -> None:
    """From now on no exec of this thread's descendants can raise rights (setuid, capabilities)."""
    _prctl(_PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1))
