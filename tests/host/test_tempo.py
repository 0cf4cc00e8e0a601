# SPDX-License-Identifier: GPL-3.0-or-later
"""Ticks become the nearest frame, however many tempo changes lie before them."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.tempo import TempoMap


def test_without_a_tempo_a_beat_lasts_half_a_second() -> None:
    assert TempoMap(480).frame_at(480, 48000) == 24000


def test_a_tick_between_two_frames_gets_the_nearer_one() -> None:
    tempo = TempoMap(10, [(0, 1_000_000)])
    assert [tempo.frame_at(tick, 1) for tick in (4, 5, 14, 15, 16)] == [0, 1, 1, 2, 2]


def test_tempo_changes_count_from_their_tick() -> None:
    tempo = TempoMap(100, [(100, 1_000_000), (300, 250_000)])
    assert [tempo.frame_at(tick, 1000) for tick in (0, 50, 100, 200, 300, 400)] == [
        0,
        250,
        500,
        1500,
        2500,
        2750,
    ]


def test_of_two_changes_at_one_tick_the_last_counts() -> None:
    assert TempoMap(1, [(0, 1), (0, 2_000_000)]).frame_at(3, 10) == 60


def test_a_million_beats_do_not_drift() -> None:
    tempo = TempoMap(3, [(0, 333_333)])
    assert tempo.frame_at(3_000_000, 44100) == round(Fraction(333_333 * 44100))


@pytest.mark.parametrize(
    ("fps", "ticks", "seconds"),
    [(24, 4, 24 * 4), (25, 40, 25 * 40), (30, 80, 30 * 80)],
)
def test_film_frames_ignore_the_tempo(fps: int, ticks: int, seconds: int) -> None:
    division = (-fps << 8) | ticks
    assert TempoMap(division, [(0, 1)]).frame_at(seconds, 48000) == 48000


def test_drop_frames_run_a_little_slower() -> None:
    assert TempoMap((-29 << 8) | 100).seconds_at(3000) == Fraction(1001, 1000)


@pytest.mark.parametrize("division", [0, (-23 << 8) | 4, (-25 << 8)])
def test_a_division_without_meaning_is_refused(division: int) -> None:
    with pytest.raises(ValueError, match="a time division of"):
        TempoMap(division)


@given(
    st.integers(1, 32767),
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 16_777_215)), max_size=8),
    st.lists(st.integers(0, 20_000), min_size=2, max_size=8),
)
def test_time_never_runs_backwards(
    division: int, changes: list[tuple[int, int]], ticks: list[int]
) -> None:
    tempo = TempoMap(division, changes)
    frames = [tempo.frame_at(tick, 48000) for tick in sorted(ticks)]
    assert frames == sorted(frames)
    # Against the definition: a tick lasts what the latest change before it says.
    end, steps = min(ticks[0], 500), Fraction(0)
    latest = {tick: beat_us for tick, beat_us in changes}
    beat_us = 500_000
    for tick in range(end):
        beat_us = latest.get(tick, beat_us)
        steps += Fraction(beat_us, 1_000_000 * division)
    assert tempo.seconds_at(end) == steps
