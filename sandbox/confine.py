# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks a worker in: the last thing that happens before a plugin's first line of code runs.

Landlock decides about files, signals and network addresses; the system call filter refuses what
Landlock leaves open and lets the host see what is refused; limits bound what is taken of the
machine. Each works without the others: what the kernel lacks is left out and named. All of it
holds for this thread and those that it starts, so it must be the only one.
"""

import contextlib
import os
import resource
import socket
import sys
import tempfile
from collections.abc import Sequence

import msgspec

from ipc.permissions import Confined, Permissions, default_memory_mb
from ipc.processes import forbid_new_privileges
from ipc.screen import Screen
from sandbox._native import (
    LANDLOCK_SIGNALS,
    SANITIZED,
    FileAccess,
    install_filter,
    landlock_abi,
    restrict_self,
)
from sandbox.identity import identify
from sandbox.profiles import Rights, rights_of, with_resolved

# One file. Presets and recordings are smaller; a plugin that writes without end stops here.
_LARGEST_FILE_BYTES = 2 * 2**30
_OPEN_FILES = (1024, 4096)

# What a confined plugin cannot reach, it should not wait for, or end the process over.
_UNREACHABLE = (
    *("DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "DBUS_SESSION_BUS_ADDRESS", "SSH_AUTH_SOCK"),
)


def confine(
    plugin_ids: Sequence[str], permissions: Permissions, watcher: socket.socket | None
) -> bool:
    """Confines this process to what `permissions` allow its plugins, for good. `watcher` is where
    the host waits to be asked; None: nobody is told of denials. Returns whether the host is asked
    about writes.

    Raises OSError if what the kernel has cannot be put to use: then no plugin must be loaded.
    """
    forbid_new_privileges()
    _set_limits(permissions)
    _use_own_folder(permissions)
    if permissions.profile == "open":
        if watcher is not None:
            watcher.close()
        return False
    sys.dont_write_bytecode = True  # beside our own modules
    for name in _UNREACHABLE:
        os.environ.pop(name, None)
    rights = rights_of(permissions, [identify(plugin_id) for plugin_id in plugin_ids])
    if permissions.screen is not None:
        rights.read += _use_screen(permissions.screen)
    else:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"  # Qt ends processes that have no display
    missing = []
    abi = landlock_abi()
    if abi:
        restrict_self(_rules(rights, permissions), permissions.network, abi)
    else:
        missing.append("files (no Landlock)")
    if 0 < abi < LANDLOCK_SIGNALS:
        missing.append(f"some signals and sockets (Landlock {abi})")
    listener = -1
    asks = watcher is not None
    try:
        listener = install_filter(permissions.network, abi, asks, asks and permissions.disk_watched)
    except RuntimeError:  # what the binding makes of an error of the kernel's
        try:
            install_filter(permissions.network, abi, False)
            missing.append("telling of denials (no seccomp notification)")
        except RuntimeError:
            missing.append("system calls (no seccomp)")
    if watcher is not None:
        confined = _confined(rights, permissions, abi, missing)
        _tell(watcher, listener, confined)
    return listener >= 0 and permissions.disk_watched


def _set_limits(permissions: Permissions) -> None:
    # Of data, not of address space: that would count reserved and mapped memory that costs nothing.
    memory_mb = permissions.memory_mb or default_memory_mb()
    if not SANITIZED:  # AddressSanitizer's shadow counts as data
        _lower(resource.RLIMIT_DATA, memory_mb * 2**20)
    _lower(resource.RLIMIT_FSIZE, _LARGEST_FILE_BYTES)
    _lower(resource.RLIMIT_MSGQUEUE, 0)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard == resource.RLIM_INFINITY or hard > _OPEN_FILES[1]:
        hard = _OPEN_FILES[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(_OPEN_FILES[0], hard), hard))


def _lower(limit: int, to: int) -> None:
    hard = resource.getrlimit(limit)[1]
    if hard == resource.RLIM_INFINITY or hard > to:
        resource.setrlimit(limit, (to, to))


def _use_own_folder(permissions: Permissions) -> None:
    if not permissions.temporary:
        return
    for name in ("TMPDIR", "TMP", "TEMP"):
        os.environ[name] = permissions.temporary
    tempfile.tempdir = None  # what the launcher has looked up
    # Where a plugin writes that names no folder.
    with contextlib.suppress(OSError):
        os.chdir(permissions.temporary)


def _use_screen(screen: Screen) -> list[str]:
    """What must be readable for it. Its socket is the host's business, which connects to it in this
    process's stead; a graphics card stays out of reach."""
    os.environ["DISPLAY"] = screen.name
    os.environ["LIBGL_ALWAYS_SOFTWARE"] = "1"
    os.environ["MESA_SHADER_CACHE_DISABLE"] = "true"  # it lies where it may not write
    if not screen.authority:
        return []
    os.environ["XAUTHORITY"] = screen.authority
    return with_resolved([screen.authority])


def _rules(rights: Rights, permissions: Permissions) -> list[tuple[str, FileAccess]]:
    rules = [
        *((path, FileAccess.READ) for path in rights.read),
        *((path, FileAccess.DEVICE) for path in rights.devices),
        *((path, FileAccess.WRITE) for path in rights.write),
    ]
    if permissions.temporary:
        rules.append((permissions.temporary, FileAccess.PRIVATE))
    return rules


def _confined(rights: Rights, permissions: Permissions, abi: int, missing: list[str]) -> Confined:
    own = [permissions.temporary] if permissions.temporary else []
    writable = [*rights.write, *rights.devices, *own]
    return Confined(
        readable=[*rights.read, *writable],
        writable=writable,
        own=rights.missing,
        foreign=rights.foreign,
        signals_scoped=abi >= LANDLOCK_SIGNALS,
        missing=missing,
        shows_windows=permissions.can_show_windows,
    )


def _tell(watcher: socket.socket, listener: int, confined: Confined) -> None:
    """Hands the listener over: who holds it answers the calls of this process. Raises EOFError if
    the host is gone; then nobody holds it, and such calls fail instead of waiting for ever."""
    try:
        with contextlib.closing(watcher):
            data = msgspec.msgpack.encode(confined)
            descriptors = [listener] if listener >= 0 else []
            socket.send_fds(watcher, [len(data).to_bytes(4, "little") + data], descriptors)
    except OSError:
        raise EOFError from None
    finally:
        if listener >= 0:
            os.close(listener)
