# SPDX-License-Identifier: GPL-3.0-or-later
"""A plugin's own window, as its slot has it: opened in the worker that plays the plugin, so that an
editor that crashes is a worker that crashed.

What is changed in it is journalled when it is heard of, like every edit, and kept for whoever shows
the song. Everything that comes from the worker is bounded: only one whose window is open, or being
opened, is heard; at most one edit a parameter waits; gestures begin no faster than a user's.
"""

import asyncio
import contextlib
import shlex
from collections import deque
from dataclasses import dataclass
from typing import Literal, Protocol

from host.crash_report import FaultKind, Phase
from host.events import HostEventKind
from host.journal import Journal
from host.permissions import rule_id
from host.slot_context import SlotContext
from host.song import Slot
from host.tenure import Tenure
from ipc._native import monotonic_ns
from ipc.connection import RequestFailed, RequestTimeout
from ipc.description import PluginDescription
from ipc.errors import InputError, ProtocolError, WorkerError
from ipc.messages import CloseWindow, GetParameters, OpenWindow, WindowEdit, WindowNews
from ipc.screen import screen_here
from ipc.status import SlotStatus

WindowStatus = Literal["none", "shut", "opening", "open"]

# A first window starts a toolkit, and draws by the processor alone.
_OPEN_LIMIT_S = 20.0
_MOST_CHANGES = 8192
# Of a hand: each gesture is a step of undo, and a worker says what it likes.
_SHORTEST_GESTURE_NS = 250_000_000


@dataclass(frozen=True)
class WindowChange:
    """What the user has changed in a plugin's own window. `gesture`: when it began, in ns of
    monotonic time; those of the same belong together. Values are normalized."""

    slot: str
    parameter: int
    before: float
    value: float
    gesture: int


class Owner(Protocol):
    """What a window needs of its slot."""

    spec: Slot
    description: PluginDescription | None
    journal: Journal

    @property
    def status(self) -> SlotStatus: ...
    @property
    def reason(self) -> str: ...
    async def playing_tenure(self, with_display: bool) -> Tenure:
        """Whoever plays; `with_display`: loaded anew where it could show no window. Raises
        WorkerError."""

    def edited_in_window(self, parameter: int, value: float, is_heard: bool) -> None: ...


