# SPDX-License-Identifier: GPL-3.0-or-later
"""A chain that was finished before the host looked leaves its end post behind; the posts of many
blocks must not make the host lose patience with a later one."""

from host.config import HostConfig
from host.host import Host
from host.song import Slot, Song, Track


def test_posts_left_by_finished_blocks_never_cut_a_wait_short() -> None:
    # The host waits for the first chain, so the second is always finished when it looks, until
    # block 400, when the second takes its time.
    song = Song(
        tracks=(
            Track(id="slow", chain=(Slot(id="a", plugin="fault:sleep?after=0&ms=1"),)),
            Track(id="late", chain=(Slot(id="b", plugin="fault:sleep?after=400&times=3&ms=60"),)),
        )
    )
    with Host(HostConfig(offline=True)) as host:
        host.load(song)
        host.start()
        host.render(420)
        assert [slot.missed_blocks for slot in host.slots()] == [0, 0]
        assert [slot.processed_blocks for slot in host.slots()] == [420, 420]
