# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a Turtle file, as LV2 bundles describe themselves in, can be read.

lilv leaves out what it cannot read, and says so on stderr only: a damaged bundle would look like an
empty one. The reader is serd, which lilv uses, from minihost's module.
"""

import ctypes
import os
from ctypes import CFUNCTYPE, POINTER, Structure, c_char_p, c_int, c_uint, c_void_p
from pathlib import Path
from typing import Any

from ipc.errors import MachineError
from sandbox.backends.minihost_library import minihost

_TURTLE = 1
_NOTHING_THERE = 1  # as of an empty file


class _Error(Structure):
    _fields_ = (
        ("status", c_int),
        ("filename", c_char_p),
        ("line", c_uint),
        ("column", c_uint),
        ("format", c_char_p),
        ("arguments", c_void_p),
    )


_ErrorSink = CFUNCTYPE(c_int, c_void_p, POINTER(_Error))


def problem_in(path: Path) -> str:
    """One line, empty if nothing is wrong."""
    c = minihost().c
    try:
        c.serd_reader_new.restype = c_void_p
        c.serd_reader_new.argtypes = (c_int, *(c_void_p,) * 6)
        c.serd_reader_set_error_sink.argtypes = (c_void_p, _ErrorSink, c_void_p)
        c.serd_reader_set_error_sink.restype = None
        c.serd_reader_read_file.argtypes = (c_void_p, c_char_p)
        c.serd_reader_free.argtypes = (c_void_p,)
        c.serd_reader_free.restype = None
        c.serd_strerror.argtypes = (c_int,)
        c.serd_strerror.restype = c_char_p
    except AttributeError:
        raise MachineError(
            f"minihost at {minihost().path} lacks serd; install the version that the project pins"
        ) from None
    lines: list[int] = []

    def note(_: object, error: Any) -> int:
        lines.append(error.contents.line)
        return 0

    sink = _ErrorSink(note)
    reader = c.serd_reader_new(_TURTLE, *(None,) * 6)
    try:
        c.serd_reader_set_error_sink(reader, sink, None)
        status = c.serd_reader_read_file(reader, os.fsencode(path))
    finally:
        c.serd_reader_free(reader)
    if status <= _NOTHING_THERE:
        return ""
    what = ctypes.cast(c.serd_strerror(status), c_char_p).value or b"it cannot be read"
    place = f" line {lines[0]}:" if lines else ""
    return f"{path.name}:{place} {what.decode(errors='replace').lower()}"
