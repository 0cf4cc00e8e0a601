# SPDX-License-Identifier: GPL-3.0-or-later
"""What the demo tells at its end: for a person, in ten seconds; for a program, as objects."""

import shlex
import shutil
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tools.demo.run import Files
from tools.demo.take import Outcome, Take

_HEADINGS = ("AT", "PLUGIN", "WHAT HAPPENED", "NOT HEARD FOR", "MEANWHILE", "AFTERWARDS")


def lines(take: Take, files: Files) -> Iterator[str]:
    """The summary for a person."""
    yield ""
    yield (
        f"{take.slot_count} plugins played {take.seconds(take.expected_blocks):.0f} s of music in "
        f"real time, each in its own process. {len(take.outcomes)} of them failed on purpose:"
    )
    yield ""
    rows = [_HEADINGS, *(_row(take, outcome) for outcome in take.outcomes)]
    yield from _table(rows, right=frozenset({0, 3}))
    yield ""
    yield "The mix meanwhile"
    yield f"  {_delivery(take)}"
    period_ms = 1000 * take.config.block_s
    spent_ms = take.duration_us / 1000
    yield (
        f"  a block may take {period_ms:.2f} ms; half took less than {np.median(spent_ms):.2f}, "
        f"the longest {spent_ms.max():.2f}"
    )
    yield f"  {_level(take)}"
    yield from (f"  {line}" for line in _remarks(take))
    yield ""
    yield "Files"
    yield f"  sound    {files.wav}"
    yield f"  picture  {files.picture}"
    yield f"  song     {files.song}"
    yield ""
    yield "Try next"
    song = shlex.quote(str(files.song))
    # As it can be typed here: a fresh virtual environment is not in the shell's path.
    program = "isobooth" if shutil.which("isobooth") else shlex.quote(sys.argv[0])
    yield from _table(
        [
            (f"{program} play {song}", "hear it, without the sabotage"),
            (
                f"{program} render {song} -o {shlex.quote(str(files.song.with_name('song.wav')))}",
                "render it as fast as it goes",
            ),
            (f"{program} crashes", f"what was recorded of the {len(take.outcomes)} faults"),
            (f"{program} doctor", "what this machine can do"),
        ]
    )


def objects(take: Take, files: Files) -> dict[str, Any]:
    """The same for programs; docs/demo.md explains the keys."""
    spent = take.duration_us
    return {
        "schema": 1,
        "seconds": round(take.seconds(take.expected_blocks), 3),
        "sample_rate_hz": take.config.sample_rate,
        "block_frames": take.config.block_frames,
        "realtime": take.realtime,
        "complete": take.complete,
        "blocks": take.delivered_blocks,
        "expected_blocks": take.expected_blocks,
        "late_blocks": take.late_blocks,
        "clock_slips": take.clock_slips,
        "period_us": round(1e6 * take.config.block_s, 1),
        "deadline_us": round(1e6 * take.config.block_s * take.config.deadline_fraction, 1),
        "block_us": {
            "median": round(float(np.median(spent)), 1),
            "p99": round(float(np.percentile(spent, 99)), 1),
            "max": round(float(spent.max()), 1),
        },
        "peak_dbfs": round(take.peak_db, 2),
        "faults": [_fault_objects(take, outcome) for outcome in take.outcomes],
        "slots": [
            {
                "id": report.id,
                "plugin": report.plugin,
                "status": report.status.value,
                "restarts": report.restarts,
                "bypassed_blocks": report.bypassed_blocks,
                "repaired_samples": report.repaired_samples,
                "crashes": list(report.crashes),
            }
            for report in take.reports
        ],
        "files": {"wav": str(files.wav), "picture": str(files.picture), "song": str(files.song)},
    }


def _fault_objects(take: Take, outcome: Outcome) -> dict[str, Any]:
    happened = outcome.fault_block is not None
    return {
        "slot": outcome.slot.id,
        "plugin": outcome.slot.plugin,
        "name": outcome.slot.label,
        "track": outcome.track.id,
        "what": outcome.sabotage.what,
        "signal": outcome.sabotage.short,
        "block": outcome.fault_block,
        "at_s": round(take.seconds(outcome.fault_block or 0), 3) if happened else None,
        "covered_blocks": outcome.covered_blocks,
        "covered_ms": round(1000 * take.seconds(outcome.covered_blocks), 1),
        "back": outcome.back,
        "settings_kept": outcome.settings_kept,
        "crashes": list(outcome.reports),
    }


def _row(take: Take, outcome: Outcome) -> tuple[str, ...]:
    at_s = outcome.sabotage.at_s
    if outcome.fault_block is not None:
        at_s = take.seconds(outcome.fault_block)
    return (
        f"{at_s:.1f} s",
        f"{outcome.slot.label} on {outcome.track.label}",
        f"{outcome.sabotage.what} ({outcome.sabotage.short})",
        f"{1000 * take.seconds(outcome.covered_blocks):.0f} ms",
        outcome.heard_meanwhile,
        _afterwards(outcome),
    )


def _afterwards(outcome: Outcome) -> str:
    if outcome.fault_block is None:
        return "IT DID NOT FAIL"
    if not outcome.back:
        return "NOT BACK AT THE END"
    return "back with its settings" if outcome.settings_kept else "back, SETTINGS LOST"


def _delivery(take: Take) -> str:
    delivered = f"{take.delivered_blocks:,} of {take.expected_blocks:,} blocks delivered"
    if take.late_blocks == 0:
        return f"{delivered}, none late"
    at_faults = take.late_blocks_at_faults
    whose = f"{at_faults} of them at a fault" if at_faults else "none of them at a fault"
    return f"{delivered}, {take.late_blocks} late, {whose}"


def _level(take: Take) -> str:
    clipped = "nothing clipped" if take.peak_db <= 0.0 else "CLIPPED"
    return f"peak {take.peak_db:.1f} dBFS, {clipped}"


def _remarks(take: Take) -> Iterator[str]:
    """What a reader of the figures should know of this machine; often nothing."""
    if take.clock_slips:
        yield (
            f"the machine called the mix more than a block late {_times(take.clock_slips)}: "
            "a sound card would have clicked"
        )
    if take.bystander_misses:
        yield (
            f"plugins that nobody touched missed their deadline {_times(take.bystander_misses)}: "
            "a larger --block gives them more time"
        )
    if not take.realtime:
        yield "without real-time priority: `isobooth doctor` says how to get it"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


def _table(rows: Sequence[tuple[str, ...]], right: frozenset[int] = frozenset()) -> Iterator[str]:
    """Aligned columns; those in `right` to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (
            cell.rjust(width) if index in right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield ("  " + "   ".join(cells)).rstrip()
