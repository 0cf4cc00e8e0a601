# SPDX-License-Identifier: GPL-3.0-or-later
"""A bare window of X11 for a plugin's editor to lie in, on a display that shows it to nobody.

Straight to libX11, which the editor will load anyway. What it would say of an error is to end the
process; here nothing comes of it, because hosts do not die of it either.
"""

import ctypes
from ctypes import POINTER, byref, c_char_p, c_int, c_uint, c_ulong, c_void_p

from ipc.errors import WorkerError
from ipc.rig_calls import MAX_EDITOR_SIDE
from sandbox.backends.editor import Sides

_LIBRARY = "libX11.so.6"
_FUNCTIONS = {
    "XOpenDisplay": (c_void_p, (c_char_p,)),
    "XCloseDisplay": (c_int, (c_void_p,)),
    "XDefaultRootWindow": (c_ulong, (c_void_p,)),
    "XCreateSimpleWindow": (
        c_ulong,
        (c_void_p, c_ulong, c_int, c_int, c_uint, c_uint, c_uint, c_ulong, c_ulong),
    ),
    "XMapWindow": (c_int, (c_void_p, c_ulong)),
    "XResizeWindow": (c_int, (c_void_p, c_ulong, c_uint, c_uint)),
    "XDestroyWindow": (c_int, (c_void_p, c_ulong)),
    "XQueryTree": (
        c_int,
        (
            *(c_void_p, c_ulong, POINTER(c_ulong), POINTER(c_ulong)),
            *(POINTER(POINTER(c_ulong)), POINTER(c_uint)),
        ),
    ),
    "XGetGeometry": (
        c_int,
        (
            *(c_void_p, c_ulong, POINTER(c_ulong), POINTER(c_int), POINTER(c_int)),
            *(POINTER(c_uint), POINTER(c_uint), POINTER(c_uint), POINTER(c_uint)),
        ),
    ),
    "XFree": (c_int, (c_void_p,)),
    "XSync": (c_int, (c_void_p, c_int)),
    "XSetErrorHandler": (c_void_p, (c_void_p,)),
}
_FIRST_SIZE = (640, 480)  # until the editor has said what it wants


def _let_pass(_display: object, _error: object) -> int:
    return 0


_ERROR_HANDLER = ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p)(_let_pass)


def _within_limits(width: int, height: int) -> Sides:
    return max(1, min(width, MAX_EDITOR_SIDE)), max(1, min(height, MAX_EDITOR_SIDE))


class X11Window:
    """Mapped, at the display's upper left corner. Raises WorkerError without libX11 or display."""

    def __init__(self, display: str) -> None:
        try:
            self._x = ctypes.CDLL(_LIBRARY)
        except OSError as error:
            raise WorkerError(f"no editor can be opened: {error}") from None
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(self._x, name)
            function.restype, function.argtypes = result, arguments
        self._x.XSetErrorHandler(_ERROR_HANDLER)
        self._display = self._x.XOpenDisplay(display.encode())
        if not self._display:
            raise WorkerError(f"no editor can be opened: the display {display} cannot be reached")
        root = self._x.XDefaultRootWindow(self._display)
        self.id: int = self._x.XCreateSimpleWindow(self._display, root, 0, 0, *_FIRST_SIZE, 0, 0, 0)
        self._x.XMapWindow(self._display, self.id)
        self._x.XSync(self._display, 0)

        self._size = _FIRST_SIZE

    def resize(self, width: int, height: int) -> None:
        size = _within_limits(width, height)
        if size != self._size:
            self._size = size
            self._resize(self.id, size)

    def child_size(self) -> Sides | None:
        """Of the window in it that lies on top; None: there is none."""
        child = self._child()
        width, height = c_uint(), c_uint()
        root, place, unused = c_ulong(), c_int(), c_uint()
        found = child and self._x.XGetGeometry(
            *(self._display, child, byref(root), byref(place), byref(place)),
            *(byref(width), byref(height), byref(unused), byref(unused)),
        )
        return (width.value, height.value) if found else None

    def resize_child(self, width: int, height: int) -> None:
        child = self._child()
        if child:
            self._resize(child, _within_limits(width, height))

    def _child(self) -> int:
        """0: none."""
        root, parent, children, count = c_ulong(), c_ulong(), POINTER(c_ulong)(), c_uint()
        self._x.XQueryTree(
            *(self._display, self.id, byref(root), byref(parent), byref(children), byref(count))
        )
        child = int(children[count.value - 1]) if count.value else 0
        if count.value:
            self._x.XFree(children)
        return child

    def _resize(self, window: int, size: Sides) -> None:
        self._x.XResizeWindow(self._display, window, *size)
        self._x.XSync(self._display, 0)

    def close(self) -> None:
        self._x.XDestroyWindow(self._display, self.id)
        self._x.XCloseDisplay(self._display)
