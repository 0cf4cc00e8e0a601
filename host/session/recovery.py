# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what a killed host has left of its session, as far as it can be believed.

Everything may be torn or damaged. What is, costs only itself: a line its value, a snapshot that
state, for which the one before stands in. Only without the song there is nothing to go on with.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from host.journal import PROGRAM, Journal, Snapshot
from host.journal import Edit as ParameterEdit
from host.session.folder import JOURNAL, SONG, STATES, SessionFolder
from host.session.ledger import (
    AnyEntry,
    Bypass,
    Edit,
    Gain,
    Ledger,
    Loop,
    Mute,
    Pan,
    Position,
    Program,
    Snapshots,
)
from host.song import MASTER, Master, Slot, Song, Track
from host.song_file import load_song
from host.user_file import path_text
from ipc.errors import InputError

# A journal is rewritten long before; a snapshot came over a connection with this limit.
_MOST_JOURNAL_BYTES = 256_000_000
_MOST_STATE_BYTES = 64 * 1024 * 1024

E = TypeVar("E", bound=AnyEntry)


@dataclass(frozen=True)
class Recovered:
    """What there is to go on with: the song with its faders and bypasses as they were last, each
    slot's edits and snapshots, the transport. `notes`: what was lost, one line each. `loop` is what
    was played last, where anything `is_loop_known` beyond what the song says."""

    folder: SessionFolder
    song: Song
    journals: dict[str, Journal]
    position_frames: int
    loop: tuple[int, int] | None
    is_loop_known: bool
    notes: tuple[str, ...]


def recover(folder: SessionFolder) -> Recovered:
    """Raises InputError if the session cannot be resumed; the folder stays as it is."""
    try:
        song = load_song(folder.path / SONG)
    except InputError as error:
        raise InputError(
            f"{path_text(folder.path)}: this session cannot be resumed: {error}"
        ) from None
    notes: list[str] = []
    ledger = _read_journal(folder.path / JOURNAL, notes)
    by_slot: dict[str, list[Edit | Program | Snapshots]] = {}
    for entry in ledger:
        if isinstance(entry, Edit | Program | Snapshots):
            by_slot.setdefault(entry.slot, []).append(entry)
    journals = {
        slot.id: _journal(slot, by_slot[slot.id], folder.path / STATES, notes)
        for _, slot in song.slots()
        if slot.id in by_slot
    }
    loops = _of(ledger, Loop)
    ranges = [(loop.start_frame, loop.end_frame) for loop in loops]
    return Recovered(
        folder=folder,
        song=_as_last(song, ledger),
        journals=journals,
        position_frames=max((one.frame for one in _of(ledger, Position)), default=0),
        loop=next((one for one in ranges if one[0] < one[1]), None),
        is_loop_known=bool(loops),
        notes=tuple(notes),
    )


def _read_journal(path: Path, notes: list[str]) -> Ledger:
    try:
        with open(path, "rb") as file:
            ledger = Ledger.read(file.read(_MOST_JOURNAL_BYTES))
    except OSError as error:
        notes.append(f"the journal cannot be read ({error.strerror}): the song is as it was loaded")
        return Ledger()
    if ledger.damaged_lines:
        count = ledger.damaged_lines
        lines = "a damaged line" if count == 1 else f"{count} damaged lines"
        notes.append(f"{lines} of the journal left out")
    return ledger


def _journal(
    slot: Slot, entries: list[Edit | Program | Snapshots], states: Path, notes: list[str]
) -> Journal:
    snapshots = []
    for entry in entries:
        if not isinstance(entry, Snapshots):
            continue
        for kept in entry.kept:
            data = _state(states / kept.hash)
            if data is None:
                notes.append(f"{slot.label}: a snapshot is lost; the one before stands in")
                continue
            snapshots.append(
                Snapshot(data, kept.applied_edit, blocks=0, good=kept.good, recovered=True)
            )
    edits = [
        ParameterEdit(entry.number, entry.parameter, entry.value)
        for entry in entries
        if isinstance(entry, Edit)
    ]
    edits += [
        ParameterEdit(entry.number, PROGRAM, float(entry.index))
        for entry in entries
        if isinstance(entry, Program)
    ]
    return Journal.resumed(slot.state, edits, snapshots)


def _state(path: Path) -> bytes | None:
    """Its content, if it is what its name says."""
    try:
        with open(path, "rb") as file:
            data = file.read(_MOST_STATE_BYTES + 1)
    except OSError:
        return None
    return data if hashlib.sha256(data).hexdigest() == path.name else None


def _of(ledger: Ledger, kind: type[E]) -> list[E]:
    return [entry for entry in ledger if isinstance(entry, kind)]


def _as_last(song: Song, ledger: Ledger) -> Song:
    """The song with gains, pans, mutes and bypasses as they were last."""
    gains = {entry.track: entry.gain_db for entry in _of(ledger, Gain)}
    pans = {entry.track: entry.pan for entry in _of(ledger, Pan)}
    mutes = {entry.track: entry.mute for entry in _of(ledger, Mute)}
    bypasses = {entry.slot: entry.bypassed for entry in _of(ledger, Bypass)}
    replace = msgspec.structs.replace

    def chain(slots: tuple[Slot, ...]) -> tuple[Slot, ...]:
        return tuple(replace(slot, bypassed=bypasses.get(slot.id, slot.bypassed)) for slot in slots)

    def track(one: Track) -> Track:
        return replace(
            one,
            chain=chain(one.chain),
            gain_db=gains.get(one.id, one.gain_db),
            pan=pans.get(one.id, one.pan),
            mute=mutes.get(one.id, one.mute),
        )

    master: Master = replace(
        song.master,
        chain=chain(song.master.chain),
        gain_db=gains.get(MASTER, song.master.gain_db),
    )
    return replace(song, tracks=tuple(map(track, song.tracks)), master=master)
