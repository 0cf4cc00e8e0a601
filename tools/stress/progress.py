# SPDX-License-Identifier: GPL-3.0-or-later
"""How a stress run is followed: on a terminal a display of what is being checked, elsewhere a line
for whatever is wrong, and one now and then that says how far it is.

On standard error, so that the report can be piped.
"""

import sys
import threading
import time
from collections import Counter
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from host.stress.verdict import CheckResult, PluginResult, Verdict
from ipc.text import one_line
from tools.console import counted
from tools.stress.badge import plugin_badge, plugin_name
from tools.stress.marks import MARKS, SHOWN
from tools.stress.terminal import STYLES
from tools.stress.text import said

_LOG_PERIOD_S = 30.0  # for logs: often enough to see that it lives
_RATE_HZ = 4
_SHOWN_AT_ONCE = 8  # a display that scrolls is none
_QUIET = (Verdict.PASS, Verdict.SKIP)


class StressProgress:
    """Use as a context manager; its methods may be called from any thread.

    `checks` are all that are planned, of all plugins. `shown`: None looks whether standard error
    is a terminal. `quiet` tells nothing of results, which come as JSON.
    """

    def __init__(
        self, *, plugins: int, checks: int, level: int, quiet: bool = False,
        shown: bool | None = None,
    ) -> None:  # fmt: skip
        self._plugins, self._checks, self._level, self._quiet = plugins, checks, level, quiet
        self._plugins_done = self._done = 0
        self._counts: Counter[Verdict] = Counter()
        self._current: dict[tuple[str, str], tuple[str, float]] = {}  # who it is, since when
        self._begun = self._logged = time.monotonic()
        self._lock = threading.Lock()
        shown = sys.stderr.isatty() if shown is None else shown
        self._console = Console(
            stderr=True, highlight=False, markup=False, emoji=False, force_terminal=shown or None
        )
        self._live: Live | None = None
        if shown:
            self._live = Live(
                console=self._console, get_renderable=self._render, transient=True,
                refresh_per_second=_RATE_HZ,
            )  # fmt: skip

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def planned(self, checks: int) -> None:
        """There are more of them than was thought, or fewer: for a plugin that takes no notes."""
        with self._lock:
            self._checks = checks

    def starting(self, plugin: PluginResult, check: str) -> None:
        with self._lock:
            self._current[plugin.plugin, check] = (plugin_name(plugin), time.monotonic())

    def finished(self, plugin: PluginResult, check: CheckResult) -> None:
        with self._lock:
            self._current.pop((plugin.plugin, check.check), None)
            self._done += 1
            self._counts[check.verdict] += 1
        if check.verdict not in _QUIET and not self._quiet:
            self._tell(_told(plugin, check))
        self._log_now_and_then()

    def finished_plugin(self, plugin: PluginResult) -> None:
        """All its checks are done."""
        with self._lock:
            self._plugins_done += 1
        if not self._quiet and self._live is None and self._plugins > 1:
            self._tell(Text(str(plugin_badge(plugin, self._level))))

    def say(self, line: str) -> None:
        """Anything else, such as a warning."""
        self._tell(Text(one_line(line)))

    def _tell(self, line: Text) -> None:
        """On a terminal what fits on a line; the report at the end has all of it."""
        if self._live is not None:
            self._console.print(line, no_wrap=True, overflow="ellipsis")
        else:
            self._console.print(line, soft_wrap=True)

    def _log_now_and_then(self) -> None:
        if self._live is not None:
            return
        with self._lock:
            now = time.monotonic()
            if now - self._logged < _LOG_PERIOD_S:
                return
            self._logged = now
            line = f"{self._done} of {counted(self._checks, 'check')} done{self._time_left(now)}"
        self._tell(Text(line))

    def _time_left(self, now: float) -> str:
        left = max(0, self._checks - self._done)
        if not self._done or not left:
            return ""
        return f", about {_duration((now - self._begun) / self._done * left)} left"

    # ------------------------------------------------------------ the display

    def _render(self) -> RenderableType:
        with self._lock:
            now = time.monotonic()
            return Group(self._render_head(now), self._render_counts(), *self._render_current(now))

    def _render_head(self, now: float) -> Table:
        head = Table.grid(padding=(0, 1))
        bar = ProgressBar(total=max(self._checks, 1), completed=self._done, width=24)
        plugins = f"{self._plugins_done}/{counted(self._plugins, 'plugin')}"
        words = f"{self._done}/{counted(self._checks, 'check')}, {plugins}{self._time_left(now)}"
        head.add_row(bar, Text(words))
        return head

    def _render_counts(self) -> Text:
        line = Text()
        for verdict in SHOWN:
            if count := self._counts[verdict]:
                line.append("  " if line else "")
                line.append(f"{MARKS[verdict]} {count} {verdict}", style=STYLES[verdict])
        return line or Text("nothing yet", style="dim")

    def _render_current(self, now: float) -> list[RenderableType]:
        running = sorted(self._current.items(), key=lambda item: item[1][1])
        shown = running if len(running) <= _SHOWN_AT_ONCE else running[: _SHOWN_AT_ONCE - 1]
        rows = Table.grid(padding=(0, 1))
        rows.add_column(justify="right", width=7)
        rows.add_column(no_wrap=True, overflow="ellipsis", max_width=24)
        rows.add_column(no_wrap=True, overflow="ellipsis")
        for (_, check), (name, since) in shown:
            passed = Text(_duration(now - since), style="dim")
            rows.add_row(passed, Text(one_line(check, 40)), Text(name))
        if len(shown) < len(running):
            rows.add_row(Text(""), Text(f"and {len(running) - len(shown)} more", style="dim"))
        return [rows] if running else []


def _told(plugin: PluginResult, check: CheckResult) -> Text:
    line = Text(f"{MARKS[check.verdict]} {check.verdict:<5} ", style=STYLES[check.verdict])
    line.append(f"{plugin_name(plugin)}: {one_line(check.check, 40)}", style="default not bold")
    if what := one_line(said(check), 160):
        line.append(f": {what}", style="default not bold")
    return line


def _duration(seconds: float) -> str:
    """ "8 s", "2:05", "1:02:05"."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
