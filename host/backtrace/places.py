# SPDX-License-Identifier: GPL-3.0-or-later
"""Places in files, without a process that they were loaded in: the same functions and lines that a
crash there would be reported with."""

from __future__ import annotations

import os
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
    files = {path: index * _ROOM for index, path in enumerate(_files(places), 1)}
    laid = [
        Mapping(start, start + _ROOM, True, 0, os.stat(path).st_ino, path)
        for path, start in files.items()
    ]
    modules = Modules(MemoryMap(laid), open_libdw())
    try:
        return [_frame(modules, place) for place in places]
    finally:
        modules.close()


def _files(places: Sequence[CodePlace]) -> list[str]:
    paths = dict.fromkeys(place.library for place in places)
    return [path for path in paths if path.startswith("/") and os.path.isfile(path)]


def _frame(modules: Modules, place: CodePlace) -> Frame:
    bias = modules.bias(place.library)
    if bias is not None and place.offset < _ROOM:
        frame = modules.frame(bias + place.offset, Found.EXACT)
        if frame.module == place.library:
            return msgspec.structs.replace(frame, function=frame.function or place.function)
    return place.as_frame()
