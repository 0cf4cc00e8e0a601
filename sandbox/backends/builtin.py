# SPDX-License-Identifier: GPL-3.0-or-later
"""builtin:NAME. The devices that come with the program: small, dependable, native.

A few exist as much for testing the host as for making music: their output is known to the bit
(sandbox/native/builtin_effects.hpp).
"""

from collections.abc import Callable
from typing import NamedTuple

from ipc.builtin_devices import BUILTIN_DEVICES
from ipc.errors import NoSuchPlugin
from sandbox import _native
from sandbox.backends.own_parameters import OwnParametersPlugin
from sandbox.backends.plugin import LoadSettings
from sandbox.backends.plugin_id import OptionReader, PluginId


class Device(NamedTuple):
    """One built-in device: how it is made from its options, and what it is."""

    make: Callable[[OptionReader, float], _native.ParameterProcessor]
    name: str
    category: str
    is_instrument: bool = False
    tail_s: float = 0.0


def _gain(options: OptionReader, rate: float) -> _native.ParameterProcessor:
    return _native.Gain(rate)


def _tone(options: OptionReader, rate: float) -> _native.ParameterProcessor:
    return _native.Tone(rate)


def _synth(options: OptionReader, rate: float) -> _native.ParameterProcessor:
    return _native.Synth(rate)


def _latency(options: OptionReader, rate: float) -> _native.ParameterProcessor:
    return _native.Latency(rate, options.integer("frames", 512, 0, int(60 * rate)))


def _passthrough(options: OptionReader, rate: float) -> _native.ParameterProcessor:
    return _native.Passthrough(
        rate,
        options.integer("in", 2, 0, 64),
        options.integer("out", 2, 0, 64),
        bool(options.integer("midi", 0, 0, 1)),
    )


def _key_listen(options: OptionReader, rate: float) -> _native.ParameterProcessor:
    return _native.KeyListen(rate, options.integer("channels", 2, 1, 2))


def _midi_transpose(options: OptionReader, rate: float) -> _native.ParameterProcessor:
    return _native.MidiTranspose(rate)


DEVICES = {
    "gain": Device(_gain, *BUILTIN_DEVICES["gain"]),
    "tone": Device(_tone, *BUILTIN_DEVICES["tone"]),
    "synth": Device(_synth, *BUILTIN_DEVICES["synth"], tail_s=8.0),
    "latency": Device(_latency, "Latency", "Delay"),
    "passthrough": Device(_passthrough, "Pass-through", "Utility"),
    "key-listen": Device(_key_listen, "Key listen", "Utility"),
    "midi-transpose": Device(_midi_transpose, "MIDI transpose", "MIDI"),
}


def warm() -> None:
    """Nothing to prepare: the devices are in the native core."""


def load(plugin: PluginId, settings: LoadSettings) -> OwnParametersPlugin:
    device = DEVICES.get(plugin.location)
    if device is None:
        raise NoSuchPlugin(
            f"{plugin.text}: there is no built-in device '{plugin.location}'; "
            f"there are {', '.join(DEVICES)}"
        )
    options = OptionReader(plugin)
    processors = [device.make(options, settings.sample_rate)]
    options.finish()
    if _native.Slot.is_dual_mono(processors[0].in_channels, processors[0].out_channels):
        processors.append(device.make(OptionReader(plugin), settings.sample_rate))
    return OwnParametersPlugin(
        plugin.text,
        processors,
        plugin_format="builtin",
        name=device.name,
        kind=f"builtin:{plugin.location}",
        vendor="Isobooth",
        category=device.category,
        is_instrument=device.is_instrument,
        tail_s=device.tail_s,
    )
