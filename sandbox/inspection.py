# SPDX-License-Identifier: GPL-3.0-or-later
"""What this process has loaded, runs and holds open: the proof that a worker is what it should
be."""

import os
import sys

from ipc.messages import Inspection


def inspect() -> Inspection:
    return Inspection(modules=sorted(sys.modules), threads=thread_names(), open_files=_open_files())


def thread_names() -> list[str]:
    names = []
    for task in sorted(os.listdir("/proc/self/task"), key=int):
        try:
            with open(f"/proc/self/task/{task}/comm", encoding="utf-8", errors="replace") as file:
                names.append(file.read().strip())
        except OSError:
            continue  # it ended meanwhile
    return names


def _open_files() -> dict[int, str]:
    files = {}
    for entry in os.listdir("/proc/self/fd"):
        try:
            files[int(entry)] = os.readlink(f"/proc/self/fd/{entry}")
        except OSError:
            continue  # the descriptor that listed the folder
    return files
