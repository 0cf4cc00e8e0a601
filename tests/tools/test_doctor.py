# SPDX-License-Identifier: GPL-3.0-or-later
"""Each check sees what it is there to see, and says what to do; none can hide the others."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tools.console import ExitCode
from tools.doctor import leftovers, probe, software, sound
from tools.doctor.check import (
    Check,
    Finding,
    Machine,
    Status,
    fail,
    ok,
    overall,
    run_checks,
    warn,
)
from tools.doctor.checks import CHECKS
from tools.doctor.probe import ProbeError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine with nothing on it."""
    return Machine(root=tmp_path / "root", environ={}, home=tmp_path / "home")


def _write(machine: Machine, name: str, text: str) -> None:
    path = machine.path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _answers(monkeypatch: pytest.MonkeyPatch, module: Any, answer: Any) -> None:
    """Let a check's library answer, or fail, in place of the real one."""

    def ask(name: str, argument: str = "") -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(module, "probe", ask)


# The framework


def test_a_check_that_breaks_does_not_hide_the_others(machine: Machine) -> None:
    def broken(machine: Machine) -> Finding:
        raise ValueError("odd file")

    checks = [Check("broken", "x", broken), Check("fine", "y", lambda machine: ok("good"))]
    first, second = run_checks(checks, machine)
    assert (first.status, second.status) == (Status.WARN, Status.OK)
    assert first.found == "could not be checked: ValueError: odd file"
    assert first.advice


def test_only_what_is_needed_can_fail(machine: Machine) -> None:
    checks = [
        Check("a", "x", lambda machine: fail("gone", "get it")),
        Check("b", "x", lambda machine: fail("gone", "get it"), needed=True),
    ]
    assert [result.status for result in run_checks(checks, machine)] == [Status.WARN, Status.FAIL]


@pytest.mark.parametrize(
    ("findings", "worst"),
    [
        ([ok("")], Status.OK),
        ([ok(""), warn("", "")], Status.WARN),
        ([warn("", ""), fail("", ""), ok("")], Status.FAIL),
    ],
)
def test_the_worst_finding_counts(machine: Machine, findings: list[Finding], worst: Status) -> None:
    left = iter(findings)
    checks = [Check("x", "x", lambda machine: next(left), needed=True) for _ in findings]
    assert overall(run_checks(checks, machine)) is worst


def test_every_check_gives_advice_unless_all_is_well() -> None:
    results = run_checks(CHECKS, Machine())
    assert [result.check for result in results] == [check.name for check in CHECKS]
    for result in results:
        assert result.found
        assert bool(result.advice) == (result.status is not Status.OK), result
        assert "could not be checked" not in result.found


# The command


def test_the_json_is_what_the_documentation_says(run_cli: Any) -> None:
    ended = run_cli("doctor", "--json")
    told = json.loads(ended.out)
    assert list(told) == ["schema", "version", "status", "checks"]
    assert ended.code == (ExitCode.MACHINE if told["status"] == "fail" else ExitCode.OK)
    documented = _documented_checks()
    assert [check["check"] for check in told["checks"]] == list(documented)
    for check in told["checks"]:
        assert list(check) == ["check", "what", "needed", "status", "found", "advice", "values"]
        needed, values = documented[check["check"]]
        assert check["needed"] == needed
        assert set(check["values"]) <= values, check["check"]


def _documented_checks() -> dict[str, tuple[bool, set[str]]]:
    page = (ROOT / "docs" / "cli.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (yes|no) \| .*? \| (.*) \|$", page, re.MULTILINE)
    return {
        name: (needed == "yes", set(re.findall(r"`(\w+)`", values)))
        for name, needed, values in rows
    }


@pytest.mark.parametrize(
    ("finding", "code", "last"),
    [
        (ok("good"), ExitCode.OK, "Isobooth works here; nothing to improve."),
        (warn("slow", "buy one"), ExitCode.OK, "Isobooth works here; could be better: a thing."),
        (fail("gone", "get it"), ExitCode.MACHINE, "Isobooth cannot work here; missing: a thing."),
    ],
)
def test_people_read_findings_advice_and_a_verdict(
    run_cli: Any, monkeypatch: pytest.MonkeyPatch, finding: Finding, code: int, last: str
) -> None:
    check = Check("a_thing", "x", lambda machine: finding, needed=True)
    monkeypatch.setattr("tools.doctor.checks.CHECKS", (check,))
    ended = run_cli("doctor")
    assert ended.code == code
    lines = ended.out.splitlines()
    assert lines[0].split() == [finding.status, "a", "thing", finding.found]
    assert lines[-1] == last
    if finding.advice:
        assert lines[1].strip() == f"→ {finding.advice}"


