# SPDX-License-Identifier: GPL-3.0-or-later
"""Where each block lies on the song's time line, heard through a clip whose samples tell their
own place."""

import numpy as np
import pytest

from host.engine_module import AudioClip
from tests.host.engines import clip_engine, noise, ramp, render

pytestmark = pytest.mark.sanitize

LENGTH = 20000
BLOCKS = [16, 100, 128, 333, 4096]


def looped(start: int, end: int, frames: int) -> list[int]:
    """Song frames that a playhead visits from 0 on, looping [start, end)."""
    places = []
    at = 0
    for _ in range(frames):
        places.append(at)
        at += 1
        if at == end:
            at = start
    return places


@pytest.mark.parametrize("block", BLOCKS)
def test_a_clip_is_played_exactly_where_it_lies(block: int) -> None:
    samples = noise(5000)
    engine = clip_engine(AudioClip(samples, start_frame=777), block)
    engine.play(True)
    heard = render(engine, LENGTH)
    wanted = np.zeros((2, LENGTH), dtype=np.float32)
    wanted[:, 777:5777] = samples
    np.testing.assert_array_equal(heard, wanted)


@pytest.mark.parametrize("block", BLOCKS)
def test_a_looping_clip_repeats_without_a_gap(block: int) -> None:
    samples = noise(1500)
    engine = clip_engine(AudioClip(samples, start_frame=50, loop=True), block)
    engine.play(True)
    heard = render(engine, LENGTH)
    wanted = np.zeros((2, LENGTH), dtype=np.float32)
    wanted[:, 50:] = np.tile(samples, 20)[:, : LENGTH - 50]
    np.testing.assert_array_equal(heard, wanted)


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("end", [8192, 9000, 12288 + 1])
def test_a_loop_repeats_exactly_even_where_its_end_is_a_block_s_end(block: int, end: int) -> None:
    engine = clip_engine(AudioClip(ramp(LENGTH)), block)
    engine.set_loop(1000, end)
    engine.play(True)
    heard = render(engine, 3 * LENGTH)
    np.testing.assert_array_equal(heard[0], looped(1000, end, 3 * LENGTH))


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("delay", [1, 64, 500, 5000])
def test_what_is_played_late_for_compensation_is_the_same_only_later(
    block: int, delay: int
) -> None:
    engine = clip_engine(AudioClip(ramp(LENGTH)), block, delays=[delay])
    engine.set_loop(1000, 8192)
    engine.play(True)
    heard = render(engine, 3 * LENGTH)
    wanted = [0] * delay + looped(1000, 8192, 3 * LENGTH - delay)
    np.testing.assert_array_equal(heard[0], wanted)


def test_a_late_player_follows_locate_and_stop_as_late_as_it_is() -> None:
    engine = clip_engine(AudioClip(ramp(LENGTH)), 100, delays=[250])
    engine.play(True)
    parts = [engine.render(5)]  # frames 0..500
    engine.locate(10000)
    parts.append(engine.render(5))
    engine.play(False)
    parts.append(engine.render(5))
    engine.play(True)
    parts.append(engine.render(5))
    heard = np.concatenate(parts, axis=1)[0]
    stopped = [0] * 500
    line = [*range(500), *range(10000, 10500), *stopped, *range(10500, 11000)]
    np.testing.assert_array_equal(heard, ([0] * 250 + line)[:2000])


def test_the_shown_position_wraps_with_the_loop() -> None:
    engine = clip_engine(AudioClip(ramp(LENGTH)), 128)
    engine.set_loop(0, 1280)
    engine.play(True)
    engine.render(10)
    assert engine.position_frames == 0
    engine.render(1)
    assert engine.position_frames == 128
    assert engine.playing
    engine.play(False)
    engine.render(3)
    assert engine.position_frames == 128
    assert not engine.playing


def test_nothing_is_played_before_play() -> None:
    engine = clip_engine(AudioClip(ramp(LENGTH)), 128)
    assert not engine.render(10).any()
