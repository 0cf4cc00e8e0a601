# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept of a session comes back, whatever part of it is torn, damaged or lost."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host.journal import Journal
from host.session import writer as writer_module
from host.session.folder import (
    JOURNAL,
    KEPT_SESSIONS,
    SONG,
    STATES,
    About,
    Playing,
    claim,
    new_session,
    unended,
)
from host.session.ledger import Bypass, Edit, Gain, Ledger, Loop, Mute, Pan, encode_line
from host.session.recovery import Recovered, recover
from host.session.session import Session
from host.song import Master, Slot, Song, Track
from ipc.errors import InputError, MachineError

SONG_PLAYED = Song(
    tracks=(
        Track(id="a", chain=(Slot(id="eq", plugin="builtin:gain", parameters={"Gain": 0.5}),)),
        Track(id="b", chain=(Slot(id="synth", plugin="builtin:synth", state=b"first"),)),
    ),
    master=Master(chain=(Slot(id="limit", plugin="builtin:gain"),)),
)
ABOUT = About(song="song.json", started="2026-01-02T03:04:05Z")


class Kept:
    """A session that is written to `within`, without a host."""

    def __init__(self, within: Path, resumes: Recovered | None = None) -> None:
        self.within = within
        self.frame = 0
        self.told: list[str] = []
        self.session = Session("song.json", Playing(), resumes=resumes, within=within)
        song = SONG_PLAYED if resumes is None else resumes.song
        self.journals: dict[str, Journal] = {
            slot.id: self.session.journal_of(slot) for _, slot in song.slots()
        }
        self.session.begin(song, lambda: self.frame, self.told.append)
        assert self.session.id is not None
        self.path = within / self.session.id

    def killed(self) -> None:
        """All that was put is on disk; then nothing is tidied."""
        self.session.end(in_order=False)


def recovered(within: Path, session_id: str | None = None) -> Recovered:
    found = recover(claim(session_id, within))
    found.folder.close()
    return found


def test_a_snapshot_that_was_not_survived_for_long_is_tried_once(tmp_path: Path) -> None:
    """Its host was killed too soon to know; nothing newer is there."""
    kept = Kept(tmp_path)
    journal = kept.journals["synth"]
    journal.add_snapshot(b"survived", applied_edit=0, blocks=10)
    journal.survive(100, needed=50)
    journal.add_snapshot(b"fresh", applied_edit=0, blocks=100)
    kept.killed()
    found = recovered(tmp_path).journals["synth"]
    assert [(s.data, s.good) for s in found.snapshots] == [(b"survived", True), (b"fresh", False)]
    assert found.next_restore().state == b"fresh"
    found.instance_lost()
    assert found.next_restore().state == b"survived"


