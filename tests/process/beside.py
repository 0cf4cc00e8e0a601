# SPDX-License-Identifier: GPL-3.0-or-later
"""A plugin that misbehaves, and a track beside it that must not notice."""

import numpy as np

from host.engine_module import BLOCK_LATE
from tests.process.songs import (
    Audio,
    Master,
    Playing,
    SlotStatus,
    Song,
    audio_track,
    chain,
)


def song_with(plugin: str, file: str) -> Song:
    """The faulty plugin between two others on a muted track; a track to compare with; a master
    chain that must not suffer either. All other plugins pass the signal on bit for bit."""
    return Song(
        name="Two tracks",
        tracks=(
            audio_track("bad", file, "builtin:gain", plugin, "builtin:gain", mute=True),
            audio_track("good", file, "builtin:gain", "builtin:gain"),
        ),
        master=Master(chain=chain("builtin:gain", prefix="master")),
    )


def check_mix(playing: Playing, clip: Audio) -> None:
    """All that was played is the other track; its plugins were not in the way of it."""
    heard = playing.stop()
    np.testing.assert_array_equal(heard, clip[:, : heard.shape[1]])
    blocks = playing.host.engine.read_blocks()
    late = int(np.count_nonzero(blocks["flags"].astype(np.int64) & BLOCK_LATE))
    # Waiting for a failed plugin would cost dozens of blocks; a busy machine may cost one.
    assert late <= 2, late
    for slot in ("good0", "good1", "master0"):
        assert playing.slot(slot).status is SlotStatus.ACTIVE
        assert playing.slot(slot).restarts == 0
