# SPDX-License-Identifier: GPL-3.0-or-later
"""Chains of one stage run at the same time: what one is given must not reach another."""

import numpy as np

from host.config import FaultPolicy, HostConfig
from host.engine_module import MidiClip
from host.host import Host
from host.song import Slot, Song, Track
from ipc.status import SlotStatus


def _notes(*notes: int) -> MidiClip:
    frames = np.arange(len(notes), dtype=np.int64) * 400
    data = np.array([[0x90, note, 100] for note in notes], dtype=np.uint8)
    return MidiClip(frames, data)


def test_notes_of_one_track_never_reach_another() -> None:
    # Hosted, every slot behind the first is linked after the other tracks have begun.
    chain = (Slot(id="pass", plugin="builtin:gain"), Slot(id="synth", plugin="builtin:synth"))
    other = (Slot(id="pass2", plugin="builtin:gain"), Slot(id="synth2", plugin="builtin:synth"))

    def render(*tracks: Track, played: dict[str, MidiClip]) -> np.ndarray:
        with Host(HostConfig(offline=True, mode="hosted")) as host:
            host.load(Song(tracks=tracks, length_s=1))
            for strip in host.mix.strips:
                strip.midi = played.get(strip.id)
            host.mix.publish()
            host.start()
            return host.render(60)

    one, two = Track(id="one", chain=chain), Track(id="two", chain=other)
    low, high = {"one": _notes(40, 45)}, {"two": _notes(80, 85, 90)}
    together = render(one, two, played=low | high)
    apart = render(one, played=low) + render(two, played=high)
    assert np.abs(apart).max() > 0.01
    assert np.array_equal(together, apart)


def test_a_dead_slot_costs_its_healthy_neighbours_nothing() -> None:
    # "late" dies while "slow" is still in the block: slow is alive and is waited for.
    song = Song(
        tracks=(
            Track(
                id="a",
                chain=(
                    Slot(id="slow", plugin="fault:sleep?after=0&ms=2"),
                    Slot(id="dies", plugin="fault:exit?after=30"),
                ),
            ),
        )
    )
    with Host(HostConfig(offline=True)) as host:
        host.load(song)
        host.start()
        host.render(60)
        slow, dies = host.slots()
        assert (slow.missed_blocks, slow.processed_blocks) == (0, 60)
        assert dies.processed_blocks == 30


def test_a_plugin_that_recovers_from_nan_is_not_blamed_twice(wait_until: object) -> None:
    song = Song(
        tracks=(Track(id="a", chain=(Slot(id="nan", plugin="fault:nan?after=20&times=40"),)),)
    )
    policy = FaultPolicy(crash_limit=100)
    with Host(HostConfig(block_frames=4096, faults=policy)) as host:
        host.load(song)
        host.start()
        slot = host.supervisor_of("nan")
        assert callable(wait_until)
        wait_until(lambda: slot.restarts == 1, 40)
        processed = slot.native.processed_blocks
        wait_until(lambda: slot.native.processed_blocks > processed + 3, 10)
        assert slot.restarts == 1
        assert slot.status is SlotStatus.ACTIVE
