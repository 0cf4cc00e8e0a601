# SPDX-License-Identifier: GPL-3.0-or-later
"""A crash report comes back exactly as it was written, by any name a person would type."""

import io
import json
import signal
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.crash_report import (
    STDERR_TAIL_BYTES,
    CrashReport,
    FaultKind,
    HostInfo,
    Memory,
    Phase,
    ReportedEdit,
    ReportedEvent,
    Signal,
    new_report_id,
    utc_now,
)
from host.store.crash_store import CrashStore
from host.store.database import Database
from ipc.errors import InputError

WHEN = "2026-03-14T15:09:26.535+00:00"


def _report(report_id: str = "1a2b3c4d-20260314", **changes: object) -> CrashReport:
    report = CrashReport(
        id=report_id,
        when=WHEN,
        kind=FaultKind.CRASH,
        phase=Phase.PROCESS,
        plugin_id="vst3:/usr/lib/vst3/ZamEQ2.vst3",
        plugin_path="/usr/lib/vst3/ZamEQ2.vst3",
        plugin_version="4.1",
        plugin_format="vst3",
        slot="bass.1",
        song="night.json",
        action="restarted",
        host=HostInfo.here(48000, 128),
        signal=Signal.of(signal.SIGSEGV),
        block=1234,
        uptime_s=3.3,
        blocks_processed=1230,
        last_events=[
            ReportedEvent(block=1233, frame=64, kind="midi", detail={"bytes": "903c64"}),
            ReportedEvent(block=1234, frame=0, kind="parameter", detail={"parameter": 3}),
        ],
        last_edits=[ReportedEdit(edit=7, parameter=3, value=0.25)],
        process_us=[21.5, 22.0],
        stderr_tail="about to divide by zero\n",
        state=bytes(range(256)),
        memory=Memory(rss_bytes=20_000_000, pss_bytes=9_000_000),
    )
    return msgspec.structs.replace(report, **changes)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database(tmp_path) as opened:
        yield opened


@pytest.fixture
def store(database: Database) -> CrashStore:
    return CrashStore(database)


def test_a_report_survives_json() -> None:
    assert CrashReport.from_json(_report().to_json()) == _report()
    assert CrashReport.from_json(_report().to_json(indent=2)) == _report()


def test_state_is_base64_in_json() -> None:
    assert json.loads(_report(state=b"\x00\xff").to_json())["state"] == "AP8="


def test_file_names_and_stderr_that_are_no_unicode_are_made_readable() -> None:
    report = _report(plugin_path="/caf\udce9.so", stderr_tail="\udcff!\x00")
    assert report.plugin_path == "/caf\\udce9.so"
    assert CrashReport.from_json(report.to_json()) == report


def test_numbers_that_json_does_not_know_are_left_out() -> None:
    report = _report(
        last_edits=[ReportedEdit(edit=1, parameter=0, value=float("nan"))],
        last_events=[ReportedEvent(block=1, frame=0, kind="p", detail={"value": float("inf")})],
        process_us=[1.0, float("nan")],
    )
    assert report.last_edits[0].value is None
    assert report.last_events[0].detail == {"value": None}
    assert report.process_us == [1.0]
    assert CrashReport.from_json(report.to_json()) == report


@given(st.text(max_size=STDERR_TAIL_BYTES))
def test_the_end_of_stderr_is_kept(text: str) -> None:
    tail = _report(stderr_tail=("é" * STDERR_TAIL_BYTES) + text + "the end").stderr_tail
    assert tail.endswith("the end")
    assert STDERR_TAIL_BYTES - 4 < len(tail.encode()) <= STDERR_TAIL_BYTES


