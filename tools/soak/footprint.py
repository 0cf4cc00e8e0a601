# SPDX-License-Identifier: GPL-3.0-or-later
"""What this process holds: memory, descriptors, threads, children, and its files in /dev/shm."""

import gc
import os
from pathlib import Path

from msgspec import Struct

from host.engine_module import give_memory_back
from ipc.names import SHM_DIR, owner_of_file
from ipc.processes import children_of, own_identity

_KIB = 1024

# Of smaps_rollup: what each of our names stands for there.
_MEMORY = {"rss_bytes": "Rss", "pss_bytes": "Pss", "anonymous_bytes": "Anonymous"}


class Footprint(Struct, frozen=True, kw_only=True):
    """One look. `anonymous_bytes` is what the process has asked for itself (heap, stacks), without
    libraries, whose pages come and go with what else the machine does."""

    at_s: float
    playing: bool  # while a song played; otherwise between two songs, nothing loaded
    rss_bytes: int
    pss_bytes: int
    anonymous_bytes: int
    descriptors: int
    threads: int
    children: int
    segments: int
    semaphores: int


def look(at_s: float, playing: bool) -> Footprint:
    """This process now. Between songs, what is garbage is collected and given back first, as the
    start of a host does: what stays is what cannot be given back."""
    if not playing:
        gc.collect()
        give_memory_back()
    shared = [
        entry.name for entry in os.scandir(SHM_DIR) if owner_of_file(entry.name) == own_identity()
    ]
    semaphores = sum(name.startswith("sem.") for name in shared)
    return Footprint(
        at_s=round(at_s, 3),
        playing=playing,
        **_memory(),
        descriptors=len(os.listdir("/proc/self/fd")) - 1,  # the listing's own
        threads=len(os.listdir("/proc/self/task")),
        children=len(children_of(os.getpid())),
        segments=len(shared) - semaphores,
        semaphores=semaphores,
    )


def _memory() -> dict[str, int]:
    lines = Path("/proc/self/smaps_rollup").read_text(encoding="utf-8").splitlines()[1:]
    kib = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
    return {ours: kib[theirs] * _KIB for ours, theirs in _MEMORY.items()}
