# SPDX-License-Identifier: GPL-3.0-or-later
"""Slots that come and go, block by block: no step that the signal does not have, no level that was
not there before, no shift in time. The test is the clock, so every case is the same on every run.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from host.song import OnMiss
from tests.process.songs import (
    RATE,
    Audio,
    AudioSource,
    Slot,
    SlotStatus,
    Song,
    Track,
    audio_track,
    noise,
    offline,
    sine,
    write_clip,
)
from tests.process.stepping import NEVER, Steps, stepped

pytestmark = pytest.mark.process

SECONDS = 14
LEVEL = 0.4
SINE = sine(SECONDS * RATE, 330.0, LEVEL)
OWN_STEP = float(np.abs(np.diff(SINE[0])).max())


@pytest.fixture(scope="module")
def sine_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_clip(tmp_path_factory.mktemp("media") / "sine.wav", SINE)


def largest_step(samples: Audio) -> float:
    return float(np.abs(np.diff(samples, axis=1)).max())


def levels_db(samples: Audio, window_s: float = 0.05) -> np.ndarray:
    """RMS of windows that overlap by half, dB."""
    size = int(window_s * RATE)
    starts = range(0, samples.shape[1] - size, size // 2)
    power = [np.mean(samples[:, start : start + size].astype(np.float64) ** 2) for start in starts]
    return 10 * np.log10(np.array(power) + 1e-20)


def song_of(file: str, *slots: Slot) -> Song:
    return Song(tracks=(Track(id="t", audio=AudioSource(file=file), chain=slots),))


def gain(slot_id: str, decibels: float, on_miss: OnMiss = OnMiss.AUTO) -> Slot:
    return Slot(
        id=slot_id,
        plugin="builtin:gain",
        parameters={"Gain": f"{decibels:g} dB"},
        on_miss=on_miss,
    )


def killed(steps: Steps, slot: str, blocks: int) -> None:
    steps.lose(slot)
    steps.render(blocks)
    steps.regain(slot)


def frozen(steps: Steps, slot: str, blocks: int) -> None:
    pid = steps.stop(slot)
    steps.render(blocks)
    steps.go_on(slot, pid)


def bypassed(steps: Steps, slot: str, blocks: int) -> None:
    steps.host.set_bypass(slot, True)
    steps.render(blocks)
    steps.host.set_bypass(slot, False)


WAYS = [killed, frozen, bypassed]


@pytest.mark.parametrize("gap", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("block, mode", [(16, "relayed"), (128, "hosted"), (1000, "relayed")])
def test_no_place_in_a_chain_clicks_or_gets_louder(
    block: int, mode: str, gap: Callable[[Steps, str, int], None], sine_file: str
) -> None:
    latency = Slot(id="b", plugin="builtin:latency?frames=77")
    song = song_of(sine_file, gain("a", -3), latency, gain("c", 0))
    with stepped(song, block=block, mode=mode) as steps:
        steady = steps.seconds(0.3)
        for slot in "abc":
            gap(steps, slot, 1 if slot == "a" else -(-2000 // block))
            steps.seconds(0.15)
            assert steps.slot(slot).bypassed_blocks > 0
        heard = steps.heard()
        assert steps.slot("a").processed_blocks < heard.shape[1] // block
    # The latency's first frames are silence, and the sine begins within a block.
    assert largest_step(heard) <= 3 * OWN_STEP + 0.002
    levels, before = levels_db(heard[:, RATE // 10 :]), levels_db(steady[:, RATE // 10 :])
    # A slot that the user takes out is its plain input: 3 dB more.
    assert levels.max() <= before.max() + (4.0 if gap is bypassed else 1.0)
    assert levels.min() >= before.min() - 3.0


@pytest.mark.parametrize("gap", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize(
    "block, frames, policy",
    [(64, 1, OnMiss.AUTO), (512, 333, OnMiss.DRY), (256, 4096, OnMiss.AUTO)],
)
def test_a_covered_latency_is_kept_to_the_sample(
    block: int, frames: int, policy: OnMiss, gap: Callable[[Steps, str, int], None], tmp_path: Path
) -> None:
    clip = noise(4 * RATE)
    file = write_clip(tmp_path / "noise.wav", clip)
    song = song_of(
        file,
        gain("before", 0),
        Slot(id="it", plugin=f"builtin:latency?frames={frames}", on_miss=policy),
        gain("after", 0),
    )
    with stepped(song, block=block) as steps:
        steps.seconds(0.5)
        gap(steps, "it", -(-3000 // block))
        steps.seconds(0.3)
        gap(steps, "it", 1)
        steps.seconds(0.3)
        heard = steps.heard()
    assert not heard[:, :frames].any()
    np.testing.assert_allclose(
        heard[:, frames:], clip[:, : heard.shape[1] - frames], rtol=0, atol=1e-6
    )


@pytest.mark.parametrize(
    "decibels, policy, wanted",
    [
        (-40.0, OnMiss.AUTO, 0.0),
        (-40.0, OnMiss.DRY, 1.0),
        (-3.0, OnMiss.AUTO, 10 ** (-3 / 20)),
        (0.0, OnMiss.AUTO, 1.0),
        (0.0, OnMiss.SILENCE, 0.0),
        (12.0, OnMiss.AUTO, 1.0),
    ],
)
def test_what_stands_in_for_a_slot(
    decibels: float, policy: OnMiss, wanted: float, sine_file: str
) -> None:
    with stepped(song_of(sine_file, gain("it", decibels, policy))) as steps:
        steps.seconds(0.5)
        begin = steps.frames
        killed(steps, "it", 40)
        end = steps.frames
        steps.seconds(0.2)
        heard = steps.heard()
    decayed = slice(begin + RATE // 20, end)
    np.testing.assert_allclose(heard[:, decayed], wanted * SINE[:, decayed], atol=2e-4)
    own = max(1.0, 10 ** (decibels / 20)) * OWN_STEP
    assert largest_step(heard) <= 3 * own + 0.002
    # Back at its own level.
    back = slice(end + RATE // 20, heard.shape[1])
    np.testing.assert_allclose(heard[:, back], 10 ** (decibels / 20) * SINE[:, back], atol=2e-4)


def test_a_lost_limiter_is_not_louder_after_a_rest_either(tmp_path: Path) -> None:
    """What a slot does to its level is remembered over a silence of any length."""
    rest = 8 * RATE
    clip = np.concatenate([SINE[:, :RATE], np.zeros((2, rest), np.float32), SINE[:, :RATE]], axis=1)
    file = write_clip(tmp_path / "rest.wav", clip)
    with stepped(song_of(file, gain("it", -40)), block=512, faults=NEVER) as steps:
        steps.seconds(1.0)
        steps.seconds(6.0)
        steps.lose("it")
        heard = steps.seconds(2.8)
    assert np.abs(heard).max() < 0.01 * LEVEL


def test_faults_in_the_middle_of_a_fade_do_not_click(sine_file: str) -> None:
    """The return of a slot is a fade of 10 ms; here it goes again at any point of it."""
    song = song_of(sine_file, gain("a", -4), Slot(id="b", plugin="builtin:latency?frames=100"))
    rng = np.random.default_rng(5)
    with stepped(song, block=64) as steps:
        steady = steps.seconds(0.4)
        for _ in range(150):
            way = frozen if rng.random() < 0.03 else bypassed
            way(steps, "ab"[rng.integers(2)], int(rng.integers(1, 12)))
            steps.render(int(rng.integers(0, 12)) or 1)
        heard = steps.heard()
    assert largest_step(heard) <= 3 * OWN_STEP + 0.002
    levels = levels_db(heard[:, RATE // 10 :])
    assert levels.max() <= levels_db(SINE[:, :RATE]).max() + 1.0
    assert levels.min() >= levels_db(steady[:, RATE // 10 :]).min() - 4.0


def test_a_lost_generator_fades_to_silence_and_returns_without_a_click() -> None:
    slots = (
        Slot(id="it", plugin="builtin:tone", parameters={"Frequency": 0.4, "Level": "-6 dB"}),
        gain("after", 0),
    )
    with stepped(Song(tracks=(Track(id="t", chain=slots),))) as steps:
        own = largest_step(steps.seconds(0.3)[:, 1000:])
        steps.lose("it")
        gap = steps.seconds(0.1)
        steps.regain("it")
        after = steps.seconds(0.2)
        heard = steps.heard()
    assert largest_step(heard[:, 1000:]) <= 3 * own + 0.002
    assert np.abs(gap[:, RATE // 20 :]).max() < 1e-5
    assert np.abs(after).max() == pytest.approx(10 ** (-6 / 20), abs=0.01)


@pytest.mark.parametrize("block, kind", [(16, "exit"), (256, "segv"), (4096, "abort")])
def test_offline_the_block_that_a_plugin_dies_in_is_covered(
    block: int, kind: str, tmp_path: Path
) -> None:
    clip = noise(40 * block)
    file = write_clip(tmp_path / "noise.wav", clip)
    track = audio_track("t", file, "builtin:gain", f"fault:{kind}?after=17", "builtin:gain")
    with offline(Song(tracks=(track,)), block=block) as host:
        np.testing.assert_array_equal(host.render(40), clip)
        reports = {slot.id: slot for slot in host.slots()}
        assert reports["t1"].processed_blocks == 17
        assert reports["t1"].bypassed_blocks == 23
        assert reports["t0"].processed_blocks == 40
        # Behind it, the block of its end is dry as well.
        assert reports["t2"].processed_blocks in (39, 40)


def test_offline_a_slot_that_dies_goes_on_at_its_level(sine_file: str) -> None:
    slot = Slot(id="it", plugin="fault:segv?after=200", parameters={"Gain": "-4 dB"})
    with offline(song_of(sine_file, slot), block=128) as host:
        heard = host.render(400)
        steps = Steps(host)
        steps.until(lambda: steps.slot("it").status is SlotStatus.FAILED, "its end is known")
        assert steps.slot("it").processed_blocks == 200
    factor = 10 ** (-4 / 20)
    np.testing.assert_allclose(heard, factor * SINE[:, : heard.shape[1]], atol=1e-3)
