# SPDX-License-Identifier: GPL-3.0-or-later
"""What a stress run says of plugins.

These structs are what `--json` prints, and what baselines and reports are made of: their fields are
documented in docs/stress.md and change only by addition.
"""

from enum import StrEnum

import msgspec

SCHEMA = 1


class Verdict(StrEnum):
    """How a check ended, from good to bad."""

    PASS = "pass"
    SKIP = "skip"  # it is not for this plugin
    WARN = "warn"  # not as it should be, and no danger
    FAIL = "fail"
    HANG = "hang"
    CRASH = "crash"
    ERROR = "error"  # the check itself could not be done: nothing is known of the plugin


BAD = (Verdict.FAIL, Verdict.HANG, Verdict.CRASH)
FAILING = (*BAD, Verdict.ERROR)  # what a run fails of: nobody should trust what was not looked at
_ORDER = list(Verdict)


def worst(verdicts: list[Verdict]) -> Verdict:
    """The worst of them; that of nothing is SKIP."""
    return max(verdicts, key=_ORDER.index, default=Verdict.SKIP)


class Plot(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers that are worth a picture. `kind`: histogram (`y` are counts of the bins that begin at
    `x`), line, or bars (`labels` below them)."""

    kind: str
    title: str
    x_label: str
    y_label: str
    x: list[float] = []
    y: list[float] = []
    labels: list[str] = []
    limit: float | None = None  # on x for a histogram, else on y: what must not be passed
    limit_label: str = "limit"


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen."""

    title: str
    png: bytes  # Base64 in JSON


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a check noticed. `key` is the same whenever the same is noticed again, and
    for suppressing it; `stack` innermost first."""

    verdict: Verdict
    message: str  # one line
    key: str = ""
    stack: list[str] = []
    suppressed: str = ""  # why it counts as pass, from a suppression file


class OtherThread(msgspec.Struct, frozen=True, kw_only=True):
    """One that did not hang itself, but may hold what is waited for."""

    name: str
    stack: list[str] = []  # innermost first


class CheckResult(msgspec.Struct, kw_only=True):
    """One check of one plugin. The worst of its findings is its verdict."""

    check: str
    verdict: Verdict
    seconds: float = 0.0
    message: str = ""  # one line; empty: nothing to say
    findings: list[Finding] = []
    figures: dict[str, float] = {}  # what was measured; units are in the names
    plots: list[Plot] = []
    pictures: list[Picture] = []
    signal: str = ""  # of a crash
    signature: str = ""  # of a crash or hang: the same for the same cause
    backtrace: list[str] = []  # innermost first
    threads: list[OtherThread] = []  # of a hang: all but the one that hangs
    stderr: str = ""  # its last words
    log: str = ""  # the file with the calls that lead there: `isobooth stress replay FILE`
    reruns: list[Verdict] = []  # of one that was asked again, to tell what is flaky
    expected: str = ""  # why its failure is expected, from the baseline
    change: str = ""  # against the baseline: new, fixed, same, flaky; empty: there is none
    was: str = ""  # the worst verdict in the baseline, its reruns included; empty: not there


# The plugin could not even be made for them. One more than was planned.
CREATION = "can-be-created"


class PluginResult(msgspec.Struct, kw_only=True):
    """All checks of one plugin."""

    plugin: str  # its id
    name: str = ""
    vendor: str = ""
    version: str = ""
    format: str = ""
    path: str = ""
    verdict: Verdict = Verdict.SKIP
    seconds: float = 0.0
    planned: int = 0  # checks
    checks: list[CheckResult] = []

    @property
    def left(self) -> int:
        """Checks that a run did not come to, because it was interrupted."""
        return max(0, self.planned - sum(check.check != CREATION for check in self.checks))


class RunInfo(msgspec.Struct, kw_only=True):
    """What was asked for, when and where: enough to do it again."""

    started_at: str  # ISO 8601, UTC
    seconds: float = 0.0
    level: int
    seed: int
    jobs: int
    timeout_s: float
    isobooth: str  # version
    machine: str  # processor, cores, kernel
    baseline: str = ""
    interrupted: bool = False
    words: list[str] = []  # of the command line, for doing it again


class StressReport(msgspec.Struct, kw_only=True):
    """A whole run."""

    schema: int = SCHEMA
    run: RunInfo
    plugins: list[PluginResult] = []
    summary: dict[str, int] = {}  # checks by verdict


def verdict_of(checks: list[CheckResult]) -> Verdict:
    """Of a plugin: the worst that is known of it. That a check is not for it does not make it
    worse, and one that could not be done does not hide a crash."""
    return together([one.verdict for one in checks])


def together(all_verdicts: list[Verdict]) -> Verdict:
    """Of several."""
    verdicts: list[Verdict] = [verdict for verdict in all_verdicts if verdict != Verdict.SKIP]
    known: list[Verdict] = [verdict for verdict in verdicts if verdict in BAD]
    return worst(known or verdicts)


def judged(plugin: PluginResult) -> Verdict:
    """Of one whose checks were not all done, what failed is known, and else nothing."""
    verdict = verdict_of(plugin.checks)
    return Verdict.ERROR if plugin.left and verdict not in BAD else verdict


def settle(report: StressReport) -> None:
    """Makes the verdicts of plugins and the summary those of the checks."""
    report.summary = {}
    for plugin in report.plugins:
        plugin.verdict = judged(plugin)
        for check in plugin.checks:
            name = check.verdict.value
            report.summary[name] = report.summary.get(name, 0) + 1
