# SPDX-License-Identifier: GPL-3.0-or-later
"""Workers that die while a host renders offline or plays: the host's own code, under whatever build
the tests run with. `make asan` runs these in the sanitized host and its sanitized workers."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest

from tests.process.songs import (
    RATE,
    Master,
    SlotStatus,
    Song,
    audio_track,
    chain,
    midi_track,
    noise,
    offline,
    play,
    write_clip,
    write_midi,
)

pytestmark = [pytest.mark.process, pytest.mark.sanitize]

LENGTH = 2 * RATE
BLOCK = 256
NOTES = [(i * 4800, bytes([0x90 if i % 2 == 0 else 0x80, 60 + i, 100])) for i in range(16)]


def mixed_song(folder: Path, faulty: str) -> Song:
    """A track that is heard, one muted around the faulty plugin, one of notes, sent to a group."""
    clip = write_clip(folder / "clip.wav", noise(LENGTH))
    notes = write_midi(folder / "notes.mid", NOTES)
    return Song(
        tracks=(
            audio_track("good", clip, "builtin:gain", "builtin:gain"),
            audio_track("bad", clip, "builtin:gain", faulty, "builtin:gain", mute=True),
            midi_track("keys", notes, "builtin:synth", output="bad"),
        ),
        master=Master(chain=chain("builtin:gain", prefix="master")),
    )


@pytest.mark.parametrize("batch", [1, 4])
def test_a_worker_that_dies_in_an_offline_render_costs_nothing_of_the_others(
    batch: int, tmp_path: Path
) -> None:
    song = mixed_song(tmp_path, "fault:exit?after=20&times=1")
    blocks = LENGTH // (BLOCK * batch)
    with offline(song, block=BLOCK, offline_batch=batch) as host:
        parts = [host.render(blocks // 4)]
        pid = host.worker_pid("bad2")
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        parts.append(host.render(blocks // 4))
        host.set_parameter("bad0", 0, 0.5)
        parts.append(host.render(blocks - 2 * (blocks // 4)))
        slots = {slot.id: slot for slot in host.slots()}
    heard = np.concatenate(parts, axis=1)
    np.testing.assert_array_equal(heard, noise(LENGTH)[:, : heard.shape[1]])
    assert slots["bad1"].bypassed_blocks > 0
    assert slots["bad2"].bypassed_blocks > 0
    for slot in ("good0", "good1", "bad0", "keys0", "master0"):
        assert (slots[slot].status, slots[slot].missed_blocks) == (SlotStatus.ACTIVE, 0)


def test_workers_that_die_while_a_song_plays_come_back(tmp_path: Path) -> None:
    with play(mixed_song(tmp_path, "fault:exit?after=40"), block=1024) as playing:
        playing.until_restarts("bad1", 1)
        playing.kill_and_wait("keys0")
        playing.host.set_gain("good", -6.0)
        playing.host.send_midi("keys", bytes([0x90, 64, 100]))
        playing.host.capture_slot("bad2")
        playing.run(5)
        assert playing.stop().any()
