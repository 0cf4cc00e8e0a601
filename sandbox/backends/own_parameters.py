# SPDX-License-Identifier: GPL-3.0-or-later
"""Plugins whose parameters we keep ourselves: LADSPA, pedalboard's effects, built-ins, faults.

Their formats have no state of their own, so the state is ours (saved_values.py).
"""

import re
from collections.abc import Sequence

from ipc.description import ParameterDescription, PluginDescription
from ipc.errors import WorkerError
from sandbox._native import Parameter, ParameterProcessor
from sandbox.backends.plugin import LoadedPlugin, ParameterName
from sandbox.backends.saved_values import decode_values, encode_values

_NUMBER = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(.*?)\s*")
# A unit that may be typed instead of the parameter's own, and its factor.
_OTHER_UNITS = {
    ("Hz", "khz"): 1e3,
    ("s", "ms"): 1e-3,
    ("ms", "s"): 1e3,
    ("%", ""): 1.0,
}


def format_value(parameter: Parameter, plain: float) -> str:
    """A plain value in words: '440 Hz', '-18.00 dB', 'saw'."""
    if parameter.choices:
        step = round(
            (plain - parameter.minimum)
            / (parameter.maximum - parameter.minimum)
            * (len(parameter.choices) - 1)
        )
        return parameter.choices[step]
    if parameter.steps:
        number = f"{plain:.0f}"
    else:
        size = abs(plain)
        decimals = 0 if size >= 1000 else 1 if size >= 100 else 2 if size >= 1 or not size else 4
        number = f"{plain:.{decimals}f}"
    return f"{number} {parameter.unit}".rstrip()


def parse_value(parameter: Parameter, text: str) -> float:
    """The plain value that a text means. Raises ValueError, saying what would be understood."""
    folded = text.strip().casefold()
    for step, choice in enumerate(parameter.choices):
        if choice.casefold() == folded:
            share = step / (len(parameter.choices) - 1)
            return parameter.minimum + share * (parameter.maximum - parameter.minimum)
    match = _NUMBER.fullmatch(text)
    if match:
        number, unit = float(match[1]), match[2].casefold()
        factor = 1.0 if unit in ("", parameter.unit.casefold()) else None
        factor = _OTHER_UNITS.get((parameter.unit, unit), factor)
        if factor is not None:
            value = number * factor
            nearest = min(max(value, parameter.minimum), parameter.maximum)
            # What is shown of an end is rounded, and means that end.
            if nearest == value or format_value(parameter, nearest) == format_value(
                parameter, value
            ):
                return nearest
    if parameter.choices:
        raise ValueError(f"it is one of {', '.join(parameter.choices)}")
    low, high = (format_value(parameter, v) for v in (parameter.minimum, parameter.maximum))
    raise ValueError(f"it is {low} to {high}")


class OwnParametersPlugin(LoadedPlugin):
    """A plugin around one or two native ParameterProcessors."""

    def __init__(
        self,
        plugin_id: str,
        processors: Sequence[ParameterProcessor],
        *,
        plugin_format: str,
        name: str,
        kind: str,
        vendor: str = "",
        path: str = "",
        category: str = "",
        is_instrument: bool = False,
        tail_s: float = 0.0,
        remarks: Sequence[str] = (),
    ) -> None:
        """`kind` stands in the state: states of another kind are rejected."""
        super().__init__(plugin_id, processors)
        self._own: list[ParameterProcessor] = list(processors)
        self._parameters: list[Parameter] = processors[0].parameters
        self._format = plugin_format
        self._name = name
        self._kind = kind
        self._vendor = vendor
        self._path = path
        self._category = category
        self._is_instrument = is_instrument
        self._tail_s = tail_s
        self._remarks = list(remarks)

    @property
    def tail_s(self) -> float:
        return self._tail_s

    def get_state(self) -> bytes:
        values = {
            parameter.id: parameter.to_plain(self._own[0].value(index))
            for index, parameter in enumerate(self._parameters)
        }
        return encode_values(self._kind, values)

    def set_state(self, data: bytes) -> None:
        try:
            values = decode_values(self._kind, data)
        except ValueError as error:
            raise WorkerError(f"{self.id}: {error}") from None
        # Ids that another version of the plugin had are passed over; what the state does not
        # name has its default, so that equal states mean equal sound.
        for index, parameter in enumerate(self._parameters):
            plain = values.get(parameter.id, parameter.initial)
            self._set_parameter(index, parameter.to_normalized(plain))

    def close(self) -> None:
        """Nothing is held beyond the processors, which end with their last user."""

    def _read_parameter_names(self) -> list[ParameterName]:
        return [ParameterName(p.id, p.name) for p in self._parameters]

    def _get_parameter(self, index: int) -> float:
        return self._own[0].value(index)

    def _set_parameter(self, index: int, value: float) -> None:
        for processor in self._own:
            processor.set_value(index, value)

    def _parameter_text(self, index: int, value: float) -> str:
        parameter = self._parameters[index]
        return format_value(parameter, parameter.to_plain(value))

    def _parameter_from_text(self, index: int, text: str) -> float:
        parameter = self._parameters[index]
        try:
            return parameter.to_normalized(parse_value(parameter, text))
        except ValueError as error:
            raise WorkerError(
                f"{self.id}: '{text}' is no value of '{parameter.name}'; {error}"
            ) from None

    def _describe_parameters(self) -> list[ParameterDescription]:
        return [
            ParameterDescription(
                index=index,
                id=p.id,
                name=p.name,
                unit=p.unit,
                default=p.to_normalized(p.initial),
                min_text=format_value(p, p.minimum),
                max_text=format_value(p, p.maximum),
                default_text=format_value(p, p.initial),
                steps=p.steps,
                boolean=p.steps == 2,
                min_value=p.minimum,
                max_value=p.maximum,
                default_value=p.initial,
            )
            for index, p in enumerate(self._parameters)
        ]

    def _describe(self) -> PluginDescription:
        processor = self.processors[0]
        return PluginDescription(
            id=self.id,
            name=self._name,
            vendor=self._vendor,
            format=self._format,
            path=self._path,
            category=self._category,
            is_instrument=self._is_instrument,
            in_channels=processor.in_channels,
            out_channels=processor.out_channels,
            sidechain_channels=processor.sidechain_channels,
            accepts_midi=processor.accepts_midi,
            produces_midi=processor.produces_midi,
            works_in_place=processor.works_in_place,
            latency_frames=processor.latency_frames(),
            tail_s=self.tail_s,
            parameters=self._describe_parameters(),
            remarks=self._remarks,
        )
