# SPDX-License-Identifier: GPL-3.0-or-later
"""Places in files, without a process that they were loaded in: the same functions and lines that a
crash there would be reported with."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence

import msgspec

from host.backtrace.frames import CodePlace, Found, Frame
from host.backtrace.libdw import open_libdw
from host.backtrace.memory_map import Mapping, MemoryMap
from host.backtrace.modules import Modules

# The files are laid side by side, each with room for the largest.
_ROOM = 1 << 36


def frames_of(places: Sequence[CodePlace]) -> list[Frame]:
    """In the same order. What a file does not tell is as the place has it."""
    laid = [
        Mapping(index * _ROOM, (index + 1) * _ROOM, True, 0, inode, path)
        for index, (path, inode) in enumerate(_files(places).items(), 1)
    ]
    modules = Modules(MemoryMap(laid), open_libdw())
    try:
        return [_frame(modules, place) for place in places]
    finally:
        modules.close()


def _files(places: Sequence[CodePlace]) -> dict[str, int]:
    """Those that are there now, with their inodes: an update may take any away at any moment."""
    found: dict[str, int] = {}
    for path in dict.fromkeys(place.library for place in places):
        if not path.startswith("/"):
            continue
        try:
            status = os.stat(path)
        except (OSError, ValueError):  # ValueError: no name of a file
            continue
        if stat.S_ISREG(status.st_mode):
            found[path] = status.st_ino
    return found


def _frame(modules: Modules, place: CodePlace) -> Frame:
    bias = modules.bias(place.library)
    if bias is not None and place.offset < _ROOM:
        frame = modules.frame(bias + place.offset, Found.EXACT)
        if frame.module == place.library:
            return msgspec.structs.replace(frame, function=frame.function or place.function)
    return place.as_frame()
