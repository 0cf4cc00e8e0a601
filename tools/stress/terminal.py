# SPDX-License-Identifier: GPL-3.0-or-later
"""What a stress run came to, on a terminal of 80 columns, with colours or without.

Of each plugin one line says whether it is safe; what is not as it should be follows, with what
somebody needs who wants to mend it. What passed takes no room.
"""

import sys
from collections.abc import Iterator
from typing import TextIO

from rich.console import Console
from rich.text import Text

from host.stress.verdict import CheckResult, Finding, PluginResult, StressReport, Verdict
from ipc.text import one_line
from tools.console import counted
from tools.stress.again import again_line, replay_line
from tools.stress.badge import Badge, plugin_badge, run_badge
from tools.stress.marks import MARKS, WORST_FIRST
from tools.stress.text import block, said, stack

STYLES = {
    Verdict.PASS: "green",
    Verdict.SKIP: "dim",
    Verdict.WARN: "yellow",
    Verdict.FAIL: "red",
    Verdict.HANG: "bold magenta",
    Verdict.CRASH: "bold red",
    Verdict.ERROR: "bold cyan",
}
_STACK_LINES = 5
_STDERR_LINES = 3
_FINDINGS = 4  # of one check; reports that are read elsewhere have them all
_SHOWN = 240
_INDENT = 4
_HANGING = 11  # where the name of the check begins


def print_report(report: StressReport, file: TextIO | None = None) -> None:
    """To standard output, or to `file`."""
    console = Console(file=file or sys.stdout, highlight=False, markup=False, emoji=False)
    for plugin in report.plugins:
        _print_plugin(console, plugin, report.run.level)
    if len(report.plugins) != 1 or report.run.interrupted:
        _print_badge(console, run_badge(report))
    if report.plugins and report.summary.keys() - {Verdict.PASS, Verdict.SKIP}:
        line = Text(f"all of it again: {again_line(report)}", style="dim")
        console.print(line, soft_wrap=True)


def _print_plugin(console: Console, plugin: PluginResult, level: int) -> None:
    _print_badge(console, plugin_badge(plugin, level))
    told = [check for check in plugin.checks if _is_told(check)]
    for check in sorted(told, key=lambda one: WORST_FIRST.index(one.verdict)):
        _print_check(console, check)
    skipped = [one_line(one.check, 60) for one in plugin.checks if one.verdict is Verdict.SKIP]
    if skipped:
        _print_hanging(console, _head(Verdict.SKIP).append(", ".join(skipped), style="dim"))
    if told or skipped:
        console.print()


def _is_told(check: CheckResult) -> bool:
    if (
        check.verdict is Verdict.PASS
    ):  # that it was mended, wavers, or only counts as passed, is news
        suppressed = any(finding.suppressed for finding in check.findings)
        return check.change in ("fixed", "flaky") or bool(check.expected) or suppressed
    return check.verdict is not Verdict.SKIP


def _print_badge(console: Console, badge: Badge) -> None:
    """On one line, or the judgement on one of its own."""
    line = Text(badge.name, style="bold")
    for fact in badge.facts:
        line.append(f" · {fact}", style="not bold")
    judgement = Text(badge.judgement, style=f"bold {STYLES[badge.tone]}")
    if line.cell_len + 3 + judgement.cell_len <= console.width:
        console.print(line.append(" · ", style="not bold").append_text(judgement))
    else:
        _print_hanging(console, line, _INDENT)
        _print_hanging(console, Text("  → ").append_text(judgement), _INDENT)


def _print_check(console: Console, check: CheckResult) -> None:
    head = _head(check.verdict).append(one_line(check.check, 60), style="bold")
    if check.change:
        head.append(f" ({_change(check)})", style="cyan")
    if what := one_line(said(check), _SHOWN):
        head.append(f": {what}")
    _print_hanging(console, head)
    for line, style in _lines(check, console.width - _INDENT):
        _print_hanging(console, Text(" " * _INDENT + line, style=style))
    if again := replay_line(check):  # not broken up, to be copied
        console.print(Text(" " * _INDENT + f"again: {again}"), soft_wrap=True)


def _head(verdict: Verdict) -> Text:
    return Text(f"  {MARKS[verdict]} {verdict:<5}  ", style=STYLES[verdict])


def _print_hanging(console: Console, text: Text, hanging: int = _HANGING) -> None:
    """What does not fit on the line goes on further to the right."""
    first, *rest = text.wrap(console, console.width, overflow="fold") or [text]
    if rest:
        text = text[len(first.plain) :]
        text = text[len(text.plain) - len(text.plain.lstrip()) :]
        rest = list(text.wrap(console, console.width - hanging, overflow="fold"))
    for indent, line in [("", first), *((" " * hanging, one) for one in rest)]:
        line.rstrip()
        console.print(Text(indent).append_text(line))


def _lines(check: CheckResult, room: int) -> Iterator[tuple[str, str]]:
    """Each with its style."""
    if check.reruns:
        yield f"asked again: {', '.join(check.reruns)}", "cyan"
    if check.expected:
        yield f"expected: {one_line(check.expected, _SHOWN)}", "cyan"
    bad = [one for one in check.findings if one.verdict not in (Verdict.PASS, Verdict.SKIP)]
    for finding in bad[:_FINDINGS]:
        yield from _finding_lines(check, finding, room)
    if len(bad) > _FINDINGS:
        yield f"and {counted(len(bad) - _FINDINGS, 'finding')} more", "dim"
    for finding in [one for one in check.findings if one.suppressed][:_FINDINGS]:
        what, why = one_line(finding.message, _SHOWN), one_line(finding.suppressed, _SHOWN)
        yield f"suppressed: {what} ({why})", "dim"
    if check.verdict is Verdict.PASS:
        return
    if check.backtrace and all(one.stack != check.backtrace for one in bad[:_FINDINGS]):
        yield from ((line, "") for line in stack(check.backtrace, _STACK_LINES, room))
    if check.signature:
        yield f"signature {one_line(check.signature, 60)}", "dim"
    if check.stderr.strip() and check.verdict in (Verdict.CRASH, Verdict.HANG, Verdict.ERROR):
        for line in block(check.stderr, _STDERR_LINES, room - 8).split("\n"):
            yield f"stderr: {line}", "dim"


def _finding_lines(check: CheckResult, finding: Finding, room: int) -> Iterator[tuple[str, str]]:
    is_told = finding.message == check.message or finding.key == check.signature != ""
    if not is_told:
        mark = MARKS[finding.verdict]
        yield f"{mark} {one_line(finding.message, _SHOWN)}", STYLES[finding.verdict]
    indent = "" if is_told else "  "
    frames = stack(finding.stack, _STACK_LINES, room - len(indent))
    yield from ((indent + line, "") for line in frames)


def _change(check: CheckResult) -> str:
    """What the baseline has to say of it."""
    was = f", was {check.was}" if check.was not in ("", check.verdict) else ""
    return f"{'known' if check.change == 'same' else check.change}{was}"
