# SPDX-License-Identifier: GPL-3.0-or-later
"""A plugin that failed is made to fail again from its report alone, and only if it would."""

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from host.config import FaultPolicy
from host.crash_report import CrashReport, FaultKind, HostInfo, Phase, ReportedEvent
from host.permissions import PermissionRules
from host.store.crash_store import CrashStore
from host.store.database import Database
from ipc.errors import InputError
from tests.fixtures.build import fixture_library
from tests.process.songs import QUICK, Playing, Slot, Song, Track, play
from tools.cli import run
from tools.foreground import Stop
from tools.replay.attempts import attempts, notes
from tools.replay.replay import replay, verdict_of
from tools.replay.verdict import Verdict

pytestmark = pytest.mark.process


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database(tmp_path / "data") as opened:
        yield opened


def ladspa(label: str) -> str:
    return f"ladspa:{fixture_library('crash_fixture')}#{label}"


def clap(name: str) -> str:
    return f"clap:{fixture_library('clap_fixture')}#{name}"


def song_of(plugin: str, **fields: object) -> Song:
    slot = Slot(id="g", plugin=plugin, **fields)  # type: ignore[arg-type]
    return Song(tracks=(Track(id="t", chain=(slot,)),))


def first_report(database: Database, playing: Playing) -> CrashReport:
    playing.until(lambda: playing.slot("g").crashes, "a crash")
    return playing.report(playing.slot("g").crashes[0], database)


def stored(database: Database) -> CrashReport:
    """The first that was written, complete."""
    store = CrashStore(database)
    return store.get(store.list()[-1].id)


def replayed(report: CrashReport) -> tuple[Verdict, list[str]]:
    exported = CrashReport.from_json(report.to_json(indent=2))
    outcomes = replay(exported, PermissionRules(), Stop(), lambda attempt, done: None)
    return verdict_of(outcomes), [outcome.what for outcome in outcomes]


@pytest.mark.parametrize("kind", ["segv", "abort", "exit", "stack-overflow", "double-free", "spin"])
def test_what_happens_after_a_while_happens_again(database: Database, kind: str) -> None:
    with play(song_of(f"fault:{kind}?after=70"), block=256, database=database) as playing:
        first_report(database, playing)
    assert replayed(stored(database))[0] is Verdict.SAME


def test_a_value_that_kills_kills_again(database: Database) -> None:
    with play(song_of(ladspa("null")), database=database) as playing:
        playing.until_heard("g")
        playing.host.set_parameter("g", 0, 1.0)
        first_report(database, playing)
    report = stored(database)
    assert report.phase == "process"
    verdict, what = replayed(report)
    assert verdict is Verdict.SAME
    assert str(report.signature) in what[-1]


def test_a_note_that_kills_kills_again(database: Database) -> None:
    with play(song_of(clap("crash-note")), database=database) as playing:
        playing.until_heard("g")
        playing.host.send_midi("t", bytes((0x90, 60, 100)))
        playing.until_heard("g")
        playing.host.send_midi("t", bytes((0x90, 61, 100)))
        first_report(database, playing)
    assert replayed(stored(database))[0] is Verdict.SAME


def test_a_state_that_kills_kills_again(database: Database) -> None:
    with play(song_of(clap("crash-load"), state=b"FIXT"), database=database) as playing:
        first_report(database, playing)
    report = stored(database)
    assert report.phase == "restore"
    assert replayed(report)[0] is Verdict.SAME


def test_a_plugin_that_dies_of_saving_dies_of_it_again(database: Database) -> None:
    with play(song_of(clap("crash-save")), database=database) as playing:
        playing.until_heard("g")
        playing.host.set_parameter("g", 0, 0.5)  # a snapshot follows
        first_report(database, playing)
    report = stored(database)
    assert report.phase == "save"
    assert replayed(report)[0] is Verdict.SAME


def test_output_that_is_no_sound_comes_again(database: Database) -> None:
    policy = FaultPolicy(crash_limit=100, next_restart_s=0.05)
    with play(song_of("fault:nan?after=20"), faults=policy, database=database) as playing:
        first_report(database, playing)
    report = stored(database)
    assert report.kind is FaultKind.NONFINITE
    assert replayed(report)[0] is Verdict.SAME


