# SPDX-License-Identifier: GPL-3.0-or-later
"""The crash report of a plugin that was looked at, not played."""

from dataclasses import dataclass
from pathlib import Path

from host.backtrace.frames import StackEvidence
from host.crash_explainer import explained
from host.crash_report import (
    Action,
    CrashReport,
    FaultKind,
    HostInfo,
    Memory,
    Signal,
    new_report_id,
    utc_now,
)
from host.fault_report import access_of, phase_of
from host.plugin_id import PluginFormat
from ipc.worker_process import WorkerExit


@dataclass(frozen=True, kw_only=True)
class LookedAt:
    """Who was looked at, how, and by what part of Isobooth."""

    plugin: str
    path: Path | None
    sample_rate: float
    max_frames: int
    looker: str
    action: Action
    version: str | None = None


def report_of(
    looked_at: LookedAt,
    kind: FaultKind,
    exit: WorkerExit,
    evidence: StackEvidence | str | None,
    denials: list[str],
) -> CrashReport:
    """Unwinds, which takes some tenths of a second."""
    found = explained(kind, exit.signal_name, evidence) if evidence is not None else None
    when = utc_now()
    head = looked_at.plugin.partition(":")[0]
    return CrashReport(
        id=new_report_id(when),
        when=when,
        kind=kind,
        phase=phase_of(exit),
        plugin_id=looked_at.plugin,
        plugin_path=None if looked_at.path is None else str(looked_at.path),
        plugin_version=looked_at.version,
        plugin_format=PluginFormat(head).value,
        slot=looked_at.looker,
        song=None,
        action=looked_at.action,
        host=HostInfo.here(looked_at.sample_rate, looked_at.max_frames),
        signal=Signal.of(exit.signal) if exit.signal is not None else None,
        exit_code=exit.exit_code,
        uptime_s=exit.uptime_s,
        stderr_tail=exit.stderr_tail,
        access=access_of(exit),
        backtrace=found.backtrace if found is not None else None,
        signature=found.signature if found is not None else None,
        memory=Memory(rss_bytes=exit.max_rss_bytes or None, pss_bytes=exit.last_pss_bytes),
        denials=denials,
    )
