# SPDX-License-Identifier: GPL-3.0-or-later
"""A bare window of X11 for a plugin's editor to lie in."""

from ctypes import POINTER, byref, c_int, c_uint, c_ulong

from ipc.errors import WorkerError
from ipc.rig_calls import MAX_EDITOR_SIDE
from sandbox.backends.editor import Sides
from sandbox.x11 import load_x11

_FIRST_SIZE = (640, 480)  # until the editor has said what it wants


def within_limits(width: int, height: int) -> Sides:
    """A size that a window can have."""
    return max(1, min(width, MAX_EDITOR_SIDE)), max(1, min(height, MAX_EDITOR_SIDE))


class X11Window:
    """At the display's upper left corner, where nobody manages windows; not seen before it is
    mapped. Raises WorkerError without libX11 or display."""

    def __init__(self, display: str) -> None:
        self._x = load_x11()
        self._display = self._x.XOpenDisplay(display.encode())
        if not self._display:
            raise WorkerError(f"no editor can be opened: the display {display} cannot be reached")
        self._root: int = self._x.XDefaultRootWindow(self._display)
        self.id: int = self._x.XCreateSimpleWindow(
            self._display, self._root, 0, 0, *_FIRST_SIZE, 0, 0, 0
        )
        self.size: Sides = _FIRST_SIZE

    def map(self) -> None:
        self._x.XMapWindow(self._display, self.id)
        self._x.XSync(self._display, 0)

    def resize(self, width: int, height: int) -> None:
        size = within_limits(width, height)
        if size != self.size:
            self.size = size
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
            self._resize(child, within_limits(width, height))

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