def test_a_snapshot_that_was_survived_meanwhile_is_good_on_disk_too(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    journal = kept.journals["synth"]
    journal.add_snapshot(b"state", applied_edit=0, blocks=10)
    time.sleep(2 * writer_module._WRITE_EVERY_S)
    journal.survive(100, needed=50)
    kept.killed()
    assert recovered(tmp_path).journals["synth"].next_restore().state == b"state"


def test_a_session_comes_back_as_it_was(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.journals["eq"].edit(0, 0.25)
    kept.journals["synth"].edit(3, 0.1)
    kept.journals["synth"].add_snapshot(b"snapshot", applied_edit=1, blocks=10)
    kept.journals["synth"].edit(3, 0.75)
    kept.journals["synth"].edit(5, 1.0)
    for entry in (Gain("a", -6.0), Pan("b", 0.5), Mute("b", True), Gain("master", -1.0)):
        kept.session.put(entry)
    kept.session.put(Bypass("limit", True))
    kept.session.put(Loop(100, 9000))
    kept.frame = 48000
    kept.killed()
    found = recovered(tmp_path)
    assert found.notes == ()
    assert (found.position_frames, found.loop) == (48000, (100, 9000))
    a, b = found.song.tracks
    assert (a.gain_db, b.pan, b.mute, found.song.master.gain_db) == (-6.0, 0.5, True, -1.0)
    assert found.song.master.chain[0].bypassed
    restore = found.journals["synth"].next_restore()
    assert (restore.state, restore.is_first) == (b"snapshot", False)
    assert [(edit.parameter, edit.value) for edit in restore.edits] == [(3, 0.75), (5, 1.0)]
    first = found.journals["eq"].next_restore()
    assert (first.state, first.is_first) == (None, True)
    assert [(edit.parameter, edit.value) for edit in first.edits] == [(0, 0.25)]
    assert "limit" not in found.journals


def test_a_resumed_session_is_kept_on_and_can_be_resumed_again(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.journals["synth"].add_snapshot(b"snapshot", applied_edit=0, blocks=10)
    kept.journals["eq"].edit(0, 0.25)
    kept.session.put(Gain("a", -6.0))
    kept.frame = 700
    kept.killed()
    again = Kept(tmp_path, recover(claim(None, tmp_path)))
    assert [path.name for path in tmp_path.iterdir()] == [again.session.id]
    again.journals["eq"].edit(1, 0.5)
    again.frame = 900
    again.killed()
    found = recovered(tmp_path)
    assert found.song.tracks[0].gain_db == -6.0
    assert found.position_frames == 900
    assert found.journals["synth"].next_restore().state == b"snapshot"
    edits = found.journals["eq"].next_restore().edits
    assert [(edit.parameter, edit.value) for edit in edits] == [(0, 0.25), (1, 0.5)]
    assert edits[0].number < edits[1].number


def test_a_session_that_ends_in_order_leaves_nothing(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.journals["eq"].edit(0, 0.25)
    kept.session.end(in_order=True)
    assert list(tmp_path.iterdir()) == []
    kept.session.end(in_order=True)  # again does no harm
    with pytest.raises(InputError, match="there is no session to resume"):
        claim(None, tmp_path)


def test_a_session_that_plays_cannot_be_resumed(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    assert unended(tmp_path) == []
    with pytest.raises(InputError, match="still playing"):
        claim(kept.session.id, tmp_path)
    kept.killed()
    assert [session_id for session_id, _ in unended(tmp_path)] == [kept.path.name]
    first = claim(None, tmp_path)
    with pytest.raises(InputError, match="still playing"):  # two resumes at once
        claim(first.id, tmp_path)
    first.close()


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "nothing", "/etc"])
def test_only_a_sessions_own_name_names_it(name: str, tmp_path: Path) -> None:
    Kept(tmp_path / "sessions").killed()
    (tmp_path / "x").mkdir()
    with pytest.raises(InputError, match="there is no session"):
        claim(name, tmp_path / "sessions")


# ---------------------------------------------------------------- damage


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_journal_torn_or_damaged_costs_only_the_lines_it_hit(
    data: st.DataObject,
) -> None:
    entries = [Edit("eq", i, i + 1, i / 40) for i in range(40)]
    lines = [encode_line(entry) for entry in entries]
    text = bytearray(b"".join(lines))
    cut = data.draw(st.integers(0, len(text)))
    at = data.draw(st.integers(0, len(text) - 1))
    text[at] ^= data.draw(st.integers(1, 255))
    del text[cut:]
    starts = [sum(map(len, lines[:i])) for i in range(len(lines))]
    expected = {
        entry.parameter
        for entry, line, start in zip(entries, lines, starts, strict=True)
        # Whole but for its line end; a line whose end was hit takes the next one with it.
        if start + len(line) - 1 <= cut and not start - 1 <= at < start + len(line)
    }
    found = {
        entry.parameter: entry for entry in Ledger.read(bytes(text)) if isinstance(entry, Edit)
    }
    assert expected <= set(found)
    assert all(found[i] == entries[i] for i in found)


def test_a_lost_or_damaged_snapshot_gives_way_to_the_one_before(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    journal = kept.journals["synth"]
    journal.edit(0, 0.1)
    journal.add_snapshot(b"older", applied_edit=1, blocks=1)
    journal.edit(0, 0.2)
    journal.edit(1, 0.3)
    journal.add_snapshot(b"newer", applied_edit=3, blocks=2)
    journal.edit(2, 0.4)
    kept.killed()
    states = kept.path / STATES
    (newer,) = (path for path in states.iterdir() if path.read_bytes() == b"newer")
    newer.write_bytes(b"newe")
    found = recovered(tmp_path)
    restore = found.journals["synth"].next_restore()
    assert restore.state == b"older"
    assert {edit.parameter: edit.value for edit in restore.edits} == {0: 0.2, 1: 0.3, 2: 0.4}
    assert found.notes == ("synth: a snapshot is lost; the one before stands in",)
    for path in states.iterdir():
        path.unlink()
    restore = recovered(tmp_path).journals["synth"].next_restore()
    assert (restore.state, restore.is_first) == (b"first", True)  # the song's own
    assert {edit.parameter: edit.value for edit in restore.edits} == {0: 0.2, 1: 0.3, 2: 0.4}


def test_without_its_journal_the_song_is_as_it_was_loaded(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.session.put(Gain("a", -6.0))
    kept.killed()
    (kept.path / JOURNAL).unlink()
    found = recovered(tmp_path)
    assert found.song.tracks == SONG_PLAYED.tracks
    assert found.position_frames == 0
    (note,) = found.notes
    assert "the journal cannot be read" in note


@pytest.mark.parametrize("damage", ["", "{", '{"format": "isobooth-song", "version": 1, "x": 0}'])
def test_without_its_song_a_session_is_refused_and_stays(damage: str, tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.killed()
    (kept.path / SONG).write_text(damage)
    folder = claim(None, tmp_path)
    with pytest.raises(InputError, match="cannot be resumed: ") as refused:
        recover(folder)
    assert "\n" not in str(refused.value)
    folder.close()
    assert kept.path.exists()


def test_entries_of_what_the_song_does_not_have_are_left_out(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    for entry in (Edit("other", 0, 1, 0.5), Gain("other", 0.0), Bypass("other", True)):
        kept.session.put(entry)
    kept.killed()
    found = recovered(tmp_path)
    assert found.song.tracks == SONG_PLAYED.tracks
    assert found.journals == {}


# ---------------------------------------------------------------- bounds


def test_no_more_than_some_dead_sessions_are_kept(tmp_path: Path) -> None:
    ids = []
    for _ in range(KEPT_SESSIONS + 3):
        folder = new_session(ABOUT, tmp_path)
        ids.append(folder.id)
        folder.close()
    alive = new_session(ABOUT, tmp_path)
    # Ids of one second and one process differ by a number, which is no order: so count.
    left = {session_id for session_id, _ in unended(tmp_path)}
    assert len(left) == KEPT_SESSIONS - 1
    assert left < set(ids)
    alive.close()


def test_a_journal_does_not_grow_with_the_length_of_a_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "_WRITE_EVERY_S", 0.001)
    monkeypatch.setattr(writer_module, "_COMPACT_BYTES", 4000)
    kept = Kept(tmp_path)
    kept.session._writer._compact_at = 4000  # type: ignore[union-attr]
    journal = kept.path / JOURNAL
    largest = 0
    for number in range(400):
        kept.journals["eq"].edit(number % 5, number / 400)
        kept.frame = number
        largest = max(largest, journal.stat().st_size)
        time.sleep(0.001)
    kept.killed()
    assert largest < 12_000
    edits = {e.parameter: e.value for e in recovered(tmp_path).journals["eq"].edits}
    assert edits == {n % 5: n / 400 for n in range(395, 400)}


def test_states_that_are_kept_no_longer_are_removed(
    tmp_path: Path, wait_until: Callable[[Callable[[], object], float], None]
) -> None:
    kept = Kept(tmp_path)
    for number in range(12):
        kept.journals["synth"].add_snapshot(b"state %d" % number, number, blocks=number)
    states = kept.path / STATES
    wait_until(lambda: len(list(states.iterdir())) == 3, 5.0)
    kept.journals["synth"].instance_lost()  # none was good
    wait_until(lambda: not list(states.iterdir()), 5.0)
    kept.killed()


def test_a_full_disk_is_told_once_and_made_up_for(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    wait_until: Callable[[Callable[[], object], float], None],
) -> None:
    kept = Kept(tmp_path)
    write, full = os.write, True

    def short(file: int, data: bytes) -> int:
        if full and file == kept.session._writer._file:  # type: ignore[union-attr]
            return write(file, data[: len(data) // 2])
        return write(file, data)

    monkeypatch.setattr(writer_module.os, "write", short)
    kept.journals["eq"].edit(0, 0.125)
    wait_until(lambda: kept.told, 5.0)
    kept.journals["eq"].edit(1, 0.25)
    time.sleep(0.6)
    full = False
    kept.killed()
    (line,) = kept.told
    assert "not kept on disk" in line and "\n" not in line
    found = recovered(tmp_path)
    edits = {e.parameter: e.value for e in found.journals["eq"].edits}
    assert edits == {0: 0.125, 1: 0.25}


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises((InputError, MachineError), match="cannot be written") as refused:
        new_session(ABOUT, tmp_path / "file" / "sessions")
    assert "\n" not in str(refused.value)
