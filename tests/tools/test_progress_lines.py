# SPDX-License-Identifier: GPL-3.0-or-later
"""`scan` and `stress` as a program follows them: an object a line on standard error."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.process.scanning import fixture_copy

pytestmark = pytest.mark.process


def events(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def test_a_scan_tells_each_result_and_how_far_it_is(run_cli: Any, tmp_path: Path) -> None:
    folder = tmp_path / "plugins"
    fixture_copy(folder, "one.so")
    fixture_copy(folder, "boom.so")
    ended = run_cli("scan", "--progress", "json", str(folder))
    assert ended.code == 0 and "2 plugins in 2 files: 1 usable, 1 not" in ended.out
    told = events(ended.err)
    results = {one["status"]: one for one in told if one["event"] == "result"}
    assert set(results) == {"ok", "crashed"}
    assert results["crashed"]["detail"] == "crashed with SIGSEGV during load"
    assert results["ok"]["id"] == f"ladspa:{folder}/one.so#works" and results["ok"]["was_run"]
    assert [one for one in told if one["event"] == "count"][-1] == {
        **{"event": "count", "done": 2, "total": 2, "failed": 1}
    }
    assert {one["event"] for one in told} >= {"looking", "starting"}
    again = run_cli("scan", "--progress", "json", "--json", str(folder))
    assert json.loads(again.out)["summary"]["plugins"] == 2
    assert not any(one.get("was_run") for one in events(again.err))


def test_a_stress_run_tells_each_check_and_the_verdict(run_cli: Any, tmp_path: Path) -> None:
    ended = run_cli("stress", "builtin:gain", "--only", "sends-numbers", "--progress", "json")
    assert ended.code == 0
    told = events(ended.err)
    assert [one["event"] for one in told] == [
        *("count", "starting", "finished", "count", "plugin", "end")
    ]
    assert told[2]["check"] == "sends-numbers" and told[2]["verdict"] == "pass"
    assert told[3]["done"] == told[3]["total"] == 1
    assert told[-1]["line"] == ended.out.strip() and not told[-1]["interrupted"]


def test_whoever_follows_may_die_and_the_scan_ends(data_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "plugins"
    for name in ("one.so", "stuck.so", "two.so"):
        fixture_copy(folder, name)
    words = ("scan", "--progress", "json", "--jobs", "1", "--timeout", "1", str(folder))
    process = subprocess.Popen(
        [sys.executable, "-m", "tools.cli", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None and process.stdout is not None
    assert process.stderr.readline().startswith(b"{")
    process.stderr.close()
    process.stdout.close()
    assert process.wait(timeout=60) != 0
