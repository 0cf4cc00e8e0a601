# SPDX-License-Identifier: GPL-3.0-or-later
"""A knob that is being turned: many changes, one step of undo, and never more than one on its way.

A host that is slow for a moment must not find a hundred old positions of a fader in its queue; it
gets the newest when it has done the last. Until then what it shows of the fader is old.
"""

from PyQt6.QtCore import QObject

from ipc.desk.requests import AnyEdit, Change
from ui.desk import Desk


class Gesture(QObject):
    """Of one control, from one drag to the next."""

    def __init__(self, desk: Desk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._number = 0  # of the drag; 0: there is none
        self._is_waiting = False  # for the last change to be done
        self._is_wrong = False  # what is shown was refused
        self._next: tuple[AnyEdit, int] | None = None

    @property
    def is_held(self) -> bool:
        """Whether what the host shows is older than what the user has done."""
        return self._number != 0 or self._is_waiting

    def begin(self) -> None:
        self._number = self._desk.next_gesture()

    def change(self, edit: AnyEdit) -> None:
        """Outside of a drag it is a step of its own."""
        number = self._number or self._desk.next_gesture()
        if self._is_waiting:
            self._next = (edit, number)
        else:
            self._send(edit, number)

    def end(self) -> None:
        self._number = 0
        self._set_right()

    def _send(self, edit: AnyEdit, number: int) -> None:
        self._is_waiting = True
        self._desk.ask(Change((edit,), number), lambda _: self._done(), lambda _: self._refused())

    def _done(self) -> None:
        self._is_waiting = False
        if self._next is not None:
            (edit, number), self._next = self._next, None
            self._send(edit, number)

    def _refused(self) -> None:
        self._is_waiting = False
        self._next = None
        self._is_wrong = True
        self._set_right()

    def _set_right(self) -> None:
        """Back to what is true, once nobody holds it."""
        if self._is_wrong and not self.is_held:
            self._is_wrong = False
            self._desk.shown.emit(self._desk.state)
