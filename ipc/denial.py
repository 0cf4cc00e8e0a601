# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds out what of a confined plugin's calls was denied, and puts it into words.

A plugin that looks for a file which is not there, or which its user may not touch either, has
been denied nothing; neither has one that looks at folders on its way. What is told is what would
have worked without us, together with the command that allows it.
"""

import os
import shlex
from collections.abc import Sequence

import msgspec

from ipc._native import FORK_BURST, MAX_THREADS
from ipc.own_folder import make_own_folder
from ipc.permissions import Confined, plain_name
from ipc.text import one_line

# Refusals that are everyday business of C libraries, which go on without.
_QUIET = ("/run/nscd/socket", "/var/run/nscd/socket", "/run/systemd/userdb", "/dev/log")
# The same of toolkits, which draw without memory that is shared with the display.
_QUIET_WITH_WINDOWS = ("shmget", "shmat", "shmctl", "shmdt")
_AF_UNIX = 1
_AF_NETLINK = 16

_DEEDS = {
    "ptrace": "trace process {argument}",
    "kill": "send a signal to process {argument}",
    "process_vm_readv": "read the memory of process {argument}",
    "process_vm_writev": "write into the memory of process {argument}",
    "pidfd_getfd": "take a file of another process",
    "setns": "enter another namespace",
    "unshare": "make a namespace",
    "thread": f"start more than {MAX_THREADS} threads",
    "fork": f"start more than {FORK_BURST} processes",
    "prlimit": "change the limits of process {argument}",
    "sched_setscheduler": "change the priority of process {argument}",
    "setpriority": "change the priority of process {argument}",
    "sched_setaffinity": "move process {argument} to other cores",
}


# As a CallWatch tells of it: (call, path or address, it writes, it was refused there, argument,
# thread).
Act = tuple[str, bytes, bool, bool, int, int]


class Denial(msgspec.Struct, frozen=True):
    """`what` completes "it tried to …"; `allow` are the options of `isobooth permissions allow`
    that let it; `path` is the file or address, or empty; `thread` tried it; `is_uncertain` where
    another plugin of the same process may have."""

    what: str
    allow: str
    path: str = ""
    thread: int = 0
    is_uncertain: bool = False


def denial_of(act: Act, confined: Confined) -> Denial | None:
    """What was denied by an act that a CallWatch has noted, printable; None if nothing was."""
    denial = _denial_of(act, confined)
    if denial is None:
        return None
    what, allow, path = map(one_line, (denial.what, denial.allow, denial.path))
    return Denial(what, allow, path, thread=act[-1])


def _denial_of(act: Act, confined: Confined) -> Denial | None:
    call, raw, write, refused, argument, _ = act
    path = os.fsdecode(raw)
    if not refused and call != "kill":
        return _file_denial(call, path, write, confined)
    if confined.shows_windows and call in _QUIET_WITH_WINDOWS:
        return None
    match call:
        case "connect":
            return (
                None
                if path in _QUIET
                else Denial(f"connect to {path or 'another program'}", "--network", path)
            )
        case "socket" | "socketpair":
            kind = {_AF_UNIX: "local datagram", _AF_NETLINK: "netlink"}.get(argument, "network")
            return Denial(f"open a {kind} socket", "--network")
    if path:
        return Denial(f"change the rights or attributes of {path} ({call})", _OPEN, path)
    told = _DEEDS.get(call, "make a system call that is not allowed")
    deed = told.format(argument=argument if argument < 2**31 else argument - 2**32)
    return Denial(f"{deed} ({call})", _OPEN)


_OPEN = "--profile open"


def own_folder_made(act: Act, confined: Confined) -> Denial | None:
    """Makes the folder for settings that a plugin wanted to make or write in, if it may have one.

    What a process is confined to cannot be widened, so the plugin that runs now is denied; the next
    one will find the folder. Made only when asked for: most plugins want none.
    """
    call, raw, write, refused, _, _ = act
    path = os.fsdecode(raw)
    if refused or not write or call not in ("mkdir", "open", "openat", "creat", "rename"):
        return None
    for own, owner in confined.own.items():
        parent, name = os.path.split(own)
        first = path.removeprefix(f"{parent}/").split("/")[0]
        if not path.startswith(f"{parent}/") or plain_name(first) != plain_name(name):
            continue
        folder = f"{parent}/{first}"
        try:
            os.makedirs(parent, mode=0o700, exist_ok=True)
            # One is enough, however it is written.
            if any(plain_name(entry) == plain_name(name) for entry in os.listdir(parent)):
                return None
            make_own_folder(folder, owner)
        except OSError:
            return None
        what = f"make its own folder {folder}, which it can use from its next start"
        return Denial(what, "", thread=act[-1])
    return None


def _file_denial(call: str, path: str, write: bool, confined: Confined) -> Denial | None:
    if not path:
        return Denial(f"{'write' if write else 'read'} a file whose name cannot be seen", _OPEN)
    real = _resolved(path)
    if _is_below(real, confined.writable if write else confined.readable) or real in _QUIET:
        return None
    try:
        there = os.path.lexists(real)
        if not write:
            if not there or os.path.isdir(real) or not os.access(real, os.R_OK):
                return None
            wanted = _settings_of(path, confined) or path
            return Denial(f"read {path}", f"--read {shlex.quote(wanted)}", path)
        if there and call == "mkdir":
            return None
        # What its user could not do either was not denied by us.
        changed = real if there and call in ("open", "openat", "creat", "truncate") else None
        if not os.access(changed or os.path.dirname(real), os.W_OK):
            return None
        if not there and call in ("unlink", "rmdir", "rename", "truncate"):
            return None
    except (OSError, ValueError):
        return None
    deed = {"unlink": "remove", "rmdir": "remove", "rename": "rename", "mkdir": "make the folder"}
    wanted = path if call != "mkdir" else f"{path.rstrip('/')}/"
    if call in ("unlink", "rmdir", "rename", "link", "symlink"):
        wanted = os.path.dirname(path)
    wanted = _settings_of(path, confined) or wanted
    return Denial(f"{deed.get(call, 'write to')} {path}", f"--write {shlex.quote(wanted)}", path)


def _settings_of(path: str, confined: Confined) -> str | None:
    """The folder called like the plugin that the path is in: if it is the plugin's after all, then
    all of it."""
    return next((folder for folder in confined.foreign if _is_below(path, [folder])), None)


def _resolved(path: str) -> str:
    """Links of the folders on the way are followed, and of the file itself."""
    try:
        return os.path.realpath(path)
    except (OSError, ValueError):
        return path


def _is_below(path: str, folders: Sequence[str]) -> bool:
    return any(
        path == folder or path.startswith(folder if folder == "/" else f"{folder}/")
        for folder in folders
    )
