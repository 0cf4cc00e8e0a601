# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds out where a plugin failed, while its next worker is already starting.

Unwinding takes some tenths of a second in a process of its own, so what waits for it waits on
threads that belong to this, never on the control thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from host.backtrace.explain import evidence_of, evidence_of_hang, explain
from host.backtrace.frames import Backtrace, StackEvidence
from host.backtrace.signature import signature_of
from host.crash_report import FaultKind
from host.engine_module import capture_stacks
from host.worker_group import GroupMember
from ipc.worker_process import WorkerExit, WorkerProcess

# A spinning thread stops within microseconds, one in the middle of a page fault within
# milliseconds; what takes longer is stuck in the kernel.
_CAPTURE_S = 0.1
_CLOSE_S = 15.0


@dataclass(frozen=True)
class Explained:
    backtrace: Backtrace
    signature: str | None


Then = Callable[[Explained], None]
Worker = WorkerProcess | GroupMember


def evidence_of_end(exit: WorkerExit) -> StackEvidence | str | None:
    """What a worker could still tell of its crash."""
    return None if exit.evidence is None else evidence_of(exit.evidence)


def explained(kind: FaultKind, signal_name: str | None, evidence: StackEvidence | str) -> Explained:
    """Unwinds, which takes a while."""
    trace = Backtrace(note=evidence) if isinstance(evidence, str) else explain(evidence)
    return Explained(trace, signature_of(kind, signal_name, trace))


class CrashExplainer:
    """Belongs to the control thread's loop; `close` it before the loop ends."""

    def __init__(self) -> None:
        # One at a time: a plugin that crashes in a loop must not keep all processors busy.
        self._unwinding = ThreadPoolExecutor(1, "isb-unwind")
        self._capturing = ThreadPoolExecutor(4, "isb-capture")
        self._captured: dict[Worker, StackEvidence | str] = {}
        self._being_captured: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def kill_hung(self, worker: Worker, thread_id: int) -> None:
        """Takes the stacks of a worker, then kills it. `thread_id` is the thread that hangs; 0:
        the main thread."""
        if worker.pid in self._being_captured:
            return  # for a neighbour, and killed at once
        self._being_captured.add(worker.pid)
        self._start(self._capture_and_kill(worker, thread_id))

    def explain(self, worker: Worker, kind: FaultKind, exit: WorkerExit, then: Then) -> None:
        """Calls `then` on the loop; not at all where nothing is known."""
        evidence = self._captured.pop(worker, None) or evidence_of_end(exit)
        if evidence is not None:
            self._start(self._explain(kind, exit.signal_name, evidence, then))

    async def close(self) -> None:
        """Waits until all has been explained, for a bounded time."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_CLOSE_S)
        self._unwinding.shutdown(wait=False, cancel_futures=True)
        self._capturing.shutdown(wait=False, cancel_futures=True)

    async def _capture_and_kill(self, worker: Worker, thread_id: int) -> None:
        try:
            taken = await asyncio.get_running_loop().run_in_executor(
                self._capturing, capture_stacks, worker.pid, thread_id, _CAPTURE_S
            )
            self._captured[worker] = evidence_of_hang(taken)
        finally:
            self._being_captured.discard(worker.pid)
            worker.kill()

    async def _explain(
        self,
        kind: FaultKind,
        signal_name: str | None,
        evidence: StackEvidence | str,
        then: Then,
    ) -> None:
        work = partial(explained, kind, signal_name, evidence)
        then(await asyncio.get_running_loop().run_in_executor(self._unwinding, work))

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
