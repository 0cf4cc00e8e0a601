# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes into the unwinder and what comes out of it, as plain data.

In: `StackEvidence`, taken from a worker that may have lied about all of it. Out: `Backtrace`,
which is kept in crash reports. Or in: `CodePlaces`; out: a `Frame` for each. All cross a process
border (helper.py), as MessagePack.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import PurePath
from typing import Annotated

import msgspec
from msgspec import Meta

Address = Annotated[int, Meta(ge=0)]

# Deeper stacks are recursion, and both ends of it have been seen by then.
MAX_FRAMES = 64
MAX_THREADS = 64


class ThreadStack(msgspec.Struct, frozen=True, kw_only=True):
    """One thread as it was found: registers by DWARF number, its stack from `stack_address` up."""

    thread_id: int
    name: str
    pc: Address
    sp: Address
    registers: list[Address]
    stack_address: Address
    stack: bytes
    note: str = ""  # why nothing more is known of it


class StackEvidence(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Threads of one process with its memory map (/proc/PID/maps).

    `samples` are further looks at the first thread, a moment apart each.
    """

    maps: bytes
    threads: list[ThreadStack]
    samples: list[ThreadStack] = []


class Found(StrEnum):
    """How a frame was found."""

    EXACT = "exact"  # the interrupted instruction, or by the call frame information
    GUESS = "guess"  # by frame pointers, or a plausible return address on the stack


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """One call. `offset` is an address as in the module's symbol table: of the instruction that
    was interrupted, or of the call (its last byte) that led to the frame before."""

    module: str | None  # the file; None: the address lies in no file
    build_id: str | None
    offset: int  # the address itself where there is no module
    function: str | None  # demangled
    function_start: int | None  # as `offset`; known without a name too
    source: str | None = None  # file:line where there is debug information
    found: Found = Found.EXACT

    def __str__(self) -> str:
        module = PurePath(self.module or "").name
        where = f"{module}+{self.offset:#x}" if module else f"{self.offset:#x}"
        name = self.function or (None if self.function_start is None else "?")
        into = "" if self.function_start is None else f"+{self.offset - self.function_start:#x}"
        text = where if name is None else f"{name}{into} in {where}"
        if self.source:
            text += f" at {PurePath(self.source).name}"
        return text + (" (a guess)" if self.found is Found.GUESS else "")


class CodePlace(msgspec.Struct, frozen=True):
    """In a file, by an address as in its symbol table."""

    library: str  # its path; empty: in none
    offset: Address
    function: str | None = None  # as far as it is known without reading the file

    def as_frame(self) -> Frame:
        return Frame(
            module=self.library or None,
            build_id=None,
            offset=self.offset,
            function=self.function,
            function_start=None,
        )


class CodePlaces(msgspec.Struct, frozen=True, tag=True):
    """Places whose functions are asked for."""

    places: list[CodePlace]


class ThreadTrace(msgspec.Struct, frozen=True, kw_only=True):
    """The calls of one thread, innermost first."""

    thread_id: int
    name: str
    frames: list[Frame]
    note: str = ""


class Backtrace(msgspec.Struct, frozen=True, kw_only=True):
    """The thread that failed comes first; of a crash it is the only one.

    `samples` are later looks at that thread (of a hang). `note` says why something is missing.
    """

    threads: list[ThreadTrace] = []
    samples: list[ThreadTrace] = []
    note: str = ""
