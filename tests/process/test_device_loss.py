# SPDX-License-Identifier: GPL-3.0-or-later
"""A device that goes away while it plays and comes back: the mix goes on meanwhile, and plays on
the device again. Each test runs in a process of its own: libraries that lost their server stay
behind in it."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from host.config import HostConfig
from host.device import AudioDevice, DeviceState
from host.engine_module import BLOCK_NULL_CLOCK, Driver
from host.events import HostEventKind
from host.host import Host
from host.song import LiveInput, Slot, Song, Track
from ipc.status import SlotStatus
from tests.fixtures.own_process import own_process
from tests.process.jack import JackServer, until

pytestmark = pytest.mark.process

SONG = Song(
    tracks=(
        Track(
            id="a",
            chain=(
                Slot(id="tone", plugin="builtin:tone"),
                Slot(id="gain", plugin="builtin:gain"),
            ),
        ),
        Track(id="mic", input=LiveInput(channels=(1, 2)), gain_db=-120),
    )
)


PAUSED = ("system (JACK) has stopped calling; the mix goes on", "system (JACK) calls again")


class Session:
    """A host that plays on a server's device."""

    def __init__(self, jack: JackServer, host: Host, device: AudioDevice) -> None:
        self.jack = jack
        self.host = host
        self.device = device

    @property
    def driver(self) -> Driver:
        assert self.host.driver is not None
        return self.host.driver

    def run(self, blocks: int = 50) -> None:
        wanted = self.host.engine.block_count + blocks
        until(lambda: self.host.engine.block_count >= wanted, f"{blocks} blocks")

    def until_state(self, state: DeviceState) -> None:
        until(lambda: self.device.state is state, f"the device {state}, not {self.device.state}")

    def until_driving(self, calls: int = 50) -> None:
        wanted = self.driver.callbacks + calls
        until(lambda: self.driver.callbacks >= wanted, f"{calls} calls of the device")

    def told(self) -> list[str]:
        """Without what a starved machine adds: that the device paused."""
        events = self.host.events_since(0)
        texts = [event.text for event in events if event.kind is HostEventKind.DEVICE]
        return [text for text in texts if text not in PAUSED]


def steady_level(host: Host) -> float:
    """Of the tone, once the faders are where they should be and no plugin is late."""
    strip = host.mix.strip("a").native
    levels = [0.0]

    def steady() -> bool:
        levels.append(strip.peaks[0])
        return len(levels) > 10 and 0 < max(levels[-10:]) < 1.02 * min(levels[-10:])

    until(steady, "a steady tone")
    return levels[-1]


@contextmanager
def playing(block: int = 128) -> Iterator[Session]:
    with JackServer() as jack, Host(HostConfig(block_frames=block)) as host:
        host.load(SONG)
        with AudioDevice(host, inputs=2) as device:
            device.open()
            assert device.start()
            host.start()
            session = Session(jack, host, device)
            session.run()
            yield session


@pytest.mark.parametrize("number", [signal.SIGKILL.value, signal.SIGTERM.value])
@own_process
def test_the_mix_plays_on_and_returns_to_the_device(number: int) -> None:
    with playing() as session:
        host, jack = session.host, session.jack
        host.set_gain("a", -6.0)
        host.set_parameter("gain", 0, 0.25)
        level = steady_level(host)
        begun_at = host.engine.block_count - host.engine.position_frames // 128
        workers = [host.worker_pid(slot) for slot in ("tone", "gain")]
        for losses in (1, 2):
            jack.stop(signal.Signals(number))
            session.until_state(DeviceState.GONE)
            calls = session.driver.callbacks
            session.run(200)
            assert session.driver.callbacks == calls
            assert session.device.losses == losses
            assert session.driver.takeovers >= losses
            jack.start()
            session.until_state(DeviceState.PLAYING)
            session.until_driving()
            assert "isobooth:out_0" in jack.connections("system:playback_1")
        session.run(200)
        assert [host.worker_pid(slot) for slot in ("tone", "gain")] == workers
        assert [slot.restarts for slot in host.slots()] == [0, 0]
        assert steady_level(host) == pytest.approx(level, rel=0.05)
        records = host.engine.read_blocks()
        np.testing.assert_array_equal(records["block"], np.arange(len(records["block"])))
        # Not a block of the song was left out.
        missing = host.engine.block_count - begun_at - host.engine.position_frames // 128
        assert abs(missing) <= 2
        texts = session.told()
    assert len(texts) == 4
    assert all(text.startswith("system (JACK) is gone") for text in texts[::2])
    assert all(text.startswith("system (JACK) is back after ") for text in texts[1::2])


