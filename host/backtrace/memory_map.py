# SPDX-License-Identifier: GPL-3.0-or-later
"""The memory map of a worker: which file an address belongs to, and where on the stack an address
could be code.

The text is what the worker left, so it is read as an untrusted file: what is no line of a map is
skipped, and nothing named in it is opened that is no regular file.
"""

from __future__ import annotations

import os
import re
import stat
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

_LINE = re.compile(
    rb"([0-9a-f]{1,16})-([0-9a-f]{1,16}) ([r-])[w-]([x-])[ps] ([0-9a-f]{1,16}) "
    rb"([0-9a-f]+):([0-9a-f]+) ([0-9]{1,20}) *(.*)"
)
_MOST_MAPPINGS = 10_000


@dataclass(frozen=True, slots=True)
class Mapping:
    start: int
    end: int
    executable: bool
    file_offset: int
    inode: int
    path: str  # empty or in brackets: no file

    @property
    def is_file(self) -> bool:
        return self.path.startswith("/") and self.inode > 0


class MemoryMap:
    """Mappings in the order of their addresses."""

    def __init__(self, mappings: Iterable[Mapping]) -> None:
        self.mappings = sorted(mappings, key=lambda mapping: mapping.start)
        self._starts = [mapping.start for mapping in self.mappings]

    @classmethod
    def parse(cls, text: bytes) -> Self:
        """Of the text of /proc/PID/maps."""
        found = []
        for line in text.split(b"\n")[:_MOST_MAPPINGS]:
            if match := _LINE.fullmatch(line):
                start, end, _, executable, offset, _, _, inode, path = match.groups()
                found.append(
                    Mapping(
                        int(start, 16),
                        int(end, 16),
                        executable == b"x",
                        int(offset, 16),
                        int(inode),
                        os.fsdecode(path),
                    )
                )
        return cls(found)

    def at(self, address: int) -> Mapping | None:
        index = bisect_right(self._starts, address) - 1
        if index < 0 or address >= self.mappings[index].end:
            return None
        return self.mappings[index]

    def is_code(self, address: int) -> bool:
        mapping = self.at(address)
        return mapping is not None and mapping.executable

    def files(self) -> dict[str, list[Mapping]]:
        """The mappings of each file that has code in memory."""
        files: dict[str, list[Mapping]] = {}
        for mapping in self.mappings:
            if mapping.is_file:
                files.setdefault(mapping.path, []).append(mapping)
        return {path: parts for path, parts in files.items() if any(p.executable for p in parts)}


def open_as_mapped(path: str, inode: int) -> int | None:
    """A descriptor of the regular file that was mapped; None if it is another one by now."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except (OSError, ValueError):
        return None
    found = os.fstat(fd)
    if stat.S_ISREG(found.st_mode) and found.st_ino == inode:
        return fd
    os.close(fd)
    return None
