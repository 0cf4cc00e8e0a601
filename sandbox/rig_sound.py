# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plugin on a test rig hears: the same on every machine, from a name and a seed."""

import numpy as np
from numpy.typing import NDArray

from ipc.rig_calls import Render

_SINE_HZ = 997.0
_SUBNORMAL = 1e-40
# Among noise, one sample in so many is none that a mixer would send.
_WILD_EVERY = 97
_WILD = (np.nan, np.inf, -np.inf, 1e30, -1e30, 1e-40)


def sound_of(call: Render, channels: int, sample_rate: float) -> NDArray[np.float32]:
    """(channels, frames), C order."""
    # The legacy generator, whose numbers are promised to stay what they are.
    random = np.random.RandomState(call.seed)
    shape = (channels, call.frames)
    match call.source:
        case "silence":
            made = np.zeros(shape)
        case "noise":
            made = random.uniform(-1.0, 1.0, shape)
        case "impulse":
            made = np.zeros(shape)
            made[:, 0] = 1.0
        case "sine":
            phase = 2.0 * np.pi * _SINE_HZ / sample_rate * np.arange(call.frames)
            made = np.broadcast_to(np.sin(phase), shape)
        case "dc":
            made = np.ones(shape)
        case "denormal":
            return np.full(shape, _SUBNORMAL, np.float32)
        case "wild":
            noise = call.gain * random.uniform(-1.0, 1.0, shape)
            places = random.randint(0, _WILD_EVERY, shape) == 0
            noise[places] = random.choice(_WILD, int(places.sum()))
            return np.ascontiguousarray(noise, np.float32)
    return np.ascontiguousarray(call.gain * made, np.float32)
