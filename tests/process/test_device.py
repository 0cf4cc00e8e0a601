# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that plays on a real audio device (JACK's dummy driver): what the device's thread
renders, what it hears from the device's inputs, and what a dying worker means to it."""

import functools
import os
import signal
import tempfile
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from host.config import FaultPolicy, HostConfig
from host.device import AudioDevice, DeviceState, list_devices
from host.engine_module import BLOCK_NULL_CLOCK, Driver, Strip
from host.host import Host
from host.song import LiveInput, Slot, Song, Track
from ipc.errors import InputError, MachineError
from ipc.status import SlotStatus
from tests.fixtures.own_process import own_process
from tests.process.jack import JackServer, until

pytestmark = pytest.mark.process

ZAM_EQ2 = "vst3:/usr/lib/vst3/ZamEQ2.vst3"
TONE = Song(tracks=(Track(id="a", chain=(Slot(id="tone", plugin="builtin:tone"),)),))


@pytest.fixture
def jack() -> Iterator[JackServer]:
    with JackServer() as server:
        yield server


class Starved(Exception):
    """The machine gave JACK no time for half a second: the null clock had to help out."""


def check_starved(driver: Driver) -> None:
    if driver.takeovers:
        raise Starved


def unless_starved(test: Callable[..., None]) -> Callable[..., None]:
    """Of three attempts, one must run on the device alone. What kept the device waiting each time
    would be us."""

    @functools.wraps(test)
    def attempts(*args: object, **kwargs: object) -> None:
        for _ in range(3):
            try:
                return test(*args, **kwargs)
            except Starved:
                continue
        pytest.fail("in each of three attempts, the device stopped calling for half a second")

    return attempts


def driver_of(host: Host) -> Driver:
    assert host.driver is not None
    return host.driver


def play(host: Host, device: AudioDevice) -> None:
    """The device drives from the first block on."""
    device.open()
    assert device.start()
    host.start()


def run(host: Host, blocks: int) -> None:
    wanted = host.engine.block_count + blocks
    until(lambda: host.engine.block_count >= wanted, f"{blocks} blocks")


def test_portaudio_lists_the_server(jack: JackServer) -> None:
    found = [device for device in list_devices() if device.api == "JACK"]
    assert [(device.name, device.inputs, device.outputs) for device in found] == [("system", 2, 2)]
    assert found[0].sample_rate == 48000


@pytest.mark.parametrize(
    ("device_block", "block"),
    [(128, 128), (256, 128), (128, 16), (100, 64), (64, 256), (4096, 1024)],
    ids=str,
)
@unless_starved
def test_the_device_drives_with_whatever_block_it_has(device_block: int, block: int) -> None:
    with (
        JackServer(device_block) as jack,
        Host(HostConfig(block_frames=block, capture_s=10)) as host,
    ):
        host.load(TONE)
        driver = driver_of(host)
        with AudioDevice(host, "system") as device:
            play(host, device)
            assert "isobooth:out_0" in jack.connections("system:playback_1")
            run(host, 100)
            assert driver.device_frames == min(device_block, 1024)  # PortAudio's largest with JACK
            assert (driver.queue_latency_frames > 0) == (driver.device_frames % block != 0)
            assert device.latency_s >= driver.queue_latency_frames / 48000
            host.stop()
        check_starved(driver)
        # Every call was rendered, and nothing else was: the null clock has not moved a hand.
        behind = driver.callbacks * driver.device_frames - host.engine.block_count * block
        assert 0 <= behind < block
        assert not (host.engine.read_blocks()["flags"] & BLOCK_NULL_CLOCK).any()
        assert np.abs(host.engine.read_capture(480_000)).max() > 0.01


def test_what_the_device_records_is_heard(jack: JackServer) -> None:
    song = Song(
        tracks=(
            Track(id="guitar", input=LiveInput(channels=(2,)), chain=_chain("builtin:gain")),
            Track(id="deaf", input=LiveInput(channels=(1,)), gain_db=-120),
        )
    )
    with Host(HostConfig(capture_s=20)) as host:
        host.load(song)
        with AudioDevice(host, inputs=2) as device:
            play(host, device)
            for channel in (1, 2):
                jack.disconnect(f"system:capture_{channel}", f"isobooth:in_{channel - 1}")
            run(host, 20)
            host.engine.read_capture(1 << 20)
            run(host, 50)
            assert not host.engine.read_capture(1 << 20).any()  # nobody plays
            sine = jack.play_sine()
            try:
                until(lambda: "sine:output1" in jack.ports(), "the sine")
                # Into the left channel first, which this song does not listen to.
                jack.connect("sine:output1", "isobooth:in_0")
                run(host, 20)
                host.engine.read_capture(1 << 20)
                run(host, 50)
                assert not host.engine.read_capture(1 << 20).any()
                jack.connect("sine:output1", "isobooth:in_1")
                until(lambda: strip_of(host, "guitar").peaks[0] > 0.01, "the guitar")
                host.engine.read_capture(1 << 20)
                run(host, 400)
            finally:
                sine.kill()
                sine.wait()
        heard = host.engine.read_capture(1 << 20)[:48000]
    assert len(heard) == 48000
    # One channel is heard on both sides, and it is the sine: 48000/200 Hz and its neighbours (a
    # machine under load drops a block here and there) hold most of the energy.
    np.testing.assert_array_equal(heard[:, 0], heard[:, 1])
    energy = np.abs(np.fft.rfft(heard[:, 0] * np.hanning(48000))) ** 2
    assert int(np.argmax(energy)) == 240
    assert energy[200:281].sum() > 0.8 * energy.sum()


