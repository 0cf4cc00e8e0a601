# SPDX-License-Identifier: GPL-3.0-or-later
"""Walks the stack of each thread, from a copy.

libdw follows the call frame information that compilers leave for exceptions. Where it stops short
(no such information, a smashed stack, no libdw at all), return addresses are looked for on the
rest of the stack; those frames are marked as guesses, because old ones lie there too.
"""

from __future__ import annotations

import ctypes
import os
from ctypes import POINTER, byref, c_bool, c_uint64, c_void_p

from host.backtrace.frames import (
    MAX_FRAMES,
    MAX_THREADS,
    Backtrace,
    Found,
    Frame,
    StackEvidence,
    ThreadStack,
    ThreadTrace,
)
from host.backtrace.libdw import (
    CALLBACK_ABORT,
    CALLBACK_OK,
    GetThread,
    MemoryRead,
    NextThread,
    SetRegisters,
    TakeFrame,
    ThreadCallbacks,
    open_libdw,
)
from host.backtrace.memory_map import MemoryMap
from host.backtrace.modules import Modules

WITHOUT_LIBDW = "libdw is not installed, so frames are guessed; install elfutils' libdw1"

_WORD = 8
_MOST_GUESSES = 16
_MASK = 2**64 - 1
# DWARF numbers of the stack pointer, and how many registers libdw wants (x86-64: with the pc).
_SP = {"x86_64": 7, "aarch64": 31}
_LINK_REGISTER = 30
_PROCESS = 1  # libdw wants a pid to call it by


def unwind(evidence: StackEvidence) -> Backtrace:
    """The calls of all threads. Never fails for what is in `evidence`; may take a second."""
    libdw = open_libdw()
    modules = Modules(MemoryMap.parse(evidence.maps), libdw)
    try:
        walker = _Walker(modules, libdw)
        return Backtrace(
            threads=[walker.walk(thread) for thread in evidence.threads[:MAX_THREADS]],
            samples=[walker.walk(thread) for thread in evidence.samples[:MAX_THREADS]],
            note="" if libdw is not None else WITHOUT_LIBDW,
        )
    finally:
        modules.close()


class _Walker:
    """Holds one process attached in libdw, whose one thread is whichever is walked."""

    def __init__(self, modules: Modules, libdw: ctypes.CDLL | None) -> None:
        self._modules = modules
        self._libdw = libdw
        self._thread: ThreadStack | None = None
        self._start_pc = 0
        self._start_sp = 0
        self._highest_read = 0
        self._attached = False
        if libdw is None:
            return
        self._callbacks = ThreadCallbacks(
            NextThread(lambda *_: 0),
            GetThread(lambda *_: True),
            MemoryRead(self._read_for_libdw),
            SetRegisters(self._set_registers),
            None,
            None,
        )
        self._attached = libdw.dwfl_attach_state(
            modules.dwfl, None, _PROCESS, byref(self._callbacks), None
        )

    def walk(self, thread: ThreadStack) -> ThreadTrace:
        if not thread.stack and not thread.pc:
            return ThreadTrace(
                thread_id=thread.thread_id, name=thread.name, frames=[], note=thread.note
            )
        frames: list[Frame] = []
        self._thread = thread
        self._start_pc, self._start_sp = thread.pc & _MASK, thread.sp & _MASK
        self._highest_read = 0
        if not self._modules.memory.is_code(self._start_pc):
            # A jump to nowhere: its caller's address is where a call puts it.
            frames.append(self._modules.frame(self._start_pc, Found.EXACT))
            self._return_to_caller()
        complete = self._start_pc != 0 and self._follow(frames)
        if not complete and len(frames) < MAX_FRAMES:
            self._guess(frames)
        return ThreadTrace(
            thread_id=thread.thread_id, name=thread.name, frames=frames, note=thread.note
        )

    def _return_to_caller(self) -> None:
        assert self._thread is not None
        if os.uname().machine == "x86_64":
            caller = self._word(self._start_sp) or 0
            self._start_sp += _WORD
        else:
            registers = self._thread.registers
            caller = registers[_LINK_REGISTER] if len(registers) > _LINK_REGISTER else 0
        self._start_pc = caller - 1 if self._modules.memory.is_code(caller) else 0

    def _follow(self, frames: list[Frame]) -> bool:
        """Adds the frames that libdw finds; whether they lead to the thread's beginning."""
        if self._libdw is None or not self._attached:
            if self._start_pc:
                frames.append(self._modules.frame(self._start_pc, Found.EXACT))
            return False
        libdw = self._libdw
        found = Found.EXACT

        def take(state: int, _: object) -> int:
            nonlocal found
            pc, interrupted = c_uint64(), c_bool()
            if not libdw.dwfl_frame_pc(state, byref(pc), byref(interrupted)):
                return CALLBACK_ABORT
            address = pc.value if interrupted.value else pc.value - 1
            frames.append(self._modules.frame(address, found))
            if not self._modules.has_frame_information(address):
                found = Found.GUESS  # what follows hangs on the frame pointer
            return CALLBACK_ABORT if len(frames) >= MAX_FRAMES else CALLBACK_OK

        ended = libdw.dwfl_getthread_frames(self._modules.dwfl, _PROCESS, TakeFrame(take), None)
        return bool(ended == CALLBACK_OK)

    def _guess(self, frames: list[Frame]) -> None:
        thread = self._thread
        assert thread is not None
        at = max(self._start_sp, self._highest_read + _WORD, thread.stack_address)
        at = (at + _WORD - 1) // _WORD * _WORD
        end = thread.stack_address + len(thread.stack)
        guesses = 0
        while at + _WORD <= end and guesses < _MOST_GUESSES and len(frames) < MAX_FRAMES:
            address = self._word(at) or 0
            at += _WORD
            if self._modules.memory.is_code(address) and self._modules.follows_a_call(address):
                frames.append(self._modules.frame(address - 1, Found.GUESS))
                guesses += 1

    def _word(self, address: int) -> int | None:
        thread = self._thread
        assert thread is not None
        offset = address - thread.stack_address
        if not 0 <= offset <= len(thread.stack) - _WORD:
            return None
        return int.from_bytes(thread.stack[offset : offset + _WORD], "little")

    def _read_for_libdw(self, _: object, address: int, result: POINTER, __: object) -> bool:  # type: ignore[valid-type]
        value = self._word(address)
        if value is None:
            return False
        self._highest_read = max(self._highest_read, address)
        result[0] = value  # type: ignore[index]
        return True

    def _set_registers(self, state: int, _: object) -> bool:
        assert self._thread is not None and self._libdw is not None
        machine = os.uname().machine
        registers = [value & _MASK for value in self._thread.registers]
        if machine not in _SP or len(registers) <= _SP[machine]:
            return False
        registers[_SP[machine]] = self._start_sp
        if machine == "x86_64":
            registers = [*registers[:16], self._start_pc]
        else:
            self._libdw.dwfl_thread_state_register_pc(state, self._start_pc)
        values = (c_uint64 * len(registers))(*registers)
        return bool(
            self._libdw.dwfl_thread_state_registers(c_void_p(state), 0, len(registers), values)
        )
