# SPDX-License-Identifier: GPL-3.0-or-later
"""One plugin's parameters as an editor knows them: asked of the host again and again, because
others change them too, and kept from being overwritten while the user has hold of them."""

import time
from collections.abc import Mapping

import msgspec
from PyQt6.QtCore import QObject, QTimer, pyqtSignal

from ipc.description import ParameterDescription, PluginDescription
from ipc.desk.requests import AskSlot, AskText, Change, Details, SetParameter, ValueText
from ipc.desk.state import SlotDetails
from ui.desk import Desk

_PERIOD_MS = 250
# A change is heard by the plugin some blocks later; an answer of before then shows the old value.
_SETTLED_S = 0.45
_REFUSED_S = 3.0  # until it is asked again: each refusal is told to the user
_SAME = 1e-5


class Values(QObject):
    """Of the plugin in `slot`, while it is `watch`ed."""

    described = pyqtSignal()  # there is a description, or another one
    changed = pyqtSignal()  # values and texts
    one_changed = pyqtSignal(int)  # of one parameter
    kept_changed = pyqtSignal()  # presets, program, snapshots, what is compared

    def __init__(self, desk: Desk, slot: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.slot = slot
        self.description: PluginDescription | None = None
        self.values: list[float] = []
        self.texts: list[str] = []
        self.kept = SlotDetails(slot=slot)  # but for description, values and texts
        self._desk = desk
        self._is_waiting = False
        self._not_before_s = 0.0
        self._epoch = 0  # of the slot: what an older one was asked is of no use
        self._held: set[int] = set()
        self._touched: dict[int, float] = {}  # when the user last changed it
        self._texts_asked: set[int] = set()
        self._texts_due: dict[int, float] = {}
        self._step_texts: dict[tuple[int, int], str] = {}
        self._timer = QTimer(self)
        self._timer.setInterval(_PERIOD_MS)
        self._timer.timeout.connect(self.ask)

    @property
    def parameters(self) -> list[ParameterDescription]:
        return self.description.parameters if self.description is not None else []

    def watch(self, on: bool) -> None:
        if on and not self._timer.isActive():
            self._timer.start()
            self.ask()
        elif not on:
            self._timer.stop()

    def follow(self, slot: str) -> None:
        """The same plugin in another slot, or the slot after a change that concerns all."""
        self.slot = slot
        self._epoch += 1
        self._is_waiting = False
        self._touched.clear()
        self._texts_asked.clear()
        self._texts_due.clear()
        self.ask()

    # ------------------------------------------------------------------ what the host says

    def ask(self) -> None:
        """How it is now, unless that is being asked."""
        if self._is_waiting or self._desk.is_lost or self._desk.slot(self.slot) is None:
            return
        if time.monotonic() < self._not_before_s:
            return
        self._is_waiting = True
        epoch, asked_s = self._epoch, time.monotonic()

        def arrived(reply: Details) -> None:
            if epoch == self._epoch:
                self._is_waiting = False
                self._take(reply, asked_s)

        def refused(_: str) -> None:
            if epoch == self._epoch:
                self._is_waiting = False
                self._not_before_s = time.monotonic() + _REFUSED_S

        self._desk.ask(AskSlot(self.slot, self.description is None), arrived, refused)

    def _take(self, reply: Details, asked_s: float) -> None:
        details = reply.details
        if details.description is not None and details.description != self.description:
            self.description = details.description
            self._step_texts.clear()
            self.values, self.texts = list(details.values), list(details.texts)
            self.described.emit()
        known = msgspec.structs.replace(details, description=None, values=(), texts=())
        if known != self.kept:
            self.kept = known
            self.kept_changed.emit()
        if not details.values:  # it has no process just now: what was known stays
            return
        values, texts = list(details.values), list(details.texts)
        for index in range(min(len(values), len(self.values))):
            touched_s = self._touched.get(index)
            if index in self._held or (touched_s is not None and asked_s < touched_s + _SETTLED_S):
                is_same = abs(values[index] - self.values[index]) < _SAME
                values[index] = self.values[index]
                if not is_same:
                    texts[index] = self.texts[index]
        if values != self.values or texts != self.texts:
            self.values, self.texts = values, texts
            self.changed.emit()

    # ------------------------------------------------------------------ what the user does

    def hold(self, index: int) -> None:
        """Until it is released, the host does not overwrite it."""
        self._held.add(index)

    def release(self, index: int) -> None:
        self._held.discard(index)
        self._touched[index] = time.monotonic()

    def show_one(self, index: int, value: float) -> None:
        """The user has turned it; whoever calls tells the host."""
        if index >= len(self.values):
            return
        self.values[index] = value
        self._touched[index] = time.monotonic()
        self._texts_due[index] = value
        self._ask_text(index)

    def set_many(self, values: Mapping[int, float]) -> int:
        """Those that differ, as one step of undo; returns how many."""
        edits = []
        for index, value in values.items():
            if index < len(self.values) and abs(value - self.values[index]) > _SAME:
                edits.append(SetParameter(slot=self.slot, parameter=index, value=value))
                self.values[index] = value
                self._touched[index] = time.monotonic()
        if edits:
            # What was refused, or rounded by the plugin, is told by the next answer.
            self._desk.ask(
                Change(tuple(edits)), lambda _: self._after_many(edits), lambda _: self._forget()
            )
            self.changed.emit()
        return len(edits)

    def _after_many(self, edits: list[SetParameter]) -> None:
        if len(edits) <= 64:
            for edit in edits:
                self._texts_due[edit.parameter] = edit.value
                self._ask_text(edit.parameter)

    def _forget(self) -> None:
        self._touched.clear()
        self.ask()

    def undo_came(self) -> None:
        """What the user has done was taken back: the host's values are right at once."""
        self._touched.clear()

    # ------------------------------------------------------------------ texts

    def _ask_text(self, index: int) -> None:
        """Of the newest value, when the last has been told."""
        if index in self._texts_asked or index not in self._texts_due or not self._is_alive:
            return
        value, epoch = self._texts_due.pop(index), self._epoch
        self._texts_asked.add(index)

        def arrived(reply: ValueText) -> None:
            if epoch != self._epoch:
                return
            self._texts_asked.discard(index)
            if index < len(self.texts) and reply.text:
                self.texts[index] = reply.text
                self.one_changed.emit(index)
            self._ask_text(index)

        def refused(_: str) -> None:
            self._texts_asked.discard(index)

        self._desk.ask(AskText(self.slot, index, value), arrived, refused)

    @property
    def _is_alive(self) -> bool:
        """Whether there is a plugin to ask for words."""
        found = self._desk.slot(self.slot)
        return found is not None and found[1].pid is not None

    def step_text(self, index: int, step: int) -> str:
        """The plugin's word for a step, "" while it is asked; `one_changed` when it has come."""
        key = (index, step)
        if key in self._step_texts:
            return self._step_texts[key]
        if not self._is_alive:
            return ""
        self._step_texts[key] = ""
        steps = self.parameters[index].steps

        def arrived(reply: ValueText) -> None:
            self._step_texts[key] = reply.text
            self.one_changed.emit(index)

        def refused(_: str) -> None:
            self._step_texts.pop(key, None)

        value = value_of_step(step, steps)
        self._desk.ask(AskText(self.slot, index, value), arrived, refused)
        return ""


def value_of_step(step: int, steps: int) -> float:
    return min(1.0, max(0.0, step / max(1, steps - 1)))


def step_of_value(value: float, steps: int) -> int:
    return min(max(0, steps - 1), max(0, round(value * max(1, steps - 1))))
