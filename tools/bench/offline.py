# SPDX-License-Identifier: GPL-3.0-or-later
"""Offline rendering against the same plugins in one process, as fast as either goes."""

import time
from typing import Any

from host.config import HostConfig, offline_batch
from host.engine_module import AudioClip
from host.host import Host
from tools.bench.common import PLUGIN, all_active, chain_song, in_child
from tools.bench.reference import noise, run_chain

_BLOCK = 512
_BATCH = offline_batch(_BLOCK)  # as `isobooth render` does
_SLOTS = 8


def measure(blocks: int, rounds: int, tell: Any) -> dict[str, Any]:
    """offline_ratio: speed of the sandboxed render over speed in one process (1: equal).

    one_chain: 8 ZamEQ2 in a row. two_chains: two such tracks, where one process must render one
    after the other. The best of `rounds` of each, taken in turn.
    """
    best = {"in_process": 1e9, "one_chain": 1e9, "two_chains": 1e9}
    for number in range(rounds):
        tell(f"offline render: round {number + 1} of {rounds}")
        _, inside = in_child(run_chain, PLUGIN, _SLOTS, blocks, _BLOCK, False, 0, -1)
        best["in_process"] = min(best["in_process"], inside)
        for name, tracks in (("one_chain", 1), ("two_chains", 2)):
            best[name] = min(best[name], _render_s(tracks, blocks))
    return {
        "offline_ratio": {
            "one_chain": round(best["in_process"] / best["one_chain"], 3),
            "two_chains": round(2 * best["in_process"] / best["two_chains"], 3),
        },
        "offline_seconds": {name: round(value, 3) for name, value in best.items()},
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
