# SPDX-License-Identifier: GPL-3.0-or-later
"""Who pays for a late plugin: its own chain, in its own stage, and nobody else.

Tracks run before the groups that they feed, and the master runs last; each stage has a share of the
block, so that what waits for a late track still has time to run.
"""

import numpy as np
import pytest

from tests.process.songs import (
    Audio,
    HostEventKind,
    Master,
    SlotStatus,
    Song,
    Track,
    audio_track,
    chain,
    noise,
    play,
    write_clip,
)

pytestmark = pytest.mark.process

BLOCK = 2048


@pytest.fixture(scope="module")
def clip() -> Audio:
    return noise(20 * 48000)


@pytest.fixture(scope="module")
def clip_file(clip: Audio, tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_clip(tmp_path_factory.mktemp("media") / "clip.wav", clip)


def song(late: str, file: str) -> Song:
    return Song(
        tracks=(
            audio_track("late", file, late, mute=True, output="group"),
            audio_track("good", file, "builtin:gain", output="group"),
            Track(id="group", chain=chain("builtin:gain", "builtin:gain", prefix="group")),
        ),
        master=Master(chain=chain("builtin:gain", prefix="master")),
    )


# Longer than a block, or a share of it; every fifth block, so that it is asked for again.
@pytest.mark.parametrize("ms", [40, 60])
def test_a_late_track_makes_neither_its_group_nor_the_master_late(
    ms: int, clip: Audio, clip_file: str
) -> None:
    for attempt in range(3):  # a busy machine makes anybody late; a late track would each time
        try:
            return _late_alone(ms, clip, clip_file)
        except AssertionError:
            if attempt == 2:
                raise


def _late_alone(ms: int, clip: Audio, clip_file: str) -> None:
    late = f"fault:sleep?after=10&every=5&ms={ms}"
    with play(song(late, clip_file), block=BLOCK) as playing:
        playing.run(80)
        heard = playing.stop()
        missed = playing.slot("late0").missed_blocks
        assert missed >= 8
        for slot in ("good0", "group0", "group1", "master0"):
            # The machine may make anybody late once; the late track would make them late each time.
            assert playing.slot(slot).missed_blocks <= missed // 4, (slot, missed)
            assert playing.slot(slot).bypassed_blocks <= missed // 4, (slot, missed)
            assert playing.slot(slot).status is SlotStatus.ACTIVE
        np.testing.assert_array_equal(heard, clip[:, : heard.shape[1]])
        assert not playing.events(HostEventKind.FAULT)


def test_a_chain_that_waits_its_turn_is_not_blamed_for_the_wait(
    clip: Audio, clip_file: str
) -> None:
    """The host waits for chains in turn. A chain that it must handle slot by slot, because it is
    being faded in, finds its time used up by the one before it."""
    tracks = (
        audio_track("late", clip_file, "fault:sleep?after=10&every=3&ms=60", mute=True),
        audio_track("good", clip_file, "builtin:gain", "builtin:gain", "builtin:gain"),
    )
    with play(Song(tracks=tracks), block=BLOCK) as playing:
        playing.run(10)
        for _ in range(4):
            playing.kill_and_wait("good0")  # its return is a fade: the host takes part
            playing.until_heard("good0", 2)
        heard = playing.stop()
        missed = playing.slot("late0").missed_blocks
        assert missed >= 3
        for slot in ("good1", "good2"):
            assert playing.slot(slot).missed_blocks <= missed // 3, slot  # a busy machine's
        np.testing.assert_array_equal(heard, clip[:, : heard.shape[1]])


def test_only_the_slot_that_is_late_is_blamed(clip: Audio, clip_file: str) -> None:
    plugins = ("builtin:gain", "fault:sleep?after=10&every=4&ms=60", "builtin:gain")
    with play(Song(tracks=(audio_track("t", clip_file, *plugins),)), block=BLOCK) as playing:
        playing.run(60)
        heard = playing.stop()
        late = playing.slot("t1")
        assert late.missed_blocks >= 5
        machine = [playing.slot(slot).missed_blocks for slot in ("t0", "t2")]
        assert max(machine) <= late.missed_blocks // 3
        # Behind it, the block of each miss is dry too; the next ones are not.
        assert 5 <= playing.slot("t2").bypassed_blocks <= late.missed_blocks + sum(machine)
        np.testing.assert_array_equal(heard, clip[:, : heard.shape[1]])
