# SPDX-License-Identifier: GPL-3.0-or-later
"""A plugin that fails while it plays: its report is completed while it is already back, and a bug
that the user has blacklisted gets no second chance."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from host.crash_report import CrashReport, FaultKind
from host.store.blacklist import Blacklist
from host.store.content import sha256_of
from host.store.crash_store import CrashStore
from host.store.database import Database
from tests.fixtures.build import fixture_library
from tests.process.songs import HostEventKind, Playing, Slot, SlotStatus, Song, Track, play

pytestmark = pytest.mark.process

KILL = 0  # the fixture's one parameter


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database(tmp_path) as opened:
        yield opened


def song_of(label: str) -> Song:
    plugin = label if ":" in label else f"ladspa:{fixture_library('crash_fixture')}#{label}"
    return Song(tracks=(Track(id="t", chain=(Slot(id="g", plugin=plugin),)),))


def reports(database: Database) -> list[CrashReport]:
    store = CrashStore(database)
    return [store.get(line.id) for line in reversed(store.list())]


def crashed_twice(database: Database, label: str) -> list[CrashReport]:
    """The reports of two sessions, of each the first: restarted, the plugin is given the fatal
    edit again before it plays, and may have died of that too by the end."""
    found: list[CrashReport] = []
    for _ in range(2):
        before = len(reports(database))
        with play(song_of(label), database=database) as playing:
            playing.until_heard("g")
            playing.host.set_parameter("g", KILL, 1.0)
            playing.until(lambda: playing.slot("g").crashes, "a crash")
        found.append(reports(database)[before])
    return found


def test_a_crash_while_playing_has_a_backtrace_and_the_same_signature_again(
    database: Database,
) -> None:
    found = crashed_twice(database, "null")
    for report in found:
        assert report.backtrace is not None
        assert report.backtrace.threads[0].name == "isb-block"
        assert report.backtrace.threads[0].frames[0].function == "write_to_null"
        assert report.access is not None
        assert (report.access.address, report.access.access) == (0, "write")
    assert len({report.signature for report in found}) == 1
    counts = {group.signature: group.count for group in CrashStore(database).groups()}
    assert counts[found[0].signature] >= len(found)


def test_a_hang_while_playing_has_all_stacks(database: Database) -> None:
    with play(song_of("spin"), database=database) as playing:
        playing.until_heard("g")
        playing.host.set_parameter("g", KILL, 1.0)
        playing.until(lambda: playing.slot("g").crashes, "a hang")
    report = reports(database)[0]
    assert report.kind is FaultKind.HANG
    assert report.signature is not None
    assert report.backtrace is not None
    stuck, *others = report.backtrace.threads
    assert stuck.name == "isb-block"
    assert "think_forever" in [frame.function for frame in stuck.frames]
    assert {"isb-worker", "isb-guard"} <= {thread.name for thread in others}


def play_until_failed(database: Database, song: Song) -> Playing:
    with play(song, database=database) as playing:
        playing.until_heard("g")
        playing.host.set_parameter("g", KILL, 1.0)
        playing.until_status("g", SlotStatus.QUARANTINED)
        return playing


def test_a_blacklisted_signature_quarantines_at_once(database: Database) -> None:
    [report, *_] = crashed_twice(database, "null")
    assert report.signature is not None
    Blacklist(database).add_signature(report.signature, "known and not fixed")
    playing = play_until_failed(database, song_of("null"))
    told = playing.events(HostEventKind.QUARANTINED)
    assert len(told) == 1
    assert report.signature in told[0].text
    assert "known and not fixed" in told[0].text
    assert Blacklist(database).is_blacklisted(report.plugin_id) is not None
    # Another bug of the same file is another matter.
    with play(song_of("null-too"), database=database) as other:
        other.until_heard("g")
        other.host.set_parameter("g", KILL, 1.0)
        other.until(lambda: other.slot("g").crashes, "a crash")
        other.run(40)
        assert other.slot("g").status is not SlotStatus.QUARANTINED


def test_a_blacklisted_content_is_not_loaded_under_any_name(
    database: Database, tmp_path: Path
) -> None:
    library = fixture_library("crash_fixture")
    content = sha256_of(library)
    assert content is not None
    Blacklist(database).add_hash(content, library, "crashes")
    copy = tmp_path / "renamed.so"
    copy.write_bytes(library.read_bytes())
    with play(song_of(f"ladspa:{copy}#null"), database=database) as playing:
        assert playing.slot("g").status is SlotStatus.QUARANTINED
        assert "crashes" in playing.slot("g").reason
