# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plugin on a test rig hears: the same on every machine, from a name and a seed."""

import numpy as np
from numpy.typing import NDArray

from ipc.rig_calls import Render, Source

_SINE_HZ = 997.0
_SUBNORMAL = 1e-40
_BAND_HZ = (90, 5600)
_BAND_RMS = 0.2  # peaks stay below 1
# Among noise, one sample in so many is none that a mixer would send.
_WILD_EVERY = 97
_WILD = (np.nan, np.inf, -np.inf, 1e30, -1e30, 1e-40)
# Makes of a seed that of the side-chain, which hears another noise than the input.
_KEY_SEED = 0x6B657973


def sound_of(call: Render, channels: int, sample_rate: float) -> NDArray[np.float32]:
    """What the input hears: (channels, frames), C order."""
    return _made(call, call.source, call.seed, channels, sample_rate)


def key_of(call: Render, channels: int, sample_rate: float) -> NDArray[np.float32] | None:
    """What the side-chain hears: (channels, frames), C order. None: silence, or there is none."""
    if call.key == "silence" or not channels:
        return None
    return _made(call, call.key, call.seed ^ _KEY_SEED, channels, sample_rate)


def _made(
    call: Render, source: Source, seed: int, channels: int, sample_rate: float
) -> NDArray[np.float32]:
    # The legacy generator, whose numbers are promised to stay what they are.
    random = np.random.RandomState(seed)
    shape = (channels, call.frames)
    match source:
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
        case "band":
            made = _band(random, shape, round(sample_rate))
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


def _band(
    random: np.random.RandomState, shape: tuple[int, int], sample_rate: int
) -> NDArray[np.float64]:
    """A sine of random phase at each Hz: whatever the rate, the very same curve is sampled."""
    channels, frames = shape
    hz = np.arange(_BAND_HZ[0], min(_BAND_HZ[1], sample_rate // 2))
    phases = random.uniform(0.0, 2.0 * np.pi, (channels, _BAND_HZ[1] - _BAND_HZ[0]))
    lines = np.zeros((channels, sample_rate // 2 + 1), complex)
    lines[:, hz] = np.exp(1j * phases[:, : len(hz)]) / np.sqrt(hz)
    second = np.fft.irfft(lines, sample_rate, axis=1)
    level = np.sqrt(np.sum(1.0 / np.arange(*_BAND_HZ)) * 2.0) / sample_rate
    return np.tile(second * (_BAND_RMS / level), -(-frames // sample_rate))[:, :frames]
