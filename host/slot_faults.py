# SPDX-License-Identifier: GPL-3.0-or-later
"""What follows from a fault of one slot: a report, and another try, or quarantine, or none."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from host.crash_report import Action, FaultKind
from host.events import HostEventKind
from host.fault_history import FaultHistory
from host.fault_report import FaultNews, make_report, story_of
from host.slot_context import SlotContext
from host.store.blacklist import BlacklistEntry
from host.tenure import Tenure
from ipc.status import SlotStatus
from ipc.worker_process import WorkerExit

if TYPE_CHECKING:
    from host.slot_supervisor import SlotSupervisor

Log = Callable[[HostEventKind, str, str | None], None]  # kind, text, report id


@dataclass(frozen=True)
class Sentence:
    """`status` is RESTARTING, QUARANTINED or FAILED; `reason` is for people."""

    status: SlotStatus
    reason: str
    back_off_s: float = 0.0


class SlotFaults:
    def __init__(self, context: SlotContext, log: Log) -> None:
        self.reports: list[str] = []  # ids
        self._context = context
        self._log = log
        self._history = FaultHistory(context.config.faults)
        self._standby_history = FaultHistory(context.config.faults)

    def forget(self) -> None:
        """The user tries it again."""
        self._history.forget()
        self._standby_history.forget()

    def judge(
        self, slot: SlotSupervisor, tenure: Tenure, exit: WorkerExit, dropped: list[str]
    ) -> Sentence:
        """Reports a worker's end. The report is written later: nobody waits for a disk."""
        kind, phase = tenure.fault_of(exit)
        is_certain = not tenure.suspects
        self._history.add(time.monotonic(), own=kind is not FaultKind.KILLED and is_certain)
        self._note_conduct(slot, tenure, kind, is_certain)
        # A plugin that says no when asked to load says so again: trying once more is no help.
        offline = self._context.config.offline
        fails = offline or (kind is FaultKind.LOAD_FAILED and not slot.was_loaded)
        quarantined = not fails and self._history.is_hopeless
        if offline:
            action = self._context.config.offline_action
        elif fails:
            action = Action.BYPASSED
        else:
            action = Action.QUARANTINED if quarantined else Action.RESTARTED
        report_id = self._report(slot, FaultNews(kind, phase, action, tenure, exit, dropped))
        if report_id is not None:
            self._explain(slot, tenure, kind, exit, report_id)
        what = story_of(kind, exit, slot.refused)
        if tenure.suspects:
            what = f"or {' or '.join(tenure.suspects)}, in the same process, {what}"
        label = slot.spec.label
        self._log(HostEventKind.FAULT, f"{label} {what}", report_id)
        if fails:
            return Sentence(SlotStatus.FAILED, slot.refused or f"{label} {what}")
        if not quarantined:
            return Sentence(SlotStatus.RESTARTING, what, self._history.back_off_s)
        why = str(self._history)
        self._quarantine(slot, report_id, why, own=self._history.is_own_doing)
        return Sentence(SlotStatus.QUARANTINED, why)

    def judge_standby(
        self, slot: SlotSupervisor, tenure: Tenure, exit: WorkerExit, dropped: list[str]
    ) -> float | None:
        """Reports a standby's end. How long to wait for the next, s; None: there is none in this
        session. Nothing is blacklisted for it: the plugin plays on."""
        kind, phase = tenure.fault_of(exit)
        history = self._standby_history
        history.add(time.monotonic(), own=kind is not FaultKind.KILLED)
        self._note_conduct(slot, tenure, kind, is_certain=True)
        hopeless = history.is_hopeless
        action = Action.STANDBY_GIVEN_UP if hopeless else Action.STANDBY_REPLACED
        report_id = self._report(slot, FaultNews(kind, phase, action, tenure, exit, dropped))
        if report_id is not None:
            self._explain(slot, tenure, kind, exit, report_id)
        what = story_of(kind, exit, "")
        self._log(HostEventKind.FAULT, f"{slot.spec.label}: its standby {what}", report_id)
        return None if hopeless else history.back_off_s

    def _note_conduct(
        self, slot: SlotSupervisor, tenure: Tenure, kind: FaultKind, is_certain: bool
    ) -> None:
        # Who kills or stops it from outside says nothing of the plugin.
        outside = kind is FaultKind.KILLED or tenure.was_stopped
        if self._context.conduct is not None and not outside:
            block = self._context.engine.block_count
            self._context.conduct.failed(slot.spec.plugin, block, is_certain)

    def _report(self, slot: SlotSupervisor, news: FaultNews) -> str | None:
        """Has a report written; its id, which stands unless the store says otherwise later."""
        if self._context.archive is None:
            return None
        report = make_report(news, slot, self._context)
        self.reports.append(report.id)

        def kept(stored: str | None, problem: str) -> None:
            if stored is None:
                self.reports.remove(report.id)
                text = f"{slot.spec.label}: a crash report could not be kept: {problem}"
                self._log(HostEventKind.NOTICE, text, None)
            elif stored != report.id:  # another one has it already
                self.reports[self.reports.index(report.id)] = stored

        self._context.archive.keep(report, kept)
        return report.id

    def _explain(
        self,
        slot: SlotSupervisor,
        tenure: Tenure,
        kind: FaultKind,
        exit: WorkerExit,
        report_id: str,
    ) -> None:
        archive = self._context.archive
        assert archive is not None

        def ruled(rule: BlacklistEntry) -> None:
            if tenure.suspects or slot.status in (SlotStatus.QUARANTINED, SlotStatus.FAILED):
                return
            why = f"failed with signature {rule.signature} ({rule.reason})"
            self._quarantine(slot, report_id, why, own=True)
            slot.quarantine(why)

        self._context.explainer.explain(
            tenure.worker,
            kind,
            exit,
            lambda explained: archive.complete(report_id, explained, ruled),
        )

    def _quarantine(self, slot: SlotSupervisor, report_id: str | None, why: str, own: bool) -> None:
        """`own`: it was the plugin's own doing, so that it is blacklisted too."""
        label = slot.spec.label
        text = f"{label} {why} and stays bypassed"
        if not own:
            text += " for this session; the machine may be short of memory (`dmesg` tells)"
        else:
            text += (
                "; it is blacklisted until its file changes or `isobooth blacklist remove` lifts it"
            )
            if self._context.archive is not None:
                path = slot.description.path if slot.description is not None else None
                self._context.archive.blacklist(
                    slot.spec.plugin,
                    Path(path) if path else None,
                    why,
                    [report_id] if report_id else [],
                    lambda problem: self._log(
                        HostEventKind.NOTICE, f"{label} could not be blacklisted: {problem}", None
                    ),
                )
        self._log(HostEventKind.QUARANTINED, text, report_id)
