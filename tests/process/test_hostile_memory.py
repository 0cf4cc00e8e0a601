# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody scribbles over all that a chain's workers can write, all the time: the host goes on, the
other chain's signal is exact to the bit, and once it is over every plugin is back."""

import random
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from ipc.segment import ChainSegments
from tests.process.songs import (
    HostEventKind,
    Slot,
    SlotStatus,
    Song,
    Track,
    audio_track,
    noise,
    play,
    write_clip,
)

pytestmark = pytest.mark.process

_WORD = struct.Struct("<Q")
_BORDERS = (
    0, 1, 255, 512, 513, 2**31, 2**32 - 1, 2**63, 2**64 - 1, 0x7FF0000000000000,
    0x7FC000007F800000, 0x0000000100000001, 0x7F7FFFFF7F7FFFFF,
)  # fmt: skip
# Where a worker says how long its plugin delays: in struct Report, behind the header. Believed
# within bounds, and compensated: the others wait for it. No damage, but no bit is where it was.
_LATENCY_AT = 64 + 32
_BLOCKS = 150


@contextmanager
def scribbling(segments: ChainSegments, seed: int) -> Iterator[None]:
    """Random and adversarial words at random places of the workers' files."""
    dice = random.Random(seed)
    files = [(segments.activation, -1), *((output, _LATENCY_AT) for output in segments.outputs)]
    ended = threading.Event()

    def scribble() -> None:
        while not ended.wait(0.0005):
            for _ in range(60):
                file, spared = dice.choice(files)
                # Mostly near the beginning, where the words, counts and reports are.
                reach = len(file) if dice.random() < 0.5 else 2048
                at = dice.randrange(min(reach, len(file)) // 8) * 8
                word = dice.choice(_BORDERS) if dice.random() < 0.5 else dice.getrandbits(64)
                if at != spared:
                    _WORD.pack_into(file, at, word)

    thread = threading.Thread(target=scribble, name="scribbler")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@pytest.mark.parametrize("pipelined", [False, True], ids=["relayed", "pipelined"])
def test_a_chain_whose_memory_is_garbage_costs_nobody_else_a_bit(
    pipelined: bool, tmp_path: Path
) -> None:
    clip = noise(48000)
    hostile = Track(
        id="h",
        mute=True,  # what it sounds like is its own affair; the mix must be the other track
        pipelined=pipelined,
        chain=(
            Slot(id="up", plugin="builtin:midi-transpose"),
            Slot(id="synth", plugin="builtin:synth"),
            Slot(id="eq", plugin="vst3:/usr/lib/vst3/ZamEQ2.vst3"),
            Slot(id="gain", plugin="builtin:gain"),
        ),
    )
    clean = audio_track(
        "c", write_clip(tmp_path / "c.wav", clip), "builtin:gain", pipelined=pipelined
    )
    song = Song(tracks=(hostile, clean))
    with play(song) as playing:
        host = playing.host
        playing.until_heard("c0")
        with scribbling(host.supervisor_of("eq").chain.segments, seed=7):
            playing.run(_BLOCKS)
        for slot in ("up", "synth", "eq", "gain"):
            playing.until_status(slot, SlotStatus.ACTIVE)
            playing.until_heard(slot)
        clean_slot = playing.slot("c0")
        assert clean_slot.restarts == 0
        notices = [event.text for event in playing.events(HostEventKind.NOTICE)]
        assert not [text for text in notices if "supervision failed" in text]
        heard = playing.stop()
    assert np.isfinite(heard).all()
    if clean_slot.missed_blocks == 0 and clean_slot.bypassed_blocks == 0:
        latency = 1024 if pipelined else 0
        assert np.array_equal(heard[:, latency : latency + clip.shape[1]], clip)
