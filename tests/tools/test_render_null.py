# SPDX-License-Identifier: GPL-3.0-or-later
"""The null test: an offline render is, bit for bit, what the plugins do in one process.

No tolerance anywhere. Floats are compared as integers, so that even the sign of a zero counts.
"""

from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest
import soundfile

from host.midi_file import read_midi
from host.song import AudioSource, Master, MidiSource, Slot, Song, Track
from tests.fixtures.in_process import Audio, Reference
from tools.render.one import render

pytestmark = pytest.mark.process

ZAM_EQ = "vst3:/usr/lib/vst3/ZamEQ2.vst3"  # mono: two instances
ZAM_MAXIM = "vst3:/usr/lib/vst3/ZaMaximX2.vst3"  # 10 ms of latency
DELAY = "lv2:http://drobilla.net/plugins/mda/Delay"
PLATE = "ladspa:/usr/lib/ladspa/plate_1423.so#plate"  # mono in, stereo out
ZAM_COMP = "clap:/usr/lib/clap/ZamCompX2.clap"
PIANO = "lv2:http://drobilla.net/plugins/mda/EPiano"
PARAMETERS = {
    ZAM_EQ: {"Boost/Cut 1": 0.9, "Frequency 1": 0.2},
    DELAY: {"Feedback": 0.6, "FX Mix": 0.5},
    PLATE: {"Dry/wet mix": 0.4},
    ZAM_COMP: {"Threshold": 0.4, "Ratio": 0.7},
    ZAM_MAXIM: {"Threshold": 0.5},
}
TAIL_S = 0.1


def _noise(sample_rate: int) -> Audio:
    """Odd in length, with silence in it and at its end, where zeros have signs."""
    frames = sample_rate // 4 + 137
    audio = 0.2 * np.random.default_rng(7).standard_normal((2, frames))
    audio[:, frames // 3 : frames // 2] = 0.0
    audio[:, -frames // 8 :] = 0.0
    return audio.astype(np.float32)


def _slots(plugins: list[str]) -> tuple[Slot, ...]:
    return tuple(
        Slot(id=f"slot{i}", plugin=plugin, parameters=dict(PARAMETERS.get(plugin, {})))
        for i, plugin in enumerate(plugins)
    )


def _assert_same_bits(rendered: Path, expected: Audio) -> None:
    audio, _ = soundfile.read(rendered, dtype="float32", always_2d=True)
    got = np.ascontiguousarray(audio.T)
    assert got.shape == expected.shape
    assert np.abs(expected).max() > 0.01
    different = np.argwhere(got.view(np.uint32) != expected.view(np.uint32))
    assert len(different) == 0, f"{len(different)} samples differ, the first at {different[0]}"


def _check(
    folder: Path,
    plugins: list[str],
    *,
    sample_rate: int = 48000,
    block_frames: int = 128,
    master: int = 0,
    **settings: Any,
) -> None:
    """`master`: how many of the plugins, the last ones, are the master's."""
    audio = _noise(sample_rate)
    soundfile.write(folder / "in.wav", audio.T, sample_rate, subtype="FLOAT")
    slots = _slots(plugins)
    track = len(slots) - master
    song = Song(
        sample_rate=sample_rate,
        tail_s=TAIL_S,
        tracks=(
            Track(id="in", audio=AudioSource(file=str(folder / "in.wav")), chain=slots[:track]),
        ),
        master=Master(chain=slots[track:]),
    )
    out = folder / "out.wav"
    report = render(song, out, block_frames=block_frames, sample_format="float", **settings)
    assert report.attempts == 1
    frames = audio.shape[1] + round(TAIL_S * sample_rate)
    reference = Reference(plugins, sample_rate, block_frames, PARAMETERS)
    _assert_same_bits(out, reference.render(audio, frames, folder))


@pytest.mark.parametrize("plugin", [ZAM_EQ, DELAY, PLATE, ZAM_MAXIM, ZAM_COMP])
def test_each_format_renders_to_its_own_bits(tmp_path: Path, plugin: str) -> None:
    _check(tmp_path, [plugin])


@pytest.mark.parametrize(
    ("block_frames", "sample_rate"),
    [(16, 48000), (16, 192000), (64, 32000), (100, 44100), (512, 96000), (4096, 32000)],
)
def test_a_chain_of_all_formats_is_exact_at_every_block_size_and_rate(
    tmp_path: Path, block_frames: int, sample_rate: int
) -> None:
    plugins = [ZAM_EQ, DELAY, PLATE, ZAM_COMP, ZAM_MAXIM]
    _check(tmp_path, plugins, sample_rate=sample_rate, block_frames=block_frames)


def test_the_largest_blocks_at_the_highest_rate_are_exact(tmp_path: Path) -> None:
    _check(tmp_path, [ZAM_EQ, DELAY, PLATE], sample_rate=192000, block_frames=4096)


def test_a_pipelined_render_is_the_same(tmp_path: Path) -> None:
    _check(tmp_path, [ZAM_EQ, DELAY, ZAM_MAXIM], pipelined=True)


def test_the_way_through_track_and_master_changes_no_bit(tmp_path: Path) -> None:
    _check(tmp_path, [ZAM_EQ, DELAY, PLATE], master=2)


def test_an_instrument_gets_every_note_on_its_sample(tmp_path: Path) -> None:
    rate, block = 48000, 64
    file = mido.MidiFile(ticks_per_beat=960)
    notes = mido.MidiTrack()
    file.tracks.append(notes)
    for number in range(6):
        notes.append(mido.Message("note_on", note=60 + number, velocity=90, time=77))
        notes.append(mido.Message("note_off", note=60 + number, velocity=0, time=141))
    file.save(tmp_path / "in.mid")
    clip = read_midi(tmp_path / "in.mid", rate)
    midi = [
        (int(e["frame"]), bytes([e["status"], e["data1"], e["data2"]]).hex()) for e in clip.events
    ]
    song = Song(
        sample_rate=rate,
        tail_s=TAIL_S,
        tracks=(
            Track(
                id="keys",
                midi=MidiSource(file=str(tmp_path / "in.mid")),
                chain=_slots([PIANO, ZAM_EQ]),
            ),
        ),
    )
    report = render(song, tmp_path / "out.wav", block_frames=block, sample_format="float")
    reference = Reference([PIANO, ZAM_EQ], rate, block, PARAMETERS, midi)
    frames = round(report.duration_s * rate)
    assert frames >= clip.length_frames
    silence = np.zeros((2, 1), np.float32)
    _assert_same_bits(tmp_path / "out.wav", reference.render(silence, frames, tmp_path))
