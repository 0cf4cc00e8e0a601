# SPDX-License-Identifier: GPL-3.0-or-later
"""Audio and MIDI files with damaged headers: a clip that the engine can play, or one line."""

import io
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from host.audio_file import read_audio
from host.midi_file import MAX_LENGTH_S, read_midi
from ipc.errors import InputError, MachineError
from tests.fuzz.budget import fuzz
from tests.fuzz.damage import damaged_bytes

RATE = 48000


def audio(container: str, subtype: str) -> bytes:
    samples = np.random.default_rng(1).uniform(-0.5, 0.5, (700, 2))
    file = io.BytesIO()
    soundfile.write(file, samples, 44100, format=container, subtype=subtype)
    return file.getvalue()


def midi(kind: int) -> bytes:
    tracks = []
    for channel in range(1 if kind == 0 else 2):
        track = mido.MidiTrack()
        track.append(mido.MetaMessage("set_tempo", tempo=400_000, time=0))
        track.append(mido.MetaMessage("track_name", name="strings", time=0))
        for note in range(60, 64):
            track.append(mido.Message("note_on", note=note, channel=channel, time=30))
            track.append(mido.Message("note_off", note=note, channel=channel, time=300))
        track.append(mido.Message("sysex", data=(1, 2, 3), time=0))
        tracks.append(track)
    file, made = io.BytesIO(), mido.MidiFile(type=kind, ticks_per_beat=480)
    made.tracks.extend(tracks)
    made.save(file=file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("container", "subtype"),
    [
        ("WAV", "PCM_16"),
        ("WAV", "FLOAT"),
        ("AIFF", "PCM_24"),
        ("FLAC", "PCM_16"),
        ("OGG", "VORBIS"),
    ],
)
def test_a_damaged_audio_file_is_a_clip_or_one_line(
    container: str, subtype: str, tmp_path: Path
) -> None:
    path = tmp_path / "a"

    @fuzz(60)
    @given(damaged_bytes(st.just(audio(container, subtype)), header=60, least=1))
    def read(data: bytes) -> None:
        path.write_bytes(data)
        try:
            clip = read_audio(path, RATE)
        except (InputError, MachineError) as error:
            assert str(error).startswith(f"{path}: ")
            assert str(error).isprintable()
        else:
            assert clip.samples.shape == (2, clip.frames)
            assert clip.samples.dtype == np.float32
            assert clip.frames > 0
            assert np.isfinite(clip.samples).all()
            assert all(line.isprintable() for line in clip.warnings)

    read()


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_a_damaged_midi_file_is_a_clip_or_one_line(kind: int, tmp_path: Path) -> None:
    path = tmp_path / "a.mid"

    @fuzz(150)
    @given(damaged_bytes(st.just(midi(kind)), least=1))
    def read(data: bytes) -> None:
        path.write_bytes(data)
        try:
            clip = read_midi(path, RATE)
        except (InputError, MachineError) as error:
            assert str(error).startswith(f"{path}: ")
            assert str(error).isprintable()
        else:
            frames = clip.events["frame"]
            assert (np.diff(frames) >= 0).all()
            assert 0 <= clip.length_frames <= (MAX_LENGTH_S + 1) * RATE * 4
            assert len(frames) == 0 or (frames[0] >= 0 and frames[-1] <= clip.length_frames)
            assert (clip.events["status"] >= 0x80).all()
            assert (clip.events["data1"] < 0x80).all() and (clip.events["data2"] < 0x80).all()

    read()
