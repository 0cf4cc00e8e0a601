# SPDX-License-Identifier: GPL-3.0-or-later
"""Loads what a song's tracks play, at the engine's rate, into the engine's clips."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from host.audio_file import read_audio
from host.engine_module import AudioClip, MidiClip
from host.json_fields import error_at
from host.midi_file import read_midi
from host.song import SILENCE_DB, Song, Track
from host.user_file import path_text
from ipc.errors import InputError


@dataclass(frozen=True)
class TrackMedia:
    audio: AudioClip | None
    midi: MidiClip | None
    end_frame: int  # where the last of it ends
    notes: list[str]  # what a user should know, e.g. channels that are not heard
    samples: NDArray[np.float32] | None = None  # of `audio`, (2, frames)
    events: NDArray[np.void] | None = None  # of `midi`, from its file's start: frame, status, …


NO_MEDIA = TrackMedia(None, None, 0, [])


def load_media(song: Song, track: Track, sample_rate: int) -> TrackMedia:
    """Raises InputError for a file that cannot be used; where the song is a file itself, the
    message begins with its name and the field."""
    audio: AudioClip | None = None
    midi: MidiClip | None = None
    samples: NDArray[np.float32] | None = None
    events: NDArray[np.void] | None = None
    end = 0
    notes: list[str] = []
    if track.audio is not None:
        with _naming(song, track, "audio.file"):
            clip = read_audio(song.locate(track.audio.file), sample_rate)
        start = round(track.audio.start_s * sample_rate)
        samples = np.ascontiguousarray(clip.samples, dtype=np.float32)
        audio = AudioClip(samples, start, decibels(track.audio.gain_db), track.audio.loop)
        end = start + clip.frames
        notes.extend(clip.warnings)
    if track.midi is not None:
        start = round(track.midi.start_s * sample_rate)
        with _naming(song, track, "midi.file"):
            notes_clip = read_midi(
                song.locate(track.midi.file),
                sample_rate,
                track=track.midi.track,
                channel=track.midi.channel,
            )
        events = notes_clip.events
        if notes_clip.skipped_sysex:
            notes.append(
                f"{path_text(track.midi.file)}: its system exclusive messages "
                f"({notes_clip.skipped_sysex}) are left out; plugins get channel messages only"
            )
        if notes_clip.silence:
            notes.append(f"{path_text(track.midi.file)} {notes_clip.silence}")
        midi = midi_clip(events, start)
        end = max(end, start + notes_clip.length_frames)
    return TrackMedia(audio, midi, end, notes, samples, events)


def midi_clip(events: NDArray[np.void], start_frame: int = 0) -> MidiClip:
    """Of a MIDI file's events (host/midi_file.py), for the engine."""
    data = np.stack([events["status"], events["data1"], events["data2"]], axis=1)
    return MidiClip(
        np.ascontiguousarray(events["frame"] + start_frame, dtype=np.int64),
        np.ascontiguousarray(data, dtype=np.uint8),
    )


def is_same_media(old_song: Song, old: Track | None, song: Song, track: Track) -> bool:
    """Whether what `old` plays is what `track` does."""
    if old is None or (old.audio, old.midi) != (track.audio, track.midi):
        return False
    sources = [one for one in (track.audio, track.midi) if one is not None]
    return all(old_song.locate(one.file) == song.locate(one.file) for one in sources)


@contextlib.contextmanager
def _naming(song: Song, track: Track, field: str) -> Iterator[None]:
    try:
        yield
    except InputError as error:
        if not song.source:
            raise
        at = next(index for index, one in enumerate(song.tracks) if one is track)
        raise error_at(song.source, f"tracks[{at}].{field}", str(error)) from None


def decibels(db: float) -> float:
    """Linear gain; 0 dB is exactly 1, -120 dB and below is silence."""
    if db == 0.0:
        return 1.0
    return 0.0 if db <= SILENCE_DB else float(10.0 ** (db / 20.0))
