# SPDX-License-Identifier: GPL-3.0-or-later
"""What is tried to make a plugin fail again.

A report holds what the worker was loaded with, how many blocks it processed, and its last events;
not its audio. So its life is led again from the start, and, because what it was sent in between may
be lost, also from its last snapshot on; each with noise and with silence.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from host.crash_report import CrashReport, ReportedEdit, ReportedEvent
from tools.replay.usable import check

# Beyond the block in which it failed: what was started there may end a little later.
_MORE_BLOCKS = 64
# Before the first recorded event of a life that begins at the last snapshot.
_BEFORE_EVENTS = 16
# Nine minutes at 128 frames and 48 kHz; seconds, offline.
MOST_BLOCKS = 200_000
# The engine remembers as many; what a plugin was given before is lost.
_REMEMBERED_EVENTS = 128


@dataclass(frozen=True)
class Attempt:
    """One life of the plugin. Events by the block that they are given in, from 0."""

    start: str  # in words
    noise: bool  # else silence
    blocks: int
    state: bytes | None
    program: int | None
    parameters: dict[str, float | str]
    events: dict[int, list[ReportedEvent]] = field(default_factory=dict)

    @property
    def sound(self) -> str:
        return "noise" if self.noise else "silence"


def attempts(report: CrashReport) -> Iterator[Attempt]:
    """The likeliest first. Raises InputError if the report cannot be replayed."""
    check(report)
    for noise in (True, False):
        yield from _from_start(report, noise)
        yield from _from_snapshot(report, noise)


def notes(report: CrashReport) -> list[str]:
    """What the report does not hold, a line each."""
    lines = ["its audio input was not recorded"]
    if report.loaded is None:
        lines.append(
            "it does not hold what was loaded: made by an older Isobooth, or by a look at a plugin"
        )
    elif report.loaded.blocks > MOST_BLOCKS:
        lines.append(f"of {report.loaded.blocks:,} blocks the last {MOST_BLOCKS:,} are led again")
    if len(report.last_events) >= _REMEMBERED_EVENTS:
        lines.append(f"of its events only the last {len(report.last_events)} are known")
    return lines


def _from_start(report: CrashReport, noise: bool) -> Iterator[Attempt]:
    loaded = report.loaded
    if loaded is None:
        return
    blocks = min(loaded.blocks, MOST_BLOCKS)
    # Edits that came later than its load, but earlier than the events that are still known.
    given = {event.detail.get("parameter") for event in report.last_events}
    early = [edit for edit in report.last_edits if edit.parameter not in given]
    yield Attempt(
        start="from its start",
        noise=noise,
        blocks=blocks + 1 + _MORE_BLOCKS,
        state=report.state if loaded.same_state else loaded.state,
        program=loaded.program,
        parameters={**loaded.parameters, **_values([*loaded.edits, *early])},
        events=_events(report, fatal=blocks),
    )


def _from_snapshot(report: CrashReport, noise: bool) -> Iterator[Attempt]:
    first = min((event.block for event in report.last_events), default=report.block)
    lead = min(report.block - first, MOST_BLOCKS) + _BEFORE_EVENTS
    blocks = report.blocks_processed if report.loaded is None else 0
    fatal = min(max(lead, blocks), MOST_BLOCKS)
    yield Attempt(
        start="from its last snapshot",
        noise=noise,
        blocks=fatal + 1 + _MORE_BLOCKS,
        state=report.state,
        program=None,
        parameters=_values(report.last_edits),
        events=_events(report, fatal),
    )


def _values(edits: list[ReportedEdit]) -> dict[str, float | str]:
    """The newest of each parameter."""
    ordered = sorted(edits, key=lambda edit: edit.edit)
    return {
        str(edit.parameter): edit.value
        for edit in ordered
        if edit.value is not None and edit.parameter >= 0  # -1 is a program
    }


def _events(report: CrashReport, fatal: int) -> dict[int, list[ReportedEvent]]:
    """By block; those of the block in which it failed come in `fatal`."""
    found: dict[int, list[ReportedEvent]] = {}
    for event in report.last_events:
        block = fatal - (report.block - event.block)
        if block >= 0:
            found.setdefault(block, []).append(event)
    return found
