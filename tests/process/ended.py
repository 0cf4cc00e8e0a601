# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether processes that are not our own have ended."""

import contextlib
import os
from collections.abc import Iterable

from ipc.processes import process_stat


def unreaped(pids: Iterable[int]) -> list[int]:
    """Those that live. Reaps those that became our children: tests may run in a child subreaper."""
    left = []
    for pid in pids:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        stat = process_stat(pid)
        if stat is not None and not stat.dead:
            left.append(pid)
    return left
