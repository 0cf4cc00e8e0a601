# SPDX-License-Identifier: GPL-3.0-or-later
"""Offline rendering against the same plugins in one process, as fast as either goes.

A shared machine runs at another speed every few seconds. So all are measured in turn in many short
rounds, what one process takes before and after the rest; a ratio is one within a round, and the
figure is the median of the rounds.
"""

import statistics
import time
from typing import Any

from host.config import HostConfig, offline_batch
from host.engine_module import AudioClip
from host.host import Host
from tools.bench.common import PLUGIN, all_active, chain_song, in_child, in_children
from tools.bench.reference import noise, run_chain

_BLOCK = 512
_BATCH = offline_batch(_BLOCK)  # as `isobooth render` does
_SLOTS = 8


def measure(blocks: int, rounds: int, tell: Any) -> dict[str, Any]:
    """`offline_ratio`: speed of the sandboxed render over speed in one process (1: equal), and
    `offline_ratio_rounds`. `blocks` of 512 frames a round.

    one_chain: 8 ZamEQ2 in a row. two_chains: two such tracks, where one process must render one
    after the other. two_processes: two processes at once with a chain in each, no sandbox: what
    two cores of this machine are worth.
    """
    work = (run_chain, PLUGIN, _SLOTS, blocks, _BLOCK, False, 0, -1)
    every: dict[str, list[float]] = {"one_chain": [], "two_chains": [], "two_processes": []}
    inside: list[float] = []
    for number in range(rounds):
        tell(f"offline render: round {number + 1} of {rounds}")
        before = in_child(*work)[1]
        one, two = _render_s(1, blocks), _render_s(2, blocks)
        both = max(seconds for _, seconds in in_children(2, *work))
        mean = (before + in_child(*work)[1]) / 2
        inside.append(mean)
        every["one_chain"].append(mean / one)
        every["two_chains"].append(2 * mean / two)
        every["two_processes"].append(2 * mean / both)
    return {
        "offline_ratio": {name: round(statistics.median(all_), 3) for name, all_ in every.items()},
        "offline_ratio_rounds": {
            name: [round(ratio, 3) for ratio in all_] for name, all_ in every.items()
        },
        "offline_in_process_s": [round(seconds, 3) for seconds in inside],
        "offline_blocks": blocks,
    }


def _render_s(tracks: int, blocks: int) -> float:
    with Host(HostConfig(offline=True, block_frames=_BLOCK, offline_batch=_BATCH)) as host:
        host.load(chain_song(PLUGIN, _SLOTS, tracks))
        audio = noise(blocks * _BLOCK)
        for strip in host.mix.strips[:-1]:
            strip.audio = AudioClip(audio)
        host.mix.publish()
        host.start()
        host.render(2)
        started = time.perf_counter()
        host.render(blocks // _BATCH)
        taken = time.perf_counter() - started
        all_active(host)
        return taken
