# SPDX-License-Identifier: GPL-3.0-or-later
"""A slot with a standby loses at most the block in which its plugin failed, and the standby is
where the plugin would have been."""

import os
import signal
import threading
from pathlib import Path

import numpy as np
import pytest

from host.song import MidiSource
from ipc.status import SlotStatus
from tests.process.songs import (
    Audio,
    AudioSource,
    HostEventKind,
    Song,
    Track,
    chain,
    noise,
    write_clip,
    write_midi,
)
from tests.process.standing_by import BLOCK, FADE, pair
from tests.process.stepping import NEVER, stepped

pytestmark = pytest.mark.process

DELAY = "lv2:urn:zamaudio:ZamDelay"
SYNTH = "lv2:http://drobilla.net/plugins/mda/EPiano"
BLOCKS = 120
LATE = "fault:sleep?after=12&times=1&ms=100"  # time to strike while it is in a block


def track(clip: str, *plugins: str) -> Track:
    """Its slots are t0, t1, …"""
    return Track(
        id="t", audio=AudioSource(file=clip), chain=chain(*plugins, prefix="t", standby=True)
    )


@pytest.fixture
def delayed(tmp_path: Path) -> Song:
    """Noise through a delay: what comes out depends on all that went in."""
    clip = write_clip(tmp_path / "noise.wav", noise(BLOCK * 400))
    return Song(tracks=(track(clip, DELAY),))


def undisturbed(song: Song, blocks: int) -> Audio:
    with stepped(song, block=BLOCK) as steps:
        return steps.render(blocks)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
def test_the_standby_plays_on_where_the_plugin_died(delayed: Song, number: signal.Signals) -> None:
    expected = undisturbed(delayed, BLOCKS)
    with pair(delayed, "t0") as played:
        assert played.host.standby_pid("t0") is not None
        heard = played.render(50)
        played.lose_one(number)
        heard = np.concatenate([heard, played.render(BLOCKS - 50)], axis=1)
        assert played.takeovers == 1
        assert played.covered == 0  # told in time: not even a block is lost
        assert len(played.slot("t0").crashes) == 0  # no database
        assert np.array_equal(heard[:, : 50 * BLOCK], expected[:, : 50 * BLOCK])
        after = 50 * BLOCK + FADE
        assert np.array_equal(heard[:, after:], expected[:, after:])
        step = np.abs(np.diff(heard[:, 50 * BLOCK - 2 : after])).max()
        assert step <= np.abs(np.diff(expected)).max() + 0.01


def test_a_stopped_plugin_costs_one_block(delayed: Song) -> None:
    expected = undisturbed(delayed, BLOCKS)
    with pair(delayed, "t0", NEVER) as played:
        heard = [played.render(50)]
        pid = played.stop("t0")
        heard.append(played.render(BLOCKS - 50))
        assert (played.takeovers, played.covered) == (1, 1)
        played.until(lambda: played.host.worker_pid("t0") != pid, "the other one plays")
        everything = np.concatenate(heard, axis=1)
        after = 51 * BLOCK + FADE
        assert np.array_equal(everything[:, after:], expected[:, after:])
        # It is further behind by now than anything is kept for it: replaced, but no fault.
        played.until(lambda: played.host.standby_pid("t0") not in (None, pid), "another standby")
        kinds = [event.kind for event in played.host.events_since(0)]
        assert HostEventKind.FAULT not in kinds


def test_who_was_late_stands_by_and_plays_again(delayed: Song) -> None:
    """Lateness is no fault: the two change parts, and nobody is restarted."""
    with pair(delayed, "t0", NEVER) as played:
        played.render(20)
        first = played.stop("t0")
        played.render(5)
        played.until(lambda: played.host.worker_pid("t0") != first, "the other one plays")
        second = played.host.worker_pid("t0")
        assert played.native.behind(0) == 4
        played.go_on_standing_by(first)
        played.render_until_caught_up()
        played.stop("t0")
        played.render(5)
        played.until(lambda: played.host.worker_pid("t0") == first, "the first one plays")
        assert (played.takeovers, played.covered) == (2, 2)
        assert played.slot("t0").restarts == 0
        assert second is not None
        os.kill(second, signal.SIGCONT)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGSTOP])
