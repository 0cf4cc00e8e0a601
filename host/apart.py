# SPDX-License-Identifier: GPL-3.0-or-later
"""A part of a farm's work in a process of its own, which reads it, does it, answers and ends.

A process, because plugins' workers belong to whoever forked them, and a farm's own processes are
killed at any moment: when they are, this one reads the end of its input, and ends with all its
workers.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Callable

_SIZE_BYTES = 8


def do_apart(module: str, work: bytes) -> bytes | int:
    """Has `python -m module` do the work: its answer, or the code with which it ended without."""
    with subprocess.Popen(
        [sys.executable, "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(len(work).to_bytes(_SIZE_BYTES, "little") + work)
            process.stdin.flush()
            answer = process.stdout.read()
        except BaseException:
            process.kill()
            raise
    return process.returncode if process.returncode != 0 or not answer else answer


def serve(do: Callable[[bytes], bytes]) -> None:
    """The other side, as the whole of such a module's program."""
    size = int.from_bytes(sys.stdin.buffer.read(_SIZE_BYTES), "little")
    work = sys.stdin.buffer.read(size)
    threading.Thread(target=_end_with_input, daemon=True).start()
    sys.stdout.buffer.write(do(work))
    sys.stdout.buffer.flush()
    os._exit(0)  # the thread waits for the end of the input


def _end_with_input() -> None:
    sys.stdin.buffer.read()
    os._exit(1)  # the launcher and its workers end with this process
