# SPDX-License-Identifier: GPL-3.0-or-later
"""pedalboard:CLASS. The effects that Spotify's pedalboard brings, each by its class name.

They exist only as Python objects, so each block takes the interpreter lock: not real-time (see
sandbox/native/python_processor.hpp). Their parameters are their Python properties, which carry no
ranges; the table below does.

pedalboard cuts an effect's latency off the start of its output, and so returns fewer frames than
it was given until the effect has caught up. What a block lacks is made up by a queue that starts
with as much silence, which is the latency that is reported.
"""

import enum
import math
import os
from collections.abc import Callable
from typing import Any, NamedTuple

from ipc.errors import MachineError, NoSuchPlugin, WorkerError
from sandbox._native import Parameter, PythonProcessor
from sandbox.backends.own_parameters import OwnParametersPlugin
from sandbox.backends.plugin import LoadSettings
from sandbox.backends.plugin_id import PluginId

_CHANNELS = 2
_BUFFER_FRAMES = 8192  # pedalboard cuts blocks above it; ours are not longer
# Frames are held back until there are so many: pedalboard takes the shorter side of an array for
# its channels, and a few effects give silence for blocks that are too short for them. The least
# that works is taken; the queue begins with what is held back at most.
_LEAST_FRAMES = (4, 1024, 4096)
_SILENT = 0.01  # of the level fed; the narrowest filter at its default passes 0.05 of noise
# Measuring the latency: until the output has kept pace for a while, or for good.
_KEEPS_PACE_S = 0.25
_MEASURE_AT_MOST_S = 5.0

_NOT_EFFECTS = {
    "AudioUnitPlugin", "Chain", "Convolution", "ExternalPlugin", "IIRFilter", "Mix", "Pedalboard",
    "Plugin", "PluginContainer", "VST3Plugin",
}  # fmt: skip


class Range(NamedTuple):
    """A property's plain range."""

    minimum: float
    maximum: float
    unit: str = ""
    logarithmic: bool = False


_UNIT = Range(0.0, 1.0)
_RANGES: dict[str, Range] = {
    "attack_ms": Range(0.1, 200.0, "ms", True),
    "bit_depth": Range(1.0, 32.0, "bits"),
    "ceiling_db": Range(-24.0, 0.0, "dB"),
    "centre_delay_ms": Range(1.0, 100.0, "ms", True),
    "centre_frequency_hz": Range(20.0, 20000.0, "Hz", True),
    "cutoff_frequency_hz": Range(20.0, 20000.0, "Hz", True),
    "cutoff_hz": Range(20.0, 20000.0, "Hz", True),
    "delay_seconds": Range(0.0, 10.0, "s"),
    "drive": Range(1.0, 100.0, "", True),
    "drive_db": Range(0.0, 60.0, "dB"),
    "gain_db": Range(-60.0, 24.0, "dB"),
    "lookahead_ms": Range(0.1, 100.0, "ms", True),
    "q": Range(0.1, 20.0, "", True),
    "rate_hz": Range(0.01, 20.0, "Hz", True),
    "ratio": Range(1.0, 100.0, "", True),
    "release_ms": Range(1.0, 2000.0, "ms", True),
    "semitones": Range(-24.0, 24.0, "semitones"),
    "target_sample_rate": Range(1000.0, 96000.0, "Hz", True),
    "threshold_db": Range(-100.0, 0.0, "dB"),
    "vbr_quality": Range(0.0, 9.5),
    "Chorus.feedback": Range(-1.0, 1.0),
    "Phaser.feedback": Range(-1.0, 1.0),
}


class Delay(NamedTuple):
    """What an effect needs to stream: frames at once, and frames its output falls behind."""

    least: int
    behind: int


class Property(NamedTuple):
    """One property of an effect as a parameter; `convert` makes its value of a plain one."""

    name: str
    parameter: Parameter
    convert: Callable[[float], Any]


class PedalboardPlugin(OwnParametersPlugin):
    """An effect, its queue, and the processor that calls them."""

    def close(self) -> None:
        for processor in self.processors:
            if isinstance(processor, PythonProcessor):
                processor.close()


def warm() -> None:
    _pedalboard()


def load(plugin: PluginId, settings: LoadSettings) -> PedalboardPlugin:
    effect_class = _effect_class(plugin)
    properties = _properties(effect_class(), settings.sample_rate)
    delay = _measure(effect_class, settings)
    if delay is None:
        raise WorkerError(
            f"{plugin.text}: this version of pedalboard gives silence when this effect is fed "
            "block by block, so it cannot play in a slot"
        )
    stream = EffectStream(effect_class(), properties, settings, delay)
    processor = PythonProcessor(
        stream.process_block,
        [p.parameter for p in properties],
        settings.sample_rate,
        settings.max_frames,
        _CHANNELS,
        stream.latency_frames,
    )
    stream.input, stream.output = processor.input, processor.output
    return PedalboardPlugin(
        plugin.text,
        [processor],
        plugin_format="pedalboard",
        name=plugin.location,
        kind=f"pedalboard:{plugin.location}",
        vendor="Spotify",
        remarks=["it runs in Python: not real-time, best used offline or with large blocks"],
    )


