# SPDX-License-Identifier: GPL-3.0-or-later
"""What a page shows of a report, arranged: which checks are columns, what is a problem, what is
open at first. The template only writes it down."""

import base64
import html
from dataclasses import dataclass, field

from host.stress.baseline import fails_run
from host.stress.verdict import (
    FAILING,
    CheckResult,
    Picture,
    PluginResult,
    StressReport,
    Verdict,
)
from tools.stress.again import replay_line
from tools.stress.badge import Badge, counts_of, plugin_badge
from tools.stress.figures import figure
from tools.stress.marks import WORST_FIRST
from tools.stress.svg import plot_svg

_QUIET = (Verdict.PASS, Verdict.SKIP)
# With more plugins than these, only what failed is unfolded, and not even all of that.
_FEW = 20


@dataclass(frozen=True)
class CheckView:
    """`anchor` is where the page tells of it; `plots` are markup."""

    result: CheckResult
    anchor: str
    fails: bool
    again: str
    figures: list[tuple[str, str]]
    plots: list[str]

    @property
    def change(self) -> str:
        """What is worth a word: nearly all checks are as they were."""
        same = self.result.change in ("", "same")
        if same or (self.result.change == "new" and self.result.verdict in _QUIET):
            return "known" if self.result.change == "same" and self.is_problem else ""
        return self.result.change

    @property
    def is_problem(self) -> bool:
        return self.result.verdict not in _QUIET


@dataclass(frozen=True)
class PluginView:
    plugin: PluginResult
    anchor: str
    badge: Badge
    checks: list[CheckView]
    counts: dict[Verdict, int]
    is_open: bool
    by_name: dict[str, CheckView] = field(default_factory=dict)

    @property
    def problems(self) -> list[CheckView]:
        """The worst first."""
        found = [check for check in self.checks if check.is_problem]
        return sorted(found, key=_severity)

    @property
    def others(self) -> list[CheckView]:
        return [check for check in self.checks if not check.is_problem]


def plugin_views(report: StressReport) -> list[PluginView]:
    bad = sum(_is_bad(plugin) for plugin in report.plugins)
    views = []
    for number, plugin in enumerate(report.plugins):
        checks = [_check_view(check, f"p{number}c{at}") for at, check in enumerate(plugin.checks)]
        is_open = len(report.plugins) <= _FEW or (_is_bad(plugin) and bad <= _FEW)
        views.append(
            PluginView(
                plugin=plugin,
                anchor=f"p{number}",
                badge=plugin_badge(plugin, report.run.level),
                checks=checks,
                counts=counts_of(plugin.checks),
                is_open=is_open and len(counts_of(plugin.checks).keys() - set(_QUIET)) > 0,
                by_name={check.result.check: check for check in checks},
            )
        )
    return views


def _is_bad(plugin: PluginResult) -> bool:
    return any(check.verdict in FAILING for check in plugin.checks)


def _check_view(check: CheckResult, anchor: str) -> CheckView:
    return CheckView(
        result=check,
        anchor=anchor,
        fails=fails_run(check),
        again=replay_line(check),
        figures=[figure(name, value) for name, value in check.figures.items()],
        plots=[
            *(drawn for plot in check.plots if (drawn := plot_svg(plot))),
            *(picture_markup(picture) for picture in check.pictures),
        ],
    )


def picture_markup(picture: Picture) -> str:
    """Safe as markup, whatever the bytes are: they are shown as a picture or not at all."""
    data = base64.b64encode(picture.png).decode()
    title = html.escape(picture.title)
    return f'<img class="picture" alt="{title}" title="{title}" src="data:image/png;base64,{data}">'


def _severity(check: CheckView) -> tuple[bool, int]:
    """What the run fails of comes before what is known."""
    return not check.fails, WORST_FIRST.index(check.result.verdict)


def check_names(report: StressReport) -> list[str]:
    """Of all plugins, in the order in which they were done."""
    return list(dict.fromkeys(one.check for plugin in report.plugins for one in plugin.checks))


def failed_checks(views: list[PluginView]) -> list[tuple[PluginView, CheckView]]:
    """Of all plugins, the worst first."""
    found = [
        (view, check) for view in views for check in view.checks if check.result.verdict in FAILING
    ]
    return sorted(found, key=lambda pair: _severity(pair[1]))
