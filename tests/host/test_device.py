# SPDX-License-Identifier: GPL-3.0-or-later
"""How a device is chosen, and what is said when none can be."""

import threading
from collections.abc import Iterator

import pytest

import host.device
from host.config import HostConfig
from host.device import AudioDevice, DeviceState, choose_device
from host.host import Host
from host.portaudio import DeviceInfo, PortAudio, Stuck
from ipc.errors import InputError, MachineError


def device(index: int, name: str, api: str = "ALSA", outputs: int = 2, **more: bool) -> DeviceInfo:
    return DeviceInfo(index, name, api, 2, outputs, 48000.0, more.get("is_default", False))


DEVICES = [
    device(0, "HDA Intel: ALC257 (hw:0,0)"),
    device(1, "USB Audio: - (hw:1,0)"),
    device(2, "USB Audio: - (hw:2,0)", outputs=0),
    device(3, "pulse", is_default=True),
    device(4, "system", "JACK"),
    device(5, "Synth", "JACK"),
    device(6, "Synth Pad", "JACK"),
]


@pytest.mark.parametrize(
    ("choice", "index"),
    [
        (None, 3),
        ("4", 4),
        ("system", 4),
        ("SYSTEM (jack)", 4),
        ("usb", 1),  # the other one has no output
        ("hw:0,0", 0),
        ("synth", 5),  # its whole name, though part of another
        (" pad ", 6),
    ],
)
def test_a_device_is_found_by_number_name_or_part_of_it(choice: str | None, index: int) -> None:
    assert choose_device(DEVICES, choice).index == index


def test_without_a_default_the_first_output_is_taken() -> None:
    assert choose_device(DEVICES[:3], None).index == 0


def test_a_name_that_fits_several_is_refused() -> None:
    with pytest.raises(InputError) as error:
        choose_device(DEVICES, "hw:")
    assert str(error.value) == (
        "the device 'hw:' is not clear; give the number or the whole name of one of HDA Intel: "
        "ALC257 (hw:0,0) (ALSA) (number 0), USB Audio: - (hw:1,0) (ALSA) (number 1)"
    )


@pytest.mark.parametrize("choice", ["trumpet", "2", "99"])
def test_a_name_that_fits_none_lists_what_there_is(choice: str) -> None:
    with pytest.raises(InputError) as error:
        choose_device(DEVICES[:3], choice)
    assert str(error.value) == (
        f"there is no output device '{choice}'; choose one of HDA Intel: ALC257 (hw:0,0) (ALSA) "
        "(number 0), USB Audio: - (hw:1,0) (ALSA) (number 1)"
    )


def test_a_machine_without_outputs_says_what_to_do() -> None:
    with pytest.raises(MachineError, match="`--device null` plays without one"):
        choose_device([device(0, "Microphone", outputs=0)], None)


def test_an_offline_host_has_no_device() -> None:
    with Host(HostConfig(offline=True)) as host, pytest.raises(InputError, match="offline"):
        AudioDevice(host)


def test_a_driver_that_hangs_is_left_behind() -> None:
    hang = threading.Event()
    with PortAudio() as portaudio:
        with pytest.raises(Stuck):
            portaudio.within(0.05, hang.wait)
        hang.set()
        portaudio.leave_behind()
        # A fresh copy of the library answers.
        assert isinstance(portaudio.devices(), list)


def test_only_one_owner_of_portaudio_at_a_time() -> None:
    with PortAudio(), pytest.raises(MachineError, match="another host"):
        PortAudio()
    with PortAudio():  # once it is let go, the next may have it
        pass


class FakeStream:
    output_latency_s = 0.0

    def __init__(self) -> None:
        self.active = True
        self.started = self.closed = False

    def start(self) -> None:
        self.started = True

    def close(self, healthy: bool, limit_s: float = 0.0) -> None:
        self.active, self.closed = False, True


class FakePortAudio:
    """One device. Once `hangs` is set, a look for it does not return until `goes_on` is, however
    much it is hurried."""

    def __init__(self, stop_waiting: threading.Event) -> None:
        self.hangs, self.looks, self.goes_on = (threading.Event() for _ in range(3))
        self.streams: list[FakeStream] = []

    def devices(self) -> list[DeviceInfo]:
        if self.hangs.is_set():
            self.looks.set()
            assert self.goes_on.wait(20)
        return [device(0, "booth", is_default=True)]

    def open(self, device: DeviceInfo, **_: object) -> FakeStream:
        self.streams.append(FakeStream())
        return self.streams[-1]

    def let_go(self) -> None: ...

    def close(self, limit_s: float) -> None: ...


@pytest.fixture
def portaudio(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[FakePortAudio]]:
    """The PortAudio of each device that the test makes."""
    made: list[FakePortAudio] = []

    def make(stop_waiting: threading.Event) -> FakePortAudio:
        made.append(FakePortAudio(stop_waiting))
        return made[-1]

    monkeypatch.setattr(host.device, "PortAudio", make)
    monkeypatch.setattr(host.device, "_FIRST_CALL_S", 0.01)
    yield made
    for fake in made:
        fake.goes_on.set()


def test_a_watcher_that_outlives_a_close_takes_no_device_up(
    portaudio: list[FakePortAudio],
) -> None:
    with Host(HostConfig()) as playing:
        opened = AudioDevice(playing)
        opened.open()
        opened.start()
        [fake] = portaudio
        fake.hangs.set()
        fake.streams[0].active = False  # it is gone, and the look for it hangs
        assert fake.looks.wait(20)
        [watcher] = [t for t in threading.enumerate() if t.name == "isb-device"]
        opened.close()
        assert watcher.is_alive()
        fake.goes_on.set()  # behind the close, the device is there again
        watcher.join(20)
        assert not watcher.is_alive()
        assert opened.state is DeviceState.CLOSED
        assert [stream.started for stream in fake.streams[1:]] in ([], [False])
        assert all(stream.closed for stream in fake.streams)
        assert not [event for event in playing.events_since(0) if "is back after" in event.text]


def test_a_device_that_was_closed_is_not_opened_again(portaudio: list[FakePortAudio]) -> None:
    with Host(HostConfig()) as playing:
        with AudioDevice(playing) as opened:
            opened.open()
        with pytest.raises(InputError, match="has been closed"):
            opened.open()
        with pytest.raises(InputError, match="has been closed"):
            opened.start()
        with AudioDevice(playing) as another:
            another.open()
