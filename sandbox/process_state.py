# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plugin must leave as it is, because the whole process shares it, and what it takes."""

import ctypes
import locale
import os
import signal
from typing import NamedTuple

# By these a host finds out about crashes, a terminal and children; of the others few know.
_SIGNALS = (
    *(signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT, signal.SIGSYS),
    *(signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGCHLD),
    *(signal.SIGPIPE, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGTRAP),
)
_SIGACTION_BYTES = 256  # more than any libc's


class Shared(NamedTuple):
    """Belongs to the process, not to a plugin."""

    locale: str
    folder: str
    umask: str
    blocked_signals: str
    handlers: tuple[int, ...]

    def changes(self, now: "Shared") -> list[str]:
        """What is not as it was, one line each."""
        found = []
        if now.locale != self.locale:
            found.append(f"the locale: from {self.locale} to {now.locale}")
        if now.folder != self.folder:
            found.append(f"the current folder: from {self.folder} to {now.folder}")
        if now.umask != self.umask:
            found.append(f"the umask: from {self.umask} to {now.umask}")
        if now.blocked_signals != self.blocked_signals:
            found.append("the signals that the main thread blocks")
        handlers = zip(_SIGNALS, self.handlers, now.handlers, strict=True)
        found += [f"the handler of {one.name}" for one, old, new in handlers if old != new]
        return found


class Taken(NamedTuple):
    """Of the process: bytes that are its alone, and how many of the others."""

    memory_bytes: int
    threads: int
    files: int
    maps: int


def shared_state() -> Shared:
    status = _status()
    return Shared(
        locale.setlocale(locale.LC_ALL),
        _folder(),
        status.get("Umask", ""),
        status.get("SigBlk", ""),
        tuple(_handler_of(number) for number in _SIGNALS),
    )


def taken() -> Taken:
    status = _status()
    with open("/proc/self/maps", "rb") as file:
        maps = sum(1 for _ in file)
    return Taken(
        int(status.get("RssAnon", "0 kB").split()[0]) * 1024,
        int(status.get("Threads", "1")),
        len(os.listdir("/proc/self/fd")) - 1,  # but for the one that lists them
        maps,
    )


def _status() -> dict[str, str]:
    with open("/proc/self/status", encoding="utf-8", errors="replace") as file:
        fields = (line.partition(":") for line in file)
        return {name: value.strip() for name, _, value in fields}


def _folder() -> str:
    try:
        return os.getcwd()
    except OSError:  # it has been removed
        return ""


def _handler_of(number: signal.Signals) -> int:
    """The address of its handler, which is what a struct sigaction begins with."""
    action = (ctypes.c_uint64 * (_SIGACTION_BYTES // 8))()
    if ctypes.CDLL(None).sigaction(int(number), None, action) != 0:
        return 0
    return int(action[0])
