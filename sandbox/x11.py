# SPDX-License-Identifier: GPL-3.0-or-later
"""libX11, as far as it is needed: straight to the library that editors load anyway.

What it would say of an error is to end the process; here nothing comes of it, because hosts do not
die of it either. (A server that ends takes its clients along all the same.)
"""

import ctypes
from ctypes import POINTER, c_char_p, c_int, c_long, c_uint, c_ulong, c_void_p

from ipc.errors import WorkerError

_LIBRARY = "libX11.so.6"

_Numbers, _Ints, _Words = POINTER(c_ulong), POINTER(c_int), POINTER(c_uint)
_FUNCTIONS = {
    "XOpenDisplay": (c_void_p, (c_char_p,)),
    "XCloseDisplay": (c_int, (c_void_p,)),
    "XDefaultRootWindow": (c_ulong, (c_void_p,)),
    "XCreateSimpleWindow": (
        c_ulong,
        (c_void_p, c_ulong, c_int, c_int, c_uint, c_uint, c_uint, c_ulong, c_ulong),
    ),
    "XMapWindow": (c_int, (c_void_p, c_ulong)),
    "XMapRaised": (c_int, (c_void_p, c_ulong)),
    "XResizeWindow": (c_int, (c_void_p, c_ulong, c_uint, c_uint)),
    "XDestroyWindow": (c_int, (c_void_p, c_ulong)),
    "XQueryTree": (
        c_int,
        (c_void_p, c_ulong, _Numbers, _Numbers, POINTER(_Numbers), _Words),
    ),
    "XGetGeometry": (
        c_int,
        (c_void_p, c_ulong, _Numbers, _Ints, _Ints, _Words, _Words, _Words, _Words),
    ),
    "XQueryPointer": (
        c_int,
        (c_void_p, c_ulong, _Numbers, _Numbers, _Ints, _Ints, _Ints, _Ints, _Words),
    ),
    "XFree": (c_int, (c_void_p,)),
    "XSync": (c_int, (c_void_p, c_int)),
    "XFlush": (c_int, (c_void_p,)),
    "XPending": (c_int, (c_void_p,)),
    "XNextEvent": (c_int, (c_void_p, c_void_p)),
    "XSendEvent": (c_int, (c_void_p, c_ulong, c_int, c_long, c_void_p)),
    "XSelectInput": (c_int, (c_void_p, c_ulong, c_long)),
    "XInternAtom": (c_ulong, (c_void_p, c_char_p, c_int)),
    "XChangeProperty": (
        c_int,
        (c_void_p, c_ulong, c_ulong, c_ulong, c_int, c_int, c_char_p, c_int),
    ),
    "XSetWMProtocols": (c_int, (c_void_p, c_ulong, _Numbers, c_int)),
    "XSetWMNormalHints": (None, (c_void_p, c_ulong, c_void_p)),
    "XSetTransientForHint": (c_int, (c_void_p, c_ulong, c_ulong)),
    "XSetErrorHandler": (c_void_p, (c_void_p,)),
}


class ClientMessage(ctypes.Structure):
    """XClientMessageEvent, of five numbers of 32 bits."""

    _fields_ = (
        ("type", c_int),
        ("serial", c_ulong),
        ("send_event", c_int),
        ("display", c_void_p),
        ("window", c_ulong),
        ("message", c_ulong),
        ("format", c_int),
        ("data", c_long * 5),
    )


class Configure(ctypes.Structure):
    """XConfigureEvent."""

    _fields_ = (
        ("type", c_int),
        ("serial", c_ulong),
        ("send_event", c_int),
        ("display", c_void_p),
        ("event", c_ulong),
        ("window", c_ulong),
        *((name, c_int) for name in ("x", "y", "width", "height", "border")),
        ("above", c_ulong),
        ("override", c_int),
    )


class Event(ctypes.Union):
    """XEvent."""

    _fields_ = (
        ("type", c_int),
        ("client_message", ClientMessage),
        ("configure", Configure),
        ("room", c_long * 24),
    )


class SizeHints(ctypes.Structure):
    """XSizeHints."""

    _fields_ = (
        ("flags", c_long),
        *((name, c_int) for name in ("x", "y", "width", "height")),
        *((name, c_int) for name in ("min_width", "min_height", "max_width", "max_height")),
        *((name, c_int) for name in ("width_inc", "height_inc")),
        ("aspects", c_int * 4),
        *((name, c_int) for name in ("base_width", "base_height", "gravity")),
    )


def _let_pass(_display: object, _error: object) -> int:
    return 0


_ERROR_HANDLER = ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p)(_let_pass)


def load_x11() -> ctypes.CDLL:
    """Raises WorkerError where it is not installed."""
    try:
        library = ctypes.CDLL(_LIBRARY)
    except OSError as error:
        raise WorkerError(f"no editor can be opened: {error}") from None
    for name, (result, arguments) in _FUNCTIONS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    library.XSetErrorHandler(_ERROR_HANDLER)
    return library
