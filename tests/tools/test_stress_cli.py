# SPDX-License-Identifier: GPL-3.0-or-later
"""`isobooth stress` and `isobooth stress replay`, as they are typed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from host.stress.call_log import CallLog, LogEnd, read_log, write_log
from host.stress.checks import ALL
from ipc.errors import MachineError
from ipc.processes import children_of
from ipc.rig_calls import Render, SetParameter
from tests.fixtures.build import fixture_library
from tests.process.ended import unreaped

pytestmark = pytest.mark.process

ROOT = Path(__file__).resolve().parents[2]
QUICK = ("--only", "sends-numbers", "--jobs", "2")


@pytest.fixture
def planted(tmp_path: Path) -> Callable[[str], str]:
    """The id of the fixture plugin with a fault."""
    copy = Path(shutil.copy(fixture_library("stress_fixture"), tmp_path / "planted.clap"))
    return lambda fault: f"clap:{copy}#{fault}"


# ---------------------------------------------------------------- what checks there are


def test_all_checks_are_listed(run_cli: Any) -> None:
    ended = run_cli("stress", "--list")
    told = json.loads(run_cli("stress", "--list", "--json", "-").out)
    assert ended.code == 0 and [one["name"] for one in told] == [check.name for check in ALL]
    for one in told:
        assert one["formats"] and one["what"] and one["means"] and 1 <= one["level"] <= 10
        assert f"\n{one['name']}  (level {one['level']}, " in f"\n{ended.out}"
    assert {one["name"] for one in told if one["alone"]} >= {"meets-its-deadlines"}
    ended = run_cli("stress", "--list", "extra")
    assert ended.code == 2 and "what is extra for?" in ended.err and not ended.out


@pytest.mark.parametrize("words", [["stress", "--help"], ["stress", "-h"], ["stress"]])
def test_help_shows_the_commands_and_the_options_of_a_run(run_cli: Any, words: list[str]) -> None:
    told = run_cli(*words).out
    assert "replay" in told and "PLUGIN_ID" in told
    for option in ("--level", "--only", "--report", "--baseline", "--list"):
        assert option in told


# ---------------------------------------------------------------- a run


def test_a_failure_is_told_kept_and_known_next_time(
    run_cli: Any, planted: Callable[[str], str], tmp_path: Path
) -> None:
    folder = tmp_path / "report"
    plugin = planted("nan")
    ended = run_cli("stress", plugin, "builtin:gain", *QUICK, "--report", str(folder))
    assert ended.code == 1
    assert "NOT SAFE: fail in sends-numbers" in ended.out and "Gain (builtin)" in ended.out
    assert {one.name for one in folder.iterdir()} == {
        *("report.json", "report.html", "junit.xml", "logs")
    }
    told = json.loads((folder / "report.json").read_text())
    bad, good = told["plugins"]
    assert (bad["plugin"], bad["verdict"], good["verdict"]) == (plugin, "fail", "pass")
    [check] = bad["checks"]
    assert check["check"] == "sends-numbers" and check["reruns"] == ["fail", "fail"]
    junit = ElementTree.parse(folder / "junit.xml").getroot()
    assert len(list(junit.iter("failure"))) == 1
    assert "sends-numbers" in (folder / "report.html").read_text()
    [log] = (folder / "logs").iterdir()
    assert check["log"] == str(log) and read_log(log).check == "sends-numbers"
    assert f"stress replay {log}" in ended.out

    baseline = ("--baseline", str(folder / "report.json"))
    known = run_cli("stress", plugin, *QUICK, *baseline)
    assert known.code == 0 and "known before" in known.out
    new = run_cli("stress", planted("edge"), "--only", "every-parameter", *baseline)
    assert new.code == 1 and "(new)" in new.out


def test_a_run_that_nothing_fails_of_leaves_no_logs(run_cli: Any, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "report"
    ended = run_cli("stress", "run", "builtin:gain", *QUICK, "--report", str(folder))
    assert ended.code == 0 and "safe" in ended.out and not ended.err
    assert {one.name for one in folder.iterdir()} == {"report.json", "report.html", "junit.xml"}


def test_json_is_all_of_standard_output(run_cli: Any) -> None:
    ended = run_cli("stress", "builtin:gain", "--level", "1", "--json", "-")
    [plugin] = json.loads(ended.out)["plugins"]
    assert ended.code == 0 and not ended.err
    level_1 = [check.name for check in ALL if check.level == 1]
    assert [check["check"] for check in plugin["checks"]] == level_1


def test_only_and_skip_choose_checks_of_any_level(run_cli: Any) -> None:
    words = ("--level", "1", "--only", "sends-numbers,in-place-or-not", "--skip", "sends-numbers")
    ended = run_cli("stress", "builtin:gain", *words, "--json", "-")
    [plugin] = json.loads(ended.out)["plugins"]
    assert [check["check"] for check in plugin["checks"]] == ["in-place-or-not"]


def test_what_is_suppressed_passes_with_its_reason(
    run_cli: Any, planted: Callable[[str], str], tmp_path: Path
) -> None:
    file = tmp_path / "known.txt"
    file.write_text("sends-numbers *#nan *  # ISSUE-7\nsends-numbers *#other *  # gone\n")
    words = ("stress", planted("nan"), *QUICK, "--suppressions", str(file))
    ended = run_cli(*words)
    assert ended.code == 0 and "line 2: matches nothing in this run" in ended.err
    assert "sends-numbers: suppressed: ISSUE-7" in ended.out and "NaN" in ended.out
    [check] = json.loads(run_cli(*words, "--json", "-").out)["plugins"][0]["checks"]
    assert check["verdict"] == "pass" and "ISSUE-7" in check["message"]


def test_a_plugin_that_cannot_be_created_fails_the_run(run_cli: Any, tmp_path: Path) -> None:
    broken = tmp_path / "broken.clap"
    broken.write_bytes(b"no library")
    ended = run_cli("stress", f"clap:{broken}", *QUICK)
    assert ended.code == 1
    assert "NOT SAFE: fail in can-be-created" in ended.out
    assert f"can-be-created: clap:{broken}: " in ended.err


def test_a_plugin_that_the_host_cannot_carry_is_not_to_blame(run_cli: Any) -> None:
    ended = run_cli("stress", f"clap:{fixture_library('clap_fixture')}#wide", *QUICK)
    assert ended.code == 1
    assert "NOT KNOWN: 1 check could not be done" in ended.out
    assert "more than 64 channels, which no slot can carry" in ended.err


def test_a_file_that_is_not_there_is_no_verdict_on_a_plugin(
    run_cli: Any, planted: Callable[[str], str], tmp_path: Path
) -> None:
    (tmp_path / "Delay.clap").touch()
    junit = tmp_path / "junit.xml"
    words = (planted("clean"), f"clap:{tmp_path}/Dely.clap", *QUICK, "--junit", str(junit))
    ended = run_cli("stress", *words)
    assert ended.code == 2 and not ended.out and not junit.exists()
    assert f"there is no {tmp_path}/Dely.clap; did you mean {tmp_path}/Delay.clap?" in ended.err


@pytest.mark.parametrize(
    ("plugin", "line"),
    [
        ("lv2:http://no.such/plugin", "no installed LV2 plugin has this URI; "),
        ("clap:{clap}#nosuch", "planted.clap has no plugin 'nosuch'; "),
        ("ladspa:/usr/lib/ladspa/amp.so#nosuch", "amp.so has no plugin 'nosuch'; "),
        ("vst3:/no.vst3", "there is no /no.vst3"),
        ("fault:nosuch", "there is no fault 'nosuch'; "),
    ],
)
def test_a_plugin_that_does_not_exist_is_wrong_usage(
    run_cli: Any, planted: Callable[[str], str], tmp_path: Path, plugin: str, line: str
) -> None:
    missing = plugin.format(clap=planted("clean")[5:].partition("#")[0])
    junit = tmp_path / "junit.xml"
    words = ("stress", planted("nan"), missing, "builtin:gain", *QUICK, "--junit", str(junit))
    for ended in (run_cli(*words), run_cli("soak", missing, "--minutes", "0.01")):
        assert ended.code == 2 and not ended.out and not junit.exists()
        assert line in ended.err and len(ended.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--level", "1"], "which plugins? `isobooth plugins` lists what was scanned"),
        (["run"], "which plugins?"),
        (["nonsense"], 'expected an id such as "vst3:/usr/lib/vst3/X.vst3", got "nonsense"'),
        (
            ["builtin:gain", "--only", "send-numbers"],
            "there is no check 'send-numbers'; did you mean sends-numbers? (`isobooth stress --l",
        ),
        (["builtin:gain", "--skip", "sends-numbers,x"], "there is no check 'x' (`isobooth"),
        (["builtin:gain", "--timeout", "0"], "expected a number from 0.5 to 3600, got '0'"),
        (["builtin:gain", "--baseline", "{tmp}/none.json"], "none.json: no such file"),
        (["builtin:gain", "--suppressions", "{tmp}/none.txt"], "none.txt: no such file"),
        (["builtin:gain", "--suppressions", "{tmp}/file"], "line 1: has no reason"),
        (["builtin:gain", "--report", "{tmp}/file"], "file: is no folder; name one, or a new one"),
        (["builtin:gain", "--report", "/proc/isobooth"], "/proc/isobooth: cannot be written"),
        (["builtin:gain", "--json", "{tmp}/file"], "exists already"),
        (["replay", "{tmp}/none.json"], "none.json: no such file"),
        (["replay", "{tmp}/file"], "file: no log of calls as `isobooth stress` writes them"),
    ],
)
def test_mistakes_cost_one_line(
    run_cli: Any, tmp_path: Path, words: list[str], message: str
) -> None:
    (tmp_path / "file").write_text("not a report\n")
    ended = run_cli("stress", *(word.format(tmp=tmp_path) for word in words))
    assert ended.code == 2 and message in ended.err
    assert len(ended.err.splitlines()) == 1 and not ended.out


# ---------------------------------------------------------------- an end before its time


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (MachineError("log.json: cannot be written: the disk is full"), 3, "the disk is full"),
        (RuntimeError("a mistake"), 1, "RuntimeError: a mistake"),
    ],
)
def test_a_run_that_cannot_go_on_writes_what_it_found(
    run_cli: Any,
    planted: Callable[[str], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    code: int,
    line: str,
) -> None:
    def fails(*words: object) -> None:
        raise error

    monkeypatch.setattr("host.stress.runner.write_log", fails)
    folder, html = tmp_path / "report", tmp_path / "page.html"
    words = ("--report", str(folder), "--html", str(html), "--only", "sends-numbers")
    ended = run_cli("stress", planted("nan"), "builtin:gain", *words, "--jobs", "1")
    assert ended.code == code
    [told] = [one for one in ended.err.splitlines() if one.startswith("isobooth: ")]
    assert line in told
    report = json.loads((folder / "report.json").read_text())
    assert report["run"]["interrupted"] is True
    [check] = report["plugins"][0]["checks"]
    assert check["verdict"] == "fail" and not check["log"]
    assert ElementTree.parse(folder / "junit.xml").getroot().find(".//failure") is not None
    assert html.exists() and (folder / "report.html").exists()


def test_a_report_that_cannot_be_written_costs_no_other_one(
    run_cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*words: object) -> None:
        raise MachineError("report.html: cannot be written: the disk is full")

    monkeypatch.setattr("tools.stress.html.html_page", fails)
    folder, junit = tmp_path / "report", tmp_path / "junit.xml"
    html = ("--html", str(tmp_path / "page.html"), "--junit", str(junit))
    ended = run_cli("stress", "builtin:gain", *QUICK, "--report", str(folder), *html)
    assert ended.code == 3 and "the disk is full" in ended.err
    assert junit.exists() and (folder / "report.json").exists() and (folder / "junit.xml").exists()


# ---------------------------------------------------------------- soak


def test_a_soak_fails_of_what_a_stress_run_fails_of(
    run_cli: Any, planted: Callable[[str], str]
) -> None:
    """And only warns of a parameter that is lost and not heard."""
    for fault, code in (("forgets", 1), ("forgets-quietly", 0), ("clean", 0)):
        ended = run_cli("soak", planted(fault), "--minutes", "0.1", "--json")
        told = json.loads(ended.out)
        problems = ["the state does not hold 'Echo'"] if fault == "forgets" else []
        warnings = ["the state does not hold 'Echo', which is not heard"]
        assert ended.code == code and list(told["problems"]) == problems, told
        assert list(told["warnings"]) == (warnings if fault == "forgets-quietly" else []), told


# ---------------------------------------------------------------- a replay


@pytest.fixture
def crash_log(tmp_path: Path) -> Path:
    """Of a plugin that crashes in its first block, with a call that has nothing to do with it."""
    file = tmp_path / "crash.json"
    log = CallLog(
        plugin="fault:segv?after=0",
        calls=[SetParameter(0, 0.5), Render(frames=64)],
        end=LogEnd(verdict="crash", message="crashed", signal="SIGSEGV"),
    )
    write_log(log, file)
    return file


def test_a_replay_says_whether_it_is_the_same(run_cli: Any, crash_log: Path) -> None:
    ended = run_cli("stress", "replay", str(crash_log), "--times", "2")
    assert ended.code == 0
    assert ended.out.splitlines() == [
        "fault:segv?after=0: 2 calls: crashed with SIGSEGV during call 1 render",
        "the same to the bit, 2 of 2 times",
    ]
    log = read_log(crash_log)
    log.plugin = "builtin:gain"
    write_log(log, crash_log)
    ended = run_cli("stress", "replay", str(crash_log))
    assert ended.code == 1 and "the same 0 of 1 times; in the log: crashed" in ended.out


def test_a_replay_as_json(run_cli: Any, tmp_path: Path) -> None:
    file = tmp_path / "log.json"
    calls = [Render(frames=64, source="noise"), Render(frames=64)]
    write_log(CallLog(plugin="builtin:gain", calls=list(calls), digests=["0"]), file)
    ended = run_cli("stress", "replay", str(file), "--json")
    told = json.loads(ended.out)
    assert ended.code == 1 and not ended.err
    assert (told["plugin"], told["calls"], told["same"]) == ("builtin:gain", 2, 0)
    assert told["differs"] == 0 and told["end"] is None and told["shrunk"] is None


def test_a_log_is_shrunk_to_a_log_and_a_program(
    run_cli: Any, crash_log: Path, tmp_path: Path
) -> None:
    output = tmp_path / "short.json"
    words = ("stress", "replay", str(crash_log), "--shrink", "-o", str(output), "--json")
    ended = run_cli(*words)
    told = json.loads(ended.out)
    assert ended.code == 0 and told["shrunk"] == str(output) and told["shrunk_calls"] == 1
    assert read_log(output).calls == [Render(frames=1)]
    script = Path(told["script"])
    assert script == output.with_suffix(".py") and os.access(script, os.X_OK)
    assert "rig.render(1, keep=False)" in script.read_text()


@pytest.mark.parametrize(
    ("fault", "check", "line"),
    [
        ("not-in-place", "in-place-or-not", "no call fails by itself"),
        ("trusts-malloc", "survives-failed-allocations", "crashed with SIGSEGV during call"),
    ],
)
def test_what_a_check_has_found_is_found_by_a_replay(
    run_cli: Any, planted: Callable[[str], str], tmp_path: Path, fault: str, check: str, line: str
) -> None:
    run_cli("stress", planted(fault), "--only", check, "--report", str(tmp_path / "report"))
    [log] = (tmp_path / "report" / "logs").iterdir()
    ended = run_cli("stress", "replay", str(log))
    assert ended.code == 0 and line in ended.out, ended.out
    assert "the same to the bit, 1 of 1 times" in ended.out
    if fault == "not-in-place":
        assert "asked again, it says again: fail: in place it sounds different" in ended.out
        told = json.loads(log.read_text())
        log.write_text(json.dumps({**told, "plugin": planted("clean"), "digests": []}))
        ended = run_cli("stress", "replay", str(log))
        assert ended.code == 1 and "asked again, it says now: pass" in ended.out
        told = json.loads(run_cli("stress", "replay", str(log), "--json").out)
        assert told["judged"] == {"check": check, "verdict": "pass", "message": ""}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-o", "{tmp}/new.json"], "-o is for the shrunk log; it needs --shrink"),
        (["--shrink", "-o", "{log}"], "crash.json: is the log that is replayed; name another"),
        (["--script", "{log}", "--force"], "crash.json: is the log that is replayed; name another"),
        (["--shrink", "-o", "{tmp}/x", "--script", "{tmp}/x"], "x: is the shrunk log; name anothe"),
        (["--shrink", "-o", "{tmp}/new.py"], "new.py: is the shrunk log; name another"),
        (["--shrink", "-o", "{tmp}/mine"], "-o {tmp}/mine: exists already; --force replaces it"),
        (["--script", "{tmp}/mine"], "--script {tmp}/mine: exists already; --force replaces it"),
        (["--script", "{tmp}"], "is no file; name one"),
        (["--shrink", "-o", "{tmp}/none/x.json"], "its folder does not exist"),
        (["--shrink", "-o", "/proc/x.json"], "-o /proc/x.json: cannot be written"),
        (["--script", "/proc/x.py"], "--script /proc/x.py: cannot be written"),
    ],
)
def test_a_replay_replaces_nothing_unasked(
    run_cli: Any, crash_log: Path, tmp_path: Path, words: list[str], message: str
) -> None:
    (tmp_path / "mine").write_text("mine\n")
    before = {one: one.read_bytes() for one in tmp_path.iterdir()}
    given = [word.format(tmp=tmp_path, log=crash_log) for word in words]
    ended = run_cli("stress", "replay", str(crash_log), *given)
    assert ended.code == 2 and message.format(tmp=tmp_path) in ended.err
    assert len(ended.err.splitlines()) == 1 and not ended.out
    assert {one: one.read_bytes() for one in tmp_path.iterdir()} == before


def test_a_replay_replaces_what_it_is_told_to(
    run_cli: Any, crash_log: Path, tmp_path: Path
) -> None:
    script = tmp_path / "mine.py"
    script.write_text("mine\n")
    ended = run_cli("stress", "replay", str(crash_log), "--script", str(script), "--force")
    assert ended.code == 0 and "open_rig" in script.read_text()


def test_a_log_that_fails_no_more_becomes_no_program(run_cli: Any, crash_log: Path) -> None:
    log = read_log(crash_log)
    log.plugin = "builtin:gain"
    write_log(log, crash_log)
    script = crash_log.with_suffix(".py")
    words = ("stress", "replay", str(crash_log), "--script", str(script))
    ended = run_cli(*words, "--shrink")
    assert ended.code == 1 and "no program written: it does not fail" in ended.out
    assert list(script.parent.iterdir()) == [crash_log]
    assert json.loads(run_cli(*words, "--shrink", "--json").out)["script"] is None
    run_cli(*words)  # as it is, where nobody says that it is the shortest
    assert "Found by `isobooth stress`: 2 calls." in script.read_text()


def test_a_shrunk_log_that_fails_now_and_then_is_told(
    run_cli: Any, crash_log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = LogEnd(verdict="crash", message="crashed", failed=2, runs=3)
    made = CallLog(plugin="fault:segv?after=0", calls=[Render(frames=1)], end=end)
    monkeypatch.setattr("host.stress.shrink.shrink", lambda *words, **options: made)
    words = ("stress", "replay", str(crash_log), "--shrink", "--force")
    ended = run_cli(*words)
    assert ended.code == 1 and "flaky: 2 of 3 runs of the shrunk log failed" in ended.out
    assert "(flaky: 2 of 3 runs failed)" in crash_log.with_suffix(".shrunk.py").read_text()
    ended = run_cli(*words, "--json")
    assert ended.code == 1 and json.loads(ended.out)["flaky"] == "flaky: 2 of 3"


@pytest.mark.parametrize(
    ("field", "value"),
    [("sample_rate", 1e9), ("max_frames", 0), ("max_frames", 10**9), ("memory_mb", 1)],
)
def test_a_log_with_settings_out_of_bounds_costs_one_line(
    run_cli: Any, crash_log: Path, field: str, value: float
) -> None:
    told = json.loads(crash_log.read_text())
    crash_log.write_text(json.dumps({**told, field: value}))
    ended = run_cli("stress", "replay", str(crash_log))
    assert ended.code == 2 and f"$.{field}" in ended.err
    assert len(ended.err.splitlines()) == 1 and not ended.out


# ---------------------------------------------------------------- Ctrl-C


def _descendants(pid: int) -> set[int]:
    found = set(children_of(pid))
    return found.union(*(_descendants(child) for child in found))


def test_an_interrupt_writes_what_was_found_and_leaves_nothing(
    planted: Callable[[str], str], tmp_path: Path, data_folder: Path
) -> None:
    folder = tmp_path / "report"
    words = (planted("nan"), planted("hangs"), "--only", "sends-numbers", "--jobs", "1")
    words += ("--timeout", "600")
    process = subprocess.Popen(
        [sys.executable, "-m", "tools.cli", "stress", *words, "--report", str(folder)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stderr is not None
        told = process.stderr.readline()  # the first plugin is done, the second one hangs
        assert "Planted nan (clap): sends-numbers" in told
        time.sleep(0.5)
        made = _descendants(process.pid)
        assert made
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        assert process.returncode == 130
        assert "interrupted" in out + err and "Traceback" not in out + err
        ended = time.monotonic() + 5
        while unreaped(made) and time.monotonic() < ended:
            time.sleep(0.05)
        assert not unreaped(made)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    report = json.loads((folder / "report.json").read_text())
    assert report["run"]["interrupted"] is True
    done, hung = report["plugins"]
    assert [check["verdict"] for check in done["checks"]] == ["fail"] and not hung["checks"]
    assert (done["verdict"], hung["verdict"], hung["planned"]) == ("fail", "error", 1)
    assert "1 NOT SAFE, 1 not known, INTERRUPTED" in " ".join(out.split())
    assert Path(done["checks"][0]["log"]).exists()
