# SPDX-License-Identifier: GPL-3.0-or-later
"""System calls that Python has no function for, and its limits as JSON has them."""

import ctypes
import mmap
import os
import resource

_libc = ctypes.CDLL(None, use_errno=True)


def limit_value(limit: int) -> int | None:
    """A resource limit for programs: None where there is none."""
    return None if limit == resource.RLIM_INFINITY else limit


def _called(result: int) -> int:
    """The result, or OSError with its errno."""
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def prctl(option: int, *arguments: int) -> int:
    """prctl(2) with up to four plain arguments."""
    padded = [ctypes.c_ulong(value) for value in (*arguments, 0, 0, 0, 0)[:4]]
    return _called(int(_libc.prctl(ctypes.c_int(option), *padded)))


def prctl_read_int(option: int) -> int:
    """prctl(2) that writes an int to its first argument."""
    value = ctypes.c_int(0)
    zero = ctypes.c_ulong(0)
    _called(int(_libc.prctl(ctypes.c_int(option), ctypes.byref(value), zero, zero, zero)))
    return value.value


def syscall(number: int, *arguments: int) -> int:
    """Any system call with plain arguments."""
    return _called(
        int(_libc.syscall(ctypes.c_long(number), *[ctypes.c_long(value) for value in arguments]))
    )


def ptrace(request: int, pid: int) -> int:
    """ptrace(2) without address and data."""
    function = _libc.ptrace
    function.restype = ctypes.c_long
    null = ctypes.c_void_p(None)
    return _called(int(function(ctypes.c_long(request), ctypes.c_int(pid), null, null)))


def lock_memory(size_bytes: int) -> None:
    """Lock that much fresh memory and give it back; OSError where that is not allowed."""
    with mmap.mmap(-1, size_bytes) as memory:
        address = ctypes.c_char.from_buffer(memory)
        try:
            _called(int(_libc.mlock(ctypes.byref(address), ctypes.c_size_t(size_bytes))))
        finally:
            del address  # or the mapping cannot be closed
