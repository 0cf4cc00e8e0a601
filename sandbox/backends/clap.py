# SPDX-License-Identifier: GPL-3.0-or-later
"""clap:PATH or clap:PATH#ID. One plugin of a CLAP file, over the native core's C interface to it.

A plugin without a state of its own gets one of ours, its parameters' plain values: after a crash
it must sound as it did, whatever its author left out.
"""

from collections.abc import Sequence
from pathlib import Path

from ipc.clap_location import split_clap_location
from ipc.description import ParameterDescription, PluginDescription
from ipc.errors import NoSuchPlugin, WorkerError
from ipc.messages import MAX_LINE, ListedPlugin
from ipc.text import one_line
from sandbox._native import ClapDescriptor, ClapFile, ClapParameter, ClapProcessor
from sandbox.backends.editor import EditorWindow, Sides, why_not_opened
from sandbox.backends.plugin import MAX_TAIL_S, LoadedPlugin, LoadSettings, ParameterName
from sandbox.backends.plugin_id import PluginId
from sandbox.backends.saved_values import decode_values, encode_values
from sandbox.backends.value_text import value_of_text

_IDS_SHOWN = 12
# Features that other fields of the description say.
_SAID = {"audio-effect", "instrument"}


def warm() -> None:
    """Nothing to prepare: a CLAP file shares nothing with another."""


def contents(path: Path) -> list[ListedPlugin]:
    descriptors = ClapFile(str(path)).descriptors
    alone = len(descriptors) == 1
    return [
        ListedPlugin(
            id=f"clap:{path}" if alone else f"clap:{path}#{d.id}", name=one_line(d.name, MAX_LINE)
        )
        for d in descriptors
    ]


def code_of(plugin: PluginId) -> Path:
    return _file_of(plugin)[0].resolve()


def _file_of(plugin: PluginId) -> tuple[Path, str]:
    """The file, which exists, and the id of one of its plugins, which may be empty."""
    location = split_clap_location(plugin.location)
    path = Path(location.path).expanduser()
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise NoSuchPlugin(f"{plugin.text}: the CLAP file {path} {what}")
    return path, location.id


def load(plugin: PluginId, settings: LoadSettings) -> "ClapPlugin":
    path, wanted = _file_of(plugin)
    file = ClapFile(str(path.resolve()))
    descriptor = _choose(plugin.text, path, file.descriptors, wanted)

    def open_one() -> ClapProcessor:
        return ClapProcessor(
            file,
            descriptor,
            settings.sample_rate,
            settings.max_frames,
            settings.sidechain,
            settings.offline,
        )

    processors = [open_one()]
    if settings.needs_second(processors[0]):
        processors.append(open_one())
    return ClapPlugin(plugin.text, processors, descriptor, path)


def _choose(
    plugin_id: str, path: Path, offered: Sequence[ClapDescriptor], wanted: str
) -> ClapDescriptor:
    found = [d for d in offered if d.id == wanted] if wanted else offered
    if len(found) == 1:
        return found[0]
    some = ", ".join(d.id for d in offered[:_IDS_SHOWN])
    more = ", …" if len(offered) > _IDS_SHOWN else ""
    wrong = f"no plugin '{wanted}'" if not found else "several plugins"
    raise NoSuchPlugin(
        f"{plugin_id}: {path.name} has {wrong}; write clap:PATH#ID, ids: {some}{more}"
    )


