# SPDX-License-Identifier: GPL-3.0-or-later
"""How a device is chosen, and what is said when none can be."""

import threading

import pytest

from host.config import HostConfig
from host.device import AudioDevice, choose_device
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
