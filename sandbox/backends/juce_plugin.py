# SPDX-License-Identifier: GPL-3.0-or-later
"""A VST3 or LV2 plugin, hosted by minihost (JUCE).

Three things that minihost leaves to its user are done here. A parameter reaches the plugin only
with the next block, and is missing in a state saved before it: get_state sends such a plugin a few
frames of silence first. Restoring must not overlap a block: blocks are refused meanwhile. And a
plugin's text is not always understood by itself (value_text.py).
"""

import ctypes
import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from ipc.description import ParameterDescription, PluginDescription
from ipc.errors import WorkerError
from sandbox._native import MinihostProcessor
from sandbox.backends.editor import BesideEditor, EditorWindow, Sides, why_not_opened
from sandbox.backends.minihost_library import (
    BusInfo,
    InstanceInfo,
    Minihost,
    ParameterInfo,
    text_of,
)
from sandbox.backends.plugin import (
    MAX_TAIL_S,
    LoadedPlugin,
    LoadSettings,
    ParameterName,
    PlainRange,
)
from sandbox.backends.value_text import NUMBER, value_of_text

_PAUSE_S = 5.0  # a block that takes longer hangs
_TEXT_BYTES = 512


class Instances(NamedTuple):
    """The open instances of one plugin, and the side-chain that it has, used or not."""

    handles: list[int]
    processors: list[MinihostProcessor]
    sidechain_channels: int

    def close(self) -> None:
        for processor in self.processors:
            processor.close()


def open_instances(
    library: Minihost, settings: LoadSettings, open_one: Callable[[], int], keys: Sequence[int] = ()
) -> Instances:
    """Opens one instance, or two for dual mono. `keys` are the channels of the main input that are
    a side-chain. Raises RuntimeError with the plugin's reason."""
    handles: list[int] = []
    processors: list[MinihostProcessor] = []
    try:
        while not processors or (len(processors) == 1 and settings.needs_second(processors[0])):
            handle = open_one()
            processors.append(_processor(library, settings, handle, keys))
            handles.append(handle)
            if settings.offline:
                library.c.mh_set_non_realtime(handle, 1)
    except BaseException:
        for processor in processors:
            processor.close()
        raise
    beside_main = BusInfo()
    if library.c.mh_get_num_buses(handles[0], 1) > 1:
        library.c.mh_get_bus_info(handles[0], 1, 1, ctypes.byref(beside_main))
    return Instances(handles, processors, max(len(keys), int(beside_main.channels)))


def _processor(
    library: Minihost, settings: LoadSettings, handle: int, keys: Sequence[int]
) -> MinihostProcessor:
    info = InstanceInfo()
    library.c.mh_get_info(handle, ctypes.byref(info))
    return MinihostProcessor(
        library.native,
        handle,
        settings.sample_rate,
        settings.max_frames,
        main_in=info.inputs,
        main_out=info.outputs,
        sidechain=library.c.mh_get_sidechain_channels(handle),
        main_keys=[key for key in keys if key < info.inputs],
        accepts_midi=bool(info.accepts_midi),
        produces_midi=bool(info.produces_midi),
    )


