# SPDX-License-Identifier: GPL-3.0-or-later
"""What a sandboxed slot costs over the same plugin in one process, paced in real time."""

from typing import Any

from host.config import HostConfig
from host.host import Host
from host.placement import Placement
from tools.bench.common import (
    BLOCK,
    PLUGIN,
    SETTLE_BLOCKS,
    all_active,
    chain_song,
    in_child,
    summary,
    wait_for_blocks,
)
from tools.bench.reference import run_chain
from tools.bench.wake_floor import WakeFloor

LENGTHS = (1, 4, 8, 16)


def measure(blocks: int, tell: Any) -> dict[str, Any]:
    """slot_cost_us and the series it comes from.

    `relay`: worker to worker, where the host puts them by itself. `hosted`: the host wakes every
    slot, workers unpinned, as hosts without a relay do. `hosted_pinned`: the same on the relay's
    core, so that only the relay itself differs.
    """
    realtime = Host(HostConfig())
    fifo = realtime.realtime
    realtime.close()
    priority = HostConfig().audio_priority if fifo else 0
    core = Placement().core_for_audio(fifo)
    cost: dict[str, dict[str, float]] = {"relay": {}, "hosted": {}, "hosted_pinned": {}}
    series: dict[str, Any] = {}
    with WakeFloor() as floor:
        for length in LENGTHS:
            tell(f"slot cost: chain of {length}")
            reference, _ = in_child(
                run_chain, PLUGIN, length, blocks + SETTLE_BLOCKS, BLOCK, True, priority, core
            )
            inside = summary(reference[SETTLE_BLOCKS:])
            rows: dict[str, Any] = {"in_process_us": inside}
            for name, mode, pin in (
                ("relay", "relayed", True),
                ("hosted", "hosted", False),
                ("hosted_pinned", "hosted", True),
            ):
                block = _block_us(length, mode, pin, blocks)
                rows[f"{name}_us"] = block
                cost[name][str(length)] = round((block["median"] - inside["median"]) / length, 2)
            for name, mode, cpus in (
                ("relay", "relayed", (core, core)),
                ("hosted", "hosted", (-1, -1)),
                ("hosted_pinned", "hosted", (core, core)),
            ):
                rows[f"wake_floor_{name}_us"] = floor.block_us(
                    length, mode, cpus[0], cpus[1], priority, blocks
                )
            series[str(length)] = rows
    return {"slot_cost_us": cost, "slot_series": series, "realtime": fifo}


def _block_us(length: int, mode: Any, pin: bool, blocks: int) -> dict[str, float]:
    with Host(HostConfig(mode=mode, pin_workers=pin)) as host:
        host.load(chain_song(PLUGIN, length))
        host.start()
        wait_for_blocks(host, SETTLE_BLOCKS)
        host.engine.read_blocks()
        wait_for_blocks(host, blocks)
        durations = host.engine.read_blocks()["duration_ns"]
        all_active(host)
        return summary(durations)
