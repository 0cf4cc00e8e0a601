# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a killed plugin is away: from its worker's death to its first processed block."""

import os
import signal
import time
from typing import Any

import numpy as np

from host.config import FaultPolicy, HostConfig
from host.host import Host
from tools.bench.common import PLUGIN, chain_song, wait_for_blocks

_PARAMETER = 5
_VALUE = 0.31
_ROUNDING = 1e-6  # the plugin's own state holds plain values


def measure(kills: int, tell: Any) -> dict[str, Any]:
    """restart_ms over `kills` kills of a ZamEQ2 with non-default parameters, compared after each.

    worker_pss_mb is the worker's whole proportional share: what it has of its own, and its part
    of the pages it has in common with the launcher.
    """
    # Every kill counts as a first one: no back-off, no quarantine.
    config = HostConfig(faults=FaultPolicy(crash_window_s=0.01))
    times: list[float] = []
    with Host(config) as host:
        host.load(chain_song(PLUGIN, 1))
        host.start()
        host.set_parameter("slot0-0", _PARAMETER, _VALUE)
        wait_for_blocks(host, 400)
        wanted = _parameters(host)
        if abs(wanted[_PARAMETER] - _VALUE) > 0.01:
            raise RuntimeError(f"{PLUGIN} did not take the edit")
        memory = _pss_mb(host)
        for number in range(kills):
            tell(f"restart: kill {number + 1} of {kills}")
            times.append(_kill_and_wait(host))
            if not np.allclose(_parameters(host), wanted, rtol=0, atol=_ROUNDING):
                raise RuntimeError("a restarted plugin came back with other parameters")
            wait_for_blocks(host, 40)
    return {
        "restart_ms": round(float(np.median(times)), 1),
        "restart_series_ms": {
            "median": round(float(np.median(times)), 1),
            "p99": round(float(np.percentile(times, 99)), 1),
            "max": round(float(np.max(times)), 1),
        },
        "restart_kills": kills,
        "worker_pss_mb": memory,
    }


def _kill_and_wait(host: Host) -> float:
    native = host.supervisor_of("slot0-0").native
    pid = host.worker_pid("slot0-0")
    assert pid is not None
    restarts = host.slots()[0].restarts
    started = time.perf_counter()
    os.kill(pid, signal.SIGKILL)
    while host.slots()[0].restarts == restarts:
        time.sleep(0.0005)
    processed = native.processed_blocks
    while native.processed_blocks == processed:
        time.sleep(0.0002)
    return (time.perf_counter() - started) * 1000


def _parameters(host: Host) -> list[float]:
    return host.parameters("slot0-0")


def _pss_mb(host: Host) -> float:
    memory = host.worker_memory("slot0-0")
    assert memory is not None
    return round(memory.pss / 2**20, 1)