def test_inputs_that_the_device_does_not_have_are_silent_and_said(jack: JackServer) -> None:
    song = Song(tracks=(Track(id="a", input=LiveInput(channels=(1, 7))),))
    with Host() as host:
        host.load(song)
        with AudioDevice(host, inputs=7) as device:
            play(host, device)
            run(host, 10)
    assert [event.text for event in host.events_since(0)] == [
        "the song listens to 7 input channels, but system (JACK) gives 2: the others are silent"
    ]


def test_our_sound_arrives_at_the_device(jack: JackServer) -> None:
    """Through JACK into our own input, and from there into the capture."""
    song = Song(
        tracks=(
            Track(id="a", chain=_chain("builtin:tone")),
            Track(id="loop", input=LiveInput(channels=(1,)), gain_db=-120),
        )
    )
    with Host() as host:
        host.load(song)
        with AudioDevice(host, inputs=1) as device:
            play(host, device)
            jack.disconnect("system:capture_1", "isobooth:in_0")
            run(host, 50)
            loop = strip_of(host, "loop")
            host.set_gain("loop", 0.0)
            run(host, 50)
            assert loop.peaks == (0.0, 0.0)
            host.set_gain("loop", -60.0)  # far from howling
            jack.connect("isobooth:out_0", "isobooth:in_0")
            until(lambda: loop.peaks[0] > 1e-6, "the tone")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP, signal.SIGSEGV])
@unless_starved
def test_the_device_never_waits_for_a_dying_worker(
    jack: JackServer, number: signal.Signals
) -> None:
    faults = FaultPolicy(hang_limit_s=0.4, next_restart_s=0.05, crash_limit=100)
    song = Song(
        tracks=(
            Track(id="a", chain=_chain("builtin:tone", "builtin:gain", prefix="a")),
            Track(id="b", chain=_chain("builtin:tone", prefix="b")),
        )
    )
    with Host(HostConfig(faults=faults)) as host:
        host.load(song)
        driver = driver_of(host)
        with AudioDevice(host) as device:
            play(host, device)
            run(host, 50)
            for round_number in range(1, 4):
                pid = host.worker_pid("a1")
                assert pid is not None
                os.kill(pid, number)
                until(_restarted(host, "a1", round_number), f"restart {round_number}")
                check_starved(driver)
                assert device.state is DeviceState.PLAYING
            run(host, 50)
            host.stop()
        check_starved(driver)
        # Every block came from a call of the device, every call got its block.
        assert driver.callbacks == host.engine.block_count
        records = host.engine.read_blocks()
        np.testing.assert_array_equal(records["block"], np.arange(host.engine.block_count))
        assert not (records["flags"] & BLOCK_NULL_CLOCK).any()
        untouched = [slot for slot in host.slots() if slot.id != "a1"]
        assert [slot.restarts for slot in untouched] == [0, 0]


def test_what_cannot_be_opened_is_said_in_one_line(jack: JackServer) -> None:
    with Host(HostConfig(sample_rate=44100)) as host:
        with AudioDevice(host) as device, pytest.raises(MachineError) as error:
            device.open()
        assert str(error.value) == (
            "system (JACK): does not run at 44100 Hz; use `--rate 48000`, or set the device to "
            "44100 Hz"
        )
        with AudioDevice(host, "trumpet") as device, pytest.raises(InputError) as unknown:
            device.open()
        assert str(unknown.value).startswith("there is no output device 'trumpet'; choose one of ")
        assert "system (JACK) (number 0)" in str(unknown.value)
        with AudioDevice(host), pytest.raises(MachineError, match="another host of this process"):
            AudioDevice(host)


@own_process
def test_an_alsa_device_calls_with_the_engine_s_own_blocks() -> None:
    """ALSA's null plugin: no sound, no clock, but the way of every device that is not JACK's."""
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as config:
        config.write("</usr/share/alsa/alsa.conf>\npcm.booth { type null }\n")
        config.flush()
        os.environ["ALSA_CONFIG_PATH"] = config.name
        song = Song(tracks=(Track(id="a", input=LiveInput(channels=(1, 100))),))
        for _ in range(2):
            with Host(HostConfig(block_frames=96)) as host:
                host.load(song)
                with AudioDevice(host, "booth", inputs=100) as device:
                    play(host, device)
                    run(host, 200)
                    assert driver_of(host).device_frames == 96
                    assert driver_of(host).queue_latency_frames == 0
                    assert device.state is DeviceState.PLAYING
                assert device.state is DeviceState.CLOSED
                assert [event.text for event in host.events_since(0)] == [
                    "the song listens to 100 input channels, but booth (ALSA) gives 64: the others "
                    "are silent"
                ]


def test_a_device_can_be_closed_and_used_again(jack: JackServer) -> None:
    for _ in range(3):
        with Host() as host:
            host.load(TONE)
            with AudioDevice(host) as device:
                play(host, device)
                run(host, 20)
            assert device.state is DeviceState.CLOSED
            until(lambda: "isobooth:out_0" not in jack.ports(), "isobooth to leave the graph")
            host.start()
            run(host, 20)  # on the null clock


def strip_of(host: Host, track: str) -> Strip:
    mix = host.mix
    return mix.strip(track).native


def _chain(*plugins: str, prefix: str = "s") -> tuple[Slot, ...]:
    return tuple(Slot(id=f"{prefix}{i}", plugin=plugin) for i, plugin in enumerate(plugins))


def _restarted(host: Host, slot_id: str, times: int) -> Callable[[], bool]:
    def check() -> bool:
        slot = next(slot for slot in host.slots() if slot.id == slot_id)
        return slot.restarts >= times and slot.status is SlotStatus.ACTIVE

    return check
