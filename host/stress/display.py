# SPDX-License-Identifier: GPL-3.0-or-later
"""A display of X11 that nobody sees, for plugins' editors: Xvfb, for as long as it is needed."""

import contextlib
import os
import shutil
import struct
import subprocess
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ipc.errors import WorkerError
from ipc.rig_calls import AnyCall, OpenEditor

_PROGRAM = "Xvfb"
_SIZE = (1920, 1200)
_SCREEN = "Xvfb_screen0"
_START_S = 10.0

Pixels = NDArray[np.uint8]  # (rows, columns, 3), red green blue


def is_there() -> bool:
    """Whether this machine has what it takes."""
    return shutil.which(_PROGRAM) is not None


class Display:
    """`name` is what DISPLAY shall be."""

    def __init__(self, name: str, screen: Path) -> None:
        self.name = name
        self._screen = screen

    def pixels(self, width: int, height: int) -> Pixels:
        """What is in its upper left corner. Xvfb keeps its screen in a file, in the format of xwd:
        words in big-endian order, then colours, then rows of pixels."""
        data = self._screen.read_bytes()
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
def display_for(calls: Sequence[AnyCall]) -> Iterator[str]:
    """The name of a display for calls that need one; empty: they do not."""
    if not any(isinstance(call, OpenEditor) for call in calls):
        yield ""
        return
    with virtual_display() as shown:
        yield shown.name


@contextlib.contextmanager
def virtual_display() -> Iterator[Display]:
    """Raises WorkerError where it does not start. It ends with the context."""
    with tempfile.TemporaryDirectory(prefix="isb-display-") as folder:
        reader, writer = os.pipe()
        try:
            server = subprocess.Popen(
                [
                    *(_PROGRAM, "-displayfd", str(writer), "-fbdir", folder, "-nolisten", "tcp"),
                    *("-screen", "0", f"{_SIZE[0]}x{_SIZE[1]}x24", "-ac", "-noreset"),
                ],
                pass_fds=(writer,),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except OSError as error:
            os.close(reader)
            raise WorkerError(f"{_PROGRAM} cannot be started: {error}") from None
        finally:
            os.close(writer)
        try:
            with os.fdopen(reader, "rb") as told:
                number = told.readline().decode().strip()
            if not number:
                raise WorkerError(f"{_PROGRAM} has ended before it had a display")
            yield Display(f":{number}", Path(folder) / _SCREEN)
        finally:
            server.terminate()
            try:
                server.wait(_START_S)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
