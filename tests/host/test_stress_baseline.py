# SPDX-License-Identifier: GPL-3.0-or-later
"""What is new against a baseline, what is known, and which files are none."""

from pathlib import Path

import msgspec
import pytest

from host.stress.baseline import (
    Baseline,
    Change,
    compare,
    fails_run,
    failures,
    is_worse,
    load_baseline,
)
from host.stress.storable import storable
from host.stress.verdict import (
    CheckResult,
    Finding,
    PluginResult,
    StressReport,
    Verdict,
    settle,
    verdict_of,
)
from ipc.errors import InputError
from tests.fixtures.stress_report import check, hostile_report, rich_report, run_info

PASS, SKIP, WARN, FAIL, HANG, CRASH, ERROR = Verdict


def _report(*checks: CheckResult, plugin: str = "vst3:/a/X.vst3", name: str = "X") -> StressReport:
    made = PluginResult(plugin=plugin, name=name, format="vst3", checks=list(checks))
    report = StressReport(run=run_info(), plugins=[made])
    settle(report)
    return report


def _compared(now: CheckResult, earlier: CheckResult | None) -> CheckResult:
    baseline = _report(*([earlier] if earlier is not None else []))
    compare(_report(now), Baseline("night.json", baseline))
    return now


@pytest.mark.parametrize(
    ("was", "now", "change", "fails"),
    [
        (None, PASS, Change.NEW, False),
        (None, CRASH, Change.NEW, True),
        (PASS, PASS, Change.SAME, False),
        (PASS, SKIP, Change.SAME, False),
        (SKIP, PASS, Change.SAME, False),
        (PASS, WARN, Change.NEW, False),
        (PASS, FAIL, Change.NEW, True),
        (SKIP, HANG, Change.NEW, True),
        (PASS, ERROR, Change.NEW, True),
        (WARN, WARN, Change.SAME, False),
        (WARN, PASS, Change.FIXED, False),
        (FAIL, FAIL, Change.SAME, False),
        (FAIL, CRASH, Change.NEW, True),
        (CRASH, FAIL, Change.SAME, False),
        (CRASH, WARN, Change.FIXED, False),
        (HANG, PASS, Change.FIXED, False),
        (ERROR, ERROR, Change.SAME, False),
        (ERROR, CRASH, Change.NEW, True),
        (ERROR, PASS, Change.FIXED, False),
        (CRASH, ERROR, Change.NEW, True),
    ],
)
def test_only_what_is_worse_than_before_fails_the_run(
    was: Verdict | None, now: Verdict, change: Change, fails: bool
) -> None:
    done = _compared(check("a", now), check("a", was) if was is not None else None)
    assert (done.change, done.was) == (change, was or "")
    assert fails_run(done) is fails


def test_without_a_baseline_every_failure_fails_the_run() -> None:
    report = _report(*(check(verdict, verdict) for verdict in Verdict))
    assert [one.verdict for _, one in failures(report)] == [FAIL, HANG, CRASH, ERROR]


def test_a_crash_of_another_cause_is_new() -> None:
    now = check("a", CRASH, signature="22")
    assert _compared(now, check("a", CRASH, signature="11")).change == Change.NEW
    assert _compared(check("a", CRASH, signature="11"), now).change == Change.NEW
    assert _compared(now, check("a", CRASH, signature="22")).change == Change.SAME
    # A signature that is empty, or was removed by hand, expects any crash.
    assert _compared(now, check("a", CRASH)).change == Change.SAME


def _with_findings(verdict: Verdict, **keys: Verdict) -> CheckResult:
    findings = [Finding(verdict=one, message=key, key=key) for key, one in keys.items()]
    return check("a", verdict, findings=findings)


def test_a_finding_that_was_not_there_is_new() -> None:
    earlier = _with_findings(FAIL, malloc=FAIL, lock=WARN)
    assert _compared(_with_findings(FAIL, malloc=FAIL), earlier).change == Change.SAME
    more = _with_findings(FAIL, malloc=FAIL, free=FAIL)
    assert _compared(more, earlier).change == Change.NEW
    assert fails_run(more)
    worse = _with_findings(FAIL, malloc=FAIL, lock=FAIL)
    assert _compared(worse, earlier).change == Change.NEW
    # One more warning beside a known failure makes no run fail.
    warned = _with_findings(FAIL, malloc=FAIL, slow=WARN)
    assert not fails_run(_compared(warned, earlier))


def test_what_does_not_say_the_same_twice_is_flaky() -> None:
    now = check("a", CRASH, reruns=[PASS])
    assert _compared(now, check("a", PASS)).change == Change.FLAKY
    assert fails_run(now)
    # It was flaky before, or failed before: known.
    assert not fails_run(_compared(now, check("a", PASS, reruns=[CRASH])))
    assert not fails_run(_compared(now, check("a", CRASH)))
    assert fails_run(_compared(now, check("a", FAIL)))
    assert not fails_run(_compared(check("a", PASS, reruns=[CRASH]), check("a", PASS)))
    assert _compared(check("a", CRASH, reruns=[CRASH]), check("a", CRASH)).change == Change.SAME


def test_a_reason_that_was_written_by_hand_excuses_what_it_stands_at() -> None:
    now = _compared(check("a", FAIL), check("a", PASS, expected="since 1.2"))
    assert now.expected == "since 1.2" and now.change == Change.NEW
    assert not fails_run(now)
    # It excuses the failure that is known there, not a worse one.
    assert fails_run(_compared(check("a", CRASH), check("a", FAIL, expected="FPU")))
    flaky = check("a", FAIL, reruns=[PASS])
    assert not fails_run(_compared(flaky, check("a", PASS, expected="under load")))


