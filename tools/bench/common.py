# SPDX-License-Identifier: GPL-3.0-or-later
"""What every measurement needs: a summary of many blocks, songs of equal plugins, a child process
for the reference, so that no plugin is ever loaded into the process that measures."""

import multiprocessing
import os
import platform
import time
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from host.host import Host
from host.song import Slot, Song, Track

T = TypeVar("T")

PLUGIN = "vst3:/usr/lib/vst3/ZamEQ2.vst3"
RATE = 48000
BLOCK = 128

# Blocks left out at the start of each series: pages, caches and clocks settle.
SETTLE_BLOCKS = 200


def summary(values: NDArray[Any], scale: float = 1000.0) -> dict[str, float]:
    """Median, p99 and max of nanoseconds, in microseconds."""
    if len(values) == 0:
        return {"median": 0.0, "p99": 0.0, "max": 0.0}
    return {
        "median": round(float(np.median(values)) / scale, 2),
        "p99": round(float(np.percentile(values, 99)) / scale, 2),
        "max": round(float(np.max(values)) / scale, 2),
    }


def machine() -> dict[str, Any]:
    """Where the figures come from."""
    model = "unknown"
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return {
        "cpu": model,
        "cores": len(os.sched_getaffinity(0)),
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_1min": round(os.getloadavg()[0], 2),
    }


def chain_song(plugin: str, count: int, tracks: int = 1) -> Song:
    """`tracks` tracks with `count` equal plugins each."""
    return Song(
        tracks=tuple(
            Track(
                id=f"track{t}",
                chain=tuple(Slot(id=f"slot{t}-{i}", plugin=plugin) for i in range(count)),
            )
            for t in range(tracks)
        )
    )


def wait_for_blocks(host: Host, blocks: int) -> None:
    """Returns when the clock has rendered `blocks` more."""
    goal = host.engine.block_count + blocks
    while host.engine.block_count < goal:
        time.sleep(0.02)


def all_active(host: Host) -> None:
    """Raises RuntimeError if a plugin is not playing: the figures would be of something else."""
    for slot in host.slots():
        if slot.status != "active":
            raise RuntimeError(f"{slot.id} ({slot.plugin}) is {slot.status}: {slot.reason}")


def in_child(work: Callable[..., T], *arguments: Any) -> T:
    """Runs `work` in a fresh process, because plugins crash and JUCE keeps threads."""
    return in_children(1, work, *arguments)[0]


def in_children(count: int, work: Callable[..., T], *arguments: Any) -> list[T]:
    """The same in each of `count` fresh processes, at once: none begins before all are there."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(count, context.Barrier(count).wait) as pool:
        results = [pool.apply_async(work, arguments) for _ in range(count)]
        return [result.get() for result in results]