class JucePlugin(LoadedPlugin):
    """One or two instances of a plugin, opened by a format module."""

    copies_buffers = True

    def __init__(
        self,
        plugin_id: str,
        library: Minihost,
        instances: Instances,
        about: PluginDescription,
        make_editor: Callable[[Sequence[str]], BesideEditor],
        ranges: Mapping[str, PlainRange] | None = None,
    ) -> None:
        """`about` is what the format knows of the plugin; `ranges` by parameter id, where the
        format knows more than JUCE tells; `make_editor` is given the ids of all parameters, and
        raises RuntimeError or WorkerError. The processors own the handles."""
        super().__init__(plugin_id, instances.processors)
        self._c = library.c
        self._handles = list(instances.handles)
        self._native = list(instances.processors)
        self._about = about
        self._ranges = ranges or {}
        self._make_editor = make_editor
        self._editor: BesideEditor | None = None  # made when first opened
        self._editor_is_open = False
        self._programs = self._read_programs()
        for processor in self._native:
            processor.set_program_order([index for index, _ in self._programs])
        # Blocks that must be over before a parameter set from here has surely been heard.
        self._heard_after_blocks = 0

    @property
    def tail_s(self) -> float:
        tail = float(self._c.mh_get_tail_seconds(self._first))
        return min(max(0.0, tail), MAX_TAIL_S) if not math.isnan(tail) else 0.0

    def get_state(self) -> bytes:
        if self._native[0].blocks < self._heard_after_blocks:
            self._pause()
            try:
                for processor in self._native:
                    processor.flush()
            finally:
                self._resume()
        size = self._c.mh_get_state_size(self._first)
        if size <= 0:
            return b""  # a plugin may have nothing to remember
        data = ctypes.create_string_buffer(size)
        if not self._c.mh_get_state(self._first, data, size):
            raise WorkerError(f"{self.id}: the plugin did not save its state")
        return data.raw

    def set_state(self, data: bytes) -> None:
        if not data:
            return
        self._pause()
        try:
            for handle in self._handles:
                if not self._c.mh_set_state(handle, data, len(data)):
                    raise WorkerError(
                        f"{self.id}: the plugin rejected a state of {len(data)} bytes; it is of "
                        "another plugin or version, or damaged"
                    )
        finally:
            self._resume()
        self._show_all()

    @property
    def programs(self) -> list[str]:
        return [name for _, name in self._programs]

    def _read_programs(self) -> list[tuple[int, str]]:
        """(minihost's index, name). JUCE lists LV2 presets in another order on each run, so
        they are put in the order of their names."""
        names = []
        text = ctypes.create_string_buffer(_TEXT_BYTES)
        for index in range(self._c.mh_get_num_programs(self._first)):
            found = self._c.mh_get_program_name(self._first, index, text, len(text))
            names.append((index, text_of(text.value) if found else ""))
        if self._about.format == "lv2":
            names.sort(key=lambda program: program[1])
        return names

    def set_program(self, index: int) -> None:
        count = len(self._programs)
        if not 0 <= index < count:
            has = f"programs 0 to {count - 1}" if count else "no programs"
            raise WorkerError(f"{self.id} has {has}, not {index}")
        before = self.get_parameters()
        self._pause()
        try:
            for handle in self._handles:
                self._c.mh_set_program(handle, self._programs[index][0])
            # A program that is a parameter to the plugin must have come before those that are set
            # next: within one block, it may come last.
            for processor in self._native:
                processor.flush()
        finally:
            self._resume()
        # DPF's VST3 plugins (the zam ones are) show the program's values and play on with their
        # old ones, which they would save, too: so each is sent on as an edit.
        for parameter, value in enumerate(self.get_parameters()):
            if value != before[parameter]:
                self.set_parameter(parameter, value)
        self._expect_hearing()

    # Its editor, which is none of minihost's.

    def open_editor(self, window: EditorWindow) -> None:
        try:
            if self._editor is None:
                self._editor = self._make_editor([one.id for one in self.parameter_names])
            self._editor.open(window)
        except (RuntimeError, WorkerError) as error:
            raise why_not_opened(self.id, error) from None
        self._editor_is_open = True
        self._show_all()

    @property
    def editor_size(self) -> Sides:
        return self._open_editor.size

    def resize_editor(self, width: int, height: int) -> None:
        self._open_editor.resize(width, height)

    @property
    def editor_can_resize(self) -> bool:
        return self._open_editor.can_resize

    def idle_editor(self) -> None:
        if self._editor is not None and self._editor_is_open:
            self._editor.idle()

    def take_editor_edits(self) -> list[tuple[int, float]]:
        if self._editor is None or not self._editor_is_open:
            return []
        # Whatever is no number, or far away, is none of the user's doing.
        return [(i, v) for i, v in self._editor.take_edits() if 0.0 <= v <= 1.0]

    def show_in_editor(self, index: int, value: float) -> None:
        if self._editor is not None and self._editor_is_open:
            self._editor.show(index, value)

    def close_editor(self) -> None:
        if self._editor is not None:
            self._editor_is_open = False
            self._editor.close()

    @property
    def _open_editor(self) -> BesideEditor:
        if self._editor is None or not self._editor_is_open:
            raise WorkerError(f"{self.id}: its editor is not open")
        return self._editor

    def _show_all(self) -> None:
        if self._editor is not None and self._editor_is_open:
            for index, value in enumerate(self.get_parameters()):
                self._editor.show(index, value)

    # Life.

    idles_for_all = True  # JUCE has one queue of messages

    def idle(self) -> None:
        self._c.mh_message_thread_poll()

    def close(self) -> None:
        self.close_editor()
        self._editor = None
        self._handles.clear()
        for processor in self._native:
            processor.close()

    @property
    def _first(self) -> int:
        if not self._handles:
            raise WorkerError(f"{self.id} is closed")
        return self._handles[0]

    def _pause(self) -> None:
        paused: list[MinihostProcessor] = []
        try:
            for processor in self._native:
                processor.pause(_PAUSE_S)
                paused.append(processor)
        except RuntimeError as error:
            for processor in paused:
                processor.resume()
            raise WorkerError(f"{self.id}: {error}") from None

    def _resume(self) -> None:
        for processor in self._native:
            processor.resume()

    def _expect_hearing(self) -> None:
        # One block may be in progress and past the point where it takes parameters; the one after
        # it is not.
        self._heard_after_blocks = self._native[0].blocks + 2

    def _parameter_info(self, index: int) -> ParameterInfo:
        info = ParameterInfo()
        self._c.mh_get_param_info(self._first, index, ctypes.byref(info))
        return info

    def _read_parameter_names(self) -> list[ParameterName]:
        info = InstanceInfo()
        self._c.mh_get_info(self._first, ctypes.byref(info))
        parameters = (self._parameter_info(i) for i in range(info.parameters))
        return [ParameterName(text_of(p.id), text_of(p.name)) for p in parameters]

    def _get_parameter(self, index: int) -> float:
        return float(self._c.mh_get_param(self._first, index))

    def _set_parameter(self, index: int, value: float) -> None:
        self.show_in_editor(index, value)
        for handle in [self._first, *self._handles[1:]]:
            self._c.mh_set_param(handle, index, value)
        self._expect_hearing()

    def _parameter_text(self, index: int, value: float) -> str:
        text = self._bare_text(index, value)
        unit = self._unit(index, self._parameter_info(index))
        match = NUMBER.fullmatch(text)
        return f"{text} {unit}" if unit and match and not match[2] else text

    def _bare_text(self, index: int, value: float) -> str:
        text = ctypes.create_string_buffer(_TEXT_BYTES)
        found = self._c.mh_param_to_text(self._first, index, value, text, len(text))
        return text_of(text.value) if found else ""

    def _unit(self, index: int, info: ParameterInfo) -> str:
        known = self._ranges.get(self.parameter_names[index].id)
        return text_of(info.unit) or (known.unit if known else "")

    def _parameter_from_text(self, index: int, text: str) -> float:
        info = self._parameter_info(index)

        def ask() -> float | None:
            answer = ctypes.c_float()
            told = self._c.mh_param_from_text(
                self._first, index, text.encode(), ctypes.byref(answer)
            )
            return answer.value if told else None

        found = value_of_text(
            text,
            show=lambda value: (self._parameter_text(index, value), self._bare_text(index, value)),
            steps=2 if info.boolean else info.steps,
            ask=ask,
        )
        if found is None:
            low, high = (self._parameter_text(index, v) for v in (0.0, 1.0))
            raise WorkerError(
                f"{self.id}: '{text}' is no value of '{self.parameter_names[index].name}'; "
                f"it goes from {low} to {high}"
            )
        return found

    def _describe_parameters(self) -> list[ParameterDescription]:
        described = []
        for index, name in enumerate(self.parameter_names):
            info = self._parameter_info(index)
            default = min(1.0, max(0.0, info.default))  # NaN becomes 0
            known = self._ranges.get(name.id) or PlainRange()
            described.append(
                ParameterDescription(
                    index=index,
                    id=name.id,
                    name=name.name,
                    unit=self._unit(index, info),
                    default=default,
                    min_text=self._parameter_text(index, 0.0),
                    max_text=self._parameter_text(index, 1.0),
                    default_text=self._parameter_text(index, default),
                    steps=max(0, info.steps),
                    automatable=bool(info.automatable),
                    boolean=bool(info.boolean),
                    min_value=known.minimum,
                    max_value=known.maximum,
                    default_value=known.default,
                )
            )
        return described

    def _describe(self) -> PluginDescription:
        processor = self.processors[0]
        return msgspec.structs.replace(
            self._about,
            in_channels=processor.in_channels,
            out_channels=processor.out_channels,
            accepts_midi=processor.accepts_midi,
            produces_midi=processor.produces_midi,
            latency_frames=processor.latency_frames(),
            tail_s=self.tail_s,
            parameters=self._describe_parameters(),
            programs=self.programs,
        )
