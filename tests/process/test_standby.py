# SPDX-License-Identifier: GPL-3.0-or-later
"""A slot with a standby loses at most the block in which its plugin failed, and the standby is where
the plugin would have been."""

import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from ipc.status import SlotStatus
from tests.process.songs import (
    Audio,
    AudioSource,
    HostEventKind,
    Song,
    Track,
    chain,
    midi_track,
    noise,
    write_clip,
    write_midi,
)
from tests.process.standing_by import BLOCK, FADE, Pair, pair
from tests.process.stepping import NEVER, stepped

pytestmark = pytest.mark.process

DELAY = "lv2:urn:zamaudio:ZamDelay"
SYNTH = "lv2:http://moddevices.com/plugins/mda/EPiano"
BLOCKS = 120
LATE = "fault:sleep?after=8&every=1&ms=40"  # time to strike while it is in a block


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


def strike(pair: Pair, number: signal.Signals) -> None:
    """Ends the worker that plays; the host knows before the next block."""
    pid = pair.host.worker_pid(pair.name)
    assert pid is not None
    os.kill(pid, number)
    pair.until(lambda: pair.host.worker_pid(pair.name) != pid, "the other one plays")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
def test_the_standby_plays_on_where_the_plugin_died(delayed: Song, number: signal.Signals) -> None:
    expected = undisturbed(delayed, BLOCKS)
    with pair(delayed, "t0") as played:
        assert played.host.standby_pid("t0") is not None
        heard = played.render(50)
        strike(played, number)
        heard = np.concatenate([heard, played.render(BLOCKS - 50)], axis=1)
        assert played.takeovers == 1
        assert played.covered == 0  # told in time: not even a block is lost
        assert len(played.slot("t0").crashes) == 0  # no database
        assert np.array_equal(heard[:, : 50 * BLOCK], expected[:, : 50 * BLOCK])
        after = 50 * BLOCK + FADE
        assert np.array_equal(heard[:, after:], expected[:, after:])
        step = np.abs(np.diff(heard[:, 50 * BLOCK - 2 : after])).max()
        assert step <= np.abs(np.diff(expected)).max() + 0.01
