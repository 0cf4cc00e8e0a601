# SPDX-License-Identifier: GPL-3.0-or-later
"""Pipelined chains: the host picks up the block before and never waits; a chain that is not done is
dry as a whole."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest

from host.config import FaultPolicy
from tests.process.songs import (
    QUICK,
    RATE,
    Audio,
    HostEventKind,
    Playing,
    Slot,
    SlotStatus,
    Song,
    Track,
    audio_track,
    noise,
    offline,
    play,
    sine,
    write_clip,
)

pytestmark = pytest.mark.process

BLOCK = 512
GAP = FaultPolicy(first_restart_s=0.25, crash_limit=100, hang_limit_s=5.0)


def pipelined_song(file: str, *slots: Slot) -> Song:
    track = audio_track("t", file)
    return Song(tracks=(Track(id="t", audio=track.audio, chain=slots, pipelined=True),))


def gain(slot: str, db: float = 0.0) -> Slot:
    return Slot(id=slot, plugin="builtin:gain", parameters={"Gain": f"{db} dB"})


def late_by(frames: int, clip: Audio, heard: Audio) -> Audio:
    """The clip as it is heard `frames` late."""
    wanted = np.zeros_like(heard)
    wanted[:, frames:] = clip[:, : heard.shape[1] - frames]
    return wanted


def freeze(playing: Playing, slot: str, blocks: int) -> None:
    pid = playing.pid(slot)
    os.kill(pid, signal.SIGSTOP)
    playing.run(blocks)
    os.kill(pid, signal.SIGCONT)
    playing.until_heard(slot, 5)


def test_a_frozen_worker_never_delays_the_host(tmp_path: Path) -> None:
    block = 4096  # 85 ms: a host that waited would wait for 60 of them
    file = write_clip(tmp_path / "noise.wav", noise(10 * RATE))
    song = pipelined_song(file, gain("a"), gain("b"), gain("c"))
    with play(song, block=block, faults=GAP) as playing:
        playing.run(3)
        freeze(playing, "b", 6)
        freeze(playing, "a", 4)
        playing.stop()
        assert playing.slot("b").bypassed_blocks >= 8
        blocks = playing.host.engine.read_blocks()
        assert blocks["duration_ns"].max() < 30e6


@pytest.mark.parametrize("slot", ["a", "b", "c"])
def test_a_chain_with_a_lost_slot_is_dry_as_a_whole(slot: str, tmp_path: Path) -> None:
    clip = noise(10 * RATE)
    file = write_clip(tmp_path / "noise.wav", clip)
    song = pipelined_song(file, gain("a", 12.0), gain("b", -6.0), gain("c", -6.0))
    with play(song, block=BLOCK, faults=GAP) as playing:
        playing.run(30)
        playing.kill_and_wait(slot)
        playing.until_heard(slot, 10)
        playing.kill_and_wait(slot)
        playing.until_heard(slot, 10)
        heard = playing.stop()
        assert playing.slot(slot).bypassed_blocks >= 30
        for other in {"a", "b", "c"} - {slot}:  # they do not run for nothing
            assert playing.slot(other).bypassed_blocks >= 30
    # 12 - 6 - 6: whether it is wet or dry, but never a part of it, is the clip.
    np.testing.assert_allclose(heard, late_by(BLOCK, clip, heard), atol=1e-5)


@pytest.mark.parametrize("how", ["kill", "freeze"])
def test_latencies_stay_in_place_to_the_sample(how: str, tmp_path: Path) -> None:
    clip = noise(10 * RATE)
    file = write_clip(tmp_path / "noise.wav", clip)
    slots = [Slot(id=f"l{n}", plugin=f"builtin:latency?frames={n}") for n in (333, 500)]
    with play(pipelined_song(file, *slots), block=BLOCK, faults=GAP) as playing:
        playing.run(20)
        for slot in ("l333", "l500", "l333"):
            if how == "kill":
                playing.kill_and_wait(slot)
                playing.until_heard(slot, 20)
            else:
                freeze(playing, slot, 20)
        heard = playing.stop()
    np.testing.assert_array_equal(heard, late_by(BLOCK + 833, clip, heard))


@pytest.mark.parametrize("how", ["kill", "freeze", "bypass"])
def test_no_fault_and_no_bypass_clicks(how: str, tmp_path: Path) -> None:
    clip = sine(10 * RATE, 330.0, 0.4)
    file = write_clip(tmp_path / "sine.wav", clip)
    slots = (gain("a", -3.0), Slot(id="l", plugin="builtin:latency?frames=77"), gain("b", 2.0))
    with play(pipelined_song(file, *slots), block=BLOCK, faults=GAP) as playing:
        playing.run(40)
        for slot in ("a", "l", "b", "l"):
            if how == "kill":
                playing.kill_and_wait(slot)
            elif how == "freeze":
                freeze(playing, slot, 10)
            else:
                playing.host.set_bypass(slot, True)
                playing.run(10)
                playing.host.set_bypass(slot, False)
            playing.until_heard(slot, 20)
        heard = playing.stop()[:, 2 * BLOCK :]
    own = np.abs(np.diff(clip)).max()
    assert np.abs(np.diff(heard)).max() <= 3 * own + 0.002


def test_a_bypass_is_the_plain_input_in_time_even_if_all_slots_are_bypassed(tmp_path: Path) -> None:
    clip = noise(10 * RATE)
    file = write_clip(tmp_path / "noise.wav", clip)
    slots = (gain("a", -40.0), Slot(id="l", plugin="builtin:latency?frames=777"))
    with offline(pipelined_song(file, *slots), block=BLOCK) as host:
        late = BLOCK + 777
        factor = 10 ** (-40 / 20)
        heard = [host.render(100)]
        for bypass_a, bypass_l, level in (
            (True, False, 1.0),
            (True, True, 1.0),
            (False, True, factor),
            (False, False, factor),
        ):
            host.set_bypass("a", bypass_a)
            host.set_bypass("l", bypass_l)
            heard.append(host.render(100))
            begin = sum(part.shape[1] for part in heard) - 20 * BLOCK
            wanted = level * clip[:, begin - late : begin + 20 * BLOCK - late]
            np.testing.assert_allclose(heard[-1][:, -20 * BLOCK :], wanted, atol=1e-5)


def test_a_quarantined_slot_is_left_out_and_the_others_play_on(tmp_path: Path) -> None:
    clip = noise(20 * RATE)
    file = write_clip(tmp_path / "noise.wav", clip)
    slots = (
        gain("a", -6.0),
        Slot(id="bad", plugin="fault:segv?after=12"),
        gain("b", -6.0),
    )
    faults = FaultPolicy(crash_limit=2, next_restart_s=0.0)
    with play(pipelined_song(file, *slots), block=BLOCK, faults=faults) as playing:
        playing.until_status("bad", SlotStatus.QUARANTINED)
        playing.until_heard("a", 50)
        playing.until_heard("b", 10)
        heard = playing.stop()
    wanted = 10 ** (-12 / 20) * late_by(BLOCK, clip, heard)
    np.testing.assert_allclose(heard[:, -10 * BLOCK :], wanted[:, -10 * BLOCK :], atol=1e-5)


def test_every_slot_of_a_pipelined_chain_comes_back(tmp_path: Path) -> None:
    clip = noise(20 * RATE)
    file = write_clip(tmp_path / "noise.wav", clip)
    slots = tuple(gain(f"g{i}") for i in range(4))
    with play(pipelined_song(file, *slots), block=BLOCK, faults=QUICK) as playing:
        playing.run(10)
        for slot in slots:
            playing.kill_and_wait(slot.id)
        playing.kill_and_wait("g2", signal.SIGSTOP)
        for slot in slots:
            playing.until_heard(slot.id)
        heard = playing.stop()
        assert len(playing.events(HostEventKind.RECOVERED)) == 5
    np.testing.assert_array_equal(heard, late_by(BLOCK, clip, heard))


def test_a_lost_pipelined_instrument_is_silent_and_no_note_hangs() -> None:
    parameters = {"Waveform": "sine", "Sustain": "100 %", "Release": "0.005 s"}
    synth = Slot(id="synth", plugin="builtin:synth", parameters=parameters)
    song = Song(tracks=(Track(id="t", chain=(synth, gain("after")), pipelined=True),))
    with play(song, block=BLOCK, faults=GAP) as playing:
        playing.host.send_midi("t", bytes([0x90, 69, 100]))
        playing.host.send_midi("t", bytes([0x90, 72, 100]))
        playing.until_heard("synth", 20)
        playing.kill("synth")
        playing.until_status("synth", SlotStatus.RESTARTING)
        playing.run(8)
        gap_from = playing.host.engine.block_count * BLOCK
        playing.host.send_midi("t", bytes([0x80, 69, 0]))
        playing.run(8)
        gap_until = playing.host.engine.block_count * BLOCK - BLOCK
        assert playing.slot("synth").status is SlotStatus.RESTARTING
        playing.until_restarts("synth", 1)
        playing.until_heard("synth", 20)
        sounding_until = playing.host.engine.block_count * BLOCK - BLOCK
        playing.host.send_midi("t", bytes([0x80, 72, 0]))
        playing.until_heard("synth", 30)
        heard = playing.stop()
    assert np.abs(heard[:, gap_from:gap_until]).max() < 1e-5
    assert np.abs(heard[:, sounding_until - 2048 : sounding_until]).max() > 0.01
    assert np.abs(heard[:, -2048:]).max() < 1e-4
