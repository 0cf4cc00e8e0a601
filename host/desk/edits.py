# SPDX-License-Identifier: GPL-3.0-or-later
"""One edit of a song, as a function from song to song. Nothing here knows of a running host.

Raises InputError, saying what is wrong with it, for an edit that fits no such song.
"""

import re
from collections.abc import Callable
from functools import singledispatch
from typing import Any

import msgspec
from msgspec import UNSET

from host.midi_file import is_midi
from host.plugin_id import PluginId
from host.song import MASTER, AudioSource, Grouping, Master, MidiSource, Slot, Song, Track
from ipc.desk.requests import (
    AddSlot,
    AddTrack,
    Edit,
    MoveSlot,
    MoveTrack,
    RemoveSlot,
    RemoveTrack,
    SetParameter,
    SetProgram,
    SetSlot,
    SetSong,
    SetSource,
    SetTrack,
)
from ipc.errors import InputError

NO_SLOT = "this plugin is not in the song any more"

replace = msgspec.structs.replace


@singledispatch
def edited(edit: Edit, song: Song) -> Song:
    """The song after the edit."""
    raise InputError(f"this host does not know the edit {type(edit).__name__}")


@singledispatch
def name_of(edit: Edit, song: Song) -> str:
    """What the edit does, as "Undo" names it, such as "gain of Drums"."""
    return "change"


# ---------------------------------------------------------------- tracks


@edited.register
def _(edit: SetTrack, song: Song) -> Song:
    given = _given(edit, "name", "colour", "gain_db", "pan", "mute", "solo", "output")
    if "colour" in given:
        given["colour"] = given["colour"] or None
    if edit.track == MASTER:
        if given.keys() - {"gain_db"}:
            raise InputError("the master has a gain, and nothing else that can be set")
        return replace(song, master=replace(song.master, **given))
    return _with_track(song, edit.track, lambda track: replace(track, **given))


@name_of.register
def _(edit: SetTrack, song: Song) -> str:
    label = "Master" if edit.track == MASTER else _track(song, edit.track).label
    words = {
        "name": "name",
        "colour": "colour",
        "gain_db": "gain",
        "pan": "pan",
        "mute": "mute",
        "solo": "solo",
        "output": "output",
    }
    changed = [word for field, word in words.items() if getattr(edit, field) is not UNSET]
    return f"{' and '.join(changed) or 'change'} of {label}"


@edited.register
def _(edit: AddTrack, song: Song) -> Song:
    track_id = free_id(edit.name or "track", {track.id for track in song.tracks} | {MASTER})
    track = Track(id=track_id, name=edit.name, colour=edit.colour or None)
    if edit.file:
        track = _playing(track, edit.file)
    tracks = list(song.tracks)
    tracks.insert(edit.index, track)
    song = replace(song, tracks=tuple(tracks))
    for place, plugin in enumerate(edit.plugins):
        song = edited(AddSlot(track=track_id, index=place, plugin=plugin), song)
    return song


@name_of.register
def _(edit: AddTrack, song: Song) -> str:
    return f"adding {edit.name or 'a track'}"


@edited.register
def _(edit: SetSource, song: Song) -> Song:
    return _with_track(song, edit.track, lambda track: _playing(track, edit.file))


@name_of.register
def _(edit: SetSource, song: Song) -> str:
    return f"file of {_track(song, edit.track).label}"


@edited.register
def _(edit: RemoveTrack, song: Song) -> Song:
    gone = _track(song, edit.track)
    tracks = [track for track in song.tracks if track is not gone]
    # What was sent to it goes where it went, and nobody listens to it any more.
    tracks = [
        replace(track, output=gone.output if track.output == gone.id else track.output)
        for track in tracks
    ]
    song = replace(song, tracks=tuple(tracks))
    return _with_slots(
        song, lambda slot: replace(slot, sidechain=None) if slot.sidechain == gone.id else slot
    )


@name_of.register
def _(edit: RemoveTrack, song: Song) -> str:
    return f"removing {_track(song, edit.track).label}"


@edited.register
def _(edit: MoveTrack, song: Song) -> Song:
    moved = _track(song, edit.track)
    tracks = [track for track in song.tracks if track is not moved]
    tracks.insert(edit.index, moved)
    return replace(song, tracks=tuple(tracks))


@name_of.register
def _(edit: MoveTrack, song: Song) -> str:
    return f"moving {_track(song, edit.track).label}"


# ---------------------------------------------------------------- slots


@edited.register
def _(edit: AddSlot, song: Song) -> Song:
    slot = Slot(id=new_slot_id(song, edit.plugin), plugin=checked_plugin(edit.plugin))
    return _with_chain(
        song, edit.track, lambda chain: (*chain[: edit.index], slot, *chain[edit.index :])
    )


@name_of.register
def _(edit: AddSlot, song: Song) -> str:
    return f"adding {short_name(edit.plugin)}"


@edited.register
def _(edit: RemoveSlot, song: Song) -> Song:
    gone = _slot(song, edit.slot)
    return _with_chains(song, lambda chain: tuple(slot for slot in chain if slot is not gone))


@name_of.register
def _(edit: RemoveSlot, song: Song) -> str:
    return f"removing {title_of(song, edit.slot)}"


@edited.register
def _(edit: MoveSlot, song: Song) -> Song:
    moved = _slot(song, edit.slot)
    without = _with_chains(song, lambda chain: tuple(slot for slot in chain if slot is not moved))
    return _with_chain(
        without, edit.track, lambda chain: (*chain[: edit.index], moved, *chain[edit.index :])
    )


