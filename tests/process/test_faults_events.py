# SPDX-License-Identifier: GPL-3.0-or-later
"""Events for a plugin that does not run: the end of a note is never lost, a turned knob arrives,
and a fresh instance learns what is still held."""

import os
import signal

import numpy as np
import pytest

from host.config import FaultPolicy
from tests.process.songs import Audio, Playing, Slot, SlotStatus, Song, Track, play

pytestmark = pytest.mark.process

BLOCK = 512
FAULTS = FaultPolicy(first_restart_s=0.15, crash_limit=100, hang_limit_s=5.0)
QUICK_ENVELOPE = {
    "Waveform": "sine",
    "Attack": "0.001 s",
    "Sustain": "100 %",
    "Release": "0.005 s",
}
NOTE = 69


def synth_song(*others: Slot) -> Song:
    synth = Slot(id="synth", plugin="builtin:synth", parameters=QUICK_ENVELOPE)
    return Song(tracks=(Track(id="t", chain=(*others, synth)),))


def note_on(playing: Playing, note: int = NOTE, channel: int = 0) -> None:
    assert playing.host.send_midi("t", bytes([0x90 | channel, note, 100]))


def note_off(playing: Playing, note: int = NOTE, channel: int = 0) -> None:
    assert playing.host.send_midi("t", bytes([0x80 | channel, note, 64]))


def control(playing: Playing, number: int, value: int) -> None:
    assert playing.host.send_midi("t", bytes([0xB0, number, value]))


def end_of(heard: Audio) -> Audio:
    """The last tenth of a second."""
    return heard[:, -4800:]


def sounds(heard: Audio) -> bool:
    return float(np.abs(end_of(heard)).max()) > 0.01


def is_silent(heard: Audio) -> bool:
    return float(np.abs(end_of(heard)).max()) < 1e-4


def test_a_note_off_during_a_freeze_ends_the_note() -> None:
    with play(synth_song(), block=BLOCK, faults=FAULTS) as playing:
        note_on(playing)
        playing.until_heard("synth", 20)
        pid = playing.pid("synth")
        os.kill(pid, signal.SIGSTOP)
        playing.run(10)
        note_off(playing)
        playing.run(10)
        os.kill(pid, signal.SIGCONT)
        playing.until_heard("synth", 40)
        assert playing.pid("synth") == pid
        assert is_silent(playing.stop())


def test_a_note_off_in_the_very_block_of_a_fault_ends_the_note() -> None:
    """Wherever in a block the worker dies: before it claims, in the middle, or after."""
    faults = FaultPolicy(crash_limit=100, next_restart_s=0.0)
    with play(synth_song(), block=BLOCK, faults=faults) as playing:
        for i in range(12):
            note_on(playing)
            playing.until_heard("synth", 3)
            note_off(playing)
            if i % 2:
                playing.run(1)
            playing.kill_and_wait("synth")
        playing.until_heard("synth", 40)
        assert is_silent(playing.stop())


def test_a_note_off_while_a_plugin_restarts_ends_the_note() -> None:
    with play(synth_song(), block=BLOCK, faults=FAULTS) as playing:
        note_on(playing)
        playing.until_heard("synth", 20)
        playing.kill("synth")
        playing.until_status("synth", SlotStatus.RESTARTING)
        playing.run(2)
        note_off(playing)
        playing.until_restarts("synth", 1)
        playing.until_heard("synth", 40)
        assert is_silent(playing.stop())


def test_a_note_that_is_held_sounds_again_after_a_restart() -> None:
    with play(synth_song(), block=BLOCK, faults=FAULTS) as playing:
        note_on(playing)
        note_on(playing, NOTE + 7, channel=3)
        playing.until_heard("synth", 20)
        playing.kill_and_wait("synth")
        note_off(playing, NOTE + 7, channel=3)
        playing.until_heard("synth", 40)
        assert sounds(playing.stop())
        sent = playing.host.supervisor_of("synth").native.recent_events()
        chased = [midi for _, _, kind, midi, _, _ in sent if kind == "midi"][2:]
        assert chased == [
            bytes([0x90, NOTE, 100]),
            bytes([0x93, NOTE + 7, 100]),
            bytes([0x83, NOTE + 7, 64]),
        ]


