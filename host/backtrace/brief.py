# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a plugin crashed or hangs, in a few words: for a line of text, and for comparing crashes
without unwinding, which takes some tenths of a second."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING

from host.backtrace.frames import Backtrace, Frame
from host.backtrace.memory_map import MemoryMap
from host.backtrace.signature import common_frames, is_foreign, telling_frames
from ipc.text import one_line

if TYPE_CHECKING:
    from ipc._native import CrashSnapshot

_MOST_LETTERS = 120  # of a name


def crash_place(snapshot: CrashSnapshot) -> str:
    """FILE+OFFSET of the instruction that a plugin crashed in; empty where that is in no code of
    the plugin, and so says little: the C library aborts and copies for everybody."""
    mapping = MemoryMap.parse(snapshot.maps).at(snapshot.pc)
    if mapping is None or not mapping.is_file or is_foreign(mapping.path):
        return ""
    return f"{mapping.path}+{snapshot.pc - mapping.start + mapping.file_offset:#x}"


def hang_place(trace: Backtrace | None, *, spins: bool) -> str:
    """What a thread that hangs is doing, as a participle."""
    doing = "spinning" if spins else "waiting"
    if trace is None or not trace.threads or not trace.threads[0].frames:
        return doing
    frames = trace.threads[0].frames
    steady = common_frames([frames, *(sample.frames for sample in trace.samples)])
    telling = telling_frames(steady)
    if not telling:
        return doing
    where = _named(telling[0])
    if not spins and (called := _called_by(telling[0], frames)):
        return f"{doing} in {one_line(called, _MOST_LETTERS)} for {where}"
    roams = (spins and _named(frames[0]) != where) or len(steady) < len(frames)
    return f"{doing} in {where}" + (" and what it calls" if spins and roams else "")


def _called_by(caller: Frame, frames: Sequence[Frame]) -> str:
    """What it is in, as its author has called it, and not what that is made of inside; empty: it
    is in nothing with a name."""
    place = next((at for at, frame in enumerate(frames) if frame is caller), 0)
    inner = next((one for one in reversed(frames[:place]) if one.function), None)
    if inner is None or inner.function is None:
        return ""
    if not is_foreign(inner.module or ""):
        return inner.function
    # Of __GI___lll_lock_wait, __pthread_mutex_lock@GLIBC_2.2.5 only the C library knows.
    return inner.function.partition("@")[0].removeprefix("__GI_").lstrip("_") or inner.function


def _named(frame: Frame) -> str:
    """The names are the plugin's own: they may be anything."""
    module = one_line(PurePath(frame.module or "").name, _MOST_LETTERS)
    return f"{one_line(frame.function, _MOST_LETTERS)} in {module}" if frame.function else module
