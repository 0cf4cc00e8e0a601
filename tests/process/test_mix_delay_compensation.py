# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that meets in the mix is aligned to the sample, whatever latency is on its way.

A clip and its inversion cancel exactly if they meet in time, and leave noise at full level if they
are one frame apart; so the tests listen for silence. A plugin that the machine made late changes
nothing, because its dry signal has its latency too.
"""

from pathlib import Path

import numpy as np
import pytest

from host.song import OnMiss
from tests.process.songs import (
    RATE,
    Audio,
    AudioSource,
    Master,
    Slot,
    Song,
    Track,
    midi_track,
    noise,
    offline,
    play,
    render,
    write_clip,
    write_midi,
)
from tests.process.stepping import stepped

pytestmark = pytest.mark.process

BLOCK = 256
LENGTH = 24 * BLOCK


class Media:
    """The clip, its inversion, and where they are."""

    def __init__(self, folder: Path) -> None:
        self.clip = noise(LENGTH)
        self.file = write_clip(folder / "clip.wav", self.clip)
        self.inverse = write_clip(folder / "inverse.wav", -self.clip)


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Media:
    return Media(tmp_path_factory.mktemp("media"))


def latencies(prefix: str, *frames: int, **fields: object) -> tuple[Slot, ...]:
    """Slots of so much latency; 0 is a plain gain."""
    return tuple(
        Slot(
            id=f"{prefix}{i}",
            plugin=f"builtin:latency?frames={n}" if n else "builtin:gain",
            **fields,  # type: ignore[arg-type]
        )
        for i, n in enumerate(frames)
    )


def track(track_id: str, file: str | None, *frames: int, **fields: object) -> Track:
    return Track(
        id=track_id,
        audio=AudioSource(file=file, loop=True) if file else None,
        chain=latencies(track_id, *frames),
        **fields,  # type: ignore[arg-type]
    )


def check_cancels(tracks: tuple[Track, ...], clip: Audio, **config: object) -> None:
    """All cancel; without the first, they do not: the last are the inverted clip."""
    master = Master(chain=latencies("m", 40))
    heard = render(Song(tracks=tracks, master=master), LENGTH, block=BLOCK, **config)
    assert not heard.any()


@pytest.mark.parametrize("frames", [1, 63, BLOCK, 1000, 5 * BLOCK + 1, 20000])
def test_a_latency_against_none_cancels(frames: int, media: Media) -> None:
    tracks = (track("a", media.file, frames), track("b", media.inverse))
    with offline(Song(tracks=tracks), block=BLOCK) as host:
        assert host.mix.latency_frames == frames
    check_cancels(tracks, media.clip)


def test_cancelling_is_not_silence_of_both(media: Media) -> None:
    tracks = (track("a", media.file, 700), track("b", media.inverse, mute=True))
    np.testing.assert_array_equal(render(Song(tracks=tracks), LENGTH, block=BLOCK), media.clip)


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("mode", ["relayed", "hosted"])
@pytest.mark.parametrize(
    "a, b",
    [((100, 0, 200), (0, 0)), ((0, 300), (300, 0, 0)), ((0, 0, 513), (77, 0, 1)), ((300,), (40,))],
)
def test_latencies_anywhere_in_chains_cancel(
    a: tuple[int, ...], b: tuple[int, ...], mode: str, batch: int, media: Media
) -> None:
    tracks = (track("a", media.file, *a), track("b", media.inverse, *b))
    check_cancels(tracks, media.clip, mode=mode, offline_batch=batch)


@pytest.mark.parametrize("pipelined", [False, True])
def test_groups_within_groups_cancel(pipelined: bool, media: Media) -> None:
    tracks = (
        track("a", media.file, 333, output="inner"),
        track("b", media.file, output="inner"),  # meets a in the group
        track("inner", None, 100, output="outer", pipelined=pipelined),
        track("c", media.inverse, output="outer"),
        track("outer", None, 0, 70),
        track("d", media.inverse, 5, output="other", pipelined=pipelined),
        track("other", None, pipelined=pipelined),  # no chain: nothing to pipeline
    )
    check_cancels(tracks, media.clip)


def test_a_group_with_a_clip_of_its_own_is_aligned_to_what_feeds_it(media: Media) -> None:
    tracks = (track("a", media.file, 900, output="group"), track("group", media.inverse, 10))
    check_cancels(tracks, media.clip)


@pytest.mark.parametrize("frames", [0, 1, 1000])
def test_a_pipelined_track_is_a_block_late_and_compensated(frames: int, media: Media) -> None:
    tracks = (track("a", media.file, frames, 0, pipelined=True), track("b", media.inverse, 17))
    with offline(Song(tracks=tracks), block=BLOCK) as host:
        assert host.mix.latency_frames == max(frames + BLOCK, 17)
    check_cancels(tracks, media.clip)


def test_a_wholly_pipelined_mix_cancels(media: Media) -> None:
    tracks = (
        track("a", media.file, 100, output="group"),
        track("group", None, 0),
        track("b", media.inverse, 0),
    )
    check_cancels(tracks, media.clip, mode="pipelined")


@pytest.mark.parametrize("pipelined", [False, True])
def test_a_bypassed_slot_keeps_its_latency(pipelined: bool, media: Media) -> None:
    slots = latencies("a", 600, bypassed=True) + latencies("x", 50)
    a = Track(id="a", audio=AudioSource(file=media.file), chain=slots, pipelined=pipelined)
    check_cancels((a, track("b", media.inverse)), media.clip)


def test_bypassing_while_it_plays_shifts_nothing(media: Media) -> None:
    song = Song(tracks=(track("a", media.file, 600, 50), track("b", media.inverse)))
    with offline(song, block=BLOCK) as host:
        for _ in range(3):
            assert np.abs(host.render(4)).max() < 1e-6
            host.set_bypass("a0", True)
            assert np.abs(host.render(4)).max() < 1e-6
            host.set_bypass("a0", False)
        # What came back is a plugin that has not run for a while: its old signal is never heard.
        assert np.abs(host.render(4)).max() < 1e-6


def test_a_pipelined_chain_is_aligned_again_once_a_bypass_has_passed_through(media: Media) -> None:
    a = track("a", media.file, 600, 50, pipelined=True)
    with offline(Song(tracks=(a, track("b", media.inverse))), block=BLOCK) as host:
        for bypassed in (True, False, True):
            assert np.abs(host.render(4)).max() < 1e-6
            host.set_bypass("a0", bypassed)
            host.render(650 // BLOCK + RATE // 10 // BLOCK)  # the latency, and the splice's decay
        assert np.abs(host.render(4)).max() < 1e-6


def test_a_slot_that_is_lost_and_found_stays_aligned(media: Media) -> None:
    slots = latencies("a", 500, on_miss=OnMiss.DRY)
    a = Track(id="a", audio=AudioSource(file=media.file, loop=True), chain=slots)
    b = Track(id="b", audio=AudioSource(file=media.inverse, loop=True))
    with stepped(Song(tracks=(a, b)), block=BLOCK) as steps:
        steps.render(10)
        for _ in range(2):
            steps.lose("a0")
            steps.render(10)
            steps.regain("a0")
            steps.render(10)
        pid = steps.stop("a0")
        steps.render(10)
        steps.go_on("a0", pid)
        steps.render(10)
        assert not steps.heard().any()
        assert steps.slot("a0").bypassed_blocks == 30


def key_song(
    media: Media,
    key_chain: tuple[int, ...],
    before_key: tuple[int, ...],
    key_fields: dict[str, object],
    fields: dict[str, object],
) -> Song:
    """`it` plays the inverted clip and hears the clip as its key, half of each: silence, if the key
    is in time at its slot. `key` is heard too, so that a lost key would not pass for silence."""
    listener = Slot(
        id="listener", plugin="builtin:key-listen", parameters={"0": 0.5}, sidechain="key"
    )
    it = Track(
        id="it",
        audio=AudioSource(file=media.inverse, loop=True),
        chain=(*latencies("before", *before_key), listener, *latencies("after", 33)),
        **fields,  # type: ignore[arg-type]
    )
    return Song(tracks=(it, track("key", media.file, *key_chain, **key_fields)))


@pytest.mark.parametrize("key_fields", [{}, {"pipelined": True}], ids=["", "key pipelined"])
@pytest.mark.parametrize("fields", [{}, {"pipelined": True}], ids=["", "pipelined"])
@pytest.mark.parametrize(
    "key_chain, before_key", [((700,), ()), ((0,), (700,)), ((100,), (100, 0)), ((), (1,))]
)
def test_a_side_chain_hears_its_key_in_time(
    key_chain: tuple[int, ...],
    before_key: tuple[int, ...],
    key_fields: dict[str, object],
    fields: dict[str, object],
    media: Media,
) -> None:
    song = key_song(media, key_chain, before_key, key_fields, fields)
    np.testing.assert_array_equal(render(song, LENGTH, block=BLOCK), media.clip)


def test_a_synth_is_delayed_with_the_rest(tmp_path: Path, media: Media) -> None:
    messages = [
        (100 + 999 * i, bytes([0x90 if i % 2 == 0 else 0x80, 60 + i // 2, 99])) for i in range(6)
    ]
    file = write_midi(tmp_path / "notes.mid", messages)
    synth = midi_track("s", file, "builtin:synth")
    alone = render(Song(tracks=(synth,)), LENGTH, block=BLOCK)
    assert np.abs(alone).max() > 0.01
    # Beside a latency that cancels, it is delayed by as much: the same sound.
    tracks = (synth, track("a", None, 777))
    np.testing.assert_array_equal(render(Song(tracks=tracks), LENGTH, block=BLOCK), alone)


def test_in_real_time_all_cancels_too(media: Media) -> None:
    key = key_song(media, (200,), (31,), {"mute": False}, {})
    tracks = (
        *key.tracks,  # the clip
        track("a", media.file, 333, output="group", pipelined=True),
        track("group", None, 0, pipelined=True),
        track("b", media.inverse, output="group"),
        track("c", media.inverse, 5, pipelined=True),  # against the clip
    )
    with play(Song(tracks=tracks), block=1024) as playing:
        playing.run(40)
        heard = playing.stop()
        late = sum(slot.bypassed_blocks for slot in playing.host.slots())
    # A listener that the machine made late is dry: it plays no key then, and is faded in again.
    assert np.count_nonzero(heard.any(axis=0)) <= late * (1024 + RATE // 10)
