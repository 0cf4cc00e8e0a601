# SPDX-License-Identifier: GPL-3.0-or-later
"""A stress run as one HTML file, to be opened, mailed and kept.

It needs no network, no other file and no script. What plugins wrote is escaped by the template
engine; if that ever failed, the page's policy still runs no script and loads nothing.
"""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from host.stress.baseline import failures
from host.stress.verdict import StressReport, Verdict
from ipc.text import one_line
from tools.console import readable_time
from tools.stress.again import again_line
from tools.stress.badge import counts_of, plugin_name, run_badge
from tools.stress.figures import number_text
from tools.stress.marks import MARKS, MEANINGS, SHOWN
from tools.stress.text import block, said, stack
from tools.stress.view import check_names, failed_checks, plugin_views

# Stands in all our pages, so that one of them may be replaced by the next.
MARK = b'<meta name="generator" content="Isobooth stress">'

_PAGE = Path(__file__).with_name("page")
_LINE = 1000  # letters of a message
_STACK_LINES = 64
_FAILURES_AT_FIRST = 15  # so that the matrix is not far below
_STDERR_LINES = 200


def html_page(report: StressReport) -> bytes:
    """A whole document, in UTF-8; `report` holds valid Unicode (`storable`)."""
    views = plugin_views(report)
    page = _environment().get_template("report.html")
    text = page.render(
        style=Markup((_PAGE / "style.css").read_text(encoding="utf-8")),
        report=report,
        run=report.run,
        badge=run_badge(report),
        counts=counts_of(check for plugin in report.plugins for check in plugin.checks),
        changes=_changes(report),
        new_failures=len(failures(report)),
        failed=failed_checks(views),
        at_first=_FAILURES_AT_FIRST,
        plugins=views,
        names=check_names(report),
        again=again_line(report),
        marks=MARKS,
        meanings=MEANINGS,
        shown=SHOWN,
        quiet=(Verdict.PASS, Verdict.SKIP),
        plugin_name=plugin_name,
        said=said,
    )
    return text.encode()


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_PAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["line"] = lambda text, most=_LINE: one_line(str(text), most)
    made.filters["block"] = lambda text: block(text, _STDERR_LINES, _LINE)
    made.filters["stack"] = lambda frames: "\n".join(stack(frames, _STACK_LINES, _LINE))
    made.filters["markup"] = Markup
    made.filters["when"] = readable_time
    made.filters["seconds"] = _seconds
    made.filters["number"] = number_text
    return made


def _changes(report: StressReport) -> dict[str, int]:
    """How many checks are what against the baseline; that all is as it was is no news."""
    counts: dict[str, int] = {}
    for plugin in report.plugins:
        for check in plugin.checks:
            if check.change:
                counts[check.change] = counts.get(check.change, 0) + 1
    return counts


def _seconds(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
