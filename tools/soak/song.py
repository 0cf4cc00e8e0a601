# SPDX-License-Identifier: GPL-3.0-or-later
"""A song for the soak: real and built-in plugins, MIDI and audio, a group, a side-chain, latency,
a pipelined track, a standby, processes that are shared. Another one each time, so that every load
is of something else."""

import random
from pathlib import Path

import mido
import numpy as np
import soundfile

from host.song import AudioSource, Grouping, MidiSource, Slot, Song, Track
from tools.bench.common import PLUGIN as EQ

RATE = 48000
SYNTH = "lv2:http://drobilla.net/plugins/mda/EPiano"
_CLIP = "noise.wav"
_NOTES = "notes.mid"


def make_media(folder: Path) -> None:
    """Two seconds of noise, and notes that last."""
    samples = np.random.default_rng(1).uniform(-0.1, 0.1, (2 * RATE, 2)).astype(np.float32)
    soundfile.write(folder / _CLIP, samples, RATE, subtype="FLOAT")
    track = mido.MidiTrack()
    for note in (48, 55, 60, 64):
        track.append(mido.Message("note_on", note=note, velocity=80, time=0))
    track.append(mido.Message("note_off", note=48, time=480 * 40))
    file = mido.MidiFile(ticks_per_beat=480)
    file.tracks.append(track)
    file.save(folder / _NOTES)


def make_song(folder: Path, number: int) -> Song:
    """The song of round `number`."""
    dice = random.Random(number)
    clip = AudioSource(file=_CLIP, loop=True)
    eq = [Slot(id=f"eq{i}", plugin=EQ) for i in range(1 + dice.randrange(3))]
    if dice.random() < 0.4:
        eq.append(Slot(id="eq-kept", plugin=EQ, standby=True))
    tracks = [
        Track(id="drums", audio=clip, chain=tuple(eq), output="band"),
        Track(
            id="keys",
            midi=MidiSource(file=_NOTES),
            pipelined=dice.random() < 0.5,
            chain=(
                Slot(id="keys-synth", plugin=SYNTH),
                Slot(id="keys-gain", plugin="builtin:gain"),
            ),
        ),
        Track(
            id="voice",
            audio=clip,
            chain=(
                Slot(id="late", plugin=f"builtin:latency?frames={dice.randrange(1, 2000)}"),
                Slot(id="keyed", plugin="builtin:key-listen", sidechain="drums"),
            ),
        ),
        Track(id="band", chain=(Slot(id="band-gain", plugin="builtin:gain"),)),
    ]
    # Each song has a plugin that fails by itself, of another kind in turn.
    kinds = ("segv", "abort", "exit", "nan", "stack-overflow", "double-free", "spin", "deadlock")
    fault = Slot(id="faulty", plugin=f"fault:{kinds[number % len(kinds)]}?after=400")
    tracks.append(Track(id="guest", audio=clip, chain=(fault,)))
    return Song(
        name=f"soak {number}",
        tracks=tuple(tracks),
        folder=str(folder),
        grouping=dice.choice((Grouping.PLUGIN, Grouping.CHAIN, Grouping.ALL)),
    )
