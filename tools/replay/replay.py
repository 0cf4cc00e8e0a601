# SPDX-License-Identifier: GPL-3.0-or-later
"""Tries one life after the other until the plugin fails as its report says."""

from collections.abc import Callable
from functools import partial

from host.control import Control
from host.crash_report import CrashReport
from host.permissions import PermissionRules
from host.plugin_files import missing_file
from host.plugin_id import PluginId
from ipc.errors import InputError
from tools.foreground import Stop
from tools.replay.attempts import Attempt, attempts
from tools.replay.life import lead
from tools.replay.verdict import Outcome, Verdict, compare

Tell = Callable[[Attempt, int], None]  # an attempt, and the blocks done of it


def replay(
    report: CrashReport, permissions: PermissionRules, stop: Stop, tell: Tell
) -> list[Outcome]:
    """The outcomes in their order; the last one is the same as the report's, if any is. Raises
    InputError if the report cannot be replayed here."""
    if missing := missing_file(PluginId.parse(report.plugin_id)):
        raise InputError(f"{report.plugin_id}: {missing}")
    outcomes = []
    with Control() as control:
        for attempt in attempts(report):
            found = lead(report, attempt, permissions, control, stop, partial(tell, attempt))
            outcomes.append(_outcome(report, attempt, found))
            if outcomes[-1].verdict is Verdict.SAME:
                break
    return outcomes


def verdict_of(outcomes: list[Outcome]) -> Verdict:
    """Of all attempts together."""
    verdicts = {outcome.verdict for outcome in outcomes}
    for best in (Verdict.SAME, Verdict.DIFFERENT):
        if best in verdicts:
            return best
    return Verdict.NONE


def _outcome(report: CrashReport, attempt: Attempt, found: CrashReport | None) -> Outcome:
    return Outcome(
        start=attempt.start,
        sound=attempt.sound,
        blocks=attempt.blocks,
        verdict=compare(report, found),
        kind=found.kind.value if found else None,
        phase=found.phase.value if found else None,
        signal=found.signal.name if found and found.signal else None,
        signature=found.signature if found else None,
    )
