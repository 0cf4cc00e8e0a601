# SPDX-License-Identifier: GPL-3.0-or-later
"""A display of X11 that nobody sees, for plugins' editors: Xvfb, for as long as it is needed.

It listens to this user alone (display_access.py), on this machine alone, and keeps its screen in a
folder of the user's own.
"""

import contextlib
import os
import select
import shutil
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from host.stress.death import PluginDied
from host.stress.display_access import let_in_this_user, new_cookie
from ipc.confinement import remove_folder
from ipc.errors import WorkerError
from ipc.names import new_private_folder
from ipc.rig_calls import AnyCall, OpenEditor
from ipc.screen import socket_of

_PROGRAM = "Xvfb"
_SIZE = (1920, 1200)
_SCREEN = "Xvfb_screen0"
_AUTHORITY = "authority"
_START_S = 10.0
_END_S = 10.0
# From the end of its sockets, of which its clients die, to that of the process.
_DEATH_S = 0.5

# It gets SIGTERM when the thread that has started it ends (prctl PR_SET_PDEATHSIG), at the latest
# with this process; and is not started at all where that was faster.
_BOOT = (
    "import ctypes, os, sys; "
    "zero = ctypes.c_ulong(0); "
    "ctypes.CDLL(None).prctl(1, ctypes.c_ulong(15), zero, zero, zero); "
    "os.getppid() == int(sys.argv[1]) and os.execv(sys.argv[2], sys.argv[2:])"
)

Pixels = NDArray[np.uint8]  # (rows, columns, 3), red green blue


def is_there() -> bool:
    """Whether this machine has what it takes."""
    return shutil.which(_PROGRAM) is not None


class Display:
    """`name` is what DISPLAY shall be."""

    def __init__(self, name: str, screen: Path, server: "subprocess.Popen[bytes]") -> None:
        self.name = name
        self._screen = screen
        self._server = server

    def must_live(self) -> None:
        """Raises WorkerError where it has ended by itself: that is no plugin's fault."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            status = self._server.wait(_DEATH_S)
            raise WorkerError(f"{_PROGRAM} has ended in the middle of it (status {status})")

    def pixels(self, width: int, height: int) -> Pixels:
        """What is in its upper left corner. Xvfb keeps its screen in a file, in the format of xwd:
        words in big-endian order, then colours, then rows of pixels. Raises WorkerError."""
        try:
            data = self._screen.read_bytes()
        except OSError as error:
            self.must_live()
            raise WorkerError(f"the display cannot be looked at: {error.strerror}") from None
        header = np.frombuffer(data, ">u4", 25)
        head_bytes, columns, rows = int(header[0]), int(header[4]), int(header[5])
        stride, colours = int(header[12]), int(header[19])
        first = head_bytes + 12 * colours
        pixels = np.frombuffer(data, np.uint8, rows * stride, first).reshape(rows, stride // 4, 4)
        # 24 bits in words of 32, little-endian here: blue, green, red.
        return pixels[: min(height, rows), : min(width, columns), 2::-1].copy()


def png_of(pixels: Pixels) -> bytes:
    """The same as a file."""
    rows, columns = pixels.shape[:2]

    def chunk(kind: bytes, data: bytes) -> bytes:
        checked = kind + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    head = struct.pack(">IIBBBBB", columns, rows, 8, 2, 0, 0, 0)  # 8 bits a colour, no alpha
    lines = b"".join(b"\0" + row.tobytes() for row in pixels)  # none of them filtered
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", head),
            chunk(b"IDAT", zlib.compress(lines, 9)),
            chunk(b"IEND", b""),
        )
    )


@contextlib.contextmanager
def display_for(calls: Sequence[AnyCall]) -> Iterator[Display | None]:
    """A display for calls that need one."""
    if not any(isinstance(call, OpenEditor) for call in calls):
        yield None
        return
    with virtual_display() as shown:
        yield shown


@contextlib.contextmanager
def virtual_display(size: tuple[int, int] = _SIZE) -> Iterator[Display]:
    """`size`: in pixels. Raises WorkerError where it does not start, and where it ends before
    whoever needed it, for nothing that has died of that has died of itself. It ends with the
    context, with this thread, and with this process, however that ends."""
    try:
        folder = new_private_folder()
    except OSError as error:
        raise WorkerError(f"there is no room for a display: {error.strerror}") from None
    try:
        authority = Path(folder) / _AUTHORITY
        cookie = new_cookie(authority)
        reader, writer = os.pipe()
        try:
            server = _started(writer, folder, authority, size)
        except BaseException:
            os.close(reader)
            raise
        finally:
            os.close(writer)
        try:
            try:
                number = _number_from(reader)
            finally:
                os.close(reader)
            shown = Display(f":{number}", Path(folder) / _SCREEN, server)
            let_in_this_user(socket_of(shown.name), cookie)
            try:
                yield shown
            except PluginDied:
                shown.must_live()
                raise
        finally:
            server.terminate()
            try:
                server.wait(_END_S)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
    finally:
        remove_folder(folder)


def _started(
    writer: int, folder: str, authority: Path, size: tuple[int, int]
) -> "subprocess.Popen[bytes]":
    program = shutil.which(_PROGRAM)
    if program is None:
        raise WorkerError(f"there is no {_PROGRAM} on this machine (package xvfb)")
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    try:
        return subprocess.Popen(
            [
                *(sys.executable, "-I", "-S", "-c", _BOOT, str(os.getpid())),
                *(program, "-displayfd", str(writer), "-fbdir", folder),
                *("-screen", "0", f"{size[0]}x{size[1]}x24", "-noreset"),
                *("-auth", str(authority)),
                # Not "local", too: it is by their abstract sockets that two find different numbers.
                *("-nolisten", "tcp"),
            ],
            pass_fds=(writer,),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # Ctrl-C in the terminal is the host's business.
            process_group=0,
            env=environment,
        )
    except OSError as error:
        raise WorkerError(f"{_PROGRAM} cannot be started: {error.strerror}") from None


def _number_from(reader: int) -> int:
    """What it says of itself when it can be reached. Raises WorkerError."""
    deadline = time.monotonic() + _START_S
    told = b""
    while not told.endswith(b"\n"):
        left_s = deadline - time.monotonic()
        if left_s <= 0 or not select.select([reader], [], [], left_s)[0]:
            raise WorkerError(f"{_PROGRAM} has no display after {_START_S:g} s")
        more = os.read(reader, 64)
        if not more:
            raise WorkerError(f"{_PROGRAM} has ended before it had a display")
        told += more
    if not told.strip().isdigit():
        raise WorkerError(f"{_PROGRAM} says no number of a display: {told[:64]!r}")
    return int(told)
