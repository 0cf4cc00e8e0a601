# SPDX-License-Identifier: GPL-3.0-or-later
"""The files whose code was in the worker: an address becomes a function of a file."""

from __future__ import annotations

import ctypes
import os
from ctypes import byref, c_int, c_uint64, c_void_p
from dataclasses import dataclass

from host.backtrace.elf import ElfFile, NotElf
from host.backtrace.frames import Found, Frame
from host.backtrace.libdw import Callbacks, Demangler, Symbol, pointer_to
from host.backtrace.memory_map import MemoryMap, open_as_mapped

_LONGEST_NAME = 512
_CALL_BYTES = 7  # the longest form of a call that is looked for


@dataclass
class _Module:
    path: str
    bias: int
    elf: ElfFile
    fd: int


class Modules:
    """All files of a memory map, opened once. `close` when done."""

    def __init__(self, memory: MemoryMap, libdw: ctypes.CDLL | None) -> None:
        self.memory = memory
        self._libdw = libdw
        self._demangle = Demangler()
        self._modules: dict[str, _Module] = {}
        self.dwfl: int | None = None
        if libdw is not None:
            self._callbacks = Callbacks(
                pointer_to(libdw, "dwfl_build_id_find_elf"),
                pointer_to(libdw, "dwfl_standard_find_debuginfo"),
                pointer_to(libdw, "dwfl_offline_section_address"),
                None,
            )
            self.dwfl = libdw.dwfl_begin(byref(self._callbacks))
            libdw.dwfl_report_begin(self.dwfl)
        for path, parts in memory.files().items():
            self._open(path, parts[0].start, parts[0].file_offset, parts[0].inode)
        if libdw is not None:
            libdw.dwfl_report_end(self.dwfl, None, None)

    def close(self) -> None:
        if self._libdw is not None:
            self._libdw.dwfl_end(self.dwfl)
        for module in self._modules.values():
            os.close(module.fd)

    def _open(self, path: str, start: int, file_offset: int, inode: int) -> None:
        fd = open_as_mapped(path, inode)
        if fd is None:
            return
        try:
            elf = ElfFile(fd)
            bias = elf.bias(start, file_offset)
        except NotElf:
            bias = None
        if bias is None or bias < 0:
            os.close(fd)
            return
        self._modules[path] = _Module(path, bias, elf, fd)
        if self._libdw is not None:
            name = os.fsencode(path)
            if not self._libdw.dwfl_report_elf(self.dwfl, name, name, os.dup(fd), bias, True):
                self._modules.pop(path)
                os.close(fd)

    def bias(self, path: str) -> int | None:
        """What was added to the addresses of a file; None: it could not be read."""
        module = self._modules.get(path)
        return None if module is None else module.bias

    def frame(self, address: int, found: Found) -> Frame:
        """What lies at `address`: the instruction, or the call that led to the next frame."""
        mapping = self.memory.at(address)
        module = self._modules.get(mapping.path) if mapping is not None else None
        if mapping is None or module is None:
            # A file that is gone, or no file: at least where in it.
            path = mapping.path if mapping is not None and mapping.path else None
            offset = address
            if mapping is not None and path is not None:
                offset = address - mapping.start + mapping.file_offset
            return Frame(
                module=path,
                build_id=None,
                offset=offset,
                function=None,
                function_start=None,
                found=found,
            )
        offset = address - module.bias
        start = module.elf.function_start(offset)
        name, symbol_start = self._symbol(address, start, module.bias)
        return Frame(
            module=module.path,
            build_id=self._build_id(address),
            offset=offset,
            function=name,
            function_start=start if start is not None else symbol_start,
            source=self._source(address),
            found=found,
        )

    def has_frame_information(self, address: int) -> bool:
        """Whether libdw unwinds here by call frame information, not by frame pointers."""
        if self._libdw is None:
            return False
        module = self._libdw.dwfl_addrmodule(self.dwfl, address)
        if not module:
            return False
        bias, frame = c_uint64(), c_void_p()
        table = self._libdw.dwfl_module_eh_cfi(module, byref(bias))
        if not table:
            return False
        if self._libdw.dwarf_cfi_addrframe(table, address - bias.value, byref(frame)) != 0:
            return False
        ctypes.CDLL(None).free(frame)
        return True

    def follows_a_call(self, address: int) -> bool:
        """Whether the instruction before `address` may be a call (x86-64: by its bytes)."""
        mapping = self.memory.at(address)
        module = self._modules.get(mapping.path) if mapping is not None else None
        if mapping is None or module is None or not mapping.executable:
            return False
        if os.uname().machine != "x86_64":
            return True
        offset = address - mapping.start + mapping.file_offset
        try:
            code = os.pread(module.fd, _CALL_BYTES, offset - _CALL_BYTES)
        except (OSError, OverflowError):
            return False
        if len(code) != _CALL_BYTES:
            return False
        if code[-5] == 0xE8:
            return True
        return any(code[-size] == 0xFF and code[1 - size] >> 3 & 7 == 2 for size in (2, 3, 4, 6, 7))

    def _symbol(
        self, address: int, function_start: int | None, bias: int
    ) -> tuple[str | None, int | None]:
        if self._libdw is None:
            return None, None
        module = self._libdw.dwfl_addrmodule(self.dwfl, address)
        if not module:
            return None, None
        into, symbol = c_uint64(), Symbol()
        name = self._libdw.dwfl_module_addrinfo(
            module, address, byref(into), byref(symbol), None, None, None
        )
        if not name:
            return None, None
        start = address - into.value - bias
        inside = into.value < symbol.size
        if not inside and (symbol.size > 0 or (function_start or 0) > start):
            return None, None  # the last symbol before a function that has none
        return self._demangle(name)[:_LONGEST_NAME], start

    def _build_id(self, address: int) -> str | None:
        if self._libdw is None:
            return None
        module = self._libdw.dwfl_addrmodule(self.dwfl, address)
        bits, where = c_void_p(), c_uint64()
        if not module:
            return None
        size = self._libdw.dwfl_module_build_id(module, byref(bits), byref(where))
        if not 0 < size <= 64 or not bits.value:
            return None
        return ctypes.string_at(bits.value, size).hex()

    def _source(self, address: int) -> str | None:
        if self._libdw is None:
            return None
        module = self._libdw.dwfl_addrmodule(self.dwfl, address)
        line = self._libdw.dwfl_module_getsrc(module, address) if module else None
        if not line:
            return None
        number = c_int()
        file = self._libdw.dwfl_lineinfo(line, None, byref(number), None, None, None)
        if not file or number.value <= 0:
            return None
        return f"{file.decode(errors='replace')[-_LONGEST_NAME:]}:{number.value}"
