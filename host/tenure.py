# SPDX-License-Identifier: GPL-3.0-or-later
"""One worker's time in a slot, from its launch to its end.

All that is true of one worker only is kept here, so that nothing of it can be taken for its
successor's.
"""

from dataclasses import dataclass

from host.chain_host import ChainHost
from host.crash_explainer import CrashExplainer
from host.crash_report import HANGS, FaultKind, Phase
from host.engine_module import PluginSlot
from host.fault_report import phase_of
from host.journal import Restore
from host.stall import StallWatch
from ipc.worker_process import WorkerExit, WorkerProcess


@dataclass(eq=False)
class Tenure:
    worker: WorkerProcess
    explainer: CrashExplainer
    chain: ChainHost
    record: int
    seat: int  # of its slot
    restore: Restore
    # Before its first block, the slot's counters tell of the worker before it.
    processed_before: int
    last_edit: int  # the newest edit when it was given what to restore
    thread_id: int = 0  # of its audio thread, once it is ready
    priority: int = 0  # of that where it plays; 0: normal
    seated_in: int | None = None  # the engine's block when it was given its seat
    is_dismissed: bool = False  # its end is no fault
    stall: StallWatch | None = None
    _verdict: tuple[FaultKind, Phase | None] | None = None

    def condemn(self, kind: FaultKind, phase: Phase | None = None) -> None:
        """Kills it; the first reason counts. `phase`: what it is given up for, if that is not what
        it does at its end (it may have been asked for its state meanwhile)."""
        if self._verdict is not None or not self.worker.alive:  # it has its reason already
            return
        self._verdict = kind, phase
        if kind in HANGS:
            self.explainer.kill_hung(self.worker, self.thread_id if phase is Phase.PROCESS else 0)
        else:
            self.worker.kill()

    def dismiss(self) -> None:
        """Kills it without blame: another worker shall take its place."""
        self.is_dismissed = True
        self.worker.kill()

    def fault_of(self, exit: WorkerExit) -> tuple[FaultKind, Phase]:
        """What its end is called."""
        if self._verdict is not None:
            kind, phase = self._verdict
            return kind, phase or phase_of(exit)
        if exit.is_outside_kill:
            return FaultKind.KILLED, phase_of(exit)
        return FaultKind.EXIT if exit.signal is None else FaultKind.CRASH, phase_of(exit)

    def was_heard(self, native: PluginSlot) -> bool:
        return native.processed_blocks != self.processed_before
