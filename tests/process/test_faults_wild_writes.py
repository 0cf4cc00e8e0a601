# SPDX-License-Identifier: GPL-3.0-or-later
"""A plugin that writes where it must not, in what all workers of its chain share: it is replaced,
and the mix plays on."""

import struct
from pathlib import Path

import pytest

from host.store.crash_store import CrashStore
from host.store.database import Database
from ipc._native import SegmentKind
from tests.process.songs import (
    QUICK,
    SlotStatus,
    Song,
    audio_track,
    noise,
    play,
    write_clip,
)

pytestmark = pytest.mark.process

CACHE_LINE = 64
OFFLINE, IDLE, WAITING, RUNNING, FINISHED = 0, 1, 2, 4, 5


@pytest.mark.parametrize(
    ("status", "generation"),
    [
        (OFFLINE, 0),
        (77, 3),
        (255, (1 << 56) - 1),
        (IDLE, 1 << 50),
        (FINISHED, 1 << 50),
        (RUNNING, 1 << 50),
        (WAITING, 1),
    ],
)
def test_a_word_that_no_rule_leaves_there_is_treated_as_a_hang(
    status: int, generation: int, tmp_path: Path
) -> None:
    file = write_clip(tmp_path / "clip.wav", noise(48000))
    song = Song(tracks=(audio_track("t", file, "builtin:gain", "builtin:gain", "builtin:gain"),))
    with (
        Database(tmp_path) as database,
        play(song, block=512, faults=QUICK, database=database) as playing,
    ):
        playing.run(5)
        chain = playing.host.supervisor_of("t1").chain
        record = playing.host.supervisor_of("t1").record
        assert record is not None
        # The file ends with a cache line a record, which begins with the record's word.
        records = chain.geometry.records
        end = chain.geometry.size_of(SegmentKind.CHAIN_ACTIVATION)
        offset = end - CACHE_LINE * (records - record)
        chain.segments.activation[offset : offset + 8] = struct.pack("<Q", generation << 8 | status)
        playing.until_restarts("t1", 1)
        playing.until_heard("t1")
        playing.stop()
        for other in ("t0", "t2"):
            assert playing.slot(other).restarts == 0
            assert playing.slot(other).status is SlotStatus.ACTIVE
        reports = playing.slot("t1").crashes
    with Database(tmp_path) as database:
        assert [CrashStore(database).get(report).kind.value for report in reports] == ["hang"]
