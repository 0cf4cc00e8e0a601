# SPDX-License-Identifier: GPL-3.0-or-later
"""A user of a display: moves the mouse, presses its buttons, closes windows, sees their titles."""

import ctypes
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import POINTER, byref, c_char_p, c_int, c_uint, c_ulong, c_void_p
from ctypes.util import find_library

import pytest

from host.stress.display import Display
from sandbox.x11 import ClientMessage, Event, SizeHints, load_x11

ZAM_VERB_KNOB = (47, 42)  # its "Wet / Dry", the same in all formats

_LEFT = 1
_CLIENT_MESSAGE = 33
_ANY = 0
_STEP_S = 0.02  # toolkits take what comes faster together


class Pointer:
    """Windows lie where they were made, at the upper left, because nobody manages them."""

    def __init__(self, shown: Display) -> None:
        self.pixels = shown.pixels
        self._server_pid = shown._server.pid
        name = find_library("Xtst")
        if name is None:
            pytest.skip("there is no libXtst on this machine (package libxtst6)")
        self._test = ctypes.CDLL(name)
        self._test.XTestFakeMotionEvent.argtypes = (c_void_p, c_int, c_int, c_int, c_ulong)
        self._test.XTestFakeButtonEvent.argtypes = (c_void_p, c_uint, c_int, c_ulong)
        self._x = load_x11()
        self._x.XGetWindowProperty.argtypes = (
            *(c_void_p, c_ulong, c_ulong, ctypes.c_long, ctypes.c_long, c_int, c_ulong),
            *(POINTER(c_ulong), POINTER(c_int), POINTER(c_ulong), POINTER(c_ulong)),
            POINTER(c_char_p),
        )
        self._x.XGetTransientForHint.argtypes = (c_void_p, c_ulong, POINTER(c_ulong))
        self._x.XGetWMNormalHints.argtypes = (c_void_p, c_ulong, c_void_p, c_void_p)
        self._display = self._x.XOpenDisplay(shown.name.encode())
        assert self._display, shown.name
        self._root = self._x.XDefaultRootWindow(self._display)

    @contextmanager
    def stopped_display(self) -> Iterator[None]:
        """Whoever opens a window waits meanwhile."""
        os.kill(self._server_pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._server_pid, signal.SIGCONT)

    def drag(self, start: tuple[int, int], end: tuple[int, int], steps: int = 10) -> None:
        """With the left button."""
        self._move(*start)
        self._press(True)
        for step in range(1, steps + 1):
            self._move(*(a + (b - a) * step // steps for a, b in zip(start, end, strict=True)))
        self._press(False)

    def click(self, place: tuple[int, int]) -> None:
        self._move(*place)
        self._press(True)
        self._press(False)

    def windows(self) -> dict[str, int]:
        """Those of the top, by title."""
        root, parent, children, count = c_ulong(), c_ulong(), POINTER(c_ulong)(), c_uint()
        self._x.XQueryTree(
            *(self._display, self._root, byref(root), byref(parent), byref(children), byref(count))
        )
        found = [children[i] for i in range(count.value)]
        return {self._text(one, b"_NET_WM_NAME"): one for one in found}

    def hints(self, window: int) -> SizeHints:
        hints, given = SizeHints(), ctypes.c_long()
        self._x.XGetWMNormalHints(self._display, window, byref(hints), byref(given))
        return hints

    def above(self, window: int) -> int:
        """The window that it stays above of; 0: none."""
        found = c_ulong()
        self._x.XGetTransientForHint(self._display, window, byref(found))
        return found.value

    def size(self, window: int) -> tuple[int, int]:
        root, place, unused = c_ulong(), c_int(), c_uint()
        width, height = c_uint(), c_uint()
        self._x.XGetGeometry(
            *(self._display, window, byref(root), byref(place), byref(place)),
            *(byref(width), byref(height), byref(unused), byref(unused)),
        )
        return width.value, height.value

    def close_window(self, window: int) -> None:
        """As a window manager does when its user clicks on the cross."""
        asks = Event()
        asks.client_message = ClientMessage(
            type=_CLIENT_MESSAGE, window=window, message=self._atom(b"WM_PROTOCOLS"), format=32
        )
        asks.client_message.data[0] = self._atom(b"WM_DELETE_WINDOW")
        self._x.XSendEvent(self._display, window, 0, 0, byref(asks))
        self._x.XSync(self._display, 0)

    def resize(self, window: int, width: int, height: int) -> None:
        self._x.XResizeWindow(self._display, window, width, height)
        self._x.XSync(self._display, 0)

    def close(self) -> None:
        self._x.XCloseDisplay(self._display)

    def _move(self, x: int, y: int) -> None:
        self._test.XTestFakeMotionEvent(self._display, -1, x, y, 0)
        self._sync()

    def _press(self, down: bool) -> None:
        self._test.XTestFakeButtonEvent(self._display, _LEFT, int(down), 0)
        self._sync()

    def _sync(self) -> None:
        self._x.XSync(self._display, 0)
        time.sleep(_STEP_S)

    def _atom(self, name: bytes) -> int:
        return int(self._x.XInternAtom(self._display, name, 0))

    def _text(self, window: int, name: bytes) -> str:
        kind, bits, count, left, text = c_ulong(), c_int(), c_ulong(), c_ulong(), c_char_p()
        self._x.XGetWindowProperty(
            *(self._display, window, self._atom(name), 0, 1000, 0, _ANY),
            *(byref(kind), byref(bits), byref(count), byref(left), byref(text)),
        )
        return text.value.decode() if text.value else ""


@contextmanager
def pointer_on(shown: Display) -> Iterator[Pointer]:
    pointer = Pointer(shown)
    try:
        yield pointer
    finally:
        pointer.close()
