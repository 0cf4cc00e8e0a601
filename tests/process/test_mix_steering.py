# SPDX-License-Identifier: GPL-3.0-or-later
"""Faders, mutes, solos and bypasses, moved while the mix plays: every move arrives, the newest
value wins however many were made at once, and none clicks.

Clips are whole multiples of 2^-10, so that any sum of them is exact in any order.
"""

import time
from pathlib import Path

import numpy as np
import pytest

from host.engine_module import LOGGED_STRIPS
from host.host import Host
from ipc.errors import InputError
from tests.process.songs import (
    RATE,
    Audio,
    AudioSource,
    Slot,
    Song,
    Track,
    audio_track,
    offline,
    sine,
    write_clip,
)

pytestmark = pytest.mark.process

RING = 8192  # commands that the audio thread's ring holds
LEVEL = 0.5


def coarse(seed: int, frames: int = 4096) -> Audio:
    rng = np.random.default_rng(seed)
    return (rng.integers(-512, 512, (2, frames)) / 1024).astype(np.float32)


def constant_song(folder: Path, *plugins: str) -> Song:
    """A constant signal: the sharpest ear for a step of level."""
    file = write_clip(folder / "constant.wav", np.full((2, 1024), LEVEL, np.float32))
    track = audio_track("t", file, *plugins)
    return Song(tracks=(Track(id="t", audio=AudioSource(file=file, loop=True), chain=track.chain),))


