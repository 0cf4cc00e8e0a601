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

# Has more than enough parameters to edit.
_LARGE_PLUGIN = "lv2:http://lsp-plug.in/plugins/lv2/para_equalizer_x32_stereo"
_EDITS = 200
_NEVER_S = 1e9

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
        "restart_series_ms": _in_ms(times),
        "restart_kills": kills,
        "worker_pss_mb": memory,
    }


def measure_with_edits(kills: int, tell: Any) -> dict[str, Any]:
    """restart_edits_ms: the restart of a large plugin that has 200 edits to replay, each of another
    parameter, and of the same plugin without any, in turn; the parameters are compared."""
    # No snapshot comes between: every edit is replayed from the journal.
    policy = FaultPolicy(
        crash_window_s=0.01, snapshot_after_edit_s=_NEVER_S, snapshot_interval_s=_NEVER_S
    )
    times: dict[str, list[float]] = {"without": [], "with_edits": []}
    with (
        Host(HostConfig(faults=policy)) as plain,
        Host(HostConfig(faults=policy)) as edited,
    ):
        for host in (plain, edited):
            host.load(chain_song(_LARGE_PLUGIN, 1))
            host.start()
        wanted = _edit(edited)
        for number in range(kills):
            tell(f"restart with {_EDITS} edits: kill {number + 1} of {kills}")
            times["without"].append(_kill_and_wait(plain))
            times["with_edits"].append(_kill_and_wait(edited))
            now = _parameters(edited)
            for index, value in wanted.items():
                if abs(now[index] - value) > _ROUNDING:
                    raise RuntimeError(f"parameter {index} was {value}, came back as {now[index]}")
            wait_for_blocks(edited, 40)
    return {
        "restart_edits_ms": {
            "plugin": _LARGE_PLUGIN,
            "edits": _EDITS,
            **{name: _in_ms(values) for name, values in times.items()},
        }
    }


def _edit(host: Host) -> dict[int, float]:
    """Edits _EDITS parameters, and returns what the plugin made of each."""
    description = host.supervisor_of("slot0-0").description
    assert description is not None
    free = [p.index for p in description.parameters if not p.read_only and p.automatable]
    if len(free) < _EDITS:
        raise RuntimeError(f"{_LARGE_PLUGIN} has only {len(free)} parameters to edit")
    for place, index in enumerate(free[:_EDITS]):
        host.set_parameter("slot0-0", index, 0.2 + 0.6 * place / _EDITS)
    wait_for_blocks(host, 400)
    now = _parameters(host)
    return {index: now[index] for index in free[:_EDITS]}


def _in_ms(values: list[float]) -> dict[str, float]:
    return {
        "median": round(float(np.median(values)), 1),
        "p99": round(float(np.percentile(values, 99)), 1),
        "max": round(float(np.max(values)), 1),
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
