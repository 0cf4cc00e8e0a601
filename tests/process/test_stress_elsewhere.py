# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks that were done on another machine are judged here, their reruns too."""

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from host.permissions import PermissionRules
from host.stress.remote import StressPortion, StressPortionResult, _run
from host.stress.runner import StressOptions, StressRun
from host.stress.suppressions import parse_suppressions
from host.stress.verdict import CheckResult, Finding, PluginResult, Verdict
from ipc.processes import children_of
from ipc.sweep import sweep_dead_hosts
from tests.fixtures.build import fixture_library
from tests.process.ended import unreaped

pytestmark = pytest.mark.process

KNOWN = Finding(verdict=Verdict.FAIL, message="an old story", key="known")
NEW = Finding(verdict=Verdict.FAIL, message="something new", key="new")


def _result(*findings: Finding) -> CheckResult:
    verdict = Verdict.FAIL if findings else Verdict.PASS
    return CheckResult(check="some-check", verdict=verdict, findings=list(findings))


def _taken(first: CheckResult, *reruns: CheckResult) -> CheckResult:
    """As it counts here, where one finding is suppressed."""
    nobody: Any = None
    run = StressRun(["builtin:gain"], [], StressOptions(), nobody)
    run.judge = parse_suppressions("some-check * known  # why not", "known.txt").apply_to_check
    first.reruns = [again.verdict for again in reruns]
    done = PluginResult(plugin="builtin:gain", checks=[first])
    run.take(run.report.plugins[0], done, {"some-check": list(reruns)})
    [check] = run.report.plugins[0].checks
    return check


def test_reruns_that_a_suppression_clears_pass() -> None:
    check = _taken(_result(NEW), _result(KNOWN), _result(KNOWN, NEW))
    assert check.verdict is Verdict.FAIL and check.reruns == [Verdict.PASS, Verdict.FAIL]


def test_what_is_suppressed_was_not_run_again() -> None:
    check = _taken(_result(KNOWN), _result(NEW), _result(NEW))
    assert check.verdict is Verdict.PASS and not check.reruns


def test_another_machine_tells_what_its_reruns_found(tmp_path: Path) -> None:
    plugin = f"clap:{fixture_library('stress_fixture')}#nan"
    options = StressOptions(only=frozenset({"sends-numbers"}))
    made = _run(StressPortion(plugin=plugin, options=options, rules=PermissionRules()), tmp_path)
    told = msgspec.json.decode(msgspec.json.encode(made), type=StressPortionResult)
    assert told.result is not None
    [check] = told.result.checks
    reruns = told.reruns["sends-numbers"]
    assert [one.verdict for one in reruns] == check.reruns == [Verdict.FAIL] * 2
    assert all(one.findings for one in reruns)


def test_a_process_that_is_killed_leaves_its_folder_to_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wait_until: Callable[..., None]
) -> None:
    """As a Dask worker's is, with its checks in the middle."""
    plugin = f"clap:{fixture_library('stress_fixture')}#hangs"
    options = StressOptions(only=frozenset({"sends-numbers"}), timeout_s=60.0)
    portion = msgspec.json.encode(
        StressPortion(plugin=plugin, options=options, rules=PermissionRules())
    )
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    words = [sys.executable, "-m", "host.stress.remote"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdin is not None
        process.stdin.write(len(portion).to_bytes(8, "little") + portion)
        process.stdin.flush()
        wait_until(lambda: len(list(tmp_path.iterdir())) >= 2, 30.0)  # its own, and a worker's
        started = children_of(process.pid)
        process.kill()
    assert any(tmp_path.iterdir())
    wait_until(lambda: not unreaped(set(started)), 10.0)
    sweep_dead_hosts()
    assert not list(tmp_path.iterdir())
