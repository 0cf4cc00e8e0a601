# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings that people decided to live with, and nothing beside them."""

from pathlib import Path

import pytest

from host.stress.suppressions import Suppressions, load_suppressions, parse_suppressions
from host.stress.verdict import CheckResult, Finding, PluginResult, StressReport, Verdict, settle
from ipc.errors import InputError
from tests.fixtures.stress_report import check, run_info

MALLOC = Finding(verdict=Verdict.FAIL, message="malloc in process()", key="malloc:X+0x9d")
LOCK = Finding(verdict=Verdict.WARN, message="lock in process()", key="lock:X+0x11")


def _report(*checks: CheckResult, plugin: str = "vst3:/a/My Plugin.vst3#ab") -> StressReport:
    made = PluginResult(plugin=plugin, name="My Plugin", checks=list(checks))
    report = StressReport(run=run_info(), plugins=[made])
    settle(report)
    return report


def _unsafe(*findings: Finding) -> CheckResult:
    return check("rt-safety", Verdict.FAIL, message=findings[0].message, findings=list(findings))


def _applied(text: str, report: StressReport) -> Suppressions:
    suppressions = parse_suppressions(text, "known.txt")
    suppressions.apply(report)
    return suppressions


def test_a_finding_that_a_line_matches_is_pass_and_says_why() -> None:
    report = _report(_unsafe(MALLOC))
    suppressions = _applied("rt-safety vst3:* malloc:*  # only while loading; issue 12\n", report)
    (done,) = report.plugins[0].checks
    assert done.verdict is Verdict.PASS
    assert done.message == "suppressed: only while loading; issue 12"
    assert done.findings[0].verdict is Verdict.PASS
    assert done.findings[0].message == "malloc in process()"
    assert done.findings[0].suppressed == "only while loading; issue 12"
    assert report.plugins[0].verdict is Verdict.PASS and report.summary == {"pass": 1}
    assert suppressions.unused == [] and suppressions.remarks() == []


def test_what_is_left_still_counts() -> None:
    report = _report(_unsafe(MALLOC, LOCK))
    _applied("rt-safety * malloc:*  # known", report)
    (done,) = report.plugins[0].checks
    assert done.verdict is Verdict.WARN
    assert done.message == "lock in process() (and 1 suppressed)"
    report = _report(_unsafe(MALLOC, LOCK))
    _applied("rt-safety * lock:*  # known", report)
    assert report.plugins[0].checks[0].verdict is Verdict.FAIL


def test_a_crash_is_excused_by_its_signature_only() -> None:
    crash = check("load", Verdict.CRASH, message="SIGSEGV", signature="abc")
    report = _report(crash)
    _applied("load * abd  # known", report)
    assert crash.verdict is Verdict.CRASH and crash.findings == []
    _applied("load * abc  # the vendor knows", report)
    assert crash.verdict.value == "pass"
    assert crash.findings[0].suppressed == "the vendor knows"
    # A warning beside a crash that no finding tells of excuses nothing.
    crash = check("load", Verdict.CRASH, signature="abc", findings=[LOCK])
    _applied("load * lock:*  # known", _report(crash))
    assert crash.verdict is Verdict.CRASH


def test_a_check_that_could_not_be_done_cannot_be_excused() -> None:
    unknown = check("editor", Verdict.ERROR, message="no display")
    suppressions = _applied("* * *  # nothing matters", _report(unknown))
    assert unknown.verdict is Verdict.ERROR
    assert len(suppressions.unused) == 1


def test_other_checks_plugins_and_keys_are_not_matched() -> None:
    text = """
        # a comment, and an empty line

        bounds * *                   # another check
        rt-safety lv2:* *            # another plugin
        rt-safety * free:*           # another key
        rt-safety "My Plugin" [!m]*  # the name, and no key that begins with m
    """
    report = _report(_unsafe(MALLOC))
    suppressions = _applied(text, report)
    assert report.plugins[0].checks[0].verdict is Verdict.FAIL
    assert [entry.line for entry in suppressions.unused] == [4, 5, 6, 7]
    told = "known.txt: line 4: matches nothing in this run: bounds * *"
    assert suppressions.remarks()[0] == told


@pytest.mark.parametrize(
    "plugin",
    ["vst3:*#ab", '"vst3:/a/My Plugin.vst3#ab"', "'My Plugin'", r"My\ Plugin", "vst3:/a/My?P*"],
)
def test_plugins_are_named_by_id_or_name_with_spaces_and_hashes(plugin: str) -> None:
    report = _report(_unsafe(MALLOC))
    _applied(f"rt-safety\t{plugin}  malloc:X+0x9d # known", report)
    assert report.plugins[0].verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("rt-safety", "has 1 of three words"),
        ("rt-safety *  # why", "has 2 of three words"),
        ("rt-safety My Plugin *  # why", "put names with spaces in quotes"),
        ("rt-safety * *", "has no reason, expected CHECK PLUGIN-GLOB KEY-GLOB  # reason"),
        ("rt-safety * *  #", "has no reason"),
        ('rt-safety "My *  # why', "no closing quotation"),
        ("rt-safty * *  # why", "no check is called rt-safty; did you mean"),
        ("\x1b[2J * *  # why", "no check is called \\x1b[2J"),
    ],
)
def test_a_mistake_is_told_with_its_line(line: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "known.txt"
    path.write_text(f"# why\n\n{line}\n")
    with pytest.raises(InputError) as raised:
        load_suppressions(path, ["rt-safety", "load"])
    message = str(raised.value)
    assert message.startswith(f"{path}: line 3: ") and told in message


def test_checks_may_be_named_by_a_pattern(tmp_path: Path) -> None:
    path = tmp_path / "known.txt"
    path.write_bytes("\ufeffrt-* * malloc*  # ärgerlich\r\n".encode())
    report = _report(_unsafe(MALLOC))
    load_suppressions(path, ["rt-safety"]).apply(report)
    assert report.plugins[0].checks[0].findings[0].suppressed == "ärgerlich"


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    path = tmp_path / "known.txt"
    path.write_bytes(b"rt-safety * * # \xff")
    with pytest.raises(InputError, match="not UTF-8 text"):
        load_suppressions(path)