def settle(host: Host, seconds: float = 0.1) -> Audio:
    return host.render(-(-int(seconds * RATE) // host.config.engine_frames))


# ---------------------------------------------------------------- moves do not click


MOVES = [
    ("gain", (-60.0,), (0.001, 0.001)),
    ("gain", (6.0,), (10 ** (6 / 20), 10 ** (6 / 20))),
    ("gain", (-200.0,), (0.0, 0.0)),
    ("pan", (-1.0,), (1.0, 0.0)),
    ("pan", (1.0,), (0.0, 1.0)),
    ("pan", (0.25,), (0.75, 1.0)),
    ("mute", (True,), (0.0, 0.0)),
]


@pytest.mark.parametrize("block", [16, 64, 100, 1024])
@pytest.mark.parametrize("strip", ["t", "master"])
def test_a_fader_moves_in_a_ramp_to_its_value(strip: str, block: int, tmp_path: Path) -> None:
    with offline(constant_song(tmp_path), block=block) as host:
        settle(host, 0.01)
        for kind, wanted, gains in MOVES:
            rest = {"gain": 0.0, "pan": 0.0, "mute": False}[kind]
            set_to = getattr(host, f"set_{kind}")
            before = host.render(1)[:, -1:]
            set_to(strip, *wanted)
            there = np.concatenate([before, settle(host, 0.05)], axis=1)
            set_to(strip, rest)
            back = np.concatenate([there[:, -1:], settle(host, 0.05)], axis=1)
            for side in range(2):
                assert there[side, -1] == pytest.approx(LEVEL * gains[side], abs=1e-6)
                assert back[side, -1] == LEVEL  # unity is exact
                for move in (there[side], back[side]):
                    steps = np.diff(move)
                    assert np.abs(steps).max() <= 1.01 * abs(gains[side] - 1) * LEVEL / 64 + 1e-6
                    assert (steps >= -1e-6).all() or (steps <= 1e-6).all()  # never overshoots


@pytest.mark.parametrize("block", [32, 256])
def test_wild_moves_do_not_click(block: int, tmp_path: Path) -> None:
    clip = sine(RATE, 400.0, LEVEL)
    file = write_clip(tmp_path / "sine.wav", clip)
    slots = (Slot(id="g", plugin="builtin:gain"), Slot(id="h", plugin="builtin:gain"))
    song = Song(tracks=(Track(id="t", audio=AudioSource(file=file, loop=True), chain=slots),))
    rng = np.random.default_rng(3)
    parts = []
    with offline(song, block=block) as host:
        parts.append(settle(host))
        for _ in range(150):
            match rng.integers(5):
                case 0:
                    host.set_gain("t", rng.uniform(-60.0, 0.0))
                case 1:
                    host.set_pan("t", rng.uniform(-1.0, 1.0))
                case 2:
                    host.set_mute("t", bool(rng.integers(2)))
                case 3:
                    host.set_bypass("gh"[rng.integers(2)], bool(rng.integers(2)))
                case _:
                    host.set_parameter("g", 0, rng.uniform(0.4, 90 / 114))
            parts.append(host.render(int(rng.integers(1, 6))))
    heard = np.concatenate(parts, axis=1)
    own_step = np.abs(np.diff(clip)).max()
    assert np.abs(np.diff(heard)).max() <= 3 * own_step + LEVEL / 64
    assert np.abs(heard).max() <= 1.12 * LEVEL  # never more than 1 dB louder


@pytest.mark.parametrize("block", [16, 128, 1024])
def test_bypassing_a_loud_or_quiet_slot_glides(block: int, tmp_path: Path) -> None:
    with offline(constant_song(tmp_path, "builtin:gain"), block=block) as host:
        for decibels in (-40.0, 12.0):
            host.set_parameter("t0", 0, (decibels + 90) / 114)
            parts = [settle(host)[:, -1:]]
            factor = 10 ** (decibels / 20)
            assert parts[0][0, 0] == pytest.approx(LEVEL * factor, rel=1e-3)
            host.set_bypass("t0", True)
            parts.append(settle(host))
            assert parts[-1][0, -1] == pytest.approx(LEVEL, abs=1e-5)
            host.set_bypass("t0", False)
            parts.append(settle(host))
            assert parts[-1][0, -1] == pytest.approx(LEVEL * factor, rel=1e-3)
            heard = np.concatenate(parts, axis=1)
            # The fastest is the offset's first frame: 1/192 of the way.
            assert np.abs(np.diff(heard)).max() <= 1.05 * abs(factor - 1) * LEVEL / 192


def test_values_that_are_none_are_refused(tmp_path: Path) -> None:
    with offline(constant_song(tmp_path)) as host:
        for wrong in (float("nan"), 25.0, float("inf")):
            with pytest.raises(InputError, match="t: a gain"):
                host.set_gain("t", wrong)
        for wrong in (float("nan"), -1.1, 7.0):
            with pytest.raises(InputError, match="t: a pan"):
                host.set_pan("t", wrong)
        with pytest.raises(InputError, match="no track 'x'"):
            host.set_gain("x", 0.0)
        assert (host.render(8)[:, -1] == LEVEL).all()


# ---------------------------------------------------------------- more commands than the ring holds


def drain(host: Host) -> None:
    """Blocks, with time for the control thread to send what waited, until nothing waits."""
    deadline = time.monotonic() + 30.0
    while len(host._supervisor.commands):
        assert time.monotonic() < deadline, "commands wait for ever"
        host.render(10)
        time.sleep(0.005)
    host.render(10)


def test_with_a_full_ring_the_newest_value_of_each_target_wins(tmp_path: Path) -> None:
    files = [write_clip(tmp_path / f"{i}.wav", np.full((2, 64), 1.0, np.float32)) for i in range(2)]
    song = Song(
        tracks=tuple(
            Track(
                id=f"t{i}",
                audio=AudioSource(file=files[0], loop=True),
                chain=(Slot(id=f"g{i}", plugin="builtin:gain"),) if i < 2 else (),
                mute=i >= 4,
            )
            for i in range(6)
        )
    )
    with offline(song, block=64) as host:
        host.render(2)
        sent = 0
        for turn in range(RING // 8 + 300):
            host.set_gain("t2", -float(turn % 60))
            host.set_pan("t2", (turn % 100) / 100)
            host.set_gain("t3", -float(turn % 50))
            host.set_mute("t4", turn % 2 == 0)
            host.set_mute("t1", turn % 2 == 1)
            host.set_parameter("g0", 0, turn % 100 / 100)
            host.set_parameter("g1", 0, turn % 90 / 100)
            host.set_bypass("g1", turn % 2 == 0)
            sent += 8
        assert sent > RING + 1000
        # The last words:
        host.set_gain("t2", -120.0)
        host.set_gain("t3", -20.0)
        host.set_mute("t4", False)
        host.set_mute("t1", True)
        host.set_parameter("g0", 0, 90 / 114)
        host.set_parameter("g1", 0, 0.25)
        host.set_bypass("g1", False)
        host.set_gain("master", -6.0)
        drain(host)
        assert host.parameters("g0") == pytest.approx([90 / 114])
        assert host.parameters("g1") == pytest.approx([0.25])
        heard = settle(host, 0.2)[:, -1]
        reports = {slot.id: slot for slot in host.slots()}
        assert reports["g1"].status == "active"
    # t0 at 0 dB, t1 muted, t2 at nothing, t3 at -20 dB, t4 not muted any more.
    np.testing.assert_allclose(heard, (1.0 + 0.1 + 1.0) * 10 ** (-6 / 20), rtol=1e-4)


def test_a_full_ring_does_not_keep_the_transport_from_the_last_word(tmp_path: Path) -> None:
    clip = coarse(1)
    file = write_clip(tmp_path / "clip.wav", clip)
    with offline(Song(tracks=(audio_track("t", file),)), block=64) as host:
        for turn in range(RING + 100):
            host.set_pan("t", turn % 2)
        host.set_pan("t", 0.0)
        host.play(False)
        host.locate(1000)
        drain(host)
        assert not host.render(1).any()
        host.play()
        np.testing.assert_array_equal(host.render(20), clip[:, 1000 : 1000 + 20 * 64])


# ---------------------------------------------------------------- routing and solo


def grouped_song(folder: Path, **fields: dict[str, object]) -> tuple[Song, dict[str, Audio]]:
    """Eight tracks with clips: two in `g`, two in `h`, which is in `g` as well, four in none.
    `fields` are by track."""
    outputs = {"a": "g", "b": "g", "c": "h", "d": "h"}
    clips = {name: coarse(i) for i, name in enumerate("abcdwxyz")}
    tracks = [
        Track(
            id=name,
            audio=AudioSource(file=write_clip(folder / f"{name}.wav", clip)),
            chain=(Slot(id=f"s{name}", plugin="builtin:gain"),) if name in "acw" else (),
            output=outputs.get(name, "master"),
            **fields.get(name, {}),  # type: ignore[arg-type]
        )
        for name, clip in clips.items()
    ]
    g = Slot(id="sg", plugin="builtin:latency?frames=100")
    tracks.append(Track(id="g", chain=(g,), **fields.get("g", {})))  # type: ignore[arg-type]
    tracks.append(Track(id="h", output="g", **fields.get("h", {})))  # type: ignore[arg-type]
    return Song(tracks=tuple(tracks)), clips


def heard_of(host: Host, blocks: int = 8) -> Audio:
    latency = host.mix.latency_frames
    return host.render(blocks)[:, latency:]


def check_sum(heard: Audio, clips: dict[str, Audio], names: str) -> None:
    wanted = sum((clips[name] for name in names), np.zeros((2, 4096), np.float32))
    np.testing.assert_array_equal(heard, wanted[:, : heard.shape[1]])


@pytest.mark.parametrize(
    "fields, names",
    [
        ({}, "abcdwxyz"),
        ({"a": {"mute": True}, "h": {"mute": True}}, "bwxyz"),
        ({"w": {"solo": True}}, "w"),
        ({"a": {"solo": True}}, "a"),  # through its group
        ({"g": {"solo": True}}, "abcd"),  # all that the group is made of
        ({"h": {"solo": True}}, "cd"),
        ({"c": {"solo": True}, "x": {"solo": True}}, "cx"),
        ({"h": {"solo": True}, "c": {"mute": True}}, "d"),  # mute wins
        ({"x": {"solo": True, "mute": True}}, ""),
        ({"g": {"mute": True}, "a": {"solo": True}}, ""),
        ({"a": {"pan": -1.0, "solo": True}}, "a"),
    ],
    ids=str,
)
def test_eight_tracks_with_groups(
    fields: dict[str, dict[str, object]], names: str, tmp_path: Path
) -> None:
    song, clips = grouped_song(tmp_path, **fields)
    if "pan" in fields.get("a", {}):
        clips["a"] = clips["a"] * np.array([[1.0], [0.0]], np.float32)
    with offline(song) as host:
        check_sum(heard_of(host), clips, names)


def test_unmuting_does_not_undo_the_solo_of_others(tmp_path: Path) -> None:
    song, clips = grouped_song(tmp_path, a={"solo": True}, b={"mute": True})
    with offline(song) as host:
        for track in "abwgh":
            host.set_mute(track, True)
        host.render(1)  # the way down
        assert not host.render(1).any()
        for track in "abwgh":
            host.set_mute(track, False)
        host.render(1)
        host.locate(0)
        host.render(1)  # what is left in the latency of `g`
        host.locate(0)
        heard = host.render(8)
        check_sum(heard[:, 100:], clips, "a")


def test_forty_strips(tmp_path: Path) -> None:
    count = 40
    clips = [coarse(i) / np.float32(16) for i in range(count)]
    tracks = [
        Track(
            id=f"t{i}",
            audio=AudioSource(file=write_clip(tmp_path / f"{i}.wav", clip)),
            pan=(i % 3) - 1.0,
        )
        for i, clip in enumerate(clips)
    ]
    with offline(Song(tracks=tuple(tracks)), block=128) as host:
        heard = host.render(16)
        sides = [np.array([[pan <= 0], [pan >= 0]], np.float32) for pan in (-1, 0, 1)]
        wanted = np.sum([clip * sides[i % 3] for i, clip in enumerate(clips)], axis=0)
        np.testing.assert_array_equal(heard, wanted[:, : heard.shape[1]])
        # Meters: of each strip's last block, and of the first strips in the block log.
        last = slice(heard.shape[1] - 128, heard.shape[1])
        for i, clip in enumerate(clips):
            peaks = np.abs(clip * sides[i % 3])[:, last].max(axis=1)
            assert host.mix.strip(f"t{i}").native.peaks == pytest.approx(tuple(peaks))
        logged = host.engine.read_blocks()["peaks"]
        assert logged.shape == (16, LOGGED_STRIPS)
        for i in range(min(count, LOGGED_STRIPS)):
            peak = float(np.abs(clips[i] * sides[i % 3])[:, last].max())
            assert logged[-1, i] == pytest.approx(peak)
