# SPDX-License-Identifier: GPL-3.0-or-later
"""A short name for a bug: the same in every run and on every machine with the same binary,
different for different bugs.

It is made of how the plugin ended and of the innermost calls in the plugin's own code, each as
build id and place in the file, so neither address randomization nor the host's block size change
it. What stands between the plugin and the end (abort, the allocator's checks, memcpy) or between
the plugin and us says nothing about the bug and is left out. Of a hang, only calls that were on
the stack at every look count: the rest is where it happened to be.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import PurePath

from host.backtrace.frames import Backtrace, Found, Frame
from host.crash_report import HANGS, FaultKind

# The innermost frame tells one bug from another; its callers tell apart what failed in a helper.
_FRAMES = 3

# Modules that are no plugin's code, by the beginning of their names.
_SYSTEM = (
    "ld-linux",
    "libc.so",
    "libc-",
    "libm.so",
    "libpthread",
    "libdl.so",
    "librt.so",
    "libstdc++",
    "libgcc_s",
    "libasan",
    "libubsan",
)
_OURS = (
    "libpython",
    "python3",
    "minihost",
    "_core.",
    "_native",
    "_posixshmem",
    "posix_ipc",
    "libisobooth_audit",  # stands between a plugin and pthread's functions
)


def signature_of(kind: FaultKind, signal: str | None, backtrace: Backtrace | None) -> str | None:
    """12 hexadecimal digits; None where there is no frame to go by.

    `signal` is the name of the signal of a crash.
    """
    if backtrace is None or not backtrace.threads:
        return None
    is_hang = kind in HANGS
    frames = backtrace.threads[0].frames
    if is_hang and backtrace.samples:
        frames = common_frames([frames, *(sample.frames for sample in backtrace.samples)])
    telling = telling_frames(frames)[:_FRAMES]
    if not telling:
        return None
    parts = [kind if is_hang else f"{kind} {signal or ''}"]
    if frames and frames[0].module is None:
        parts.append("no code")  # a jump to nowhere
    for depth, frame in enumerate(telling):
        parts.append(_place(frame, exact=depth == 0 and not is_hang))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def telling_frames(frames: Sequence[Frame]) -> list[Frame]:
    """The calls in the plugin's own code, innermost first; without any, the most particular.

    Recursion counts once: how deep it went is chance.
    """
    certain = [f for f in frames if f.found is Found.EXACT and f.module and not _is_kernel(f)]
    plugin = [f for f in certain if not _is_in(f, _SYSTEM) and not _is_in(f, _OURS)]
    chosen = plugin or [f for f in certain if not _is_in(f, _SYSTEM)] or certain
    once: list[Frame] = []
    for frame in chosen:
        if not once or _place(frame, exact=False) != _place(once[-1], exact=False):
            once.append(frame)
    return once


def common_frames(looks: Sequence[Sequence[Frame]]) -> list[Frame]:
    """The calls that were on the stack at every look, innermost first."""
    outermost_first = [list(reversed(frames)) for frames in looks if frames]
    common = []
    for same in zip(*outermost_first, strict=False):
        if len({_place(frame, exact=False) for frame in same}) > 1:
            break
        common.append(same[0])
    return list(reversed(common)) or list(looks[0])


def is_foreign(module: str) -> bool:
    """No plugin's file: the C library and its like, or ours."""
    return PurePath(module).name.startswith((*_SYSTEM, *_OURS))


def _place(frame: Frame, *, exact: bool) -> str:
    """Exact to the instruction, or to the function: its name, else where it begins."""
    module = frame.build_id or PurePath(frame.module or "").name
    if exact or (frame.function is None and frame.function_start is None):
        return f"{module} {frame.offset:#x}"
    return f"{module} {frame.function or hex(frame.function_start or 0)}"


def _is_in(frame: Frame, names: tuple[str, ...]) -> bool:
    return PurePath(frame.module or "").name.startswith(names)


def _is_kernel(frame: Frame) -> bool:
    return (frame.module or "").startswith("[")
