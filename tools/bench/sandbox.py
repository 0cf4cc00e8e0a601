# SPDX-License-Identifier: GPL-3.0-or-later
"""What confining a plugin costs: a block, a start, and a call that the host is asked about.

Both profiles are measured in turn, over and over, so that whatever else the machine does meets
both alike.
"""

import asyncio
import ctypes
import os
import statistics
import tempfile
import time
from typing import Any

from host.config import HostConfig
from host.host import Host
from host.permissions import PermissionRules
from ipc._native import CallWatch
from ipc.launcher import Launcher
from ipc.messages import Describe
from ipc.permissions import Permissions, Profile
from sandbox._native import install_filter
from tools.bench.common import (
    PLUGIN,
    SETTLE_BLOCKS,
    all_active,
    chain_song,
    summary,
    wait_for_blocks,
)

_LENGTH = 8
_CALLS = 2000
_PR_SET_NO_NEW_PRIVS = 38


def measure(blocks: int, rounds: int, tell: Any) -> dict[str, Any]:
    """`sandbox_slot_us` and `sandbox_start_ms` are what `default` costs over `open`, a slot and
    block, and a start; `sandbox_call_us` is one call that is asked about and goes on."""
    slots: dict[Profile, list[float]] = {"open": [], "default": []}
    starts: dict[Profile, list[float]] = {"open": [], "default": []}
    for number in range(rounds):
        tell(f"sandbox: round {number + 1} of {rounds}")
        for profile, medians in slots.items():
            medians.append(_block_us(profile, blocks))
        for profile, times in asyncio.run(_start_ms(20)).items():
            starts[profile] += times
    block = {profile: statistics.median(times) for profile, times in slots.items()}
    start = {profile: statistics.median(times) for profile, times in starts.items()}
    return {
        "sandbox_slot_us": round((block["default"] - block["open"]) / _LENGTH, 2),
        "sandbox_start_ms": round(start["default"] - start["open"], 2),
        "sandbox_call_us": round(_call_us(), 2),
        "sandbox_series": {"block_us": block, "start_ms": start},
    }


def _block_us(profile: Profile, blocks: int) -> float:
    """The median block of a chain of 8."""
    with Host(HostConfig(permissions=PermissionRules(forced=profile))) as host:
        host.load(chain_song(PLUGIN, _LENGTH))
        host.start()
        wait_for_blocks(host, SETTLE_BLOCKS)
        host.engine.read_blocks()
        wait_for_blocks(host, blocks)
        durations = host.engine.read_blocks()["duration_ns"]
        all_active(host)
        return summary(durations)["median"]


async def _start_ms(count: int) -> dict[Profile, list[float]]:
    """From a fresh worker to a loaded plugin."""
    times: dict[Profile, list[float]] = {"open": [], "default": []}
    async with Launcher() as launcher:
        await launcher.warm("vst3")
        for _ in range(count):
            for profile, series in times.items():
                worker = await launcher.spawn()
                started = time.perf_counter()
                request = Describe(plugin=PLUGIN, permissions=Permissions(profile=profile))
                await worker.request(request, 20.0)
                series.append(1000 * (time.perf_counter() - started))
                await worker.stop()
    return times


def _call_us() -> float:
    """Opening a file that may be opened, asked about, over the same without a filter."""
    import socket

    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with ours, theirs, tempfile.TemporaryFile() as result:
        child = os.fork()
        if child == 0:
            try:
                plain = _opens_us()
                ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
                listener = install_filter(False, 0, True)
                socket.send_fds(theirs, [b"x"], [listener])
                os.close(listener)
                os.write(result.fileno(), f"{_opens_us() - plain}".encode())
            finally:
                os._exit(0)
        _, descriptors, _, _ = socket.recv_fds(ours, 1, 1)
        watch = CallWatch(descriptors[0], child, ["/"], ["/"], True)
        os.waitpid(child, 0)
        watch.stop()
        return float(os.pread(result.fileno(), 64, 0))


def _opens_us() -> float:
    times = []
    for _ in range(_CALLS):
        started = time.perf_counter_ns()
        os.close(os.open("/dev/null", os.O_RDONLY))
        times.append(time.perf_counter_ns() - started)
    return statistics.median(times) / 1000
