# SPDX-License-Identifier: GPL-3.0-or-later
"""Offline, a song is the same bits whatever the block size, at every rate, and each plugin's sum is
what arithmetic says it is."""

from pathlib import Path

import numpy as np
import pytest

from host.config import ChainMode
from tests.process.songs import (
    Audio,
    Master,
    Slot,
    Song,
    Track,
    audio_track,
    chain,
    midi_track,
    noise,
    offline,
    render,
    write_clip,
    write_midi,
)

pytestmark = pytest.mark.process

LENGTH = 12000
BLOCKS = [16, 100, 128, 441, 1024, 4096]
RATES = [32000, 44100, 48000, 96000, 192000]

# Chords and short notes at frames that are no multiple of anything.
NOTES = [
    (start, start + length, note)
    for start, length, note in [(7, 5000, 60), (130, 999, 64), (1001, 1, 67), (4095, 4097, 72)]
]


def rich_song(folder: Path, rate: int) -> Song:
    """Clips, MIDI, a group, a side-chain, latencies, every kind of built-in device."""
    clip = write_clip(folder / f"clip{rate}.wav", noise(LENGTH), rate)
    other = write_clip(folder / f"other{rate}.wav", noise(5000, seed=2), rate)
    midi = write_midi(
        folder / f"notes{rate}.mid",
        [(on, bytes([0x90, note, 90])) for on, _, note in NOTES]
        + [(off, bytes([0x80, note, 64])) for _, off, note in NOTES],
        rate,
    )
    up = Slot(id="up", plugin="builtin:midi-transpose", parameters={"Semitones": "12"})
    synth = Slot(id="synth", plugin="builtin:synth", parameters={"Attack": "0.002 s"})
    keyed = Slot(
        id="keyed", plugin="builtin:key-listen", parameters={"Mix": "30 %"}, sidechain="key"
    )
    return Song(
        sample_rate=rate,
        tracks=(
            audio_track("key", other, "builtin:latency?frames=50", gain_db=-3.0),
            audio_track("a", clip, "builtin:gain", "builtin:latency?frames=333", pan=0.3),
            Track(
                id="b",
                midi=midi_track("m", midi).midi,
                chain=(up, synth, keyed),
                output="group",
            ),
            audio_track("c", other, "pedalboard:Gain", output="group"),
            Track(id="group", chain=chain("builtin:latency?frames=5", prefix="group")),
            Track(id="tone", chain=chain("builtin:tone", prefix="tone"), gain_db=-12.0),
        ),
        master=Master(chain=chain("builtin:gain", prefix="master"), gain_db=-1.5),
    )


@pytest.mark.parametrize("rate", RATES)
def test_a_song_is_the_same_bits_at_every_block_size(rate: int, tmp_path: Path) -> None:
    song = rich_song(tmp_path, rate)
    heard = {
        block: render(song, LENGTH, block=block, sample_rate=rate)
        for block in (BLOCKS if rate in (44100, 48000) else [16, 333, 4096])
    }
    first, *others = heard.values()
    assert np.abs(first).max() > 0.1
    for block, audio in zip(list(heard)[1:], others, strict=True):
        np.testing.assert_array_equal(audio, first, err_msg=f"block {block}")


@pytest.mark.parametrize("mode", ["relayed", "hosted", "pipelined"])
def test_a_song_is_the_same_bits_in_every_mode(mode: ChainMode, tmp_path: Path) -> None:
    song = rich_song(tmp_path, 48000)
    reference = render(song, LENGTH, block=128)
    np.testing.assert_array_equal(render(song, LENGTH, block=128, mode=mode), reference)


def test_rendering_twice_gives_the_same_bits(tmp_path: Path) -> None:
    song = rich_song(tmp_path, 48000)
    np.testing.assert_array_equal(render(song, LENGTH), render(song, LENGTH))


def test_the_length_of_a_request_changes_nothing(tmp_path: Path) -> None:
    song = rich_song(tmp_path, 48000)
    with offline(song, block=64) as host:
        whole = host.render(60)
    with offline(song, block=64) as host:
        parts = [host.render(blocks) for blocks in (1, 7, 30, 2, 20)]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole)


@pytest.mark.parametrize("block", [16, 441, 4096])
def test_a_chain_of_gains_is_their_product(block: int, tmp_path: Path) -> None:
    clip = noise(LENGTH)
    file = write_clip(tmp_path / "clip.wav", clip)
    slots = tuple(
        Slot(id=f"g{i}", plugin="builtin:gain", parameters={"Gain": f"{db} dB"})
        for i, db in enumerate((-6.0, 3.5, 0.0, -1.25))
    )
    track = audio_track("t", file)
    song = Song(tracks=(Track(id="t", audio=track.audio, chain=slots),))
    wanted: Audio = clip
    for db in (-6.0, 3.5, 0.0, -1.25):
        wanted = wanted * np.float32(10 ** (db / 20))
    np.testing.assert_allclose(render(song, LENGTH, block=block), wanted, rtol=1e-5)


def test_tracks_are_summed_in_one_order(tmp_path: Path) -> None:
    """Float sums depend on the order: it is the song's, not that of who is ready first."""
    clips = [noise(LENGTH, seed=i) for i in range(6)]
    files = [write_clip(tmp_path / f"{i}.wav", clip) for i, clip in enumerate(clips)]
    tracks = tuple(audio_track(f"t{i}", file, "builtin:gain") for i, file in enumerate(files))
    wanted = np.zeros_like(clips[0])
    for clip in clips:
        wanted = wanted + clip
    np.testing.assert_array_equal(render(Song(tracks=tracks), LENGTH), wanted)
