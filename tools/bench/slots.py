# SPDX-License-Identifier: GPL-3.0-or-later
"""What a sandboxed slot costs over the same plugin in one process, paced in real time.

A shared machine runs at another speed every few seconds. So all ways of playing a chain are
measured in turn, in many short rounds; a cost is the difference within a round, and the figure is
the median of the rounds.
"""

import statistics
from typing import Any

import numpy as np

from host.config import ChainMode, HostConfig
from host.engine_module import AudioClip
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
from tools.bench.reference import noise, run_chain
from tools.bench.wake_floor import WakeFloor

LENGTHS = (1, 4, 8, 16)

# Chain mode, and whether the workers are pinned to the audio thread's core. `relay`: where the host
# puts them by itself. `hosted`: the host wakes every slot, workers unpinned, as hosts without a
# relay do. `hosted_pinned`: the same on the relay's core, so that only the relay itself differs.
_WAYS: dict[str, tuple[ChainMode, bool]] = {
    "relay": ("relayed", True),
    "hosted": ("hosted", False),
    "hosted_pinned": ("hosted", True),
}


def measure(blocks: int, rounds: int, tell: Any) -> dict[str, Any]:
    """`slot_cost_us` (median of the rounds), `slot_cost_rounds_us` (every round), and
    `slot_series`, the blocks they come from. `blocks` a chain in all.

    A cost has three parts: waking (`wake_floor_*_us`, a block of a chain that does nothing), the
    plugins' code, which is slower where every plugin finds the caches full of its neighbours'
    things (`plugins_*_us`, as the workers measure it, against `in_process_us`), and our own.
    """
    realtime = Host(HostConfig())
    fifo = realtime.realtime
    realtime.close()
    priority = HostConfig().audio_priority if fifo else 0
    core = Placement().core_for_audio(fifo)
    costs: dict[str, dict[str, float]] = {way: {} for way in _WAYS}
    every: dict[str, dict[str, list[float]]] = {way: {} for way in _WAYS}
    series: dict[str, Any] = {}
    with WakeFloor() as floor:
        for length in LENGTHS:
            inside: list[Any] = []
            played: dict[str, list[Any]] = {way: [] for way in _WAYS}
            plugins: dict[str, list[float]] = {way: [] for way in _WAYS}
            floors: dict[str, list[dict[str, float]]] = {way: [] for way in _WAYS}
            for number in range(rounds):
                tell(f"slot cost: chain of {length}, round {number + 1} of {rounds}")
                inside.append(_in_process(length, blocks // rounds, priority, core))
                for way, (mode, pinned) in _WAYS.items():
                    durations, plugins_us = _play(length, mode, pinned, blocks // rounds)
                    played[way].append(durations)
                    plugins[way].append(plugins_us)
                    cpu = core if pinned else -1
                    floors[way].append(
                        floor.block_us(length, mode, cpu, cpu, priority, blocks // rounds)
                    )
            rows: dict[str, Any] = {"in_process_us": summary(np.concatenate(inside))}
            for way in _WAYS:
                rows[f"{way}_us"] = summary(np.concatenate(played[way]))
                rows[f"wake_floor_{way}_us"] = {
                    key: round(statistics.median(each[key] for each in floors[way]), 2)
                    for key in ("median", "p99")
                }
                rows[f"plugins_{way}_us"] = round(statistics.median(plugins[way]), 2)
                per_round = [
                    float(np.median(outside) - np.median(within)) / 1000 / length
                    for outside, within in zip(played[way], inside, strict=True)
                ]
                every[way][str(length)] = [round(cost, 2) for cost in per_round]
                costs[way][str(length)] = round(statistics.median(per_round), 2)
            series[str(length)] = rows
    return {
        "slot_cost_us": costs,
        "slot_cost_rounds_us": every,
        "slot_series": series,
        "realtime": fifo,
    }


def _in_process(length: int, blocks: int, priority: int, core: int) -> Any:
    """Block times, ns."""
    durations, _ = in_child(
        run_chain, PLUGIN, length, blocks + SETTLE_BLOCKS, BLOCK, True, priority, core
    )
    return durations[SETTLE_BLOCKS:]


def _play(length: int, mode: ChainMode, pinned: bool, blocks: int) -> tuple[Any, float]:
    """The same plugins with the same sound, sandboxed: block times, ns, and what of a block the
    plugins' own code took, µs: the sum of the medians of each one's last blocks."""
    with Host(HostConfig(mode=mode, pin_workers=pinned)) as host:
        host.load(chain_song(PLUGIN, length))
        host.mix.strips[0].audio = AudioClip(noise(4 * (blocks + SETTLE_BLOCKS) * BLOCK))
        host.mix.publish()
        host.start()
        wait_for_blocks(host, SETTLE_BLOCKS)
        host.engine.read_blocks()
        wait_for_blocks(host, blocks)
        durations = host.engine.read_blocks()["duration_ns"]
        all_active(host)
        natives = [slot.native for strip in host.mix.strips for slot in strip.slots]
        plugins_us = sum(statistics.median(native.recent_process_us()) for native in natives)
        return durations, plugins_us
