# SPDX-License-Identifier: GPL-3.0-or-later
"""What eight plugins cost in one process, against a process each: memory, and a slot's time.

Both are measured in turn, in several rounds, with the same sound: a cost is the difference within
a round.
"""

import statistics
from typing import Any

from host.config import HostConfig
from host.engine_module import AudioClip
from host.host import Host
from host.song import Grouping
from tools.bench.common import (
    BLOCK,
    PLUGIN,
    SETTLE_BLOCKS,
    all_active,
    chain_song,
    summary,
    wait_for_blocks,
)
from tools.bench.reference import noise

_LENGTH = 8
_WAYS = {"apart": Grouping.PLUGIN, "together": Grouping.CHAIN}


def measure(blocks: int, rounds: int, tell: Any) -> dict[str, Any]:
    """`group_pss_mb` of all eight, and `group_slot_us`, a slot's cost together over apart, with
    every round of it."""
    memory: dict[str, list[float]] = {way: [] for way in _WAYS}
    times: dict[str, list[float]] = {way: [] for way in _WAYS}
    for number in range(rounds):
        tell(f"grouping: round {number + 1} of {rounds}")
        for way, grouping in _WAYS.items():
            pss_mb, block_us = _play(grouping, blocks // rounds)
            memory[way].append(pss_mb)
            times[way].append(block_us)
    costs = [
        (together - apart) / _LENGTH
        for together, apart in zip(times["together"], times["apart"], strict=True)
    ]
    return {
        "group_pss_mb": {way: round(statistics.median(each), 1) for way, each in memory.items()},
        "group_slot_us": round(statistics.median(costs), 2),
        "group_slot_rounds_us": [round(cost, 2) for cost in costs],
        "group_block_us": {way: round(statistics.median(each), 1) for way, each in times.items()},
    }


def _play(grouping: Grouping, blocks: int) -> tuple[float, float]:
    """MiB of all workers, and the median block, µs."""
    with Host(HostConfig(grouping=grouping)) as host:
        host.load(chain_song(PLUGIN, _LENGTH))
        host.mix.strips[0].audio = AudioClip(noise(4 * (blocks + SETTLE_BLOCKS) * BLOCK))
        host.mix.publish()
        host.start()
        wait_for_blocks(host, SETTLE_BLOCKS)
        host.engine.read_blocks()
        wait_for_blocks(host, blocks)
        block_us = summary(host.engine.read_blocks()["duration_ns"])["median"]
        all_active(host)
        memory = [host.worker_memory(slot.id) for slot in host.slots()]
        pss = sum(one.pss for one in memory if one is not None)
        return pss / 2**20, block_us
