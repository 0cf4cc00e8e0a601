# SPDX-License-Identifier: GPL-3.0-or-later
"""`isobooth crashes`: a person finds the report, its author gets all of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from host.backtrace.frames import Backtrace
from host.crash_report import (
    CrashReport,
    FaultKind,
    HostInfo,
    Memory,
    Phase,
    ReportedEdit,
    ReportedEvent,
    Signal,
)
from host.store.crash_store import CrashStore
from host.store.database import Database


def _report(number: int) -> CrashReport:
    return CrashReport(
        id=f"{number:08x}-20260314",
        when=f"2026-03-14T15:09:{number:02}.000+00:00",
        kind=FaultKind.CRASH,
        phase=Phase.PROCESS,
        plugin_id=f"vst3:/usr/lib/vst3/{'Eq' if number % 2 else 'Comp'}.vst3",
        plugin_path="/usr/lib/vst3/Eq.vst3",
        plugin_version="4.1",
        plugin_format="vst3",
        slot="bass.1",
        song="night.json",
        action="restarted",
        host=HostInfo.here(48000, 128),
        signal=Signal.of(11),
        block=1234,
        last_events=[ReportedEvent(block=1233, frame=64, kind="midi", detail={"bytes": "903c64"})],
        last_edits=[ReportedEdit(edit=7, parameter=3, value=0.7720000147819519, name="Boost 1")],
        process_us=[21.4],
        stderr_tail="about to \x1b[31mdivide\n",
        state=b"state",
        memory=Memory(rss_bytes=20_000_000),
    )


@pytest.fixture
def reports(data_folder: Path) -> list[CrashReport]:
    made = [_report(number) for number in range(1, 26)]
    with Database(data_folder) as database:
        for report in made:
            CrashStore(database).add(report)
    return made


def test_without_reports_it_says_so(run_cli: Any) -> None:
    assert run_cli("crashes") == (0, "no crash reports\n", "")
    assert json.loads(run_cli("crashes", "--json").out) == {"crashes": [], "groups": []}


def test_the_list_has_a_line_a_report_newest_first(
    run_cli: Any, reports: list[CrashReport]
) -> None:
    ended = run_cli("crashes", "list", "--each")
    head, first, *_ = ended.out.splitlines()
    assert head.split()[:2] == ["ID", "WHEN"]
    for part in ("00000019-20260314", "2026-03-14 15:09:25", "crash SIGSEGV", "bass.1"):
        assert part in first
    assert len(ended.out.splitlines()) == 21
    assert "list --limit" in ended.err


def test_the_list_has_a_line_a_bug_the_last_seen_first(
    run_cli: Any, data_folder: Path, reports: list[CrashReport]
) -> None:
    with Database(data_folder) as database:
        for number in (3, 5, 7):
            CrashStore(database).explain(reports[number - 1].id, Backtrace(), "0123456789ab")
    head, *lines = run_cli("crashes").out.splitlines()
    assert head.split()[:4] == ["TIMES", "LAST", "(UTC)", "SIGNATURE"]
    assert [line.split()[0] for line in lines] == ["10", "12", "3"]
    assert "0123456789ab" in lines[2]
    assert reports[6].id in lines[2]  # the newest of the three
    assert run_cli("crashes", "list").out.splitlines()[1:] == lines
    groups = json.loads(run_cli("crashes", "--json").out)["groups"]
    assert [(group["signature"], group["count"]) for group in groups] == [
        (None, 10),
        (None, 12),
        ("0123456789ab", 3),
    ]


def test_the_list_can_be_narrowed(run_cli: Any, reports: list[CrashReport]) -> None:
    ended = run_cli(
        "crashes", "list", "--each", "--limit", "2", "--plugin", "vst3:/usr/lib/vst3/Comp.vst3"
    )
    assert [line.split()[0] for line in ended.out.splitlines()[1:]] == [
        "00000018-20260314",
        "00000016-20260314",
    ]
    assert run_cli("crashes", "list", "--plugin", "lv2:urn:x").out == (
        "no crash reports of lv2:urn:x\n"
    )


@pytest.mark.parametrize(
    "words", [["crashes", "--json"], ["crashes", "--json", "list"], ["crashes", "list", "--json"]]
)
def test_the_json_list_is_whole_and_alone_on_stdout(
    run_cli: Any, reports: list[CrashReport], words: list[str]
) -> None:
    ended = run_cli(*words)
    listed = json.loads(ended.out)["crashes"]
    assert len(listed) == 25
    assert set(listed[0]) == {
        "id", "when", "plugin_id", "kind", "cause", "slot", "song", "action", "signature",
    }  # fmt: skip
    assert (ended.code, ended.err) == (0, "")


def test_a_report_is_shown_for_people(run_cli: Any, reports: list[CrashReport]) -> None:
    out = run_cli("crashes", "show", "00000003").out
    for part in (
        "00000003-20260314",
        "SIGSEGV (11)",
        "bass.1 of night.json",
        "block 1233 +64  midi bytes 903c64",
        "edit 7  Boost 1 = 0.772",
        "5 bytes",
        "20.0 MB at most",
        "48000 Hz, 128 frames",
        "about to \\x1b[31mdivide",
    ):
        assert part in out
    assert "\x1b" not in out


def test_a_report_is_shown_for_programs(run_cli: Any, reports: list[CrashReport]) -> None:
    ended = run_cli("crashes", "show", "00000003", "--json")
    assert CrashReport.from_json(ended.out) == reports[2]


def test_a_report_is_exported(run_cli: Any, reports: list[CrashReport], tmp_path: Path) -> None:
    path = tmp_path / "crash.json"
    ended = run_cli("crashes", "export", "00000003", "-o", str(path))
    assert ended == (0, f"00000003-20260314 written to {path}\n", "")
    assert CrashReport.from_json(path.read_bytes()) == reports[2]
    assert run_cli("crashes", "export", "00000003").out == path.read_text()
    assert run_cli("crashes", "export", "00000003", "-o", "-").out == path.read_text()
    ended = run_cli("crashes", "export", "00000002", "-o", str(path))
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert "exists already; --force replaces it" in ended.err
    told = run_cli("crashes", "export", "00000003", "-o", str(path), "--json", "--force").out
    assert json.loads(told) == {"id": "00000003-20260314", "file": str(path)}


def test_an_ambiguous_beginning_is_refused(run_cli: Any, reports: list[CrashReport]) -> None:
    ended = run_cli("crashes", "show", "0000000")
    assert (ended.code, ended.out) == (2, "")
    assert "15 crash reports begin with '0000000': give more of" in ended.err
    assert ended.err.count("\n") == 1


def test_an_unknown_report_is_refused(run_cli: Any, reports: list[CrashReport]) -> None:
    ended = run_cli("crashes", "show", "ffff", "--json")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("isobooth: no crash report 'ffff'")


def test_a_damaged_database_costs_one_line(run_cli: Any, data_folder: Path) -> None:
    data_folder.mkdir()
    (data_folder / "isobooth.db").write_bytes(b"no database " * 1000)
    ended = run_cli("crashes", "--json")
    assert json.loads(ended.out) == {"crashes": [], "groups": []}
    assert ended.code == 0
    assert ended.err.startswith("isobooth: warning: ")
    assert ended.err.count("\n") == 1