def test_a_plugin_that_fails_inside_a_block_costs_that_block(
    tmp_path: Path, number: signal.Signals
) -> None:
    clip = write_clip(tmp_path / "noise.wav", noise(BLOCK * 60))
    with pair(Song(tracks=(track(clip, LATE),)), "t0", warm_up_blocks=0) as played:
        expected = noise(BLOCK * 60)
        heard = [played.render(12)]
        pid = played.host.worker_pid("t0")
        assert pid is not None
        striker = threading.Timer(0.03, os.kill, (pid, number))
        striker.start()
        heard.append(played.render(1))
        striker.join()
        assert played.covered == 1
        if number != signal.SIGSTOP:
            played.until(lambda: played.host.worker_pid("t0") != pid, "the other one plays")
        heard.append(played.render(8))
        assert (played.takeovers, played.covered) == (1, 1)
        everything = np.concatenate(heard, axis=1)
        after = 13 * BLOCK + FADE
        assert np.array_equal(everything[:, after:], expected[:, after : everything.shape[1]])
        if number == signal.SIGSTOP:
            os.kill(pid, signal.SIGCONT)


def test_there_is_a_standby_again_and_it_takes_over_too(delayed: Song) -> None:
    expected = undisturbed(delayed, 3 * BLOCKS)
    with pair(delayed, "t0") as played:
        heard = [played.render(50)]
        played.lose_one()
        heard.append(played.render(10))
        assert played.slot("t0").status is SlotStatus.STANDBY
        played.until_ready()
        heard.append(played.render(200))
        played.lose_one()
        heard.append(played.render(3 * BLOCKS - 260))
        assert (played.takeovers, played.covered) == (2, 0)
        kinds = [event.kind for event in played.host.events_since(0)]
        assert kinds.count(HostEventKind.TAKEOVER) == 2
        everything = np.concatenate(heard, axis=1)
        after = 260 * BLOCK + FADE
        assert np.array_equal(everything[:, after:], expected[:, after:])


def test_notes_are_held_and_end_as_if_nothing_had_happened(tmp_path: Path) -> None:
    notes = [(BLOCK * 5, b"\x90\x3c\x64"), (BLOCK * 30, b"\x90\x40\x64")]
    notes += [(BLOCK * 80, b"\x80\x3c\x00"), (BLOCK * 90, b"\x80\x40\x00")]
    file = write_midi(tmp_path / "notes.mid", notes)
    song = Song(
        tracks=(
            Track(
                id="t",
                midi=MidiSource(file=file),
                chain=chain(SYNTH, prefix="t", standby=True),
            ),
        )
    )
    expected = undisturbed(song, BLOCKS)
    assert np.abs(expected[:, 50 * BLOCK :]).max() > 0.01
    with pair(song, "t0") as played:
        heard = [played.render(50)]
        played.lose_one()
        heard.append(played.render(BLOCKS - 50))
        everything = np.concatenate(heard, axis=1)
        after = 50 * BLOCK + FADE
        assert played.takeovers == 1
        assert np.array_equal(everything[:, after:], expected[:, after:])


def test_edits_made_just_before_reach_both(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "ones.wav", np.ones((2, BLOCK * 200), np.float32))
    song = Song(tracks=(track(clip, "builtin:gain"),))
    with pair(song, "t0") as played:
        played.render(20)
        played.host.set_parameter("t0", 0, 0.5)
        played.render(1)
        played.lose_one()
        played.host.set_parameter("t0", 0, 0.4)  # while there is no standby
        played.render(40)
        level = played.render(1)
        assert played.host.parameters("t0")[0] == pytest.approx(0.4)
        played.until_ready()
        played.render(5)
        played.lose_one()
        assert played.host.parameters("t0")[0] == pytest.approx(0.4)
        played.render(20)
        assert np.array_equal(played.render(1), level)


def test_a_failing_standby_disturbs_nobody(delayed: Song) -> None:
    expected = undisturbed(delayed, BLOCKS)
    with pair(delayed, "t0") as played:
        heard = []
        for _ in range(4):
            heard.append(played.render(10))
            pid = played.host.standby_pid("t0")
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            played.until(lambda pid=pid: played.host.standby_pid("t0") != pid, "gone")
            heard.append(played.render(5))
            played.until_ready()
        heard.append(played.render(BLOCKS - 60))
        assert np.array_equal(np.concatenate(heard, axis=1), expected)
        assert (played.takeovers, played.covered, played.slot("t0").restarts) == (0, 0, 0)
        faults = [e for e in played.host.events_since(0) if e.kind is HostEventKind.FAULT]
        assert len(faults) == 4
        assert all("its standby" in fault.text for fault in faults)
