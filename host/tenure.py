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
from host.journal import Edit, Restore
from host.stall import StallWatch
from host.worker_group import GroupMember, Place
from ipc.worker_process import WorkerExit, WorkerProcess


@dataclass(eq=False)
class Tenure:
    worker: WorkerProcess | GroupMember
    explainer: CrashExplainer
    chain: ChainHost
    record: int
    seat: int  # of its slot
    restore: Restore
    # Before its first block, the slot's counters tell of the worker before it.
    processed_before: int
    last_edit: int  # the newest edit when it was given what to restore
    program: Edit | None = None  # the last that it was told to set since
    program_is_set: bool = False
    thread_id: int = 0  # of its audio thread, once it is ready
    priority: int = 0  # of that where it plays; 0: normal
    seated_in: int | None = None  # the engine's block when it was given its seat
    is_dismissed: bool = False  # its end is no fault
    stall: StallWatch | None = None
    has_window: bool = False  # the plugin's own is open in it
    was_stopped: bool = False  # by a signal, when it was given up: perhaps somebody else's
    _verdict: tuple[FaultKind, Phase | None] | None = None

    def condemn(self, kind: FaultKind, phase: Phase | None = None) -> None:
        """Kills it; the first reason counts. `phase`: what it is given up for, if that is not what
        it does at its end (it may have been asked for its state meanwhile)."""
        if self._verdict is not None or not self.worker.alive:  # it has its reason already
            return
        if isinstance(self.worker, GroupMember):
            others = self._hanging_instead(self.worker, kind, phase)
            for other in others:
                other.condemn(FaultKind.HANG, Phase.IDLE)
            if others:
                return
            self.worker.is_accused = True
        self._verdict = kind, phase
        self.was_stopped = self.stall is not None and self.stall.is_stopped
        if kind in HANGS:
            self.explainer.kill_hung(self.worker, self.thread_id if phase is Phase.PROCESS else 0)
        elif kind is FaultKind.LOAD_FAILED and isinstance(self.worker, GroupMember):
            self.worker.dismiss(has_played=False)
        else:
            self.worker.kill()

    @staticmethod
    def _hanging_instead(
        worker: GroupMember, kind: FaultKind, phase: Phase | None
    ) -> list[GroupMember]:
        """Who does not come back from what this one waits for, if that is not itself."""
        if kind not in HANGS or phase in (Phase.PROCESS, Phase.IDLE):
            return []
        hanging = worker.hanging()
        return [] if hanging == [worker] else hanging

    def dismiss(self) -> None:
        """Ends it without blame: another worker shall take its place."""
        self.is_dismissed = True
        if isinstance(self.worker, GroupMember):
            self.worker.dismiss(self.seated_in is not None)
        else:
            self.worker.kill()

    @property
    def stoppable_pid(self) -> int:
        """The process that may be stopped for the length of a block, should its plugin spin; 0: not
        without stopping others."""
        return 0 if isinstance(self.worker, GroupMember) else self.worker.pid

    @property
    def is_taken_along(self) -> bool:
        """It ended because a neighbour in its process did."""
        return isinstance(self.worker, GroupMember) and self.worker.is_taken_along

    @property
    def neighbours(self) -> list[Place]:
        """Of the slots in the same process."""
        return self.worker.neighbours if isinstance(self.worker, GroupMember) else []

    @property
    def suspects(self) -> tuple[str, ...]:
        """Labels of other slots that may have ended the process just as well."""
        return self.worker.suspects if isinstance(self.worker, GroupMember) else ()

    def __post_init__(self) -> None:
        if isinstance(self.worker, GroupMember):
            self.worker.condemn = self.condemn

    def fault_of(self, exit: WorkerExit) -> tuple[FaultKind, Phase]:
        """What its end is called."""
        if self._verdict is not None:
            kind, phase = self._verdict
            return kind, phase or phase_of(exit)
        if exit.is_outside_kill:
            return FaultKind.KILLED, phase_of(exit)
        is_exit = exit.signal is None or exit.called_exit
        return FaultKind.EXIT if is_exit else FaultKind.CRASH, self._phase_of(exit)

    def _phase_of(self, exit: WorkerExit) -> Phase:
        """On the main thread, while it plays, only its window is at work."""
        phase, snapshot = phase_of(exit), exit.evidence
        in_window = self.has_window and snapshot is not None and snapshot.thread_id == exit.pid
        return Phase.WINDOW if phase is Phase.PROCESS and in_window else phase

    def was_heard(self, native: PluginSlot) -> bool:
        return native.processed_blocks != self.processed_before
