# SPDX-License-Identifier: GPL-3.0-or-later
"""Mouse and keyboard of a display (XTest): programs cannot tell them from a person's."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from Xlib import XK, X
from Xlib.display import Display as Connection
from Xlib.ext import xtest

Point = tuple[int, int]

_STEPS = 12  # of a drag
_STEP_S = 0.015
_NUDGES = 4  # where something is dropped, so that whoever is there is asked, and has answered
_NAMES = {"ctrl": "Control_L", "shift": "Shift_L", "alt": "Alt_L", " ": "space"}


class Hands:
    """`settle` is called where a person would look before going on: it returns when the program
    has dealt with what it was given."""

    def __init__(self, display: str, settle: Callable[[], object]) -> None:
        self._connection = Connection(display)
        self._settle = settle

    def close(self) -> None:
        self._connection.close()

    # ------------------------------------------------------------------ mouse

    def move(self, to: Point) -> None:
        xtest.fake_input(self._connection, X.MotionNotify, x=to[0], y=to[1])
        self._connection.sync()
        time.sleep(_STEP_S)

    def click(self, at: Point, button: int = 1, times: int = 1) -> None:
        self.move(at)
        self._settle()
        for _ in range(times):
            self._button(X.ButtonPress, button)
            self._button(X.ButtonRelease, button)
        self._settle()

    @contextmanager
    def dragging(self, start: Point, end: Point) -> Iterator[None]:
        """Within it the button is held at `end`."""
        self.move(start)
        self._settle()
        self._button(X.ButtonPress, 1)
        try:
            for n in range(1, _STEPS + 1):
                x, y = (round(a + (b - a) * n / _STEPS) for a, b in zip(start, end, strict=True))
                self.move((x, y))
                if n in (1, 2):
                    self._settle()  # the drag begins
            for n in range(_NUDGES):
                self.move((end[0] + n % 2, end[1]))
                self._settle()
            self.move(end)
            self._settle()
            yield
        finally:
            self._button(X.ButtonRelease, 1)
        self._settle()

    def drag(self, start: Point, end: Point) -> None:
        with self.dragging(start, end):
            pass

    def _button(self, kind: int, button: int) -> None:
        xtest.fake_input(self._connection, kind, button)
        self._connection.sync()
        time.sleep(_STEP_S)

    # ------------------------------------------------------------------ keys

    def key(self, chord: str, times: int = 1) -> None:
        """Such as "ctrl+shift+z", "Tab", "space": X11's names."""
        names = [_NAMES.get(name, name) for name in chord.split("+")] if chord != "+" else ["plus"]
        codes = [self._connection.keysym_to_keycode(XK.string_to_keysym(name)) for name in names]
        assert all(codes), f"no such key: {chord}"
        for _ in range(times):
            for code in codes:
                xtest.fake_input(self._connection, X.KeyPress, code)
            for code in reversed(codes):
                xtest.fake_input(self._connection, X.KeyRelease, code)
            self._connection.sync()
            time.sleep(_STEP_S)
        self._settle()

    def type(self, text: str) -> None:
        """Small letters, digits and spaces."""
        for letter in text:
            self.key(letter)