def test_signals_are_named() -> None:
    assert Signal.of(11) == Signal(number=11, name="SIGSEGV")
    assert Signal.of(40).name == "signal 40"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"{", "x.json: not a crash report"),
        (b'{"schema": 1, "id": 3}', "x.json: not a crash report"),
        (b'{"schema": 99}', "x.json: crash report of layout 99, this Isobooth reads up to 4"),
    ],
)
def test_a_file_that_is_no_report_is_refused_by_name(text: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        CrashReport.from_json(text, source="x.json")


def test_ids_are_short_dated_and_new_each_time() -> None:
    when = utc_now()
    first, second = new_report_id(when), new_report_id(when)
    assert first != second
    assert first[8:] == "-" + when[:10].replace("-", "")


def test_a_report_survives_the_store(store: CrashStore) -> None:
    report_id = store.add(_report())
    assert store.get(report_id) == _report()
    assert store.get("1a2b") == _report()
    assert store.get(" 1A2B ") == _report()


def test_a_report_without_a_state_stays_without(store: CrashStore) -> None:
    store.add(_report(state=None))
    assert store.get("1a2b").state is None


def test_a_taken_id_is_replaced(store: CrashStore) -> None:
    first, second = store.add(_report(block=1)), store.add(_report(block=2))
    assert first != second
    assert (store.get(first).block, store.get(second).block) == (1, 2)
    assert store.get(second).id == second


def test_the_list_is_newest_first_and_can_be_narrowed(store: CrashStore) -> None:
    for number in range(5):
        store.add(_report(f"{number}0000000-20260314", plugin_id=f"lv2:urn:{number % 2}"))
    assert [line.id[0] for line in store.list()] == ["4", "3", "2", "1", "0"]
    assert [line.id[0] for line in store.list(limit=2)] == ["4", "3"]
    assert [line.id[0] for line in store.list(plugin="lv2:urn:1")] == ["3", "1"]
    assert store.list(plugin="lv2:urn") == []


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({}, "SIGSEGV"),
        ({"signal": None, "exit_code": 3, "kind": FaultKind.EXIT}, "exit code 3"),
        ({"signal": None, "kind": FaultKind.NONFINITE}, ""),
    ],
)
def test_the_list_says_what_ended_the_plugin(
    store: CrashStore, changes: dict[str, object], cause: str
) -> None:
    store.add(msgspec.structs.replace(_report(), **changes))
    assert store.list()[0].cause == cause


def test_an_ambiguous_beginning_names_the_candidates(store: CrashStore) -> None:
    store.add(_report("aa000001-20260314"))
    store.add(_report("aa000002-20260314"))
    expected = r"2 crash reports begin with 'aa': give more of aa000002-20260314, aa000001-20260314"
    with pytest.raises(InputError, match=expected):
        store.get("aa")
    assert store.get("aa000001").id == "aa000001-20260314"


def test_a_whole_id_that_begins_others_is_not_ambiguous(store: CrashStore) -> None:
    store.add(_report("aa"))
    store.add(_report("aab"))
    assert store.get("aa").id == "aa"


@pytest.mark.parametrize("wrong", ["ffff", "", "%", "_", "1a2b%", "'"])
def test_an_unknown_id_is_said_so(store: CrashStore, wrong: str) -> None:
    store.add(_report())
    with pytest.raises(InputError, match=r"no crash report .*`isobooth crashes`"):
        store.get(wrong)


def test_the_newest_are_kept(database: Database) -> None:
    store = CrashStore(database, keep=3)
    for number in range(5):
        # Clocks are set back; the order of arrival decides.
        store.add(_report(f"{number}0000000-20260314", when=f"20{30 - number}{WHEN[4:]}"))
    assert [line.id[0] for line in store.list()] == ["4", "3", "2"]


def test_an_export_reads_back(store: CrashStore, tmp_path: Path) -> None:
    store.add(_report())
    path = tmp_path / "out.json"
    assert store.export("1a", path) == _report().id
    assert CrashReport.from_json(path.read_bytes()) == _report()
    stream = io.BytesIO()
    store.export("1a", stream)
    assert stream.getvalue() == path.read_bytes()


def test_an_export_that_fails_leaves_no_file(store: CrashStore, tmp_path: Path) -> None:
    store.add(_report())
    with pytest.raises(InputError, match=r"missing/out\.json: cannot be written"):
        store.export("1a", tmp_path / "missing" / "out.json")
    (tmp_path / "folder").mkdir()
    before = sorted(tmp_path.iterdir())
    with pytest.raises(InputError, match="folder: is a folder"):
        store.export("1a", tmp_path / "folder")
    assert sorted(tmp_path.iterdir()) == before