def test_a_plugin_that_was_mended_does_not_fail(database: Database) -> None:
    with play(song_of(ladspa("null")), faults=QUICK, database=database) as playing:
        playing.until_heard("g")
        playing.host.set_parameter("g", 0, 1.0)
        first_report(database, playing)
    mended = msgspec.structs.replace(stored(database), plugin_id="builtin:gain")
    verdict, what = replayed(mended)
    assert verdict is Verdict.NONE
    assert len(what) == 4


def test_another_bug_is_not_taken_for_this_one(database: Database) -> None:
    with play(song_of("fault:segv?after=30"), database=database) as playing:
        first_report(database, playing)
    other = msgspec.structs.replace(stored(database), plugin_id="fault:abort?after=30")
    assert replayed(other)[0] is Verdict.DIFFERENT


def test_a_kill_from_outside_is_nothing_to_do_again(database: Database) -> None:
    with play(song_of("builtin:gain"), database=database) as playing:
        playing.until_heard("g")
        playing.kill("g")
        first_report(database, playing)
    with pytest.raises(InputError, match="killed from outside"):
        list(attempts(stored(database)))


def test_a_report_without_what_was_loaded_is_tried_all_the_same(database: Database) -> None:
    with play(song_of("fault:segv?after=30"), block=256, database=database) as playing:
        first_report(database, playing)
    assert replayed(msgspec.structs.replace(stored(database), loaded=None))[0] is Verdict.SAME


def test_the_command_tells_programs_and_people(
    database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with play(song_of("fault:segv?after=30"), block=256, database=database) as playing:
        first_report(database, playing)
    report = stored(database)
    monkeypatch.setenv("ISOBOOTH_DATA", str(tmp_path / "elsewhere"))
    file = tmp_path / "sent by a user.json"
    file.write_bytes(report.to_json(indent=2))
    capfd.readouterr()
    assert run(["crashes", "replay", str(file), "--json"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert (told["report"], told["verdict"]) == (report.id, "same")
    assert told["attempts"][-1]["signature"] == report.signature
    file.write_bytes(report.to_json().replace(b"fault:segv?after=30", b"builtin:gain"))
    assert run(["crashes", "replay", str(file)]) == 4
    assert "did not fail" in capfd.readouterr().out


@pytest.mark.parametrize("content", [b"", b"{}", b"not JSON", b'{"schema": 99}'])
def test_a_damaged_file_is_one_line(
    content: bytes, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "report.json"
    file.write_bytes(content)
    assert run(["crashes", "replay", str(file)]) == 2
    said = capfd.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1
    assert str(file) in said.err


@pytest.mark.parametrize(
    ("part", "wrong"),
    [
        ('"block_frames":256', '"block_frames":0'),
        ('"block_frames":256', '"block_frames":1000000000000'),
        ('"sample_rate_hz":48000.0', '"sample_rate_hz":1e300'),
        ('"bytes":"903c64"', '"bytes":"zz"'),
        ('"frame":0', '"frame":-1'),
        ('"kind":"midi","detail":{', '"kind":"parameter","detail":{"parameter":-1,"value":1,'),
        ('"block":2,', '"block":4611686018427387904,'),
    ],
)
def test_a_report_of_what_cannot_be_is_one_line_and_no_bug(
    part: str, wrong: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    event = ReportedEvent(block=2, frame=0, kind="midi", detail={"bytes": "903c64"})
    report = CrashReport(
        id="1234",
        when="2026-01-01T00:00:00.000+00:00",
        kind=FaultKind.CRASH,
        phase=Phase.PROCESS,
        plugin_id="fault:segv?after=3",
        plugin_path=None,
        plugin_version=None,
        plugin_format="fault",
        slot="g",
        song=None,
        action="restarted",
        host=HostInfo.here(48000.0, 256),
        block=3,
        last_events=[event],
    )
    text = report.to_json().decode()
    assert part in text
    file = tmp_path / "report.json"
    file.write_text(text.replace(part, wrong))
    assert run(["crashes", "replay", str(file)]) == 2
    said = capfd.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1
    assert "cannot be replayed" in said.err


def test_lost_events_are_told(database: Database) -> None:
    with play(song_of("fault:segv?after=30"), block=256, database=database) as playing:
        first_report(database, playing)
    event = ReportedEvent(block=2, frame=0, kind="midi", detail={"bytes": "903c64"})
    few = msgspec.structs.replace(stored(database), last_events=[event] * 127)
    many = msgspec.structs.replace(few, last_events=[event] * 128)
    assert not any("events" in line for line in notes(few))
    assert any("only the last 128" in line for line in notes(many))
