# SPDX-License-Identifier: GPL-3.0-or-later
"""What an ELF file says of itself: for which machine it is, what it needs, what it offers."""

import os
import platform
import stat
from dataclasses import dataclass, field
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.dynamic import DynamicSegment
from elftools.elf.elffile import ELFFile
from elftools.elf.hash import GNUHashTable
from elftools.elf.segments import NoteSegment

# As the kernel and the format call the same machine.
_MACHINES = {"x86_64": "x64", "aarch64": "AArch64", "i686": "x86", "armv7l": "ARM"}


class BrokenBinary(Exception):
    """The file is no shared library, or damaged; one line says how."""


@dataclass(frozen=True)
class Binary:
    path: Path
    machine: str  # as ELF calls it: x64, AArch64, …
    needed: tuple[str, ...] = ()
    search_path: tuple[str, ...] = ()  # its RPATH and RUNPATH, $ORIGIN filled in
    build_id: str = ""
    symbols: frozenset[str] = field(default=frozenset(), repr=False)  # of those asked for

    @property
    def is_for_this_machine(self) -> bool:
        return self.machine == this_machine()


def this_machine() -> str:
    return _MACHINES.get(platform.machine(), platform.machine())


def read_binary(path: Path, symbols: tuple[str, ...] = ()) -> Binary:
    """`symbols`: which exported names to look for. Raises BrokenBinary, or OSError where it cannot
    be read."""
    with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise BrokenBinary("no regular file")
        try:
            elf = ELFFile(file)
            if elf.header.e_type != "ET_DYN":
                raise BrokenBinary("an ELF file, but no shared library")
            dynamic = _dynamic_of(elf)
            needed, search_path = _needed(dynamic, path)
            return Binary(
                path,
                elf.get_machine_arch(),
                needed,
                search_path,
                _build_id(elf),
                _exported(elf, dynamic, symbols),
            )
        except ELFError as error:
            what = "no ELF file" if "Magic" in str(error) else f"a damaged ELF file ({error})"
            raise BrokenBinary(what) from None
        except BrokenBinary:
            raise
        except Exception as error:  # the library believes what the file says, wherever it leads
            raise BrokenBinary(f"a damaged ELF file ({type(error).__name__})") from None


def _dynamic_of(elf: ELFFile) -> DynamicSegment:
    """By segments, as the loader finds it: sections may have been stripped."""
    for segment in elf.iter_segments("PT_DYNAMIC"):
        if isinstance(segment, DynamicSegment):
            return segment
    raise BrokenBinary("a damaged ELF file (no dynamic section)")


def _needed(dynamic: DynamicSegment, path: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    needed, folders = [], []
    for tag in dynamic.iter_tags():
        if tag.entry.d_tag == "DT_NEEDED":
            needed.append(str(tag.needed))  # type: ignore[attr-defined]
        elif tag.entry.d_tag in ("DT_RPATH", "DT_RUNPATH"):
            name = "rpath" if tag.entry.d_tag == "DT_RPATH" else "runpath"
            folders += str(getattr(tag, name)).split(":")
    origin = os.path.dirname(os.path.realpath(path))
    filled = (f.replace("$ORIGIN", origin).replace("${ORIGIN}", origin) for f in folders)
    return tuple(needed), tuple(folder for folder in filled if folder)


def _build_id(elf: ELFFile) -> str:
    for segment in elf.iter_segments("PT_NOTE"):
        if not isinstance(segment, NoteSegment):
            continue
        for note in segment.iter_notes():
            if note.n_type == "NT_GNU_BUILD_ID":
                return str(note.n_desc)
    return ""


def _exported(elf: ELFFile, dynamic: DynamicSegment, symbols: tuple[str, ...]) -> frozenset[str]:
    if not symbols:
        return frozenset()
    _, offset = dynamic.get_table_offset("DT_GNU_HASH")
    if offset is not None:  # all but ancient ones have it
        hashes = GNUHashTable(elf, offset, dynamic)
        return frozenset(name for name in symbols if hashes.get_symbol(name) is not None)
    names = {symbol.name for symbol in dynamic.iter_symbols()}
    return frozenset(name for name in symbols if name in names)
