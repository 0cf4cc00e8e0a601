# SPDX-License-Identifier: GPL-3.0-or-later
"""MIDI files as the engine plays them: channel messages at frames, nothing left sounding.

A note whose end is missing from the file would sound until the plugin is restarted, so every note
and pedal still held gets its release at the end. Files come from anywhere and mido trusts them;
what it raises on a damaged one becomes one line here, and what would keep it busy for hours is
refused before it starts.
"""

import io
import os
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import mido
import numpy as np
from numpy.typing import NDArray

from host.tempo import TempoMap
from host.user_file import FilePath, path_text, read_input
from ipc.errors import InputError

EVENT_DTYPE = np.dtype([("frame", "<i8"), ("status", "u1"), ("data1", "u1"), ("data2", "u1")])
"""One channel message: the frame it is for, and its bytes (data2 is 0 where there is none)."""

_SUFFIXES = (".mid", ".midi", ".smf")
# mido builds a Python object for each message: 8 MB of them take some seconds and a GB.
MAX_MIDI_BYTES = 8_000_000
MAX_LENGTH_S = 86400
# A length that never ends (the bytes of a damaged disk block) costs mido time by its square. No
# text in a song is this long without one plain letter.
_ENDLESS_NUMBER = re.compile(rb"[\x80-\xff]{20000}")

_NOTE_OFF, _NOTE_ON, _CONTROL = 0x80, 0x90, 0xB0
_PEDALS = (64, 66)  # sustain and sostenuto keep notes sounding after their note-off
_RELEASE_VELOCITY = 64  # what a note-on of velocity 0 stands for


def is_midi(file: FilePath) -> bool:
    """By its name: it holds notes, not sound."""
    return os.path.splitext(file)[1].casefold() in _SUFFIXES


@dataclass(frozen=True, slots=True, eq=False)
class MidiClip:
    """A MIDI file's channel messages, sorted by frame, from 0 to `length_frames` inclusive.

    Messages of one frame keep their order in the file. A note-on of velocity 0 is given as the
    note-off that it means.
    """

    path: str
    events: NDArray[np.void]
    length_frames: int
    sample_rate: int
    skipped_sysex: int = 0
    closed_notes: int = 0
    """How many notes and pedals the file left held; their releases are the last events."""
    silence: str = ""
    """Why there are no events, where there are none; what the filters would find instead."""


def read_midi(
    path: FilePath, sample_rate: int, track: int | None = None, channel: int | None = None
) -> MidiClip:
    """Read a MIDI file of type 0, 1 or 2 at its own tempo.

    `track` (from 0) and `channel` (1 to 16) keep only that track's or channel's messages; tempo
    and length stay the whole file's. The patterns of a type 2 file follow one another. InputError
    for a file that is missing, no MIDI file, damaged, or has no such track.
    """
    where = path_text(path)
    data = read_input(path, "a MIDI file", MAX_MIDI_BYTES)
    file = _parse(data, where)
    if track is not None and track >= len(file.tracks):
        raise InputError(f"{where}: has no track {track}; it has {len(file.tracks)}, from 0")
    wanted = file.tracks if track is None else [file.tracks[track]]
    try:
        one_after_another = [([one], [one]) for one in wanted]
        parts = one_after_another if file.type == 2 else [(file.tracks, wanted)]
        clip = _clip(where, file.ticks_per_beat, parts, sample_rate, channel)
    except ValueError as error:  # from the tempo map
        raise InputError(f"{where}: is a damaged MIDI file: {error}") from None
    return clip if len(clip.events) else replace(clip, silence=_silence(file, track, channel))


def _silence(file: Any, track: int | None, channel: int | None) -> str:
    """Why nothing of the file is left."""
    there = [{msg.channel + 1 for msg in one if _is_wanted(msg, None)} for one in file.tracks]
    if not any(there):
        return "has no notes"
    if track is not None and (channel is None or not there[track]):
        with_notes = [index for index, channels in enumerate(there) if channels]
        return f"has nothing on track {track}; there is something on {_listed(with_notes)}"
    channels = set().union(*there) if track is None else there[track]
    of_track = "" if track is None else f" of track {track}"
    return f"has nothing on channel {channel}{of_track}; there is something on {_listed(channels)}"


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(numbers)))


