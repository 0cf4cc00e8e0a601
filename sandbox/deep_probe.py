# SPDX-License-Identifier: GPL-3.0-or-later
"""What a deep probe looks at: whether a plugin's words mean what they say, whether each of its
programs can be played, and whether its latency and tail are what it reports.

What is found is no failure: a plugin may work well and report its latency wrong.
"""

import numpy as np
from numpy.typing import NDArray

from ipc.errors import WorkerError
from ipc.messages import MAX_LINE, MAX_LINES, DeepFindings, Probe
from ipc.sound_measures import delay_between, sounding_frames
from ipc.text import one_line
from sandbox._native import Slot, exercise
from sandbox.backends.plugin import LoadedPlugin

Audio = NDArray[np.float32]

_TRIED_VALUES = (0.0, 0.25, 0.5, 0.75, 1.0)
_TEXT_TOLERANCE = 0.02  # texts are rounded
_MOST_PARAMETERS = 1000
_MOST_PROGRAMS = 256
_PROGRAM_BLOCKS = 8

# Latency: noise goes in, and where the output resembles it most is how late it comes out.
_LATENCY_S = 1.0
_CLEAR = 0.3  # of a perfect copy; less may be the reverberation of a plugin without direct sound
_SETTLING_S = 0.5

# Tail: how long it sounds above this after its input has ended.
_SILENCE = 10 ** (-80 / 20)
_LONGEST_TAIL_S = 20.0
_TAIL_TOLERANCE_S = 0.1

# How a plugin refuses what it is given: a backend's own words, or those of a binding.
_REFUSALS = (WorkerError, RuntimeError, ValueError, IndexError)


def look_deeply(request: Probe, plugin: LoadedPlugin, slot: Slot) -> DeepFindings:
    """Changes parameters and program; the plugin must not be used for anything else afterwards."""
    findings: list[str] = []
    has_sound = plugin.processors[0].in_channels > 0 and plugin.processors[0].out_channels > 0
    latency = _latency(request, plugin, slot, findings) if has_sound else None
    tail = _tail(request, plugin, slot, findings) if has_sound else None
    parameters = _texts(plugin, findings)
    programs = _programs(request, plugin, slot, findings)
    kept = findings if len(findings) <= MAX_LINES else [*findings[: MAX_LINES - 1], "… and more"]
    return DeepFindings(
        parameters_tried=parameters,
        programs_tried=programs,
        measured_latency_frames=latency,
        measured_tail_s=tail,
        findings=[one_line(line, MAX_LINE) for line in kept],
    )


def _play(slot: Slot, audio: Audio, frames: int, rate: float) -> Audio:
    parts = []
    for start in range(0, audio.shape[1], frames):
        block = np.ascontiguousarray(audio[:, start : start + frames])
        parts.append(slot.process(block, position_frames=start, sample_rate=rate)[0])
    return np.concatenate(parts, axis=1)


def _latency(request: Probe, plugin: LoadedPlugin, slot: Slot, findings: list[str]) -> int | None:
    rate = request.sample_rate
    settling, length = round(_SETTLING_S * rate), round(_LATENCY_S * rate)
    noise = np.random.default_rng(1).uniform(-0.25, 0.25, settling + length).astype(np.float32)
    heard = _play(slot, np.stack([noise, noise]), request.max_frames, rate)
    sent, heard = noise[settling:], heard[:, settling:]
    if not np.isfinite(heard).all():
        findings.append("noise makes it send NaN or Inf")
        return None
    delay = max((delay_between(sent, side) for side in heard), key=lambda found: found.likeness)
    if delay.likeness < _CLEAR:
        return None
    reported = plugin.latency_frames
    if not delay.agrees_with(reported):
        findings.append(
            f"latency: reports {reported} frames, noise comes out {delay.strongest} later"
        )
    return delay.strongest


def _tail(request: Probe, plugin: LoadedPlugin, slot: Slot, findings: list[str]) -> float | None:
    """Seconds until it is silent; None where it hums of itself, or does not end."""
    rate = request.sample_rate
    silence = np.zeros((2, round(_LONGEST_TAIL_S * rate)), np.float32)
    heard = _play(slot, silence, request.max_frames, rate)
    measured = sounding_frames(heard, _SILENCE) / rate
    if measured >= _LONGEST_TAIL_S - 1.0:
        return None
    reported = plugin.tail_s + plugin.latency_frames / rate
    if measured > reported + _TAIL_TOLERANCE_S:
        findings.append(f"tail: reports {plugin.tail_s:g} s, sounds for {measured:.2f} s")
    return measured


def _texts(plugin: LoadedPlugin, findings: list[str]) -> int:
    """Every text that it shows for a value must lead back to that value, or near it."""
    described = plugin.description.parameters[:_MOST_PARAMETERS]
    for parameter in described:
        for value in _TRIED_VALUES:
            try:
                text = plugin.parameter_text(parameter.index, value)
                if not text:
                    break  # it has no words for it
                back = plugin.parameter_from_text(parameter.index, text)
            except _REFUSALS as error:
                findings.append(f"parameter '{parameter.name}': {error}")
                break
            if not _is_near(plugin, parameter.index, back, value, text, parameter.steps):
                findings.append(
                    f"parameter '{parameter.name}': shows '{text}' for {value:g}, but reads it "
                    f"as {back:.3g}"
                )
                break
    return len(described)


def _is_near(
    plugin: LoadedPlugin, index: int, back: float, value: float, text: str, steps: int
) -> bool:
    allowed = _TEXT_TOLERANCE + (1.0 / (2 * (steps - 1)) if steps > 1 else 0.0)
    return abs(back - value) <= allowed or plugin.parameter_text(index, back) == text


def _programs(request: Probe, plugin: LoadedPlugin, slot: Slot, findings: list[str]) -> int:
    names = plugin.programs[:_MOST_PROGRAMS]
    for number, name in enumerate(names):
        try:
            plugin.set_program(number)
        except _REFUSALS as error:
            findings.append(f"program {number} '{name}': {error}")
            continue
        played = exercise(
            slot, _PROGRAM_BLOCKS, request.max_frames, request.sample_rate, noise=True
        )
        if played.nonfinite:
            findings.append(f"program {number} '{name}': sends NaN or Inf")
    return len(names)
