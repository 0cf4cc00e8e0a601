# SPDX-License-Identifier: GPL-3.0-or-later
"""The one line that says it: what was checked of a plugin, and whether it is safe."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from host.stress.baseline import fails_run, failures
from host.stress.verdict import (
    BAD,
    FAILING,
    CheckResult,
    PluginResult,
    StressReport,
    Verdict,
    judged,
    together,
)
from ipc.text import one_line
from tools.console import counted
from tools.stress.marks import SHOWN

_NAME = 60


@dataclass(frozen=True)
class Badge:
    """`name` · level · checks · counts · `judgement`."""

    name: str
    facts: tuple[str, ...]
    judgement: str
    verdict: Verdict

    @property
    def tone(self) -> Verdict:
        """What the judgement is coloured by: warnings do not make a plugin unsafe."""
        return Verdict.PASS if self.verdict is Verdict.WARN else self.verdict

    def __str__(self) -> str:
        return " · ".join((self.name, *self.facts, self.judgement))


def plugin_name(plugin: PluginResult) -> str:
    """Short enough for a line; the id where it has no name."""
    name = one_line(plugin.name or plugin.plugin, _NAME)
    return f"{name} ({one_line(plugin.format, 12)})" if plugin.name and plugin.format else name


def plugin_badge(plugin: PluginResult, level: int) -> Badge:
    """ "ZamEQ2 (vst3) · level 5 · 27 checks · 26 pass 1 skip · safe"."""
    return Badge(
        name=plugin_name(plugin),
        facts=(
            f"level {level}",
            counted(len(plugin.checks), "check"),
            *_counts_fact(counts_of(plugin.checks)),
        ),
        judgement=_judgement(plugin),
        verdict=judged(plugin),
    )


def run_badge(report: StressReport) -> Badge:
    """Of all plugins together."""
    counts = counts_of(check for plugin in report.plugins for check in plugin.checks)
    verdicts = [judged(plugin) for plugin in report.plugins]
    unsafe = sum(verdict in BAD for verdict in verdicts)
    unknown = sum(verdict in (Verdict.ERROR, Verdict.SKIP) for verdict in verdicts)
    safe = len(verdicts) - unsafe - unknown
    parts = [f"{safe} safe"] if safe or not verdicts else []
    parts += [f"{unsafe} NOT SAFE"] if unsafe else []
    parts += [f"{unknown} not known"] if unknown else []
    judgement = ", ".join(parts) if verdicts else "nothing was checked"
    if any(check.change for plugin in report.plugins for check in plugin.checks):
        judgement += f", {counted(len(failures(report)), 'new failure')}"
    if report.run.interrupted:
        judgement += ", INTERRUPTED"
    return Badge(
        name=counted(len(report.plugins), "plugin"),
        facts=(
            f"level {report.run.level}",
            counted(sum(counts.values()), "check"),
            *_counts_fact(counts),
        ),
        judgement=judgement,
        verdict=together(verdicts),
    )


def counts_of(checks: Iterable[CheckResult]) -> dict[Verdict, int]:
    """By verdict, without those that there are none of."""
    counts = Counter(check.verdict for check in checks)
    return {verdict: counts[verdict] for verdict in SHOWN if counts[verdict]}


def counts_text(counts: Mapping[Verdict, int]) -> str:
    return " ".join(f"{count} {verdict}" for verdict, count in counts.items())


def _counts_fact(counts: Mapping[Verdict, int]) -> tuple[str, ...]:
    return (counts_text(counts),) if counts else ()


def _judgement(plugin: PluginResult) -> str:
    verdict = judged(plugin)
    worst_first = [check for check in plugin.checks if check.verdict is verdict]
    if verdict in BAD:
        others = sum(check.verdict in FAILING for check in plugin.checks) - 1
        more = f" and {others} more" if others else ""
        judgement = f"NOT SAFE: {verdict} in {one_line(worst_first[0].check, 40)}{more}"
    elif plugin.left:
        return f"NOT KNOWN: {plugin.left} of {counted(plugin.planned, 'check')} were not done"
    elif verdict is Verdict.ERROR:
        judgement = f"NOT KNOWN: {counted(len(worst_first), 'check')} could not be done"
    elif verdict is Verdict.SKIP:
        return "nothing was checked"
    else:
        return "safe"
    known = not any(fails_run(check) for check in plugin.checks)
    return f"{judgement} (known before)" if known else judgement
