# SPDX-License-Identifier: GPL-3.0-or-later
"""elfutils' libdw, as far as it is needed here, through ctypes.

It is the library that perf and systemd unwind foreign stacks with, and nearly every Linux desktop
has it installed; where it is missing, frames are guessed (scan.py). Declared from its public
header (libdwfl.h), whose interface has been stable since elfutils 0.158.
"""

from __future__ import annotations

import ctypes
from ctypes import CFUNCTYPE, POINTER, c_bool, c_char_p, c_int, c_size_t, c_uint64, c_void_p

NextThread = CFUNCTYPE(c_int, c_void_p, c_void_p, POINTER(c_void_p))
GetThread = CFUNCTYPE(c_bool, c_void_p, c_int, c_void_p, POINTER(c_void_p))
MemoryRead = CFUNCTYPE(c_bool, c_void_p, c_uint64, POINTER(c_uint64), c_void_p)
SetRegisters = CFUNCTYPE(c_bool, c_void_p, c_void_p)
TakeFrame = CFUNCTYPE(c_int, c_void_p, c_void_p)

CALLBACK_OK, CALLBACK_ABORT = 0, 1


class Callbacks(ctypes.Structure):
    """Dwfl_Callbacks: where files and debug information are found."""

    _fields_ = [
        ("find_elf", c_void_p),
        ("find_debuginfo", c_void_p),
        ("section_address", c_void_p),
        ("debuginfo_path", c_void_p),
    ]


class ThreadCallbacks(ctypes.Structure):
    """Dwfl_Thread_Callbacks: the process that is unwound."""

    _fields_ = [
        ("next_thread", NextThread),
        ("get_thread", GetThread),
        ("memory_read", MemoryRead),
        ("set_initial_registers", SetRegisters),
        ("detach", c_void_p),
        ("thread_detach", c_void_p),
    ]


class Symbol(ctypes.Structure):
    """GElf_Sym."""

    _fields_ = [
        ("name", ctypes.c_uint32),
        ("info", ctypes.c_uint8),
        ("other", ctypes.c_uint8),
        ("section", ctypes.c_uint16),
        ("value", c_uint64),
        ("size", c_uint64),
    ]


_FUNCTIONS: dict[str, tuple[object, list[object]]] = {
    "dwfl_begin": (c_void_p, [POINTER(Callbacks)]),
    "dwfl_end": (None, [c_void_p]),
    "dwfl_report_begin": (None, [c_void_p]),
    "dwfl_report_end": (c_int, [c_void_p, c_void_p, c_void_p]),
    "dwfl_report_elf": (c_void_p, [c_void_p, c_char_p, c_char_p, c_int, c_uint64, c_bool]),
    "dwfl_attach_state": (
        c_bool,
        [c_void_p, c_void_p, c_int, POINTER(ThreadCallbacks), c_void_p],
    ),
    "dwfl_getthread_frames": (c_int, [c_void_p, c_int, TakeFrame, c_void_p]),
    "dwfl_frame_pc": (c_bool, [c_void_p, POINTER(c_uint64), POINTER(c_bool)]),
    "dwfl_thread_state_registers": (c_bool, [c_void_p, c_int, ctypes.c_uint, POINTER(c_uint64)]),
    "dwfl_thread_state_register_pc": (None, [c_void_p, c_uint64]),
    "dwfl_addrmodule": (c_void_p, [c_void_p, c_uint64]),
    "dwfl_module_addrinfo": (
        c_char_p,
        [
            c_void_p,
            c_uint64,
            POINTER(c_uint64),
            POINTER(Symbol),
            c_void_p,
            c_void_p,
            c_void_p,
        ],
    ),
    "dwfl_module_build_id": (c_int, [c_void_p, POINTER(c_void_p), POINTER(c_uint64)]),
    "dwfl_module_eh_cfi": (c_void_p, [c_void_p, POINTER(c_uint64)]),
    "dwarf_cfi_addrframe": (c_int, [c_void_p, c_uint64, POINTER(c_void_p)]),
    "dwfl_module_getsrc": (c_void_p, [c_void_p, c_uint64]),
    "dwfl_lineinfo": (
        c_char_p,
        [c_void_p, c_void_p, POINTER(c_int), c_void_p, c_void_p, c_void_p],
    ),
}


def open_libdw() -> ctypes.CDLL | None:
    """The library with its functions declared; None where it is not installed."""
    try:
        library = ctypes.CDLL("libdw.so.1")
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError):
        return None
    return library


def pointer_to(library: ctypes.CDLL, name: str) -> c_void_p:
    return ctypes.cast(getattr(library, name), c_void_p)


class Demangler:
    """C++ names as people write them, by the C++ library itself."""

    def __init__(self) -> None:
        try:
            library = ctypes.CDLL("libstdc++.so.6")
            self._demangle = getattr(library, "__cxa_demangle")
        except (OSError, AttributeError):
            self._demangle = None
            return
        self._demangle.restype = c_void_p
        self._demangle.argtypes = [c_char_p, c_void_p, POINTER(c_size_t), POINTER(c_int)]
        self._free = ctypes.CDLL(None).free
        self._free.argtypes = [c_void_p]

    def __call__(self, name: bytes) -> str:
        if self._demangle is not None and name.startswith(b"_Z"):
            status = c_int()
            readable = self._demangle(name, None, None, ctypes.byref(status))
            if readable:
                text = ctypes.string_at(readable).decode(errors="backslashreplace")
                self._free(readable)
                return text
        return name.decode(errors="backslashreplace")
