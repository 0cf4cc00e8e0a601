# SPDX-License-Identifier: GPL-3.0-or-later
"""What a fault sounds like: no click, no jump in level, no shift in time.

A click is a step between two samples that the signal itself does not have; a jump in level is
a short-time loudness above what is heard before and after. Both are measured over all that was
played, so that a slot that the machine made late is judged as well.
"""

import os
import signal
from pathlib import Path

import numpy as np
import pytest

from host.config import FaultPolicy
from host.song import OnMiss
from tests.process.songs import (
    RATE,
    Audio,
    Master,
    Playing,
    Slot,
    SlotStatus,
    Song,
    Track,
    audio_track,
    chain,
    noise,
    play,
    sine,
    write_clip,
)

pytestmark = pytest.mark.process

BLOCK = 256
SECONDS = 12
# Long enough a gap to hear what is in it.
GAP = FaultPolicy(first_restart_s=0.25, crash_limit=100, hang_limit_s=5.0)


def largest_step(samples: Audio) -> float:
    return float(np.abs(np.diff(samples, axis=1)).max())


def loudness_db(samples: Audio, window_s: float = 0.05) -> np.ndarray:
    """RMS of windows that overlap by half, dB."""
    size = int(window_s * RATE)
    starts = range(0, samples.shape[1] - size, size // 2)
    power = [np.mean(samples[:, start : start + size].astype(np.float64) ** 2) for start in starts]
    return 10 * np.log10(np.array(power) + 1e-20)


def check_no_click(heard: Audio, own_step: float) -> None:
    assert largest_step(heard) <= 3 * own_step + 0.002


def settled(playing: Playing, slot: str) -> None:
    """Lets the host learn the slot's level."""
    playing.until_heard(slot, RATE // BLOCK)


def fault(playing: Playing, slot: str, how: str) -> None:
    """A gap in which the slot does not play, and its return."""
    if how == "kill":
        playing.kill(slot)
        playing.until_restarts(slot, playing.slot(slot).restarts + 1)
    else:
        pid = playing.pid(slot)
        os.kill(pid, signal.SIGSTOP)
        playing.run(40)
        os.kill(pid, signal.SIGCONT)
    playing.until_heard(slot, 30)


def cut(heard: Audio, start_s: float = 0.5) -> Audio:
    """Without the beginning, where levels are not known yet."""
    return heard[:, int(start_s * RATE) :]


@pytest.mark.parametrize("how", ["kill", "stop"])
@pytest.mark.parametrize(
    "plugin, parameters",
    [
        ("builtin:gain", {"Gain": "0 dB"}),
        ("builtin:gain", {"Gain": "-4 dB"}),
        ("builtin:gain", {"Gain": "-40 dB"}),
        ("builtin:gain", {"Gain": "6 dB"}),
        ("builtin:latency?frames=777", {}),
    ],
    ids=["unity", "-4 dB", "-40 dB", "+6 dB", "latency"],
)
def test_a_fault_neither_clicks_nor_gets_louder(
    plugin: str, parameters: dict[str, str], how: str, tmp_path: Path
) -> None:
    clip = sine(SECONDS * RATE, 330.0, 0.4)
    file = write_clip(tmp_path / "sine.wav", clip)
    slots = (
        Slot(id="before", plugin="builtin:gain"),
        Slot(id="it", plugin=plugin, parameters=parameters),
        Slot(id="after", plugin="builtin:gain"),
    )
    track = audio_track("t", file)
    song = Song(tracks=(Track(id="t", audio=track.audio, chain=slots),))
    with play(song, block=BLOCK, faults=GAP) as playing:
        settled(playing, "it")
        steady_from = playing.host.engine.block_count * BLOCK
        fault(playing, "it", how)
        fault(playing, "it", how)
        heard = playing.stop()
    steady = heard[:, steady_from - RATE // 2 : steady_from - BLOCK]
    check_no_click(heard, max(largest_step(steady), 0.002))
    levels = loudness_db(cut(heard))
    assert levels.max() <= loudness_db(steady).max() + 1.0
    if parameters.get("Gain") == "-40 dB":
        assert levels.min() < -100  # silence, rather than 40 dB too much
    else:
        assert levels.min() > loudness_db(steady).min() - 9  # it does not fall silent


@pytest.mark.parametrize("how", ["kill", "stop"])
@pytest.mark.parametrize("frames", [333, 512])
def test_a_covered_slot_s_latency_stays_in_place_to_the_sample(
    how: str, frames: int, tmp_path: Path
) -> None:
    clip = noise(SECONDS * RATE)
    file = write_clip(tmp_path / "noise.wav", clip)
    slot = Slot(id="it", plugin=f"builtin:latency?frames={frames}", on_miss=OnMiss.DRY)
    track = audio_track("t", file)
    song = Song(tracks=(Track(id="t", audio=track.audio, chain=(slot,)),))
    with play(song, block=BLOCK, faults=GAP) as playing:
        playing.run(20)
        fault(playing, "it", how)
        fault(playing, "it", how)
        heard = playing.stop()
        assert playing.slot("it").bypassed_blocks > 40
    np.testing.assert_array_equal(heard[:, frames:], clip[:, : heard.shape[1] - frames])
    assert not heard[:, :frames].any()


def test_a_lost_instrument_is_silent_and_comes_back_without_a_click(tmp_path: Path) -> None:
    parameters = {"Waveform": "sine", "Attack": "0.05 s", "Sustain": "100 %"}
    slots = (
        Slot(id="synth", plugin="builtin:synth", parameters=parameters),
        Slot(id="after", plugin="builtin:gain"),
    )
    with play(Song(tracks=(Track(id="t", chain=slots),)), block=BLOCK, faults=GAP) as playing:
        playing.host.send_midi("t", bytes([0x90, 69, 100]))
        settled(playing, "synth")
        steady_until = playing.host.engine.block_count * BLOCK
        playing.kill("synth")
        playing.until_status("synth", SlotStatus.RESTARTING)
        gap_from = playing.host.engine.block_count * BLOCK + RATE // 20
        playing.run(20)
        gap_until = playing.host.engine.block_count * BLOCK - BLOCK
        playing.until_restarts("synth", 1)
        playing.until_heard("synth", 100)
        heard = playing.stop()
    steady = heard[:, steady_until - RATE // 2 : steady_until]
    check_no_click(heard, largest_step(steady))
    assert np.abs(heard[:, gap_from:gap_until]).max() < 1e-6
    # The note is still held: it sounds again.
    assert loudness_db(heard[:, -RATE // 5 :]).max() == pytest.approx(
        loudness_db(steady).max(), abs=0.5
    )


def stay_in_the_gap(playing: Playing, slot: str) -> tuple[int, int]:
    """Kills a slot; the frames (begin, end) of the gap in which nothing of it is heard."""
    playing.kill(slot)
    playing.until_status(slot, SlotStatus.RESTARTING)
    playing.run(RATE // 10 // BLOCK)  # the offset has decayed
    begin = playing.host.engine.block_count * BLOCK
    playing.run(10)
    end = (playing.host.engine.block_count - 1) * BLOCK
    assert playing.slot(slot).status is SlotStatus.RESTARTING
    return begin, end


@pytest.mark.parametrize(
    "policy, gain, heard_gain",
    [
        (OnMiss.DRY, "-40 dB", 1.0),
        (OnMiss.SILENCE, "0 dB", 0.0),
        (OnMiss.AUTO, "-40 dB", 0.0),
        (OnMiss.AUTO, "0 dB", 1.0),
        (OnMiss.AUTO, "10 dB", 1.0),
    ],
)
def test_what_the_user_chose_is_heard_in_the_gap(
    policy: OnMiss, gain: str, heard_gain: float, tmp_path: Path
) -> None:
    clip = noise(SECONDS * RATE)
    file = write_clip(tmp_path / "noise.wav", clip)
    slot = Slot(id="it", plugin="builtin:gain", parameters={"Gain": gain}, on_miss=policy)
    track = audio_track("t", file)
    song = Song(tracks=(Track(id="t", audio=track.audio, chain=(slot,)),))
    faults = FaultPolicy(first_restart_s=5.0)
    with play(song, block=BLOCK, faults=faults) as playing:
        settled(playing, "it")
        begin, end = stay_in_the_gap(playing, "it")
        heard = playing.stop()
    np.testing.assert_allclose(heard[:, begin:end], heard_gain * clip[:, begin:end], atol=1e-6)


@pytest.mark.parametrize("policy", list(OnMiss))
def test_a_slot_that_the_user_bypasses_is_its_plain_input(policy: OnMiss, tmp_path: Path) -> None:
    clip = sine(SECONDS * RATE, 330.0, 0.4)
    file = write_clip(tmp_path / "sine.wav", clip)
    slot = Slot(id="it", plugin="builtin:gain", parameters={"Gain": "-40 dB"}, on_miss=policy)
    track = audio_track("t", file)
    song = Song(tracks=(Track(id="t", audio=track.audio, chain=(slot,)),))
    with play(song, block=BLOCK, faults=GAP) as playing:
        settled(playing, "it")
        playing.host.set_bypass("it", True)
        playing.run(RATE // 10 // BLOCK)
        begin = playing.host.engine.block_count * BLOCK
        playing.run(20)
        end = (playing.host.engine.block_count - 1) * BLOCK
        playing.kill_and_wait("it")  # the user does not hear this
        playing.run(20)
        assert playing.slot("it").status is SlotStatus.BYPASSED
        until = (playing.host.engine.block_count - 1) * BLOCK
        playing.host.set_bypass("it", False)
        playing.until_heard("it", 40)
        heard = playing.stop()
    np.testing.assert_allclose(heard[:, begin:end], clip[:, begin:end], atol=1e-6)
    np.testing.assert_allclose(heard[:, end:until], clip[:, end:until], atol=1e-6)
    check_no_click(heard, largest_step(clip))
    assert loudness_db(heard[:, -RATE // 10 :]).max() < -40


def test_a_quarantined_limiter_does_not_come_back_40_db_louder(tmp_path: Path) -> None:
    clip = sine(SECONDS * RATE, 330.0, 0.4)
    file = write_clip(tmp_path / "sine.wav", clip)
    limiter = Slot(id="it", plugin="builtin:gain", parameters={"Gain": "-40 dB"})
    track = audio_track("t", file)
    song = Song(
        tracks=(Track(id="t", audio=track.audio, chain=(limiter,)),),
        master=Master(chain=chain("builtin:gain", prefix="m")),
    )
    faults = FaultPolicy(crash_limit=2, next_restart_s=0.0)
    with play(song, block=BLOCK, faults=faults) as playing:
        settled(playing, "it")
        playing.kill_and_wait("it")
        playing.until_heard("it", 20)
        playing.kill("it")
        playing.until_status("it", SlotStatus.QUARANTINED)
        playing.run(60)
        heard = playing.stop()
    assert loudness_db(cut(heard)).max() < -45
    assert not heard[:, -BLOCK:].any()
    check_no_click(heard[:, BLOCK:], 0.002)


def test_a_plugin_that_sends_nan_is_repaired_without_a_click(tmp_path: Path) -> None:
    clip = sine(SECONDS * RATE, 330.0, 0.4)
    file = write_clip(tmp_path / "sine.wav", clip)
    song = Song(tracks=(audio_track("t", file, "fault:nan?after=30&every=20&times=6"),))
    with play(song, block=BLOCK, faults=GAP) as playing:
        playing.run(200)
        heard = playing.stop()
        slot = playing.slot("t0")
        assert slot.repaired_samples == 6 * 2 * BLOCK
        assert (slot.restarts, slot.status) == (0, SlotStatus.ACTIVE)
    assert np.isfinite(heard).all()
    assert loudness_db(heard).max() <= loudness_db(clip).max() + 0.1


@pytest.mark.parametrize("pipelined", [False, True])
def test_a_runaway_plugin_is_muted_before_it_hurts(pipelined: bool, tmp_path: Path) -> None:
    """+60 dBFS: clipped from the first sample on, replaced after 20 ms, restarted in the end."""
    clip = sine(SECONDS * RATE, 330.0, 0.4)
    file = write_clip(tmp_path / "sine.wav", clip)
    faults = FaultPolicy(overlevel_blocks=60)
    plugins = ("builtin:gain", "fault:loud?after=60", "builtin:gain")
    song = Song(tracks=(audio_track("t", file, *plugins, pipelined=pipelined),))
    with play(song, block=BLOCK, faults=faults) as playing:
        playing.until(lambda: playing.slot("t1").repaired_samples > 0, "the fault")
        playing.until_restarts("t1", 1)
        playing.run(10)
        heard = playing.stop()
        assert playing.slot("t0").restarts == playing.slot("t2").restarts == 0
    assert np.abs(heard).max() <= 32.0  # +30 dBFS, the bound of any signal inside a chain
    loud = np.nonzero(np.abs(heard).max(axis=0) > 1.0)[0]
    # 20 ms, two blocks until the slots behind it have heard of it, and the offset's decay.
    assert loud[-1] - loud[0] <= 0.02 * RATE + 3 * BLOCK + 0.02 * RATE
    level = loudness_db(heard[:, loud[-1] + RATE // 20 :]).max()
    assert level <= loudness_db(clip).max() + 1.0