@own_process
def test_the_device_may_come_back_with_other_blocks() -> None:
    with playing(block=64) as session:
        assert session.driver.queue_latency_frames == 0
        session.jack.stop()
        session.until_state(DeviceState.GONE)
        session.jack.start(period=100)
        session.until_driving()
        assert session.driver.device_frames == 100
        assert session.driver.queue_latency_frames == 64
        session.jack.stop()
        session.until_state(DeviceState.GONE)
        session.jack.start(period=256)
        session.until_driving()
        assert session.driver.device_frames == 256
        assert session.driver.queue_latency_frames == 0


@own_process
def test_a_device_that_returns_at_another_rate_is_not_used_until_it_fits() -> None:
    with playing() as session:
        session.jack.stop()
        session.until_state(DeviceState.GONE)
        session.jack.start(rate=44100)
        until(lambda: "44100" in session.told()[-1], "the reason")
        calls = session.driver.callbacks
        session.run(2000)  # it looks again, and says it once
        assert session.driver.callbacks == calls
        assert len(session.told()) == 2
        assert session.told()[1].startswith("system (JACK): does not run at 48000 Hz")
        session.jack.stop()
        session.jack.start(rate=48000)
        session.until_driving()
        assert session.device.state is DeviceState.PLAYING


@own_process
def test_a_device_that_freezes_is_waited_for() -> None:
    with playing() as session:
        session.jack.freeze()
        session.until_state(DeviceState.SILENT)
        session.run(200)
        assert session.driver.takeovers >= 1
        session.jack.thaw()
        session.until_state(DeviceState.PLAYING)
        session.until_driving()
        assert session.device.losses == 0
        texts = [event.text for event in session.host.events_since(0)]
        assert set(texts) == set(PAUSED)


@own_process
def test_a_frozen_device_does_not_keep_the_host() -> None:
    with playing() as session:
        session.jack.freeze()
        session.until_state(DeviceState.SILENT)
        session.device.close()  # PortAudio would wait for ten minutes
        assert session.device.state is DeviceState.CLOSED
        session.run()  # the clock plays on
        # And when the server dies at last, the library left behind does not end the process.
        session.jack.stop(signal.SIGKILL)
        session.run(400)


@own_process
def test_a_device_that_is_gone_does_not_keep_the_host() -> None:
    with playing() as session:
        session.jack.stop(signal.SIGKILL)
        session.until_state(DeviceState.GONE)
        session.device.close()
        session.run()


@own_process
def test_a_host_may_end_in_the_very_moment_its_device_dies() -> None:
    with playing() as session:
        session.jack.stop(signal.SIGKILL)


@own_process
def test_a_worker_may_die_while_the_device_is_gone() -> None:
    with playing() as session:
        host = session.host
        session.jack.stop()
        session.until_state(DeviceState.GONE)
        pid = host.worker_pid("gain")
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        until(lambda: host.slots()[1].restarts == 1, "the restart")
        session.jack.start()
        session.until_driving()
        until(lambda: host.slots()[1].status is SlotStatus.ACTIVE, "the plugin")
        before = host.slots()[1].processed_blocks
        until(lambda: host.slots()[1].processed_blocks > before, "a block")


@own_process
def test_the_clock_s_blocks_keep_the_time_while_the_device_is_gone() -> None:
    with playing() as session:
        session.host.engine.read_blocks()
        session.jack.stop()
        session.until_state(DeviceState.GONE)
        began, blocks = time.monotonic(), session.host.engine.block_count
        session.run(300)
        took_s = time.monotonic() - began
        rendered = session.host.engine.block_count - blocks
        # Never faster than real time, whatever the machine; slower only if it is starved.
        assert rendered * 128 / 48000 <= took_s + 0.1
        flags = session.host.engine.read_blocks()["flags"]
        assert (flags[-100:] & BLOCK_NULL_CLOCK).all()
