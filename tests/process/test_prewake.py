# SPDX-License-Identifier: GPL-3.0-or-later
"""Workers are woken shortly before their block, so that they are at hand when it comes."""

import ctypes
import time
from pathlib import Path

import pytest

from host.config import HostConfig
from host.device import AudioDevice
from host.host import Host
from host.song import Slot, Song, Track
from tests.process.jack import JackServer
from tests.process.songs import Playing

pytestmark = pytest.mark.process

CHAIN = tuple(Slot(id=f"slot{i}", plugin="builtin:gain") for i in range(3))
SONG = Song(tracks=(Track(id="a", chain=CHAIN),))
BLOCKS = 150


def times_asleep(host: Host) -> int:
    """How often the block threads of all workers have gone to sleep."""
    count = 0
    for pid in {host.worker_pid(slot.id) for slot in host.slots()}:
        for task in Path(f"/proc/{pid}/task").iterdir():
            if (task / "comm").read_text().strip() != "isb-block":
                continue
            [line] = [
                line
                for line in (task / "status").read_text().splitlines()
                if line.startswith("voluntary_ctxt_switches")
            ]
            count += int(line.split()[1])
    return count


def wakes_per_block(playing: Playing) -> float:
    """Of one worker, in the mean."""
    playing.run(10)
    first, before = playing.host.engine.block_count, times_asleep(playing.host)
    playing.run(BLOCKS)
    after, last = times_asleep(playing.host), playing.host.engine.block_count
    return (after - before) / (last - first) / len(CHAIN)


@pytest.mark.parametrize("mode", ["relayed", "pipelined"])
def test_workers_wake_once_more_before_their_block(mode: str) -> None:
    config = HostConfig(block_frames=512, mode=mode)  # type: ignore[arg-type]
    with Playing(SONG, config, None, playing=True) as playing:
        assert wakes_per_block(playing) > 1.3  # a clock that comes late has no time for it


def test_it_can_be_left_out() -> None:
    with Playing(SONG, HostConfig(block_frames=512, prewake=False), None, playing=True) as playing:
        assert wakes_per_block(playing) < 1.1


def test_who_is_woken_by_the_host_one_by_one_is_not() -> None:
    with Playing(SONG, HostConfig(block_frames=512, mode="hosted"), None, playing=True) as playing:
        assert wakes_per_block(playing) < 1.1


def test_a_block_that_comes_soon_is_waited_for_as_it_is() -> None:
    with Playing(SONG, HostConfig(block_frames=16), None, playing=True) as playing:
        assert wakes_per_block(playing) < 1.1


def test_a_device_drives_and_workers_are_woken_before_its_calls() -> None:
    config = HostConfig(block_frames=512)
    with JackServer(512), Playing(SONG, config, None, playing=False) as playing:
        with AudioDevice(playing.host, "system") as device:
            device.open()
            assert device.start()
            playing.host.start()
            assert wakes_per_block(playing) > 1.3
            playing.host.stop()
        assert playing.host.driver is not None
        assert playing.host.driver.callbacks >= BLOCKS / 2


def test_plans_come_and_go_meanwhile() -> None:
    """What is woken from is not freed."""
    with Playing(SONG, HostConfig(), None, playing=True) as playing:
        for _ in range(300):
            playing.host.mix.publish()
            playing.run(1)
        assert wakes_per_block(playing) > 1.1


@pytest.mark.parametrize("skew", [0.98, 1.02], ids=["faster", "slower"])
def test_a_device_whose_clock_is_another_is_foreseen_too(skew: float) -> None:
    config = HostConfig(block_frames=512)
    silence = (ctypes.c_float * 1024)()
    function = ctypes.CFUNCTYPE(
        ctypes.c_int,
        *(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_ulong),
        *(ctypes.c_void_p, ctypes.c_ulong, ctypes.c_void_p),
    )
    with Playing(SONG, config, None, playing=True) as playing:
        driver = playing.host.driver
        assert driver is not None
        stream = driver.add_stream(0, 2)
        driver.expect_device(stream)
        callback = function(driver.callback_address)
        period_s = skew * 512 / 48000
        due, before = time.monotonic(), 0
        for block in range(BLOCKS):
            due += period_s
            time.sleep(max(0.0, due - time.monotonic()))
            assert callback(None, silence, 512, None, 0, stream) == 0
            assert playing.host.engine.collect() >= 0
            playing.host.mix.publish()  # three threads know the plan
            if block == 10:
                before = driver.prewakes
        assert driver.prewakes - before > 0.5 * BLOCKS
        driver.no_device()


def test_a_device_may_call_with_many_blocks_at_once() -> None:
    """Workers are woken before its call, and not in between for nothing."""
    config = HostConfig(block_frames=512)
    with (
        JackServer(1024),
        Playing(SONG, config, None, playing=False) as playing,
        AudioDevice(playing.host, "system") as device,
    ):
        device.open()
        assert device.start()
        playing.host.start()
        playing.run(20)
        driver = playing.host.driver
        assert driver is not None
        before, calls = driver.prewakes, driver.callbacks
        playing.run(BLOCKS)
        assert driver.prewakes - before <= driver.callbacks - calls + 2
        playing.host.stop()