@name_of.register
def _(edit: MoveSlot, song: Song) -> str:
    return f"moving {title_of(song, edit.slot)}"


@edited.register
def _(edit: SetSlot, song: Song) -> Song:
    old = _slot(song, edit.slot)
    given = _given(edit, "bypassed", "standby", "alone")
    new = replace(old, **given)
    if edit.plugin is not UNSET:
        # Another plugin is another slot: nothing of the old one's state or edits fits it.
        new = Slot(
            id=new_slot_id(song, edit.plugin),
            plugin=checked_plugin(edit.plugin),
            sidechain=old.sidechain,
            standby=new.standby,
            alone=new.alone,
        )
    return _with_slots(song, lambda slot: new if slot is old else slot)


@name_of.register
def _(edit: SetSlot, song: Song) -> str:
    label = title_of(song, edit.slot)
    if edit.plugin is not UNSET:
        return f"replacing {label}"
    for field in ("bypassed", "standby", "alone"):
        if getattr(edit, field) is not UNSET:
            word = {"bypassed": "bypass", "standby": "standby", "alone": "grouping"}[field]
            return f"{word} of {label}"
    return f"change of {label}"


@edited.register
def _(edit: SetParameter, song: Song) -> Song:
    """Kept by the document beside the song, because the plugin's state holds it too."""
    _slot(song, edit.slot)
    return song


@name_of.register
def _(edit: SetParameter, song: Song) -> str:
    return f"a parameter of {title_of(song, edit.slot)}"


@edited.register
def _(edit: SetProgram, song: Song) -> Song:
    """As for parameters."""
    _slot(song, edit.slot)
    return song


@name_of.register
def _(edit: SetProgram, song: Song) -> str:
    return f"a program of {title_of(song, edit.slot)}"


# ---------------------------------------------------------------- the song


@edited.register
def _(edit: SetSong, song: Song) -> Song:
    given = _given(edit, "name", "tempo", "time_signature")
    if edit.grouping is not UNSET:
        given["grouping"] = Grouping(edit.grouping)
    if "time_signature" in given:
        beats, unit = given["time_signature"]
        if not 1 <= beats <= 64 or unit not in (1, 2, 4, 8, 16, 32, 64):
            raise InputError(f"{beats}/{unit} is no time signature")
    return replace(song, **given)


@name_of.register
def _(edit: SetSong, song: Song) -> str:
    if edit.grouping is not UNSET:
        return "grouping of plugins"
    return "the song's settings" if edit.tempo is UNSET else "tempo"


# ---------------------------------------------------------------- parts


def _given(edit: Edit, *fields: str) -> dict[str, Any]:
    """Those of the fields that the edit sets."""
    values = {field: getattr(edit, field) for field in fields}
    return {field: value for field, value in values.items() if value is not UNSET}


def _playing(track: Track, file: str) -> Track:
    if is_midi(file):
        return replace(track, audio=None, midi=MidiSource(file=file))
    return replace(track, audio=AudioSource(file=file), midi=None)


def free_id(wanted: str, taken: set[str]) -> str:
    """An id made of the words, that nobody has."""
    stem = re.sub(r"[^a-z0-9]+", "-", wanted.casefold()).strip("-")[:48] or "track"
    number, found = 1, stem
    while found in taken:
        number += 1
        found = f"{stem}-{number}"
    return found


def new_slot_id(song: Song, plugin: str) -> str:
    return free_id(short_name(plugin), {slot.id for _, slot in song.slots()})


def short_name(plugin: str) -> str:
    """What to call a plugin of which nothing is known but its id."""
    parts = PluginId.parse(plugin)
    last = parts.target.rstrip("/").rpartition("/")[2]
    return parts.label or re.sub(r"\.(vst3|clap|so)$", "", last) or plugin


def title_of(song: Song, slot_id: str) -> str:
    """What to call a slot where its track is not in sight, such as "ZamEQ2 on Drums"."""
    slot = _slot(song, slot_id)
    name = slot.name or short_name(slot.plugin)
    on = next((track.label for track in song.tracks if slot in track.chain), "Master")
    return f"{name} on {on}"


def checked_plugin(plugin: str) -> str:
    """Raises InputError if it is no plugin's id."""
    PluginId.parse(plugin)
    return plugin


def _track(song: Song, track_id: str) -> Track:
    for track in song.tracks:
        if track.id == track_id:
            return track
    raise InputError(f"the song has no track '{track_id}'")


def _slot(song: Song, slot_id: str) -> Slot:
    for _, slot in song.slots():
        if slot.id == slot_id:
            return slot
    raise InputError(NO_SLOT)


def _with_track(song: Song, track_id: str, change: Callable[[Track], Track]) -> Song:
    old = _track(song, track_id)
    tracks = tuple(change(track) if track is old else track for track in song.tracks)
    return replace(song, tracks=tracks)


def _with_chain(
    song: Song, track_id: str, change: Callable[[tuple[Slot, ...]], tuple[Slot, ...]]
) -> Song:
    if track_id == MASTER:
        master: Master = replace(song.master, chain=change(song.master.chain))
        return replace(song, master=master)
    return _with_track(song, track_id, lambda track: replace(track, chain=change(track.chain)))


def _with_chains(song: Song, change: Callable[[tuple[Slot, ...]], tuple[Slot, ...]]) -> Song:
    tracks = tuple(replace(track, chain=change(track.chain)) for track in song.tracks)
    master: Master = replace(song.master, chain=change(song.master.chain))
    return replace(song, tracks=tracks, master=master)


def _with_slots(song: Song, change: Callable[[Slot], Slot]) -> Song:
    return _with_chains(song, lambda chain: tuple(change(slot) for slot in chain))
