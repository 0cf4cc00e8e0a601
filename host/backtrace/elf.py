# SPDX-License-Identifier: GPL-3.0-or-later
"""The little of an ELF file that libdw does not tell: where it was loaded, and where the function
around an address begins if no symbol says so.

A stripped plugin has no symbols but still has .eh_frame_hdr, a sorted table of all its functions,
because C++ exceptions need it. (https://refspecs.linuxfoundation.org/LSB_5.0.0, chapter 10.6.2)
"""

from __future__ import annotations

import os
import struct
from bisect import bisect_right

_PT_LOAD, _PT_GNU_EH_FRAME = 1, 0x6474E550
# The encoding that every linker uses: a table of 4-byte pairs relative to the header.
_USUAL_ENCODING = 0x3B
_MOST_FUNCTIONS = 4_000_000
_PAGE = 4096


class NotElf(ValueError):
    """The file is no 64-bit little-endian ELF file, or damaged."""


class ElfFile:
    """Read through a descriptor, which stays the caller's. Raises NotElf."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        header = self._read(0, 64)
        if header[:6] != b"\x7fELF\x02\x01":
            raise NotElf("not a 64-bit little-endian ELF file")
        table, size, count = (
            *struct.unpack_from("<Q", header, 32),
            *struct.unpack_from("<HH", header, 54),
        )
        if size != 56 or count > 1024:
            raise NotElf("damaged program headers")
        self._loads: list[tuple[int, int, int]] = []  # file offset, address, size in the file
        self._functions: list[int] | None = None
        self._eh_frame_hdr: tuple[int, int, int] | None = None
        rows = self._read(table, size * count)
        for row in range(count):
            kind, _, offset, address, _, in_file, _, _ = struct.unpack_from(
                "<IIQQQQQQ", rows, row * size
            )
            if kind == _PT_LOAD:
                self._loads.append((offset, address, in_file))
            elif kind == _PT_GNU_EH_FRAME:
                self._eh_frame_hdr = (offset, address, in_file)

    def bias(self, start: int, file_offset: int) -> int | None:
        """What was added to the file's addresses, if `file_offset` was mapped at `start`."""
        for offset, address, in_file in self._loads:
            first = offset - offset % _PAGE
            if first <= file_offset < offset + max(in_file, 1):
                return start - (address - offset + file_offset)
        return None

    def function_start(self, address: int) -> int | None:
        """Where the function that holds `address` begins; both are the file's own addresses."""
        if self._functions is None:
            try:
                self._functions = self._read_functions()
            except NotElf:
                self._functions = []
        index = bisect_right(self._functions, address) - 1
        return self._functions[index] if index >= 0 else None

    def _read_functions(self) -> list[int]:
        if self._eh_frame_hdr is None:
            return []
        offset, address, size = self._eh_frame_hdr
        version, pointer, count_format, encoding = self._read(offset, 4)
        if (version, count_format, encoding) != (1, 0x03, _USUAL_ENCODING) or pointer & 0xF != 0xB:
            return []
        (count,) = struct.unpack("<I", self._read(offset + 8, 4))
        count = min(count, max(0, size - 12) // 8, _MOST_FUNCTIONS)
        rows = self._read(offset + 12, 8 * count)
        return sorted(address + start for start, _ in struct.iter_unpack("<ii", rows))

    def _read(self, offset: int, size: int) -> bytes:
        try:
            data = os.pread(self._fd, size, offset)
        except (OSError, OverflowError) as error:
            raise NotElf("damaged") from error
        if len(data) != size:
            raise NotElf("cut short")
        return data