def test_a_note_that_would_begin_late_does_not_begin() -> None:
    with play(synth_song(), block=BLOCK, faults=FAULTS) as playing:
        playing.until_heard("synth", 5)
        pid = playing.pid("synth")
        os.kill(pid, signal.SIGSTOP)
        playing.run(5)
        note_on(playing)
        playing.run(5)
        os.kill(pid, signal.SIGCONT)
        playing.until_heard("synth", 40)
        assert is_silent(playing.stop())


def test_a_pedal_is_still_down_after_a_restart() -> None:
    with play(synth_song(), block=BLOCK, faults=FAULTS) as playing:
        control(playing, 64, 127)
        playing.until_heard("synth", 5)
        playing.kill_and_wait("synth")
        playing.until_heard("synth", 3)
        note_on(playing)
        playing.until_heard("synth", 3)
        note_off(playing)
        playing.until_heard("synth", 40)
        assert sounds(playing.stop())


def test_knobs_turned_during_a_freeze_arrive_with_their_last_value() -> None:
    song = Song(tracks=(Track(id="t", chain=(Slot(id="tone", plugin="builtin:tone"),)),))
    with play(song, block=BLOCK, faults=FAULTS) as playing:
        playing.until_heard("tone", 5)
        pid = playing.pid("tone")
        os.kill(pid, signal.SIGSTOP)
        playing.run(5)
        for step in range(200):
            playing.host.set_parameter("tone", step % 2, step / 199)
        playing.run(5)
        os.kill(pid, signal.SIGCONT)
        playing.until_heard("tone", 5)
        assert playing.pid("tone") == pid
        assert playing.host.parameters("tone") == pytest.approx([198 / 199, 1.0])


def test_everything_held_is_delivered_in_order_at_the_first_block_after_the_gap() -> None:
    with play(synth_song(), block=BLOCK, faults=FAULTS) as playing:
        playing.until_heard("synth", 5)
        pid = playing.pid("synth")
        os.kill(pid, signal.SIGSTOP)
        playing.run(5)
        # Each kind once more than needed: the last counts, in the order of the last ones.
        for data in (
            [0xB0, 1, 10],
            [0xE0, 0, 10],
            [0x90, 60, 1],
            [0xB0, 1, 20],
            [0x80, 60, 0],
            [0xC0, 5, 0],
            [0xE0, 0, 20],
            [0x80, 60, 64],
        ):
            assert playing.host.send_midi("t", bytes(data))
        playing.run(5)
        os.kill(pid, signal.SIGCONT)
        playing.until_heard("synth", 2)
        playing.stop()
        sent = playing.host.supervisor_of("synth").native.recent_events()
        assert [(offset, midi) for _, offset, _, midi, _, _ in sent] == [
            (0, bytes([0xB0, 1, 20])),
            (0, bytes([0xC0, 5])),
            (0, bytes([0xE0, 0, 20])),
            (0, bytes([0x80, 60, 64])),
        ]


def test_no_note_hangs_when_the_plugin_that_transposes_it_is_lost() -> None:
    transpose = Slot(id="up", plugin="builtin:midi-transpose", parameters={"Semitones": "12"})
    with play(synth_song(transpose), block=BLOCK, faults=FAULTS) as playing:
        note_on(playing)
        playing.until_heard("synth", 10)
        playing.kill("up")
        playing.until_status("up", SlotStatus.RESTARTING)
        playing.run(5)
        note_off(playing)  # the synth knows it an octave higher
        playing.run(5)
        note_on(playing, NOTE + 2)  # and this one as it is
        playing.until_restarts("up", 1)
        playing.until_heard("up", 5)
        note_off(playing, NOTE + 2)
        playing.until_heard("synth", 40)
        assert is_silent(playing.stop())
