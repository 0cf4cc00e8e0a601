# SPDX-License-Identifier: GPL-3.0-or-later
"""A plugin that dies of one edit or one note comes back without it, instead of dying of it again
until it is quarantined."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from host.store.crash_store import CrashStore
from host.store.database import Database
from tests.fixtures.build import fixture_library
from tests.process.songs import HostEventKind, Slot, SlotStatus, Song, Track, play

pytestmark = pytest.mark.process


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database(tmp_path) as opened:
        yield opened


def song_of(plugin: str, **fields: object) -> Song:
    return Song(tracks=(Track(id="t", chain=(Slot(id="g", plugin=plugin, **fields),)),))  # type: ignore[arg-type]


@pytest.mark.parametrize("label", ["null", "heap", "jump"])
def test_an_edit_that_kills_again_is_not_replayed_but_kept_for_the_song(
    label: str, database: Database
) -> None:
    plugin = f"ladspa:{fixture_library('crash_fixture')}#{label}"
    with play(song_of(plugin), database=database) as playing:
        playing.until_heard("g")
        playing.host.set_parameter("g", 0, 1.0)
        playing.until(lambda: playing.events(HostEventKind.POISON), "the edit is dropped")
        playing.until_restarts("g", 1)
        playing.until_heard("g", 30)
        assert len(playing.slot("g").crashes) == 2
        [event] = playing.events(HostEventKind.POISON)
        assert "parameter 0 = 1" in event.text
        assert playing.host.parameters("g")[0] == 0.0
        assert playing.host.capture_slot("g").parameters == {"0": 1.0}
        # Another value is another matter.
        playing.host.set_parameter("g", 0, 0.25)
        playing.until(lambda: playing.host.parameters("g")[0] == 0.25, "a new edit")
        playing.kill_and_wait("g")
        assert playing.host.parameters("g")[0] == 0.25
        ids = playing.slot("g").crashes
    dropped = [CrashStore(database).get(report).dropped for report in ids[:2]]
    assert dropped == [[], ["parameter 0 = 1"]]


def test_a_held_note_that_kills_again_is_not_chased(database: Database) -> None:
    plugin = f"clap:{fixture_library('clap_fixture')}#crash-note"
    with play(song_of(plugin), database=database) as playing:
        playing.until_heard("g")
        playing.host.send_midi("t", bytes((0x90, 60, 100)))
        playing.run(3)
        playing.host.send_midi("t", bytes((0x90, 61, 100)))
        playing.until(lambda: playing.events(HostEventKind.POISON), "the note is dropped")
        playing.until_restarts("g", 2)
        playing.until_heard("g", 30)
        assert len(playing.slot("g").crashes) == 2
        assert playing.slot("g").status is SlotStatus.ACTIVE
        [event] = playing.events(HostEventKind.POISON)
        assert "MIDI 90 3d 64" in event.text
        assert "MIDI 90 3c" not in event.text


def test_two_crashes_of_their_own_accord_drop_nothing(database: Database) -> None:
    with play(song_of("fault:segv?after=60"), database=database) as playing:
        playing.until_heard("g")
        playing.host.set_parameter("g", 0, 0.5)
        playing.until_restarts("g", 2)
        assert not playing.events(HostEventKind.POISON)
