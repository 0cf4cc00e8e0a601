# SPDX-License-Identifier: GPL-3.0-or-later
"""A loaded plugin, whatever its format: what a worker's main thread can ask and tell it.

The audio side is in `processors`, which the block loop calls; everything here belongs to the
main thread. Unless said otherwise it may be called while blocks are processed.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple, Self

from ipc.description import ParameterDescription, PluginDescription
from ipc.errors import NoEditor, WorkerError
from sandbox._native import Processor, Slot
from sandbox.backends.editor import EditorWindow, Sides

# What a slot may ask for (ipc/native/layout.hpp).
MIN_RATE_HZ, MAX_RATE_HZ = 8_000.0, 768_000.0
MAX_FRAMES = 8192

MAX_TAIL_S = 3600.0  # "for ever", in the plugin's words, is an hour in ours


class LoadSettings:
    """How a plugin shall be loaded; checked once, for all formats."""

    def __init__(
        self,
        sample_rate: float,
        max_frames: int,
        sidechain: bool = False,
        offline: bool = False,
        single: bool = False,
        direct: bool = False,
    ) -> None:
        if not MIN_RATE_HZ <= sample_rate <= MAX_RATE_HZ:  # false for NaN as well
            raise WorkerError(f"a sample rate is 8000 to 768000 Hz, not {sample_rate}")
        if not 1 <= max_frames <= MAX_FRAMES:
            raise WorkerError(f"a block has 1 to {MAX_FRAMES} frames, not {max_frames}")
        self.sample_rate = float(sample_rate)
        self.max_frames = max_frames
        self.sidechain = sidechain
        self.offline = offline
        self.direct = direct
        self._single = single

    def needs_second(self, first: Processor) -> bool:
        """Whether a second instance is to be made: of a mono plugin, for the other side; unless one
        will do, because nobody listens."""
        return not self._single and Slot.is_dual_mono(first.in_channels, first.out_channels)


class ParameterName(NamedTuple):
    """How a parameter may be called: by its stable id or by its name."""

    id: str
    name: str


class PlainRange(NamedTuple):
    """A parameter's unit and plain values, where the format knows them."""

    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    default: float | None = None


