# SPDX-License-Identifier: GPL-3.0-or-later
"""A plugin's own window, as its slot has it: opened in the worker that plays the plugin, so that an
editor that crashes is a worker that crashed.

What is changed in it is journalled when it is heard of, like every edit, and kept for whoever shows
the song. Everything that comes from the worker is bounded: at most one edit a parameter waits.
"""

import shlex
from dataclasses import dataclass
from typing import Literal, Protocol

from host.crash_report import FaultKind, Phase
from host.events import HostEventKind
from host.permissions import rule_id
from host.slot_context import SlotContext
from host.song import Slot
from host.tenure import Tenure
from ipc.connection import RequestFailed, RequestTimeout
from ipc.description import PluginDescription
from ipc.errors import InputError, WorkerError
from ipc.messages import CloseWindow, OpenWindow, WindowEdit, WindowNews
from ipc.screen import screen_here
from ipc.status import SlotStatus

WindowStatus = Literal["none", "shut", "opening", "open"]

# A first window starts a toolkit, and draws by the processor alone.
_OPEN_LIMIT_S = 20.0
_NO_EDITOR = "no editor"  # as the worker says it


@dataclass(frozen=True)
class WindowChange:
    """What the user has changed in a plugin's own window. `gesture`: of this window; those of the
    same number belong together. Values are normalized."""

    slot: str
    parameter: int
    before: float
    value: float
    gesture: tuple[int, int]  # process, number


class Owner(Protocol):
    """What a window needs of its slot."""

    spec: Slot
    description: PluginDescription | None

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
        self._slot = slot
        self._context = context
        self._tenure: Tenure | None = None  # in whose worker it is open
        self._is_opening = False
        self._has_none = False  # the plugin said so when it was asked to open one
        self._waiting: dict[int, tuple[WindowEdit, bool]] = {}  # by parameter, until the next tick

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
        self._is_opening = True
        try:
            tenure = self._tenure or await self._slot.playing_tenure(with_display=True)
            await self._open_in(tenure, title, above)
        finally:
            self._is_opening = False

    async def _open_in(self, tenure: Tenure, title: str, above: int) -> None:
        label = self._slot.spec.label
        try:
            await tenure.worker.request(OpenWindow(title=title, above=above), _OPEN_LIMIT_S)
        except RequestTimeout:
            tenure.condemn(FaultKind.HANG, Phase.WINDOW)
            raise WorkerError(
                f"{label} did not open its window in time, and is restarted"
            ) from None
        except RequestFailed as error:
            self._has_none = _NO_EDITOR in str(error)
            raise WorkerError(f"{label}: its window was not opened: {error}") from None
        if tenure.worker.alive:
            self._tenure = tenure
            tenure.has_window = True

    async def close(self) -> None:
        """Does nothing where none is open. Raises WorkerError."""
        tenure = self._forget()
        if tenure is None or not tenure.worker.alive:
            return
        try:
            await tenure.worker.request(CloseWindow(), self._context.config.faults.save_limit_s)
        except RequestTimeout:
            tenure.condemn(FaultKind.HANG, Phase.WINDOW)
            label = self._slot.spec.label
            raise WorkerError(f"{label} did not close its window, and is restarted") from None

    # ------------------------------------------------------------------ what the worker tells

    def watch(self, tenure: Tenure) -> None:
        """Listens to a new worker of the slot."""
        tenure.worker.on_window = lambda news: self._take(tenure, news)

    def _take(self, tenure: Tenure, news: WindowNews) -> None:
        description = self._slot.description
        if description is None or not tenure.worker.alive:
            return
        for edit in news.edits:
            if not _is_possible(edit, description):
                continue
            self._waiting[edit.parameter] = edit, news.is_heard
        if news.is_closed:
            if tenure is self._tenure:
                self._forget()
            self.tick()

    def _forget(self) -> Tenure | None:
        """It is not open any more; in whose worker it was."""
        tenure, self._tenure = self._tenure, None
        if tenure is not None:
            tenure.has_window = False
        return tenure

    def tick(self) -> None:
        """What was changed since the last one is journalled, heard and told."""
        waiting, self._waiting = self._waiting, {}
        for edit, is_heard in waiting.values():
            self._slot.edited_in_window(edit.parameter, edit.value, is_heard)
            self._context.window_changes.append(
                WindowChange(
                    self._slot.spec.id,
                    edit.parameter,
                    edit.before,
                    edit.value,
                    (id(self), edit.gesture),
                )
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
