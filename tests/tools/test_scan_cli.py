# SPDX-License-Identifier: GPL-3.0-or-later
"""`isobooth scan` and `isobooth plugins`, as they are typed."""

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.process.scanning import fixture_copy

pytestmark = pytest.mark.process

ROOT = Path(__file__).resolve().parents[2]
ZAM = "/usr/lib/lv2/ZamEQ2.lv2"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A plugin that works, one that crashes, and a file that is none."""
    folder = tmp_path / "plugins"
    fixture_copy(folder, "one.so")
    fixture_copy(folder, "boom.so")
    (folder / "noise.vst3").write_bytes(os.urandom(1000))
    return folder


def test_a_scan_tells_what_is_wrong_and_what_to_do(run_cli: Any, folder: Path) -> None:
    ended = run_cli("scan", str(folder), ZAM)
    assert ended.code == 0
    lines = ended.out.splitlines()
    assert f"broken        vst3:{folder}/noise.vst3: noise.vst3: no ELF file" in lines
    crash = f"crashed       ladspa:{folder}/boom.so: crashed with SIGSEGV during load"
    assert crash in lines
    assert "4 plugins in 4 files: 2 usable, 2 not" in lines
    assert "  1 crashed: boom (ladspa)" in lines
    assert "    not loaded any more (`isobooth blacklist`); why: `isobooth crashes`" in lines
    assert "scan: crashed with SIGSEGV during load" in run_cli("blacklist").out
    again = run_cli("scan", str(folder), ZAM)
    assert (
        "0 probed, 4 files unchanged, 1 failed before and waits to be tried again; took"
        in again.out
    )


def test_json_has_all_of_it(run_cli: Any, folder: Path) -> None:
    ended = run_cli("scan", str(folder), ZAM, "--json")
    told = json.loads(ended.out)
    plugins = {plugin["id"]: plugin for plugin in told["plugins"]}
    eq = plugins["lv2:urn:zamaudio:ZamEQ2"]
    assert eq["status"] == "ok" and eq["path"] == ZAM and eq["vendor"] == "Damien Zammit"
    assert [phase["phase"] for phase in eq["phases"]] == [
        *("load", "create", "activate", "describe", "process", "save", "destroy"),
    ]
    assert all(phase["outcome"] == "ok" for phase in eq["phases"])
    assert eq["parameters"] > 10 and eq["state_bytes"] > 0 and eq["memory_bytes"] > 0
    boom = plugins[f"ladspa:{folder}/boom.so"]
    assert boom["phases"][-1]["signal"] == "SIGSEGV" and boom["report"]
    assert run_cli("crashes", "show", boom["report"]).code == 0
    summary = told["summary"]
    assert summary["by_status"] == {"ok": 2, "crashed": 1, "broken": 1}
    assert (summary["files"], summary["plugins"], summary["probed"]) == (4, 4, 3)


def test_the_catalogue_is_listed_searched_shown_and_exported(run_cli: Any, folder: Path) -> None:
    assert "`isobooth scan` finds what is installed" in run_cli("plugins").err
    run_cli("scan", str(folder), ZAM, "--deep")
    listed = run_cli("plugins")
    assert listed == run_cli("plugins", "list")
    assert listed.out.splitlines()[0].split() == [
        "STATUS",
        "NAME",
        "KIND",
        "IN",
        "OUT",
        "FROM",
        "ID",
    ]
    assert len(listed.out.splitlines()) == 5
    assert "crashed" in run_cli("plugins", "list", "--status", "crashed,hung").out
    found = run_cli("plugins", "search", "zam EQ", "--format", "lv2", "--kind", "effect").out
    assert "lv2:urn:zamaudio:ZamEQ2" in found and len(found.splitlines()) == 2
    shown = run_cli("plugins", "show", "ZamEQ2").out
    for part in ("id          lv2:urn:zamaudio:ZamEQ2", "1 in, 1 out", "process     ok"):
        assert part in shown
    crashed = run_cli("plugins", "show", f"ladspa:{folder}/boom.so").out
    assert "crashed with SIGSEGV" in crashed and "scan_fixture.c" in crashed
    details = json.loads(run_cli("plugins", "show", "ZamEQ2", "--json").out)
    assert details["plugin"]["parameters"][0]["name"] and details["fingerprint"]
    rows = list(csv.DictReader(io.StringIO(run_cli("plugins", "export", "--csv").out)))
    assert {row["status"] for row in rows} == {"ok", "crashed", "broken"}
    exported = json.loads(run_cli("plugins", "export", "--json").out)["plugins"]
    assert [row["id"] for row in rows] == [plugin["id"] for plugin in exported]


def test_a_catalogue_of_its_own(run_cli: Any, folder: Path, tmp_path: Path) -> None:
    mine = str(tmp_path / "mine.db")
    run_cli("scan", ZAM, "--catalogue", mine)
    assert "ZamEQ2" in run_cli("plugins", "list", "--catalogue", mine).out
    assert run_cli("plugins").out == ""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["scan", "/nowhere"], "/nowhere: there is no such file or folder"),
        (["scan", "--format", "vst2"], "'vst2' is no format that is scanned: the formats are vst3"),
        (["scan", "--timeout", "0"], "expected a number from 0.5 to 3600, got '0'"),
        (["scan", "--catalogue", "x://y", ZAM], "'x://y' is no catalogue"),
        (["plugins", "--status", "good"], "there is no status 'good': known are ok, no-code"),
        (["plugins", "--kind", "x"], "there is no kind 'x': known are instrument, effect"),
        (["plugins", "--json", "list"], "options go behind the word list"),
        (["plugins", "list", "--catalogue", "/tmp/none.db"], "there is no catalogue /tmp/none.db"),
        (["plugins", "show", "x"], "no plugin 'x' is in the catalogue"),
        (["plugins", "export"], "name one of --csv and --json"),
    ],
)
def test_mistakes_cost_one_line(run_cli: Any, words: list[str], message: str) -> None:
    ended = run_cli(*words)
    assert ended.code == 2 and message in ended.err
    assert len(ended.err.splitlines()) == 1


def test_a_cluster_that_is_not_there_is_told(run_cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("host.scan.cluster.CONNECT_S", 0.5)
    ended = run_cli("scan", ZAM, "--cluster", "tcp://127.0.0.1:9")
    assert ended.code == 3
    assert "no Dask scheduler answers at tcp://127.0.0.1:9" in ended.err
    assert len(ended.err.splitlines()) <= 2


def test_a_reader_that_leaves_ends_a_scan_quietly(folder: Path, data_folder: Path) -> None:
    for number in range(3):
        fixture_copy(folder, f"boom{number}.so")
    command = f"{sys.executable} -m tools.cli scan {folder} --timeout 2 | head -1"
    ended = subprocess.run(
        command,
        shell=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "ISOBOOTH_DATA": str(data_folder)},
        check=False,
    )
    assert ended.stdout.count("\n") == 1
    assert ended.stderr == ""
