# SPDX-License-Identifier: GPL-3.0-or-later
"""What a stress run takes, what auditing costs a block, and whether replays and shrinking hold what
they promise."""

import random
import statistics
import time
from typing import Any

import numpy as np

from host.stress.call_log import CallLog, LogEnd
from host.stress.checks import ALL
from host.stress.checks.fuzz import CallMaker
from host.stress.death import PluginDied
from host.stress.replay import replay
from host.stress.rig import open_rig
from host.stress.runner import StressOptions, StressRun
from host.stress.shrink import shrink
from host.stress.workshop import Workshop

_PLUGIN = "vst3:/usr/lib/vst3/ZamEQ2.vst3"
_LEVEL = 5
_JOBS = 2
_RATE = 48000
_CHEAP = "builtin:gain"
_FRAMES = 64
# A crash in one of 500 blocks, which is found by random calls.
_RARE = "fault:segv?after=500"
_RANDOM_CALLS = 96


def measure(rounds: int, replays: int, tell: Any) -> dict[str, Any]:
    """`stress_level_5_s`, `audit_ns` (a block of a gain: without the library, with it, with it and
    looking; medians), `replays_same` of `replays`, `shrunk_calls`."""
    tell(f"stress: level {_LEVEL} on ZamEQ2")
    with Workshop() as workshop, Workshop(audits=True) as auditor:
        options = StressOptions(level=_LEVEL, jobs=_JOBS)
        report = StressRun([_PLUGIN], ALL, options, workshop, auditor).run()
        tell("stress: what auditing costs")
        costs = _audit_costs(workshop, auditor, rounds)
        tell(f"stress: {replays} replays")
        log = _random_log(workshop, _PLUGIN)
        same = sum(replay(workshop, log).is_same(log) for _ in range(replays))
        tell("stress: shrinking")
        began = time.monotonic()
        shrunk = shrink(workshop, _random_log(workshop, _RARE))
        took_s = time.monotonic() - began
    return {
        "stress_level_5_s": round(report.run.seconds, 1),
        "audit_ns": costs,
        "replays": replays,
        "replays_same": same,
        "shrunk_calls": len(shrunk.calls),
        "shrinking_s": round(took_s, 1),
    }


def _audit_costs(workshop: Workshop, auditor: Workshop, rounds: int) -> dict[str, float]:
    blocks: dict[str, list[float]] = {"plain": [], "preloaded": [], "audited": []}
    for _ in range(max(3, rounds)):
        for name, where, audit in (
            ("plain", workshop, False),
            ("preloaded", auditor, False),
            ("audited", auditor, True),
        ):
            with open_rig(where, _CHEAP, max_frames=_FRAMES) as rig:
                rig.render(_RATE, source="noise", keep=False, audit=audit)
                heard = rig.render(4 * _RATE, source="noise", keep=False, audit=audit)
            times = heard.result.times
            blocks[name].append(float(np.median(times.wall_ns)) if times is not None else 0.0)
    return {name: round(statistics.median(found), 1) for name, found in blocks.items()}


def _random_log(workshop: Workshop, plugin: str) -> CallLog:
    """Of random calls, to the plugin's death if it comes to that."""
    log = CallLog(plugin=plugin)
    try:
        with open_rig(workshop, plugin) as rig:
            log = rig.log
            maker = CallMaker(rig.description, random.Random(1))
            rig.perform([maker.next() for _ in range(_RANDOM_CALLS)])
    except PluginDied as died:
        log.end = log.end or LogEnd(verdict=died.verdict, message=str(died))
    return log
