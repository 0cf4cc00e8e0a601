# SPDX-License-Identifier: GPL-3.0-or-later
"""Ends what a dead worker left running, and reaps it.

A plugin may start processes of its own. When its worker dies they become children of the host
(a child subreaper), and those that were forked still have the worker's memory mapped: until the
last of them is gone, its record must not be given to anybody else. The host may have children of
its own, so a process is touched only if it provably came from that worker.
"""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial

from ipc.aside import aside
from ipc.names import WORKER_VARIABLE
from ipc.processes import ProcessIdentity, children_of, mapped_files, process_stat

# A killed process ends within milliseconds unless it is stuck inside the kernel.
_PATIENCE_S = 5.0
_FIRST_PAUSE_S = 0.001
_LONGEST_PAUSE_S = 0.1


def kill_group(leader: int) -> None:
    """Kills the process group that a worker leads, all at once, so that no fork escapes.

    Only while the leader has not been reaped: until then the number is nobody else's.
    """
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


class ProcessTree:
    """What came from one worker. `known` are children of the host that are somebody else's;
    `owned_files` are those that only this worker could map for writing, once it has any;
    `leavers` are processes that came from it and left its session or its program."""

    def __init__(self, worker: ProcessIdentity, known: Callable[[], Collection[int]]) -> None:
        self.worker = worker
        self.owned_files: set[str] = set()
        self.leavers: frozenset[ProcessIdentity] = frozenset()
        self._known = known
        self._killed: set[int] = set()

    async def end(self) -> bool:
        """Kills and reaps until nothing is left; the worker itself must be dead.

        False if something could not be ended in time: then the record stays leased for good.
        """
        deadline = time.monotonic() + _PATIENCE_S
        pause_s = _FIRST_PAUSE_S
        # What a process has mapped, or in its environment, the kernel tells when it can lock its
        # memory, which may be never: such a look must not hold up the loop.
        while candidates := list(self._candidates()):
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return False
            try:
                if not await aside(partial(self._end_once, candidates), left_s):
                    break
            except TimeoutError:
                return False
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        return True

    def _end_once(self, candidates: Iterable[int]) -> bool:
        """Kills every member among them, and reaps what can be. True if there was any: a member
        that ends leaves its own children to us, so only a round that finds none is the last."""
        found = False
        for pid in candidates:
            if not self._came_from_worker(pid):
                continue
            found = True
            self._killed.add(pid)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)  # an unreaped child: the pid is nobody else's
            if _reap(pid):
                self._killed.discard(pid)  # the number is free for others now
        return found

    def _candidates(self) -> Iterator[int]:
        """The host's children. Deeper ones become children when those above them are killed."""
        known = self._known()
        for pid in children_of(os.getpid()):
            if pid not in known and pid != self.worker.pid:
                yield pid

    def _came_from_worker(self, pid: int) -> bool:
        if pid in self._killed:
            return True
        stat = process_stat(pid)
        if stat is None:
            return False
        return (
            stat.session == self.worker.pid
            or ProcessIdentity(pid, stat.start_time) in self.leavers
            # Dead ones tell no more than that. A number is nobody else's while it is a session's.
            or any(stat.session == leaver.pid for leaver in self.leavers)
            or _worker_of(pid) == str(self.worker)
            or self._maps_its_files(pid)
        )

    def _maps_its_files(self, pid: int) -> bool:
        if not self.owned_files:
            return False
        return not self.owned_files.isdisjoint(mapped_files(pid, writable=True))


def _worker_of(pid: int) -> str | None:
    prefix = f"{WORKER_VARIABLE}=".encode()
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            for entry in file.read().split(b"\0"):
                if entry.startswith(prefix):
                    return entry.removeprefix(prefix).decode("ascii", "replace")
    except OSError:
        pass
    return None


def _reap(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True
