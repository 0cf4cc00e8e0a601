# SPDX-License-Identifier: GPL-3.0-or-later
"""`--device list`: what `--device` and a song's `input` may name."""

from typing import Any

from host.device import list_devices
from host.midi_input import midi_ports
from host.portaudio import DeviceInfo
from ipc.errors import MachineError
from tools.console import note, print_table


def gather() -> dict[str, Any]:
    """The listing for programs. Raises MachineError without PortAudio."""
    try:
        ports = midi_ports()
    except MachineError as error:
        note(str(error))
        ports = []
    return {"devices": [_entry(device) for device in list_devices()], "midi_ports": ports}


def _entry(device: DeviceInfo) -> dict[str, Any]:
    return {
        "index": device.index,
        "name": device.name,
        "api": device.api,
        "inputs": device.inputs,
        "outputs": device.outputs,
        "sample_rate": round(device.sample_rate),
        "default": device.is_default,
    }


def print_listing(listing: dict[str, Any]) -> None:
    """For people."""
    if listing["devices"]:
        print_table(
            ("NO", "DEVICE", "DRIVER", "IN", "OUT", "HZ", ""),
            [
                (
                    str(device["index"]),
                    device["name"],
                    device["api"],
                    str(device["inputs"]),
                    str(device["outputs"]),
                    str(device["sample_rate"]),
                    "default" if device["default"] else "",
                )
                for device in listing["devices"]
            ],
        )
    else:
        note("there is no audio device; `--device null` plays without one")
    if listing["midi_ports"]:
        print()
        print_table(("MIDI INPUT",), [(port,) for port in listing["midi_ports"]])
    else:
        note("there is no MIDI input port")