# Software


def test_a_native_module_that_does_not_load_is_named(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(software, "NATIVE_MODULES", ("json", "no_such_module"))
    finding = software.native_modules(machine)
    assert finding.status is Status.FAIL
    assert finding.values == {"missing": ["no_such_module"]}
    assert "make native" in finding.advice


def test_minihost_here_has_the_functions_that_we_call(machine: Machine) -> None:
    finding = software.minihost(machine)
    assert finding.status is Status.OK, finding
    assert finding.values["api_version"]


def test_the_functions_asked_for_are_those_that_the_block_loop_calls() -> None:
    source = (ROOT / "sandbox" / "native" / "minihost_abi.cpp").read_text()
    assert set(probe.MINIHOST_FUNCTIONS) == set(re.findall(r'find\("(mh_\w+)"', source))


def test_a_minihost_that_lacks_a_function_is_refused(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = {"version": "0.9", "api_version": None, "missing": ["mh_close"]}
    _answers(monkeypatch, software, answer)
    finding = software.minihost(machine)
    assert (finding.status, finding.found) == (Status.FAIL, "minihost 0.9 lacks mh_close")


def test_plugins_are_counted_where_they_are_usually(machine: Machine) -> None:
    assert software.plugins(machine).status is Status.WARN
    _write(machine, "/usr/lib/vst3/A.vst3/Contents/x", "")
    _write(machine, "/usr/lib/vst3/Vendor/B.vst3", "")
    _write(machine, "/usr/lib/lv2/a.lv2/manifest.ttl", "")
    _write(machine, "/usr/lib/lv2/no-manifest.lv2/a.ttl", "")
    _write(machine, "/usr/lib/ladspa/amp.so", "")
    _write(machine, "/usr/lib/clap/A.clap", "")
    _write(machine, "/usr/lib/clap/Vendor/B.clap", "")
    (machine.home / ".vst3" / "C.vst3").mkdir(parents=True)
    machine.path("/usr/local/lib").mkdir(parents=True)
    machine.path("/usr/local/lib/ladspa").symlink_to(machine.path("/usr/lib/ladspa"))
    finding = software.plugins(machine)
    assert (finding.status, finding.values["counts"]) == (
        Status.OK,
        {"vst3": 3, "lv2": 1, "clap": 2, "ladspa": 1},
    )


def test_plugin_folders_follow_their_variables(machine: Machine) -> None:
    _write(machine, "/usr/lib/ladspa/amp.so", "")
    _write(machine, "/mine/delay.so", "")
    _write(machine, "/mine/reverb.so", "")
    chosen = Machine(machine.root, {"LADSPA_PATH": "/mine:"}, machine.home)
    counts = software.plugins(chosen).values["counts"]
    assert counts == {"vst3": 0, "lv2": 0, "clap": 0, "ladspa": 2}


def test_a_data_folder_that_cannot_be_made_is_seen(
    machine: Machine, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert software.data_folder(machine).status is Status.OK
    assert not data_folder.exists()
    data_folder.touch()
    monkeypatch.setenv("ISOBOOTH_DATA", str(data_folder / "below"))
    finding = software.data_folder(machine)
    assert finding.status is Status.WARN
    assert str(data_folder) in finding.found


# Libraries in a process of their own


def test_a_library_that_crashes_does_not_crash_the_doctor(monkeypatch: pytest.MonkeyPatch) -> None:
    _run_instead(monkeypatch, "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    with pytest.raises(ProbeError, match=r"^crashed \(SIGSEGV\)$"):
        probe.probe("audio")


def test_a_library_that_hangs_does_not_hang_the_doctor(monkeypatch: pytest.MonkeyPatch) -> None:
    _run_instead(monkeypatch, "import time; time.sleep(60)")
    with pytest.raises(ProbeError, match=r"did not answer within 0\.3 s"):
        probe.probe("audio", timeout_s=0.3)


def test_a_library_that_exits_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    _run_instead(monkeypatch, "")
    with pytest.raises(ProbeError, match="ended without an answer"):
        probe.probe("audio")


def test_a_library_that_raises_is_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ProbeError, match=r"^ModuleNotFoundError: No module named 'no_such'"):
        probe.probe("module", "no_such")


def test_what_a_library_prints_is_not_taken_for_its_answer(tmp_path: Path) -> None:
    (tmp_path / "chatty.py").write_text("print('hello'); import os; os.write(1, b'{}')")
    environ = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}
    done = subprocess.run(
        [sys.executable, "-m", "tools.doctor.probe", "module", "chatty"],
        env=environ,
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert json.loads(done.stdout) == {"file": str(tmp_path / "chatty.py")}


def _run_instead(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    real = subprocess.run

    def run(command: list[str], **arguments: Any) -> Any:
        return real([command[0], "-c", code], **arguments)

    monkeypatch.setattr("subprocess.run", run)


# Sound


def _device(name: str, outputs: int) -> dict[str, Any]:
    return {"name": name, "api": "ALSA", "inputs": 2, "outputs": outputs}


def test_without_portaudio_the_package_is_named(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    _answers(monkeypatch, sound, ProbeError("OSError: PortAudio library not found"))
    finding = sound.audio_devices(machine)
    assert finding.status is Status.WARN
    assert "apt install libportaudio2" in finding.advice


@pytest.mark.parametrize(
    ("devices", "status", "found"),
    [
        ([], Status.WARN, "no output device"),
        ([_device("Microphone", 0)], Status.WARN, "no output device"),
        ([_device("Built-in", 2), _device("Microphone", 0)], Status.OK, "Built-in"),
        ([_device(name, 2) for name in "ABCDE"], Status.OK, "A, B, C and 2 more"),
    ],
)
def test_output_devices_are_listed(
    machine: Machine,
    monkeypatch: pytest.MonkeyPatch,
    devices: list[dict[str, Any]],
    status: Status,
    found: str,
) -> None:
    answer = {"portaudio": "V19", "apis": ["ALSA"], "devices": devices}
    _answers(monkeypatch, sound, answer)
    finding = sound.audio_devices(machine)
    assert (finding.status, finding.found) == (status, found)
    assert len(finding.values["devices"]) == len(devices)  # type: ignore[arg-type]


def test_a_sound_server_that_runs_is_named(machine: Machine) -> None:
    assert sound.sound_servers(machine).values == {"running": []}
    _write(machine, "/proc/1/comm", "init\n")
    _write(machine, "/proc/20/comm", "pipewire\n")
    _write(machine, "/proc/21/comm", "jackd\n")
    assert sound.sound_servers(machine).found == "jackd, pipewire runs"


def test_midi_ports_are_listed_or_the_driver_named(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    _answers(monkeypatch, sound, {"inputs": ["Keys"], "outputs": []})
    assert (sound.midi_ports(machine).status, sound.midi_ports(machine).found) == (
        Status.OK,
        "Keys",
    )
    _answers(monkeypatch, sound, ProbeError("SystemError: no client"))
    assert "modprobe snd-seq" in sound.midi_ports(machine).advice
    _write(machine, "/dev/snd/seq", "")
    assert sound.midi_ports(machine).found == "RtMidi SystemError: no client"


# Leftovers


def test_files_of_dead_hosts_are_told_from_those_in_use(machine: Machine) -> None:
    assert leftovers.leftovers(machine).found == "none"
    stat = Path(f"/proc/{os.getpid()}/stat").read_text()
    start = stat.rpartition(")")[2].split()[19]
    alive = f"isobooth-{os.getpid()}-{start}-1-host"
    reused = f"isobooth-{os.getpid()}-1-1-host"
    gone = "sem.isobooth-4194305-1-1-end"  # beyond the largest pid
    for name in (alive, "somebody-elses"):
        _write(machine, f"/dev/shm/{name}", "")
    assert leftovers.leftovers(machine).found == "none (1 files in use)"
    for name in (reused, gone):
        _write(machine, f"/dev/shm/{name}", "")
    finding = leftovers.leftovers(machine)
    assert finding.status is Status.WARN
    assert finding.values == {"names": sorted([reused, gone])}


def test_a_place_that_takes_no_folder_is_no_data_folder(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISOBOOTH_DATA", "/proc/isobooth")
    finding = software.data_folder(machine)
    assert finding.status is Status.WARN
    assert finding.found == "/proc cannot be written: crash reports and the blacklist are not kept"
