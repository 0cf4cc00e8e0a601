# SPDX-License-Identifier: GPL-3.0-or-later
"""The last words of a process: what it wrote to standard output and error before it died.

Plugins print. The pipe's write end does not block, so a chatty one loses lines instead of time;
the read end is emptied at a bounded rate, so that it cannot keep the control thread busy either.
"""

import asyncio
import os
from collections import deque

TAIL_BYTES = 16 * 1024

# One read at a time with a pause after it: at most 64 KiB (the pipe's size) each 20 ms, 3 MiB/s.
_READ_BYTES = 64 * 1024
_PAUSE_S = 0.02


class OutputTail:
    """Keeps the last 16 KiB of what comes out of the pipe; closes it when done."""

    def __init__(self, read_fd: int) -> None:
        self._fd = read_fd
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._loop = asyncio.get_running_loop()
        self._pause: asyncio.TimerHandle | None = None
        os.set_blocking(read_fd, False)
        self._loop.add_reader(read_fd, self._read)

    def text(self) -> str:
        """As plain text: no escape sequence of a plugin reaches the user's terminal."""
        return _printable(b"".join(self._chunks)[-TAIL_BYTES:])

    def close(self) -> None:
        """Takes what is there by now. Others may still hold the write end; it is not waited for."""
        if self._fd < 0:
            return
        self._loop.remove_reader(self._fd)
        if self._pause is not None:
            self._pause.cancel()
        # The pipe holds 64 KiB: anything after a few reads is written faster than it is read.
        for _ in range(4):
            if not self._take():
                break
        os.close(self._fd)
        self._fd = -1

    def _read(self) -> None:
        self._loop.remove_reader(self._fd)
        if self._take():
            self._pause = self._loop.call_later(_PAUSE_S, self._resume)

    def _resume(self) -> None:
        self._loop.add_reader(self._fd, self._read)

    def _take(self) -> bool:
        """False if nothing was there or the other end is closed."""
        try:
            data = os.read(self._fd, _READ_BYTES)
        except OSError:
            return False
        if data:
            self._chunks.append(data)
            self._size += len(data)
            while self._size - len(self._chunks[0]) >= TAIL_BYTES:
                self._size -= len(self._chunks.popleft())
        return bool(data)


def _printable(data: bytes) -> str:
    text = data.decode("utf-8", "replace").replace("\r\n", "\n")
    unknown = "\N{REPLACEMENT CHARACTER}"
    return "".join(c if c.isprintable() or c in "\n\t" else unknown for c in text)


def last_line(text: str) -> str:
    """For an error message of one line; "none" if nothing was said."""
    lines = text.strip().splitlines()
    return lines[-1] if lines else "none"
