# SPDX-License-Identifier: GPL-3.0-or-later
"""A stress run as JUnit XML, for Jenkins, GitLab and whatever else counts tests.

The format has no schema that all readers share, so this keeps to what the strict ones (Ant's, and
Surefire's, which Jenkins validates) and the lax ones agree on: one `failure` a case, times with
three decimals, figures as properties of the suite. A run that does not fail shows no failures:
what a baseline knows is `skipped`, with the reason, as test runners have it for expected failures.

Written by xml.etree, which escapes markup; what XML 1.0 cannot hold at all, not even escaped, is
written out as Python would (`\\x1b`).
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from host.stress.baseline import fails_run
from host.stress.verdict import (
    BAD,
    FAILING,
    CheckResult,
    Finding,
    PluginResult,
    RunInfo,
    StressReport,
    Verdict,
)
from tools.stress.again import replay_line
from tools.stress.badge import plugin_badge, plugin_name
from tools.stress.text import said

# Begins our files, so that one of them may be replaced by the next.
MARK = b'<testsuites name="isobooth stress"'

# https://www.w3.org/TR/xml/#charsets; and "\r", which readers turn into something else.
_FORBIDDEN = re.compile("[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ATTRIBUTE = 1000  # letters; readers show them in a line
_MOST_TEXT = 256 * 1024  # of one case; Jenkins keeps all in memory


def junit_xml(report: StressReport) -> bytes:
    """A whole document, in UTF-8."""
    root = Element("testsuites", {"name": "isobooth stress"})
    names = Counter(_class_of(plugin) for plugin in report.plugins)
    for number, plugin in enumerate(report.plugins):
        case_class = _class_of(plugin)
        if names[case_class] > 1:  # two of one name: readers know cases by it alone
            case_class += f" {_attribute(plugin.plugin).replace('.', '_')}"
        root.append(_suite(number, plugin, case_class, report.run))
    cases = [_counted(plugin.checks) for plugin in report.plugins]
    totals = sum(cases, Counter())
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(totals[name]))
    root.set("time", f"{report.run.seconds:.3f}")
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()


def _class_of(plugin: PluginResult) -> str:
    """Readers take what stands before the last dot for a package."""
    return f"stress.{_attribute(plugin_name(plugin)).replace('.', '_')}"


def _counted(checks: Iterable[CheckResult]) -> Counter[str]:
    names = {"failure": "failures", "error": "errors", "skipped": "skipped"}
    counts: Counter[str] = Counter()
    for check in checks:
        counts["tests"] += 1
        if name := names.get(_outcome(check)):
            counts[name] += 1
    return counts


def _outcome(check: CheckResult) -> str:
    """The element that says how it ended; empty: it passed."""
    if check.verdict is Verdict.SKIP or (check.verdict in FAILING and not fails_run(check)):
        return "skipped"
    if check.verdict is Verdict.ERROR:
        return "error"
    return "failure" if check.verdict in BAD else ""


def _suite(number: int, plugin: PluginResult, case_class: str, run: RunInfo) -> Element:
    counts = _counted(plugin.checks)
    suite = Element(
        "testsuite",
        {
            "name": _attribute(plugin_name(plugin)),
            "id": str(number),
            **{name: str(counts[name]) for name in ("tests", "failures", "errors", "skipped")},
            "time": f"{plugin.seconds:.3f}",
            "timestamp": _timestamp(run.started_at),
        },
    )
    properties = SubElement(suite, "properties")
    for name, value in _properties(plugin, run):
        SubElement(properties, "property", {"name": _attribute(name), "value": _attribute(value)})
    for check in plugin.checks:
        suite.append(_case(check, case_class))
    return suite


def _timestamp(started_at: str) -> str:
    """Without a zone and fractions of a second, as the schemas have it."""
    try:
        return datetime.fromisoformat(started_at).strftime("%Y-%m-%dT%H:%M:%S")
    except ValueError:
        return "1970-01-01T00:00:00"


def _properties(plugin: PluginResult, run: RunInfo) -> Iterator[tuple[str, str]]:
    yield "plugin", plugin.plugin
    for name in ("vendor", "version", "format", "path"):
        yield name, getattr(plugin, name)
    yield "judgement", plugin_badge(plugin, run.level).judgement
    for name in ("level", "seed", "jobs", "timeout_s", "isobooth", "machine", "baseline"):
        yield name, str(getattr(run, name))
    for check in plugin.checks:
        for figure, number in check.figures.items():
            yield f"{check.check}.{figure}", f"{number:.12g}"


def _case(check: CheckResult, case_class: str) -> Element:
    case = Element(
        "testcase",
        {"name": _attribute(check.check), "classname": case_class, "time": f"{check.seconds:.3f}"},
    )
    outcome = _outcome(check)
    if outcome == "skipped":
        SubElement(case, outcome, {"message": _attribute(_skipped_message(check))})
    elif outcome:
        message = _attribute(said(check) or check.verdict.value)
        told = SubElement(case, outcome, {"message": message, "type": check.verdict.value})
        told.text = _text("\n".join(_details(check)))
    if outcome in ("", "skipped") and (details := _text("\n".join(_details(check)))):
        SubElement(case, "system-out").text = details
    elif outcome and check.findings:
        SubElement(case, "system-out").text = _text("\n".join(_findings(check.findings)))
    if check.stderr:
        SubElement(case, "system-err").text = _text(check.stderr)
    return case


def _skipped_message(check: CheckResult) -> str:
    if check.verdict is Verdict.SKIP:
        return check.message
    reason = f"expected: {check.expected}" if check.expected else "as in the baseline"
    return f"{check.verdict} ({reason}): {check.message}"


def _details(check: CheckResult) -> Iterator[str]:
    """All but stderr, for a person."""
    if check.verdict is not Verdict.PASS or check.message:
        yield ": ".join(filter(None, (check.verdict, said(check))))
    for name in ("signature", "change", "was", "expected"):
        if value := getattr(check, name):
            yield f"{name}: {value}"
    if check.reruns:
        yield f"asked again: {', '.join(check.reruns)}"
    if again := replay_line(check):
        yield f"again: {again}"
    yield from _frames(check.backtrace)
    for thread in check.threads:
        yield f"thread {thread.name}:"
        yield from ("  " + frame for frame in _frames(thread.stack))
    yield from _findings(check.findings)


def _findings(findings: list[Finding]) -> Iterator[str]:
    for finding in findings:
        yield f"{finding.verdict}: {finding.message}" + (f" [{finding.key}]" if finding.key else "")
        if finding.suppressed:
            yield f"  suppressed: {finding.suppressed}"
        yield from ("  " + frame for frame in _frames(finding.stack))


def _frames(frames: list[str]) -> Iterator[str]:
    return (f"#{depth:<2} {frame}" for depth, frame in enumerate(frames))


def _text(text: str) -> str:
    """As XML can hold it; of very much the end, which is the end of the plugin too."""
    if len(text) > _MOST_TEXT:
        text = f"[{len(text) - _MOST_TEXT} letters before]\n{text[-_MOST_TEXT:]}"
    return _FORBIDDEN.sub(lambda one: one[0].encode("unicode_escape").decode("ascii"), text)


def _attribute(text: str) -> str:
    """In one line."""
    text = text if len(text) <= _ATTRIBUTE else text[: _ATTRIBUTE - 1] + "…"
    return " ".join(_text(text).split())
