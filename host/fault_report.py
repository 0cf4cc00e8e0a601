# SPDX-License-Identifier: GPL-3.0-or-later
"""Gathers what is known at the moment of a fault into a crash report."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from host.crash_report import (
    Action,
    CrashReport,
    FaultKind,
    FaultyAccess,
    HostInfo,
    LoadedWith,
    Memory,
    Phase,
    ReportedEdit,
    ReportedEvent,
    Signal,
    new_report_id,
    utc_now,
)
from host.journal import Edit
from host.plugin_id import PluginId
from ipc.worker_process import WorkerExit

if TYPE_CHECKING:
    from host.slot_context import SlotContext
    from host.slot_supervisor import SlotSupervisor
    from host.tenure import Tenure


@dataclass(frozen=True)
class FaultNews:
    kind: FaultKind
    phase: Phase
    action: Action
    tenure: Tenure
    exit: WorkerExit
    dropped: list[str]  # what it is not given any more, because it died of it again


_PHASES = {phase.value: phase for phase in Phase}


def phase_of(exit: WorkerExit) -> Phase:
    """What the worker was doing; the steps before a plugin's own code count as loading."""
    return _PHASES.get(exit.phase, Phase.LOAD)


def story_of(kind: FaultKind, exit: WorkerExit, refused: str) -> str:
    """What happened, as the rest of a sentence that begins with the plugin. `refused`: the
    worker's words where it said no to loading it."""
    match kind:
        case FaultKind.HANG:
            return "hung and was stopped"
        case FaultKind.NONFINITE:
            return "kept sending NaN or Inf"
        case FaultKind.RUNAWAY:
            return "kept sending a runaway level"
        case FaultKind.LOAD_FAILED:
            return refused or "could not be loaded"
        case FaultKind.LOAD_TIMEOUT:
            return "did not load in time"
    how = exit.signal_name or (
        f"exit code {exit.exit_code}" if exit.exit_code is not None else "its worker's end"
    )
    if kind is FaultKind.EXIT and exit.signal is not None:
        how = f"exit(), and {how} on the way out"
    if kind is FaultKind.KILLED:
        how += f", sent by {exit.killer}"
    return f"ended with {how}" + ("" if exit.phase == "process" else f" ({exit.phase})")


def make_report(news: FaultNews, slot: SlotSupervisor, context: SlotContext) -> CrashReport:
    """A report of `news` about `slot`, complete as far as anything is known."""
    plugin = PluginId.parse(slot.spec.plugin)
    description = slot.description
    when = utc_now()
    exit = news.exit
    names = {p.index: p.name for p in description.parameters} if description else {}
    return CrashReport(
        id=new_report_id(when),
        when=when,
        kind=news.kind,
        phase=news.phase,
        plugin_id=slot.spec.plugin,
        plugin_path=(description.path if description else None) or plugin.path,
        plugin_version=description.version if description else None,
        plugin_format=plugin.format.value,
        slot=slot.spec.id,
        song=context.song_name,
        action=news.action,
        host=HostInfo.here(context.config.sample_rate, context.config.block_frames),
        signal=Signal.of(exit.signal) if exit.signal is not None else None,
        exit_code=exit.exit_code,
        block=slot.native.generation(news.tenure.seat),
        uptime_s=exit.uptime_s,
        blocks_processed=slot.native.processed_blocks,
        last_events=[_event(names, *row) for row in slot.native.recent_events(news.tenure.seat)],
        last_edits=[
            _edit(e, "program" if e.is_program else names.get(e.parameter))
            for e in slot.journal.recent_edits
        ],
        process_us=slot.native.recent_process_us(news.tenure.seat),
        stderr_tail=exit.stderr_tail,
        state=slot.journal.state_for_report(),
        access=access_of(exit),
        dropped=news.dropped,
        loaded=_loaded_with(news.tenure, slot),
        memory=Memory(rss_bytes=exit.max_rss_bytes or None, pss_bytes=exit.last_pss_bytes),
        denials=list(slot.denials.all),
        shared_with=[place.label for place in news.tenure.neighbours],
        suspects=list(news.tenure.suspects),
    )


def _edit(edit: Edit, name: str | None) -> ReportedEdit:
    return ReportedEdit(edit=edit.number, parameter=edit.parameter, value=edit.value, name=name)


def _loaded_with(tenure: Tenure, slot: SlotSupervisor) -> LoadedWith:
    restore, spec = tenure.restore, slot.spec
    same = restore.state is not None and restore.state == slot.journal.state_for_report()
    return LoadedWith(
        state=None if same else restore.state,
        same_state=same,
        program=spec.program if restore.is_first else None,
        parameters=dict(spec.parameters) if restore.is_first else {},
        edits=[_edit(e, "program" if e.is_program else None) for e in restore.edits],
        sidechain=spec.sidechain is not None,
        blocks=max(0, slot.native.processed_blocks - tenure.processed_before),
    )


def access_of(exit: WorkerExit) -> FaultyAccess | None:
    """To what memory a worker ended of reaching, or who sent the signal that ended it."""
    snapshot = exit.evidence
    if snapshot is None:
        return None
    if snapshot.sender not in (0, exit.pid):
        return FaultyAccess(sender=snapshot.sender)
    if snapshot.signal not in (signal.SIGSEGV, signal.SIGBUS) or snapshot.signal_code <= 0:
        return None
    return FaultyAccess(address=snapshot.fault_address, access=snapshot.access)


def _event(
    names: dict[int, str],
    generation: int,
    offset: int,
    kind: str,
    midi: bytes,
    index: int,
    value: float,
) -> ReportedEvent:
    detail: dict[str, int | float | str | None]
    if kind == "midi":
        detail = {"bytes": midi.hex()}
    elif kind == "parameter":
        detail = {"parameter": index, "value": value}
        if index in names:
            detail["name"] = names[index]
    else:
        detail = {"program": index}
    return ReportedEvent(block=generation, frame=offset, kind=kind, detail=detail)