def test_plugins_are_found_again_where_their_path_changed() -> None:
    baseline = Baseline("b.json", _report(check("a", FAIL), plugin="vst3:/builds/1/X.vst3"))
    moved = _report(check("a", FAIL), plugin="vst3:/builds/2/X.vst3")
    assert compare(moved, baseline) == []
    assert failures(moved) == []
    # Not if two could be meant.
    twice = _report(check("a", FAIL), plugin="vst3:/builds/2/X.vst3")
    twice.plugins += _report(check("a", FAIL), plugin="vst3:/builds/3/X.vst3").plugins
    compare(twice, baseline)
    assert len(failures(twice)) == 2


def test_what_makes_a_comparison_worth_less_is_told() -> None:
    earlier = _report(check("a", FAIL, expected="known"), check("gone"))
    earlier.run.interrupted = True
    report = _report(check("a", PASS))
    report.plugins += _report(check("a"), plugin="lv2:urn:new", name="New").plugins
    told = compare(report, Baseline("b.json", earlier))
    assert told == [
        "b.json is of a run that was interrupted: it lacks checks",
        "not in b.json: lv2:urn:new",
        "in b.json, but not done now: gone of X",
        "expected to fail, and passed: a of X",
    ]
    earlier.run.level = 9
    assert "level 9, this run at level 5" in compare(report, Baseline("b.json", earlier))[0]


def _written(folder: Path, report: StressReport) -> Path:
    path = folder / "baseline.json"
    path.write_bytes(msgspec.json.encode(storable(report)))
    return path


@pytest.mark.parametrize("report", [rich_report(), hostile_report()], ids=["rich", "hostile"])
def test_every_report_that_is_written_can_be_a_baseline(
    report: StressReport, tmp_path: Path
) -> None:
    path = _written(tmp_path, report)
    baseline = load_baseline(path)
    assert baseline.name == str(path)
    again = storable(report)
    assert baseline.report == again
    compare(again, baseline)
    assert failures(again) == []


def test_unknown_keys_are_those_of_a_later_version(tmp_path: Path) -> None:
    data = msgspec.to_builtins(_report(check("a")))
    data["later"] = data["plugins"][0]["later"] = data["plugins"][0]["checks"][0]["later"] = 1
    path = tmp_path / "baseline.json"
    path.write_bytes(msgspec.json.encode(data))
    assert load_baseline(path).report.plugins[0].checks[0].check == "a"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty, expected a baseline"),
        (b"{", "not JSON: line 1, column 2: expecting property name enclosed in double quotes"),
        (b"RIFF\xff", "not UTF-8 text (byte 4)"),
        (b"[]", "is no report of a stress run; write one with `isobooth stress … --json FILE`"),
        (b'{"plugins": [], "summary": {}}', "is no report of a stress run"),
        (b'{"schema": 7, "run": {}, "plugins": []}', "newer Isobooth (schema 7; this one reads 1)"),
        (b'{"schema": "x", "run": {}, "plugins": []}', 'schema: expected 1, got "x"'),
        (b'{"schema": true, "run": {}, "plugins": []}', "schema: expected 1, got true"),
        (b'{"schema": 1, "run": 5, "plugins": []}', "`$.run`"),
        (b'{"schema": 1, "run": {}, "plugins": 3}', "missing required field"),
    ],
)
def test_a_file_that_is_no_baseline_is_one_clear_line(
    content: bytes, told: str, tmp_path: Path
) -> None:
    path = tmp_path / "baseline.json"
    path.write_bytes(content)
    with pytest.raises(InputError) as raised:
        load_baseline(path)
    message = str(raised.value)
    assert message.startswith(f"{path}: ") and told in message and "\n" not in message


def test_a_mistake_in_what_was_edited_names_its_place(tmp_path: Path) -> None:
    data = msgspec.to_builtins(_report(check("load"), check("state-fuzz")))
    path = tmp_path / "baseline.json"
    data["plugins"][0]["checks"][1]["expectd"] = "why"
    path.write_bytes(msgspec.json.encode(data))
    with pytest.raises(
        InputError, match=r'checks\[1\] \("state-fuzz" of .*did you mean "expected"'
    ):
        load_baseline(path)
    del data["plugins"][0]["checks"][1]["expectd"]
    data["plugins"][0]["checks"][1]["verdict"] = "fails"
    path.write_bytes(msgspec.json.encode(data))
    with pytest.raises(InputError, match=r"plugins\[0\]\.checks\[1\]\.verdict"):
        load_baseline(path)


def test_a_baseline_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load_baseline(tmp_path / "none.json")


def test_skips_do_not_make_a_plugin_worse_and_errors_do_not_hide_crashes() -> None:
    assert verdict_of([check("a"), check("b", SKIP)]) is PASS
    assert verdict_of([check("b", SKIP)]) is SKIP
    assert verdict_of([]) is SKIP
    assert verdict_of([check("a", CRASH), check("b", ERROR)]) is CRASH
    assert verdict_of([check("a", WARN), check("b", ERROR)]) is ERROR
    report = _report(check("a"), check("b", SKIP), check("c"))
    assert report.summary == {"pass": 2, "skip": 1}


def test_nothing_is_worse_than_itself() -> None:
    assert not any(is_worse(verdict, verdict) for verdict in Verdict)