class EffectStream:
    """Feeds an effect block by block and gives back as many frames as it took.

    `input` and `output` are the processor's (channels, max_frames) planes.
    """

    input: Any
    output: Any

    def __init__(
        self, effect: Any, properties: list[Property], settings: LoadSettings, delay: Delay
    ) -> None:
        import numpy as np

        self._effect = effect
        self._properties = properties
        self._rate = settings.sample_rate
        self._least = delay.least
        self.latency_frames = delay.behind + delay.least - 1
        self._held = np.zeros((_CHANNELS, 0), np.float32)
        self._queue = np.zeros((_CHANNELS, self.latency_frames), np.float32)
        self._join = np.concatenate

    def process_block(self, frames: int, changes: list[tuple[int, float]]) -> int:
        for index, plain in changes:
            changed = self._properties[index]
            value = changed.convert(plain)
            # Some effects start anew when a property is set, even to what it was.
            if getattr(self._effect, changed.name) != value:
                setattr(self._effect, changed.name, value)
        fed = self._join((self._held, self.input[:, :frames]), axis=1)
        queue = self._queue
        if fed.shape[1] >= self._least:
            self._held = fed[:, :0]
            queue = self._join((queue, run(self._effect, fed, self._rate)), axis=1)
        else:
            self._held = fed
        lacking = max(0, frames - queue.shape[1])
        if lacking:  # an effect that needs more at this block size than was measured
            self.latency_frames += lacking
            self.output[:, :lacking] = 0.0
        self.output[:, lacking:frames] = queue[:, : frames - lacking]
        self._queue = queue[:, frames - lacking :]
        return self.latency_frames


def run(effect: Any, audio: Any, rate: float) -> Any:
    """(channels, frames) float32 in, as many or fewer frames out."""
    return effect.process(audio, rate, buffer_size=_BUFFER_FRAMES, reset=False)


def _measure(effect_class: Any, settings: LoadSettings) -> Delay | None:
    """Plays noise to find out how the effect streams; None if it does not."""
    import numpy as np

    generator = np.random.default_rng(0)
    for least in _LEAST_FRAMES:
        behind = 0
        heard = True
        for frames in sorted({max(settings.max_frames, least), max(64, least)}):
            noise = generator.standard_normal((_CHANNELS, frames)).astype(np.float32) * 0.1
            effect = effect_class()
            given = taken = grew_at = 0
            energy = 0.0
            most = 0
            while given < _MEASURE_AT_MOST_S * settings.sample_rate:
                made = run(effect, noise, settings.sample_rate)
                given += frames
                taken += made.shape[1]
                energy += float(np.square(made).sum())
                if given - taken > most:
                    most, grew_at = given - taken, given
                if taken and given - grew_at > _KEEPS_PACE_S * settings.sample_rate:
                    break
            level = math.sqrt(energy / max(1, _CHANNELS * taken))
            heard = heard and taken > 0 and level > _SILENT * 0.1
            behind = max(behind, most)
        if heard:
            return Delay(least, behind)
    return None


def _pedalboard() -> Any:
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy's threads would forbid a fork
    try:
        import pedalboard
    except ImportError as error:
        raise MachineError(f"the Python package pedalboard cannot be used here: {error}") from None
    return pedalboard


def _effect_class(plugin: PluginId) -> Any:
    module = _pedalboard()
    effects = [
        name
        for name in dir(module)
        if name not in _NOT_EFFECTS
        and not name.startswith("_")
        and isinstance(candidate := getattr(module, name), type)
        and issubclass(candidate, module.Plugin)
    ]
    if plugin.location not in effects:
        raise NoSuchPlugin(
            f"{plugin.text}: pedalboard has no such effect; it has {', '.join(effects)}"
        )
    return getattr(module, plugin.location)


def _properties(effect: Any, rate: float) -> list[Property]:
    properties = []
    kind = type(effect)
    for name in dir(kind):
        declared = getattr(kind, name)
        if not isinstance(declared, property) or declared.fset is None or name.startswith("_"):
            continue
        value = getattr(effect, name)
        title = name.replace("_", " ").capitalize()
        if isinstance(value, bool):
            properties.append(
                Property(
                    name,
                    Parameter(name, title, initial=float(value), steps=2, choices=["off", "on"]),
                    lambda plain: plain >= 0.5,
                )
            )
        elif isinstance(value, enum.Enum) or hasattr(type(value), "__members__"):
            properties.append(_choice(name, title, value))
        elif isinstance(value, int | float) and math.isfinite(value):
            properties.append(_number(kind.__name__, name, title, float(value), rate))
    return properties


def _choice(name: str, title: str, value: Any) -> Property:
    members = dict(type(value).__members__)
    values = list(members.values())
    parameter = Parameter(
        name,
        title,
        maximum=float(len(values) - 1),
        initial=float(values.index(value)),
        steps=len(values),
        choices=list(members),
    )
    return Property(name, parameter, lambda plain: values[round(plain)])


def _number(effect: str, name: str, title: str, value: float, rate: float) -> Property:
    known = _RANGES.get(f"{effect}.{name}") or _RANGES.get(name)
    if known is None:  # a property of a newer pedalboard
        known = _UNIT if 0.0 <= value <= 1.0 else Range(min(0.0, 2 * value), max(1.0, 2 * value))
    most = known.maximum
    if known.unit == "Hz" and name != "target_sample_rate":
        most = min(most, 0.45 * rate)  # filters above the Nyquist frequency blow up
    parameter = Parameter(
        name,
        title.removesuffix(" db").removesuffix(" hz").removesuffix(" ms").removesuffix(" seconds"),
        known.unit,
        known.minimum,
        most,
        min(most, max(known.minimum, value)),
        known.logarithmic,
    )
    return Property(name, parameter, float)
