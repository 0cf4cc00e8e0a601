# SPDX-License-Identifier: GPL-3.0-or-later
"""A window for a plugin's editor on the user's desktop: named, sized, closed by its user."""

from ctypes import byref, c_int, c_uint, c_ulong, pointer
from typing import NamedTuple

from sandbox.backends.editor import Sides
from sandbox.x11 import ClientMessage, Configure, Event, SizeHints
from sandbox.x11_window import X11Window, within_limits

# X.h, Xutil.h, Xatom.h
_CLIENT_MESSAGE, _CONFIGURE = 33, 22
_STRUCTURE_CHANGES = 1 << 17
_FOR_WINDOW_MANAGERS = 1 << 19 | 1 << 20
_ANY_BUTTON = 0x1F00
_WANTS_SIZE, _HAS_LEAST, _HAS_MOST = 1 << 3, 1 << 4, 1 << 5
_STRING, _WM_NAME, _WM_CLASS = 31, 39, 67
_REPLACE = 0
_FROM_APPLICATION = 1  # of _NET_ACTIVE_WINDOW

_LEAST_SIDE, _MOST_SIDE = 32, 16384
_MOST_EVENTS = 1000  # a turn: a server that sends without end holds nothing up


class Wishes(NamedTuple):
    """What the user and the window manager did to it since they were last asked for."""

    close: bool
    size: Sides | None  # another than before


class PluginWindow(X11Window):
    """Raises as X11Window does. Not seen before `show`."""

    def __init__(self, display: str, title: str, above: int) -> None:
        """`above`: another client's window that it shall stay above of; 0: none."""
        super().__init__(display)
        self._closes = self._atom("WM_DELETE_WINDOW")
        self._x.XSelectInput(self._display, self.id, _STRUCTURE_CHANGES)
        self._x.XSetWMProtocols(self._display, self.id, pointer(c_ulong(self._closes)), 1)
        self._set_text(_WM_NAME, _STRING, title.encode("latin-1", "replace"))
        utf8 = self._atom("UTF8_STRING")
        self._set_text(self._atom("_NET_WM_NAME"), utf8, title.encode())
        self._set_text(_WM_CLASS, _STRING, b"isobooth-plugin\0Isobooth\0")
        if above:
            self._x.XSetTransientForHint(self._display, self.id, above)

    def show(self, size: Sides, resizable: bool) -> None:
        """For the first time."""
        self.fit(size, resizable)
        self.map()

    def fit(self, size: Sides, resizable: bool) -> None:
        """It becomes that large; if it is not resizable, nobody makes it otherwise."""
        width, height = within_limits(*size)
        hints = SizeHints(flags=_WANTS_SIZE | _HAS_LEAST | _HAS_MOST, width=width, height=height)
        least = (_LEAST_SIDE, _LEAST_SIDE) if resizable else (width, height)
        hints.min_width, hints.min_height = least
        most = (_MOST_SIDE, _MOST_SIDE) if resizable else (width, height)
        hints.max_width, hints.max_height = most
        self._x.XSetWMNormalHints(self._display, self.id, byref(hints))
        self.resize(width, height)

    def to_front(self) -> None:
        """Seen, above others, and where keys go, as far as the window manager lets it."""
        self._x.XMapRaised(self._display, self.id)
        asks = Event()
        asks.client_message = ClientMessage(
            type=_CLIENT_MESSAGE,
            window=self.id,
            message=self._atom("_NET_ACTIVE_WINDOW"),
            format=32,
        )
        asks.client_message.data[0] = _FROM_APPLICATION
        self._x.XSendEvent(self._display, self._root, 0, _FOR_WINDOW_MANAGERS, byref(asks))
        self._x.XSync(self._display, 0)

    def take_wishes(self) -> Wishes:
        closes, size = False, None
        event = Event()
        for _ in range(_MOST_EVENTS):
            if not self._x.XPending(self._display):
                break
            self._x.XNextEvent(self._display, byref(event))
            if event.type == _CLIENT_MESSAGE:
                closes |= self._asks_to_close(event.client_message)
            elif event.type == _CONFIGURE:
                size = self._size_in(event.configure) or size
        if size is None or size == self.size:
            return Wishes(closes, None)
        self.size = size
        return Wishes(closes, size)

    def is_button_down(self) -> bool:
        """Of the mouse, wherever it is."""
        window, place, mask = c_ulong(), c_int(), c_uint()
        self._x.XQueryPointer(
            *(self._display, self._root, byref(window), byref(window)),
            *(byref(place), byref(place), byref(place), byref(place), byref(mask)),
        )
        return bool(mask.value & _ANY_BUTTON)

    def _asks_to_close(self, message: ClientMessage) -> bool:
        return bool(message.format == 32 and message.data[0] == self._closes)

    def _size_in(self, event: Configure) -> Sides | None:
        return (event.width, event.height) if event.window == self.id else None

    def _atom(self, name: str) -> int:
        found: int = self._x.XInternAtom(self._display, name.encode(), 0)
        return found

    def _set_text(self, name: int, kind: int, text: bytes) -> None:
        self._x.XChangeProperty(*(self._display, self.id, name, kind, 8, _REPLACE, text, len(text)))
