# SPDX-License-Identifier: GPL-3.0-or-later
"""A stress run as a program follows it (`stress --progress json`); docs/stress-reports.md has the
keys."""

import threading
from types import TracebackType
from typing import Self

from host.stress.verdict import CheckResult, PluginResult, StressReport
from tools.progress_lines import ProgressLines
from tools.stress.badge import plugin_badge, run_badge
from tools.stress.text import said


class StressEvents:
    """What StressProgress (tools/stress/progress.py) is for people."""

    def __init__(self, *, checks: int, level: int) -> None:
        self._lines = ProgressLines()
        self._lock = threading.Lock()
        self._checks, self._level, self._done = checks, level, 0

    def __enter__(self) -> Self:
        self._tell_count()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass

    def starting(self, plugin: PluginResult, check: str) -> None:
        self._lines.tell("starting", plugin=plugin.plugin, name=plugin.name, check=check)

    def finished(self, plugin: PluginResult, check: CheckResult) -> None:
        with self._lock:
            self._done += 1
        self._lines.tell(
            "finished",
            plugin=plugin.plugin,
            name=plugin.name,
            check=check.check,
            verdict=check.verdict,
            seconds=check.seconds,
            message=said(check),
        )
        self._tell_count()

    def finished_plugin(self, plugin: PluginResult) -> None:
        badge = plugin_badge(plugin, self._level)
        self._lines.tell(
            "plugin", plugin=plugin.plugin, name=badge.name, verdict=badge.verdict, line=str(badge)
        )

    def say(self, line: str) -> None:
        self._lines.tell("warning", text=line)

    def _tell_count(self) -> None:
        with self._lock:
            done, total = self._done, self._checks
        self._lines.tell("count", done=done, total=max(total, done))


def tell_end(report: StressReport) -> None:
    """What the run came to, once it is settled: the one line that people get too."""
    one = len(report.plugins) == 1 and not report.run.interrupted
    level = report.run.level
    badge = plugin_badge(report.plugins[0], level) if one else run_badge(report)
    ProgressLines().tell(
        "end", line=str(badge), verdict=badge.verdict, interrupted=report.run.interrupted
    )