class SlotWindow:
    def __init__(self, slot: Owner, context: SlotContext) -> None:
        # What was changed in it, until whoever shows the song fetches it.
        self.changes: deque[WindowChange] = deque(maxlen=_MOST_CHANGES)
        self._slot = slot
        self._context = context
        self._turn = asyncio.Lock()  # to open or close it
        self._tenure: Tenure | None = None  # in whose worker it is open
        self._opening: Tenure | None = None  # in whose worker one is being opened
        self._is_opening = False  # or whoever shall open it is being found
        self._is_unwanted = False  # it was closed while it was being opened
        self._has_none = False  # the plugin said so when it was asked to open one
        self._values: tuple[list[float], int] | None = None  # before it opens, and the last edit
        self._gestures = _Gestures()
        # By parameter, until the next tick.
        self._waiting: dict[int, tuple[WindowEdit, bool, int]] = {}

    @property
    def status(self) -> WindowStatus:
        """`none`: its plugin has none."""
        if self._tenure is not None:
            return "open"
        if self._is_opening:
            return "opening"
        return "none" if self._slot.description is None or self._is_without else "shut"

    @property
    def _is_without(self) -> bool:
        description = self._slot.description
        return self._has_none or (description is not None and description.has_editor is False)

    async def open(self, title: str, above: int) -> None:
        """Or brings it to the front. Raises InputError, MachineError or WorkerError, one line."""
        spec = self._slot.spec
        if self._is_without:
            raise InputError(f"{spec.label} has no window of its own")
        if self._is_opening:
            raise InputError(f"{spec.label}: its window is being opened already")
        screen_here()
        if not self._context.permissions.of(spec.plugin).display:
            named = shlex.quote(rule_id(spec.plugin))
            raise InputError(
                f"{spec.label} may not open windows; `isobooth permissions allow {named} "
                "--display` lets it"
            )
        self._is_opening, self._is_unwanted = True, False
        try:
            async with self._turn:
                tenure = self._tenure or await self._slot.playing_tenure(with_display=True)
                if self._tenure is None:
                    self._gestures = _Gestures()
                    await self._ask_values(tenure)
                if not self._is_unwanted:
                    await self._open_in(tenure, title, above)
        finally:
            self._is_opening, self._values = False, None

    async def _ask_values(self, tenure: Tenure) -> None:
        """Nobody can be asked while it opens."""
        last_edit = self._slot.journal.last_edit
        limit_s = self._context.config.faults.save_limit_s
        with contextlib.suppress(WorkerError, ProtocolError):
            values = (await tenure.worker.request(GetParameters(), limit_s)).values
            self._values = values, last_edit

    async def _open_in(self, tenure: Tenure, title: str, above: int) -> None:
        label = self._slot.spec.label
        self._opening = tenure
        try:
            await tenure.worker.request(OpenWindow(title=title, above=above), _OPEN_LIMIT_S)
            if self._opening is tenure and tenure.worker.alive:
                self._tenure = tenure
                tenure.has_window = True
        except RequestTimeout:
            tenure.condemn(FaultKind.HANG, Phase.WINDOW)
            raise WorkerError(
                f"{label} did not open its window in time, and is restarted"
            ) from None
        except RequestFailed as error:
            self._has_none = error.no_editor
            raise WorkerError(f"{label}: its window was not opened: {error}") from None
        finally:
            self._opening = None

    def values_meanwhile(self) -> list[float]:
        """While it opens: the plugin's parameters before that, with the edits since. Raises
        WorkerError where they are not known."""
        if self._values is None:
            raise WorkerError(f"{self._slot.spec.label}: its window is being opened")
        values, last_edit = self._values
        edited = {edit.parameter: edit.value for edit in self._slot.journal.edits_after(last_edit)}
        return [edited.get(index, value) for index, value in enumerate(values)]

    async def settled(self) -> None:
        """Waits until it is neither being opened nor being closed, which has its own limits."""
        async with self._turn:
            pass

    async def close(self) -> None:
        """Does nothing where none is open; one that is being opened is closed then. Raises
        WorkerError."""
        self._is_unwanted = True
        async with self._turn:
            tenure = self._tenure
            if tenure is None or not tenure.worker.alive:
                return
            try:
                await tenure.worker.request(CloseWindow(), self._context.config.faults.save_limit_s)
            except RequestTimeout:
                tenure.condemn(FaultKind.HANG, Phase.WINDOW)
                label = self._slot.spec.label
                raise WorkerError(f"{label} did not close its window, and is restarted") from None
            finally:
                self._forget(tenure)

    # ------------------------------------------------------------------ what the worker tells

    def watch(self, tenure: Tenure) -> None:
        """Listens to a new worker of the slot."""
        tenure.worker.on_window = lambda news: self._take(tenure, news)

    def _take(self, tenure: Tenure, news: WindowNews) -> None:
        description = self._slot.description
        if description is None or not tenure.worker.alive:
            return
        if tenure not in (self._tenure, self._opening):
            return
        for edit in news.edits:
            if _is_possible(edit, description):
                step = self._gestures.began_ns(edit.gesture)
                self._waiting[edit.parameter] = edit, news.is_heard, step
        if not news.is_closed:
            return
        if tenure is self._tenure:
            self._forget(tenure)  # what is asked of it just now will open another one
        else:
            self._opening = None  # sooner than it was known to be open

    def _forget(self, tenure: Tenure) -> None:
        """It is not open any more."""
        tenure.has_window = False
        if self._tenure is tenure:
            self._tenure = None

    def tick(self) -> None:
        """What was changed since the last one is journalled, heard and told."""
        waiting, self._waiting = self._waiting, {}
        for edit, is_heard, step in waiting.values():
            self._slot.edited_in_window(edit.parameter, edit.value, is_heard)
            self.changes.append(
                WindowChange(self._slot.spec.id, edit.parameter, edit.before, edit.value, step)
            )

    def lost(self, tenure: Tenure, is_intended: bool) -> None:
        """A worker of the slot has ended: what it told last counts, and its window is gone."""
        self.tick()
        if tenure is not self._tenure:
            return
        self._tenure = None
        if is_intended and not tenure.is_taken_along:
            return
        self._context.events.add(
            HostEventKind.WINDOW,
            f"{self._slot.spec.label}: its own window closed with its process; it can be opened "
            "again",
            slot=self._slot.spec.id,
        )


def _is_possible(edit: WindowEdit, description: PluginDescription) -> bool:
    known = description.parameters
    return edit.parameter < len(known) and not known[edit.parameter].read_only


class _Gestures:
    """Of one opening of the window. Their numbers are the worker's, whose window counts from 1."""

    def __init__(self) -> None:
        self._number = -1
        self._began_ns = 0

    def began_ns(self, number: int) -> int:
        """When the gesture of this number began, or the one that it follows too soon upon."""
        if number != self._number:
            self._number = number
            now = monotonic_ns()
            if now - self._began_ns > _SHORTEST_GESTURE_NS:
                self._began_ns = now
        return self._began_ns