class LoadedPlugin(ABC):
    """One plugin in one slot: one instance, or two equal ones where a slot needs dual mono."""

    def __init__(self, plugin_id: str, processors: Sequence[Processor]) -> None:
        self.id = plugin_id
        self.processors: list[Processor] = list(processors)

    # Told by the audio side.

    @property
    def latency_frames(self) -> int:
        return self.processors[0].latency_frames()

    @property
    def accepts_midi(self) -> bool:
        return self.processors[0].accepts_midi

    @property
    def produces_midi(self) -> bool:
        return self.processors[0].produces_midi

    @property
    def tail_s(self) -> float:
        """How long it may sound after its input has ended, seconds."""
        return 0.0

    # Parameters. Values are normalized.

    @cached_property
    def parameter_names(self) -> list[ParameterName]:
        return self._read_parameter_names()

    def find_parameter(self, name_or_index: str | int) -> int:
        """The index of a parameter by index, id or name (the latter in any case, if unique)."""
        names = self.parameter_names
        if isinstance(name_or_index, int):
            return self._checked_index(name_or_index)
        wanted = name_or_index.strip()
        folded = wanted.casefold()
        for matches in (
            [i for i, n in enumerate(names) if n.name == wanted],
            [i for i, n in enumerate(names) if n.id == wanted],
            [i for i, n in enumerate(names) if n.name.casefold() == folded],
        ):
            if len(matches) == 1:
                return matches[0]
            if matches:
                indexes = ", ".join(map(str, matches))
                raise WorkerError(
                    f"{self.id} has several parameters '{wanted}': use their index, {indexes}"
                )
        if wanted.isascii() and wanted.isdigit():
            return self._checked_index(int(wanted))
        some = ", ".join(f"'{n.name}'" for n in names[:12]) or "none"
        more = ", …" if len(names) > 12 else ""
        raise WorkerError(f"{self.id} has no parameter '{wanted}'; it has {some}{more}")

    def get_parameter(self, index: int) -> float:
        return self._get_parameter(self._checked_index(index))

    def set_parameter(self, index: int, value: float) -> None:
        """Sets it on all instances; heard from the next block on."""
        self._set_parameter(self._checked_index(index), self._checked_value(index, value))

    def get_parameters(self) -> list[float]:
        return [self._get_parameter(i) for i in range(len(self.parameter_names))]

    def parameter_text(self, index: int, value: float) -> str:
        """The plugin's own words for a value, with its unit if the plugin says it."""
        return self._parameter_text(self._checked_index(index), self._checked_value(index, value))

    def parameter_from_text(self, index: int, text: str) -> float:
        """The value that the plugin means by a text. Raises WorkerError if it means none."""
        return self._parameter_from_text(self._checked_index(index), text)

    # Whether somebody between the rig and the plugin copies what is in the buffers, unless it was
    # loaded to meet them directly.
    copies_buffers = False

    # Its editor. One at a time; idle() is its turn, and then idle_editor().

    # Whether what is changed in it is so in what plays: the editor is the playing instance's own.
    edits_are_heard = False

    def open_editor(self, window: EditorWindow) -> None:
        """Raises WorkerError."""
        raise NoEditor(f"{self.id}: no editor can be opened for plugins of this format")

    @property
    def editor_size(self) -> Sides:
        """Of an open one; it may change with every turn. Raises WorkerError."""
        raise WorkerError(f"{self.id}: its editor is not open")

    def resize_editor(self, width: int, height: int) -> None:
        """It may take another size, or none. Raises WorkerError."""
        raise WorkerError(f"{self.id}: its editor is not open")

    @property
    def editor_can_resize(self) -> bool:
        """Whether its user may, of an open one."""
        return False

    def idle_editor(self) -> None:  # noqa: B027 - some have their turn in idle()
        """Its own turn, which is nobody else's. Raises WorkerError."""

    def take_editor_edits(self) -> list[tuple[int, float]]:
        """What was changed in it since they were last taken: parameters and normalized values."""
        return []

    def show_in_editor(self, index: int, value: float) -> None:  # noqa: B027 - as close_editor
        """What plays has this value now."""

    def close_editor(self) -> None:  # noqa: B027 - most formats open none
        """Does nothing where none is open."""

    # State and programs.

    @abstractmethod
    def get_state(self) -> bytes:
        """All that a plugin remembers, of its first instance (all are kept equal)."""

    @abstractmethod
    def set_state(self, data: bytes) -> None:
        """Restores it into all instances. Raises WorkerError if the plugin rejects it.

        Blocks that meet this call are refused, and so the slot is dry for their time.
        """

    @property
    def programs(self) -> list[str]:
        return []

    def set_program(self, index: int) -> None:
        """Selects a program; blocks that meet this call are refused."""
        raise WorkerError(f"{self.id} has no programs")

    # Life.

    @cached_property
    def description(self) -> PluginDescription:
        """Read once, when first asked for: a plugin with thousands of parameters takes its time."""
        return self._describe()

    # Whether one's `idle` does what all plugins of its kind in this process have to do.
    idles_for_all = False
    # Whether a block may wait for such a turn offline, where nothing is too late for it.
    blocks_wait_for_turns = False

    def idle(self) -> None:  # noqa: B027 - most formats have nothing to do
        """Gives the plugin's own main-thread work a turn; to be called some 20 times a second.

        Where a format needs no such thing it does nothing.
        """

    @abstractmethod
    def close(self) -> None:
        """Unloads it. The block loop must have ended; later blocks are refused. Repeatable."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # What a format provides.

    @abstractmethod
    def _read_parameter_names(self) -> list[ParameterName]: ...

    @abstractmethod
    def _describe(self) -> PluginDescription: ...

    @abstractmethod
    def _describe_parameters(self) -> list[ParameterDescription]: ...

    @abstractmethod
    def _get_parameter(self, index: int) -> float: ...

    @abstractmethod
    def _set_parameter(self, index: int, value: float) -> None: ...

    @abstractmethod
    def _parameter_text(self, index: int, value: float) -> str: ...

    @abstractmethod
    def _parameter_from_text(self, index: int, text: str) -> float: ...

    def _checked_index(self, index: int) -> int:
        count = len(self.parameter_names)
        if 0 <= index < count:
            return index
        has = f"parameters 0 to {count - 1}" if count else "no parameters"
        raise WorkerError(f"{self.id} has {has}, not {index}")

    def _checked_value(self, index: int, value: float) -> float:
        # A hair outside is rounding; far outside is a plain value given for a normalized one.
        if not math.isfinite(value) or not -1e-6 <= value <= 1.0 + 1e-6:
            raise WorkerError(
                f"{self.id}: parameter {index} takes normalized values from 0 to 1, not {value}"
            )
        return min(1.0, max(0.0, value))