def _parse(data: bytes, where: str) -> Any:
    if not data.startswith(b"MThd"):
        raise InputError(f"{where}: is not a MIDI file")
    if _ENDLESS_NUMBER.search(data):
        raise InputError(f"{where}: is a damaged MIDI file: a number without an end")
    try:
        file = mido.MidiFile(file=io.BytesIO(data))
    except EOFError:
        raise InputError(f"{where}: is a MIDI file that is cut short") from None
    except Exception as error:  # mido's decoders raise what their Python happens to raise
        reason = str(error) or type(error).__name__
        raise InputError(f"{where}: is a damaged MIDI file: {path_text(reason)}") from None
    if file.type not in (0, 1, 2):
        raise InputError(f"{where}: is a MIDI file of type {file.type}; 0, 1 and 2 can be read")
    if not file.tracks:
        raise InputError(f"{where}: is a MIDI file without tracks")
    return file


def _clip(
    where: str,
    division: int,
    parts: list[tuple[list[Any], list[Any]]],
    sample_rate: int,
    channel: int | None,
) -> MidiClip:
    """A clip of parts that follow one another.

    A part is two lists of tracks: those that give its tempo and length, and those it plays.
    """
    rows: list[tuple[int, int, int, int]] = []
    sysex = 0
    offset = 0
    for timing, kept in parts:
        timed = [_with_ticks(one) for one in timing]
        tempo = TempoMap(
            division,
            [(tick, msg.tempo) for one in timed for tick, msg in one if msg.type == "set_tempo"],
        )
        end = max((one[-1][0] for one in timed if one), default=0)
        if tempo.seconds_at(end) > MAX_LENGTH_S:
            raise InputError(f"{where}: is a damaged MIDI file: longer than a day")
        part: list[tuple[int, Any]] = []
        for one in kept:
            part.extend(_with_ticks(one))
        part.sort(key=lambda pair: pair[0])  # stable: one tick keeps the order of the file
        for tick, msg in part:
            if msg.type == "sysex":
                sysex += 1
            elif _is_wanted(msg, channel):
                rows.append((offset + tempo.frame_at(tick, sample_rate), *_message(msg)))
        offset += tempo.frame_at(end, sample_rate)
    releases = [(offset, *release) for release in _releases(rows)]
    return MidiClip(
        path=where,
        events=np.array(rows + releases, dtype=EVENT_DTYPE),
        length_frames=offset,
        sample_rate=sample_rate,
        skipped_sysex=sysex,
        closed_notes=len(releases),
    )


def _with_ticks(track: Any) -> list[tuple[int, Any]]:
    """A track's messages with their ticks from its start."""
    tick = 0
    timed = []
    for msg in track:
        tick += msg.time
        timed.append((tick, msg))
    return timed


def _is_wanted(msg: Any, channel: int | None) -> bool:
    if msg.is_meta or not hasattr(msg, "channel"):
        return False
    return channel is None or bool(msg.channel == channel - 1)


def _message(msg: Any) -> tuple[int, int, int]:
    status, data1, data2 = (*msg.bytes(), 0)[:3]
    if status & 0xF0 == _NOTE_ON and data2 == 0:
        return _NOTE_OFF | status & 0x0F, data1, _RELEASE_VELOCITY
    return status, data1, data2


def _releases(rows: list[tuple[int, int, int, int]]) -> list[tuple[int, int, int]]:
    """Note-offs and pedal releases for all that is held after the last message."""
    held: Counter[tuple[int, int]] = Counter()
    pedals: set[tuple[int, int]] = set()
    for _, status, data1, data2 in rows:
        kind, key = status & 0xF0, (status & 0x0F, data1)
        if kind == _NOTE_ON:
            held[key] += 1
        elif kind == _NOTE_OFF:
            held[key] -= held[key] > 0
        elif kind == _CONTROL and data1 in _PEDALS:
            if data2 >= 64:
                pedals.add(key)
            else:
                pedals.discard(key)
    offs = [
        (_NOTE_OFF | channel, note, _RELEASE_VELOCITY)
        for (channel, note), count in held.items()
        for _ in range(count)
    ]
    return offs + [(_CONTROL | channel, pedal, 0) for channel, pedal in sorted(pedals)]
