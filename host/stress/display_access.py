# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may use a display of ours: this user, and nobody else of the machine.

Its sockets are for all: one is a file in a folder that all share, the other a name without rights.
By itself a server of X11 lets in whoever comes from the same machine; one with a cookie, who knows
that. As plugins do not, their user is let in by its number, which the kernel tells.
"""

import os
import secrets
import socket
import struct
from pathlib import Path

from ipc.errors import WorkerError

_METHOD = b"MIT-MAGIC-COOKIE-1"
_COOKIE_BYTES = 16
_WILD = 0xFFFF  # the family of Xauth files that means any address
_LITTLE_ENDIAN = 0x6C
_CHANGE_HOSTS, _INSERT, _SERVER_INTERPRETED, _GET_INPUT_FOCUS = 109, 0, 5, 43  # of X11's protocol
_ANSWER_BYTES = 32
_ANSWER_S = 10.0


def new_cookie(file: Path) -> bytes:
    """Written to a new file that only this user may read, for the server. Raises OSError."""
    cookie = secrets.token_bytes(_COOKIE_BYTES)
    counted = b"".join(struct.pack(">H", len(one)) + one for one in (b"", b"", _METHOD, cookie))
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as opened:
        opened.write(struct.pack(">H", _WILD) + counted)
    return cookie


def let_in_this_user(path: str, cookie: bytes) -> None:
    """From now on the server at this socket lets this user's programs in without a cookie. Raises
    WorkerError."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(_ANSWER_S)
            line.connect(path)
            _greet(line, cookie)
            name = b"localuser\0#%d" % os.getuid()
            words = 2 + len(_padded(name)) // 4
            head = struct.pack(
                "<BBHBxH", *(_CHANGE_HOSTS, _INSERT, words), _SERVER_INTERPRETED, len(name)
            )
            # Only errors are answered; so something is asked after it that always is.
            line.sendall(head + _padded(name) + struct.pack("<BxH", _GET_INPUT_FOCUS, 1))
            if _exactly(line, _ANSWER_BYTES)[0] != 1:
                raise WorkerError("the display does not let its own user in")
    except OSError as error:
        raise WorkerError(f"the display cannot be reached: {error}") from None


def _greet(line: socket.socket, cookie: bytes) -> None:
    version = 11, 0
    line.sendall(
        struct.pack("<BxHHHHxx", _LITTLE_ENDIAN, *version, len(_METHOD), len(cookie))
        + _padded(_METHOD)
        + _padded(cookie)
    )
    answered, words = struct.unpack("<Bx4xH", _exactly(line, 8))
    _exactly(line, 4 * words)
    if answered != 1:
        raise WorkerError("the display refuses its own cookie")


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _exactly(line: socket.socket, size: int) -> bytes:
    """Raises WorkerError where it ends before."""
    data = b""
    while len(data) < size:
        more = line.recv(size - len(data))
        if not more:
            raise WorkerError("the display has ended the connection")
        data += more
    return data
