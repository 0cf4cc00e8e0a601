# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that share a control thread: one launcher for all, each with workers of its own."""

import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

from host.config import HostConfig
from host.control import Control
from host.host import Host
from host.song import Slot, Song, Track
from ipc.errors import MachineError
from ipc.status import SlotStatus

pytestmark = pytest.mark.process

OFFLINE = HostConfig(offline=True, realtime=False, block_frames=64)


def _song(plugin: str) -> Song:
    return Song(tracks=(Track(id="only", chain=(Slot(id="plugin", plugin=plugin),)),), length_s=1)


def test_hosts_one_after_another_use_one_launcher_and_fresh_workers() -> None:
    launchers, workers = [], []
    with Control() as control:
        for _ in range(2):
            with Host(OFFLINE, control=control) as host:
                host.load(_song("builtin:tone"))
                host.start()
                assert np.abs(host.render(32)).max() > 0
                launchers.append(control.launcher.pid)
                workers.append(host.worker_pid("plugin"))
    assert launchers[0] == launchers[1]
    assert workers[0] != workers[1]


def test_a_crash_in_one_host_leaves_the_other_alone() -> None:
    with (
        Control() as control,
        Host(OFFLINE, control=control) as broken,
        Host(OFFLINE, control=control) as sound,
    ):
        broken.load(_song("fault:segv?after=3"))
        sound.load(_song("builtin:tone"))
        broken.start()
        sound.start()
        broken.render(32)
        assert np.abs(sound.render(32)).max() > 0
        assert sound.slots()[0].bypassed_blocks == 0
        assert broken.slots()[0].bypassed_blocks == 29


def test_an_interrupted_host_gives_a_hanging_render_back_at_once(
    wait_until: Callable[..., None],
) -> None:
    """Several times: the record of the dead worker may be fit for another one before the
    rendering thread has seen the death."""
    for _ in range(8):
        with Host(OFFLINE) as host:
            host.load(_song("fault:deadlock?after=3"))
            host.start()
            timer = threading.Timer(0.05, host.interrupt)
            before = time.monotonic()
            timer.start()
            host.render(32)
            assert time.monotonic() - before < OFFLINE.offline_hang_limit_s / 2
            timer.join()
            wait_until(lambda: host.slots()[0].status is SlotStatus.FAILED, 5.0)


def test_what_is_asked_of_a_closed_one_is_one_line() -> None:
    control = Control()
    control.close()
    with pytest.raises(MachineError, match="has ended"):
        control.call(lambda: None)
