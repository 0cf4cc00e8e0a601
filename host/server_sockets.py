# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the sound server behind a client of this process still lives.

A JACK client whose server has died goes on answering from memory it shared: RtMidi lists the dead
server's ports for ever. But the client's connection to the server is a Unix socket of this
process, and the kernel knows when its other end is gone.
"""

import contextlib
import os
import select
import socket
from collections.abc import Iterator

_SERVERS = ("jack", "pipewire")
_FOLDER = "/proc/self/fd"


def server_sockets() -> frozenset[str]:
    """This process's connections to sound servers, by names that the kernel never gives twice."""
    return frozenset(name for name, _ in _connections())


def hung_up(names: frozenset[str]) -> bool:
    """Whether any of these connections has lost its server or was closed."""
    open_ones = set()
    for name, connection in _connections():
        poll = select.poll()
        poll.register(connection, 0)  # POLLHUP is reported unasked
        if name in names and poll.poll(0):
            return True
        open_ones.add(name)
    return not names <= open_ones


def _connections() -> Iterator[tuple[str, socket.socket]]:
    for descriptor in os.listdir(_FOLDER):
        # It may be closed at any moment by its owner, or be no socket of this kind.
        with contextlib.suppress(OSError, ValueError):
            name = os.readlink(f"{_FOLDER}/{descriptor}")
            if not name.startswith("socket:"):
                continue
            with socket.socket(fileno=os.dup(int(descriptor))) as connection:
                if connection.family == socket.AF_UNIX:
                    peer = os.fsdecode(connection.getpeername())
                    if any(server in peer for server in _SERVERS):
                        yield name, connection
