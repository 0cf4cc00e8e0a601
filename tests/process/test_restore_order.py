# SPDX-License-Identifier: GPL-3.0-or-later
"""State, program, parameters, edits: in this order they come back, and each later one wins."""

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from host.config import FaultPolicy
from tests.process.songs import Playing, Slot, Song, Track, play

EQ = "/usr/lib/vst3/ZamEQ2.vst3"
GAIN, BOOST = 13, 3  # Master Gain, Boost/Cut 1

SNAPSHOTS = FaultPolicy(snapshot_after_edit_s=0.02, snapshot_good_blocks=3)
NO_SNAPSHOTS = FaultPolicy(snapshot_after_edit_s=1000.0, snapshot_interval_s=1000.0)

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(not Path(EQ).exists(), reason="zam-plugins is not installed"),
]


def song(**fields: object) -> Song:
    slot = msgspec.structs.replace(Slot(id="eq", plugin=f"vst3:{EQ}"), **fields)
    return Song(tracks=(Track(id="t", chain=(slot,)),))


def values(playing: Playing) -> list[float]:
    """Of those that sound: ZamEQ2 does not save the number of its program."""
    return [*[0.0] * BOOST, *playing.host.parameters("eq")[BOOST:]]


def edit(playing: Playing, parameter: int, value: float) -> None:
    """Returns when the plugin has it."""
    playing.host.set_parameter("eq", parameter, value)
    playing.until(lambda: abs(values(playing)[parameter] - value) < 1e-3, "the edit")


@pytest.fixture
def state() -> bytes:
    """With both parameters at 0.9."""
    with play(song(), faults=NO_SNAPSHOTS) as playing:
        edit(playing, GAIN, 0.9)
        edit(playing, BOOST, 0.9)
        state = playing.host.capture_slot("eq").state
        assert state is not None
        return state


def test_parameters_come_after_the_state(state: bytes) -> None:
    with play(song(state=state, parameters={"Master Gain": 0.3}), faults=NO_SNAPSHOTS) as playing:
        loaded = values(playing)
        assert (loaded[GAIN], loaded[BOOST]) == pytest.approx((0.3, 0.9), abs=1e-4)


@pytest.mark.parametrize("policy", [NO_SNAPSHOTS, SNAPSHOTS], ids=["no snapshot", "a snapshot"])
def test_a_restart_brings_all_of_it_back(state: bytes, policy: FaultPolicy) -> None:
    """Without a snapshot the song's settings are applied again, and the edits over them; with one
    they are in it, and to apply them again would undo what was edited since."""
    played = song(state=state, program=2, parameters={"Master Gain": 0.3})
    with play(played, faults=replace(policy, next_restart_s=0.0)) as playing:
        expected = values(playing)
        assert expected[BOOST] != pytest.approx(0.9, abs=1e-3)  # the program, over the state
        assert expected[GAIN] == pytest.approx(0.3, abs=1e-4)  # the parameter, over the program
        edit(playing, GAIN, 0.6)
        if policy is SNAPSHOTS:
            journal = playing.host.supervisor_of("eq").journal
            playing.until(lambda: any(s.good for s in journal.snapshots), "a good snapshot")
        playing.host.set_parameter("eq", BOOST, 0.1)  # a moment before the end
        playing.kill_and_wait("eq")
        expected[GAIN], expected[BOOST] = 0.6, 0.1
        assert values(playing) == pytest.approx(expected, abs=1e-4)
