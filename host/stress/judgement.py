# SPDX-License-Identifier: GPL-3.0-or-later
"""The complaint of a check that shows in no single answer: two sounds that should be the same,
times, a parameter that was lost. The calls of its log go well, so the check is asked again."""

from collections.abc import Callable

from host.stress.call_log import CallLog
from host.stress.check import Check
from host.stress.checks import ALL, BY_NAME
from host.stress.replay import shows
from host.stress.runner import StressOptions, StressRun
from host.stress.verdict import CheckResult
from host.stress.workshop import Workshop


def needs_audit(log: CallLog) -> bool:
    """Whether its worker, or that of its check, sees what is called inside process()."""
    check = BY_NAME.get(log.check)
    return log.needs_audit or (check is not None and check.needs_audit)


def judge_of(log: CallLog) -> type[Check] | None:
    """The check that alone can tell; None where the answers do, and where nobody is known."""
    if log.end is None or shows(log):
        return None
    return BY_NAME.get(log.check)


def judge(
    workshop: Workshop, log: CallLog, *, stop: Callable[[], None] = lambda: None
) -> CheckResult | None:
    """What the check says of the plugin now, asked as it was then; None where there is no judge."""
    check = judge_of(log)
    if check is None:
        return None
    options = StressOptions(
        level=log.level or check.level,
        only=frozenset({check.name}),
        seed=log.seed,
        timeout_s=workshop.timeout_s,
        reruns=0,
    )
    report = StressRun([log.plugin], ALL, options, workshop, workshop, stop=stop).run()
    return report.plugins[0].checks[-1]
