# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes what the demo's tracks play: a MIDI file a part, and an audio file of drums.

Nothing comes from outside: the drums are synthesized here, so that the demo needs no samples and
still shows that audio files and MIDI files go through chains alike.
"""

from pathlib import Path

import mido
import numpy as np
from numpy.typing import NDArray

from host.audio_file import AudioWriter, SampleFormat
from host.user_file import AtomicFile
from tools.demo.score import BEAT_S, PARTS, TEMPO, Form, Hit, Note, drums, humanized

MEDIA_FOLDER = "isobooth-demo-media"
DRUMS_FILE = f"{MEDIA_FOLDER}/drums.wav"
DRUMS_PEAK = 0.5  # -6 dBFS: room for the chain behind

Mono = NDArray[np.float64]
_TICKS = 480  # a beat
_PANS = {"kick": 0.0, "snare": 0.05, "hat": 0.35, "open_hat": 0.35}  # -1 left … 1 right


def midi_file(part: str) -> str:
    """A part's MIDI file, as the song names it."""
    return f"{MEDIA_FOLDER}/{part}.mid"


def make_material(folder: Path, length_s: float, sample_rate: int) -> None:
    """Writes the media of a song of `length_s` seconds into `folder`."""
    form = Form.of(length_s)
    (folder / MEDIA_FOLDER).mkdir(exist_ok=True)
    for seed, (part, play) in enumerate(PARTS.items()):
        _write_midi(folder / midi_file(part), part, humanized(play(form), seed))
    kit = synthesize_drums(list(drums(form)), length_s, sample_rate)
    with AudioWriter(folder / DRUMS_FILE, sample_rate, SampleFormat.INT16) as writer:
        writer.write(kit)


def _write_midi(path: Path, part: str, notes: list[Note]) -> None:
    events: list[tuple[int, int, mido.Message]] = []  # tick, note-offs first, message
    for note in notes:
        begin, end = round(note.beat * _TICKS), round((note.beat + note.length) * _TICKS)
        on = mido.Message("note_on", note=note.key, velocity=note.velocity)
        events += [(begin, 1, on), (end, 0, mido.Message("note_off", note=note.key))]
    track = mido.MidiTrack()
    track.append(mido.MetaMessage("track_name", name=part))
    track.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(TEMPO)))
    before = 0
    for tick, _, message in sorted(events, key=lambda event: event[:2]):
        track.append(message.copy(time=tick - before))
        before = tick
    file = mido.MidiFile(ticks_per_beat=_TICKS)
    file.tracks.append(track)
    with AtomicFile(path) as output:
        file.save(file=output.file)


def synthesize_drums(hits: list[Hit], length_s: float, sample_rate: int) -> NDArray[np.float32]:
    """The kit, (2, frames) float32 with its peak at DRUMS_PEAK."""
    rng = np.random.default_rng(1)
    voices = {
        "kick": _kick(sample_rate),
        "snare": _snare(sample_rate, rng),
        "hat": _hat(sample_rate, rng, 0.035),
        "open_hat": _hat(sample_rate, rng, 0.16),
    }
    frames = round(length_s * sample_rate)
    mix = np.zeros((2, frames))
    for hit in hits:
        begin = round(hit.beat * BEAT_S * sample_rate)
        sound = hit.level * voices[hit.drum][: max(0, frames - begin)]
        angle = (_PANS[hit.drum] + 1.0) * np.pi / 4  # equal power
        mix[0, begin : begin + len(sound)] += np.cos(angle) * sound
        mix[1, begin : begin + len(sound)] += np.sin(angle) * sound
    peak = float(np.abs(mix).max()) or 1.0
    return (mix * (DRUMS_PEAK / peak)).astype(np.float32)


def _times(sample_rate: int, length_s: float) -> Mono:
    return np.arange(round(length_s * sample_rate)) / sample_rate


def _kick(sample_rate: int) -> Mono:
    """A sine that falls from 190 to 48 Hz within some 60 ms, and the click of a beater."""
    t = _times(sample_rate, 0.35)
    frequency = 48.0 + 142.0 * np.exp(-t / 0.022)
    body = np.sin(2 * np.pi * np.cumsum(frequency) / sample_rate) * np.exp(-t / 0.11)
    click = np.sin(2 * np.pi * 1800.0 * t) * np.exp(-t / 0.002)
    return 1.0 * _faded(np.tanh(1.6 * body) + 0.18 * click, sample_rate)


def _snare(sample_rate: int, rng: np.random.Generator) -> Mono:
    """Two modes of a skin, and wires: noise around 4 kHz that outlives them."""
    t = _times(sample_rate, 0.28)
    skin = np.sin(2 * np.pi * 186.0 * t) + 0.6 * np.sin(2 * np.pi * 331.0 * t)
    wires = _band(rng.standard_normal(len(t)), sample_rate, 1200.0, 9500.0)
    sound = 0.5 * skin * np.exp(-t / 0.045) + 0.9 * wires * np.exp(-t / 0.075)
    return 0.62 * _faded(sound, sample_rate)


def _hat(sample_rate: int, rng: np.random.Generator, decay_s: float) -> Mono:
    """Metal: noise above 7 kHz with six square waves in no simple ratio beating through it."""
    t = _times(sample_rate, min(0.5, decay_s * 5))
    tones = (3140.0, 4230.0, 5280.0, 6120.0, 7530.0, 8910.0)
    metal = sum((np.sign(np.sin(2 * np.pi * tone * t)) for tone in tones), np.zeros(len(t)))
    noise = rng.standard_normal(len(t)) + 0.35 * metal
    return 0.34 * _faded(
        _band(noise, sample_rate, 7000.0, 16000.0) * np.exp(-t / decay_s), sample_rate
    )


def _band(signal: Mono, sample_rate: int, low_hz: float, high_hz: float) -> Mono:
    """The signal between two frequencies (soft edges, half an octave wide), at an RMS of 0.35."""
    spectrum = np.fft.rfft(signal)
    frequency = np.maximum(1.0, np.fft.rfftfreq(len(signal), 1 / sample_rate))
    rise = 1 / (1 + (low_hz / frequency) ** 8)
    fall = 1 / (1 + (frequency / high_hz) ** 8)
    band = np.fft.irfft(spectrum * rise * fall, len(signal))
    return band * (0.35 / float(np.sqrt(np.mean(band**2))))


def _faded(sound: Mono, sample_rate: int) -> Mono:
    """Without a click at its end."""
    fade = min(len(sound), round(0.01 * sample_rate))
    sound[-fade:] *= np.linspace(1.0, 0.0, fade)
    return sound
