# SPDX-License-Identifier: GPL-3.0-or-later
"""A closed host holds no shared memory: a batch makes hundreds of hosts in one process."""

import gc
import os

from host.config import HostConfig
from host.host import Host
from host.song import Slot, Song, Track


def test_closed_hosts_give_their_descriptors_back() -> None:
    song = Song(tracks=(Track(id="a", chain=(Slot(id="g", plugin="builtin:gain"),)),))

    def descriptors_after(blocks: int) -> int:
        host = Host(HostConfig(offline=blocks > 0))
        host.load(song)
        host.start()
        if blocks:
            host.render(blocks)
        host.close()
        return len(os.listdir("/proc/self/fd"))  # the host itself is still there

    gc.collect()
    gc.disable()
    try:
        first = descriptors_after(4)
        for blocks in (4, 0, 4):
            assert descriptors_after(blocks) <= first + 2
    finally:
        gc.enable()