class ClapPlugin(LoadedPlugin):
    """One or two instances of a CLAP plugin."""

    def __init__(
        self,
        plugin_id: str,
        processors: Sequence[ClapProcessor],
        descriptor: ClapDescriptor,
        path: Path,
    ) -> None:
        super().__init__(plugin_id, processors)
        self._native = list(processors)
        self._descriptor = descriptor
        self._path = path
        self._closed = False

    @property
    def tail_s(self) -> float:
        return min(self._first.tail_s(), MAX_TAIL_S)

    # State.

    def get_state(self) -> bytes:
        if not self._first.has_state:
            return encode_values(self._kind, self._plain_values())
        try:
            return self._first.save()
        except RuntimeError as error:
            raise WorkerError(f"{self.id}: {error}") from None

    def set_state(self, data: bytes) -> None:
        if not self._first.has_state:
            self._restore_values(data)
        elif data:
            try:
                for processor in self._native:
                    processor.load(data)
            except RuntimeError as error:
                raise WorkerError(f"{self.id}: {error}") from None

    @property
    def _kind(self) -> str:
        return f"clap:{self._descriptor.id}"

    def _plain_values(self) -> dict[str, float]:
        return {
            parameter.id: parameter.plain(self._first.value(index))
            for index, parameter in enumerate(self._parameters)
            if not parameter.read_only
        }

    def _restore_values(self, data: bytes) -> None:
        try:
            values = decode_values(self._kind, data)
        except ValueError as error:
            raise WorkerError(f"{self.id}: {error}") from None
        for index, parameter in enumerate(self._parameters):
            plain = values.get(parameter.id, parameter.initial)
            for processor in self._native:
                processor.set_value(index, parameter.to_normalized(plain))

    # Its editor: the first instance's, as where there are two they are told the same.

    def open_editor(self, window: EditorWindow) -> None:
        try:
            self._first.open_editor(window.id)
        except RuntimeError as error:
            raise why_not_opened(self.id, error) from None

    @property
    def editor_size(self) -> Sides:
        try:
            return self._first.editor_size
        except RuntimeError as error:
            raise WorkerError(f"{self.id}: {error}") from None

    def resize_editor(self, width: int, height: int) -> None:
        try:
            self._first.resize_editor(width, height)
        except RuntimeError as error:
            raise WorkerError(f"{self.id}: {error}") from None

    edits_are_heard = True

    @property
    def editor_can_resize(self) -> bool:
        return self._first.editor_can_resize

    def take_editor_edits(self) -> list[tuple[int, float]]:
        edits = self._first.take_edits()
        for index, value in edits:
            for other in self._native[1:]:
                other.set_value(index, value)
        return edits

    def close_editor(self) -> None:
        if not self._closed:
            self._first.close_editor()

    # Life.

    blocks_wait_for_turns = True

    def idle(self) -> None:
        try:
            for processor in self._native:
                processor.idle()
        except RuntimeError as error:
            raise WorkerError(f"{self.id}: {error}") from None

    def close(self) -> None:
        self._closed = True
        for processor in self._native:
            processor.close()

    @property
    def _first(self) -> ClapProcessor:
        if self._closed:
            raise WorkerError(f"{self.id} is closed")
        return self._native[0]

    # Parameters.

    @property
    def _parameters(self) -> list[ClapParameter]:
        return self._first.parameters

    def _read_parameter_names(self) -> list[ParameterName]:
        return [ParameterName(p.id, p.name) for p in self._parameters]

    def _get_parameter(self, index: int) -> float:
        return self._first.value(index)

    def _set_parameter(self, index: int, value: float) -> None:
        heard = [
            processor.set_value(index, value) for processor in [self._first, *self._native[1:]]
        ]
        if not all(heard):
            name = self.parameter_names[index].name
            raise WorkerError(f"{self.id}: only the plugin itself changes '{name}'")

    def _parameter_text(self, index: int, value: float) -> str:
        text = self._first.text_of(index, value)
        return text or f"{self._parameters[index].plain(value):.6g}"

    def _parameter_from_text(self, index: int, text: str) -> float:
        found = value_of_text(
            text,
            show=lambda value: (self._parameter_text(index, value),),
            steps=self._parameters[index].steps,
            ask=lambda: self._first.value_of(index, text),
        )
        if found is None:
            low, high = (self._parameter_text(index, v) for v in (0.0, 1.0))
            raise WorkerError(
                f"{self.id}: '{text}' is no value of '{self.parameter_names[index].name}'; "
                f"it goes from {low} to {high}"
            )
        return found

    def _describe_parameters(self) -> list[ParameterDescription]:
        return [
            ParameterDescription(
                index=index,
                id=p.id,
                name=p.name,
                default=p.to_normalized(p.initial),
                min_text=self._parameter_text(index, 0.0),
                max_text=self._parameter_text(index, 1.0),
                default_text=self._parameter_text(index, p.to_normalized(p.initial)),
                steps=p.steps,
                automatable=p.automatable,
                boolean=p.steps == 2,
                read_only=p.read_only,
                hidden=p.hidden,
                min_value=p.minimum,
                max_value=p.maximum,
                default_value=p.initial,
            )
            for index, p in enumerate(self._parameters)
        ]

    def _describe(self) -> PluginDescription:
        first, told = self._first, self._descriptor
        return PluginDescription(
            id=self.id,
            name=told.name,
            vendor=told.vendor,
            version=told.version,
            format="clap",
            path=str(self._path),
            category=", ".join(f for f in told.features if f not in _SAID),
            is_instrument="instrument" in told.features,
            in_channels=first.in_channels,
            out_channels=first.out_channels,
            sidechain_channels=first.key_channels,
            accepts_midi=first.accepts_midi,
            produces_midi=first.produces_midi,
            works_in_place=first.works_in_place,
            latency_frames=first.latency_frames(),
            tail_s=self.tail_s,
            parameters=self._describe_parameters(),
            has_editor=first.has_editor,
            remarks=self._remarks(),
        )

    def _remarks(self) -> list[str]:
        remarks = []
        if unheard := self._first.unheard_output_ports:
            ports = "port is" if unheard == 1 else "ports are"
            remarks.append(f"{unheard} further audio output {ports} not heard")
        if self._first.needs_realtime:
            remarks.append("it works in real time only and is not told when it renders offline")
        if not self._first.has_state:
            remarks.append("it saves no state of its own: its parameters' values are kept for it")
        return remarks
