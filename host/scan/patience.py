# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a plugin that has not answered yet gets on with what it was asked for.

By a clock alone, each slow plugin on a busy machine would be called hanging. So time counts against
a plugin only from the last step that it got done, and not while its thread waits for a core.
"""

import asyncio
import contextlib
import os
import time
from pathlib import Path
from typing import NamedTuple, TypeVar

from ipc.connection import RequestTimeout
from ipc.errors import WorkerError
from ipc.messages import RIG_THREAD_NAME, Message, Request
from ipc.worker_process import WorkerProcess

R = TypeVar("R", bound=Message)

_LOOK_S = 0.1
_TICKS = os.sysconf("SC_CLK_TCK")


class StandsStill(WorkerError):
    """It hangs. `spins`: it calculates all the time; else it waits for something."""

    def __init__(self, spins: bool) -> None:
        super().__init__("it does not get on")
        self.spins = spins


class TooSlow(WorkerError):
    """It got on to the end of all patience; the message says how far."""


class Patience:
    """With one request. `limit_s`: for so long it may stand still; `most_s`: what it may take
    altogether. `note_phase` and `note_advance` are to be told of each step."""

    def __init__(self, limit_s: float, most_s: float) -> None:
        self._limit_s = limit_s
        self._most_s = max(limit_s, most_s)
        self._done, self._frames = 0, 0
        self._use: _Use | None = None
        self._stepped()

    def note_phase(self) -> None:
        self._done, self._frames = 0, 0
        self._stepped()

    def note_advance(self, done: int, frames: int) -> None:
        if done > self._done:
            self._done, self._frames = done, frames
            self._stepped()

    async def request(self, worker: WorkerProcess, request: Request[R]) -> R:
        """Raises StandsStill, TooSlow, and what the worker's own `request` does."""
        began = self._looked = time.monotonic()
        asked = asyncio.ensure_future(worker.request(request, self._most_s))
        try:
            while not (await asyncio.wait([asked], timeout=_LOOK_S))[0]:
                self._look(worker.pid)
                # Steps that arrived while this loop was busy are heard before the next look.
                if self._still_s >= self._limit_s + _LOOK_S:
                    raise StandsStill(self._spins)
            return asked.result()
        except RequestTimeout:
            if self._still_s > self._limit_s:
                raise StandsStill(self._spins) from None
            raise TooSlow(self._far(time.monotonic() - began)) from None
        finally:
            asked.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await asked

    @property
    def _spins(self) -> bool:
        return self._cpu_s > self._still_s / 2

    def _stepped(self) -> None:
        self._looked = time.monotonic()
        self._still_s = self._cpu_s = 0.0

    def _look(self, pid: int) -> None:
        now = time.monotonic()
        # What passed while nobody looked says nothing about the plugin.
        passed = min(now - self._looked, 2 * _LOOK_S)
        self._looked = now
        before = self._use
        use = _use_of(pid, before.thread if before is not None else 0)
        self._use = use
        if use is None or before is None or use.thread != before.thread:
            return
        ran = min(use.cpu_s - before.cpu_s, 2 * _LOOK_S)
        self._cpu_s += ran
        self._still_s += ran if use.wants_core else passed

    def _far(self, took_s: float) -> str:
        far = f"{self._done} of {self._frames} frames" if self._frames else "not done"
        return f"{far} in {took_s:.0f} s"


class _Use(NamedTuple):
    """What the thread that runs the plugin's code has of the processor."""

    thread: int
    cpu_s: float
    wants_core: bool  # it has one, or waits for one


def _use_of(pid: int, known: int = 0) -> _Use | None:
    thread = rig_thread(pid, known) or pid
    try:
        text = Path(f"/proc/{pid}/task/{thread}/stat").read_text("utf-8", "replace")
    except OSError:
        return None
    fields = text[text.rindex(")") + 2 :].split()
    return _Use(thread, (int(fields[11]) + int(fields[12])) / _TICKS, fields[0] == "R")


def rig_thread(pid: int, known: int = 0) -> int:
    """The thread that plays a plugin on a rig; 0, the main thread, if there is none. `known`: where
    it was last; a plugin may have hundreds, and this is asked ten times a second."""
    if known and known != pid and _is_rig_thread(pid, known):
        return known
    with contextlib.suppress(OSError):
        for task in map(int, os.listdir(f"/proc/{pid}/task")):
            if _is_rig_thread(pid, task):
                return task
    return 0


def _is_rig_thread(pid: int, thread: int) -> bool:
    with contextlib.suppress(OSError):
        name = Path(f"/proc/{pid}/task/{thread}/comm").read_text("utf-8", "replace")
        return name.strip() == RIG_THREAD_NAME
    return False
