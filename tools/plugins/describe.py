# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks a plugin what it is, in a worker of its own: loading runs the plugin's code."""

import asyncio
import contextlib
from collections.abc import Callable

from host.backtrace.explain import evidence_of_hang
from host.backtrace.frames import StackEvidence
from host.crash_explainer import evidence_of_end, explained
from host.crash_report import (
    CrashReport,
    FaultKind,
    HostInfo,
    Memory,
    Signal,
    new_report_id,
    utc_now,
)
from host.engine_module import capture_stacks
from host.fault_report import access_of, phase_of
from host.plugin_id import PluginFormat, PluginId
from ipc.connection import RequestFailed, RequestTimeout
from ipc.denial import Denial
from ipc.description import PluginDescription
from ipc.errors import InputError, IsoboothError, WorkerError
from ipc.launcher import Launcher
from ipc.messages import Describe
from ipc.output_tail import last_line
from ipc.permissions import Permissions
from ipc.worker_process import WorkerDied, WorkerExit, WorkerProcess

_OURS = (PluginFormat.BUILTIN, PluginFormat.FAULT)

_CAPTURE_S = 0.1  # a thread that takes longer to stop is stuck in the kernel

Keep = Callable[[CrashReport], str | None]  # the id under which the report stands


def describe_plugin(
    plugin: str,
    sample_rate: int,
    limit_s: float,
    permissions: Permissions,
    on_denial: Callable[[Denial], None],
    keep: Keep,
) -> PluginDescription:
    """The description of a plugin by its id. `on_denial` hears what it may not do, `keep` is given
    the crash report if it crashes or hangs.

    Raises InputError if there is no such plugin or it cannot be loaded, IsoboothError if it crashes
    or takes longer than `limit_s`."""
    request = Describe(plugin=plugin, sample_rate=float(sample_rate), permissions=permissions)
    return asyncio.run(_describe(request, limit_s, on_denial, keep))


async def _describe(
    request: Describe, limit_s: float, on_denial: Callable[[Denial], None], keep: Keep
) -> PluginDescription:
    launcher = Launcher()
    try:
        plugin_format = request.plugin.partition(":")[0]
        if plugin_format not in _OURS:
            with contextlib.suppress(WorkerError):  # the worker will say what is missing
                await launcher.warm(plugin_format)
        worker = await launcher.spawn()
        worker.on_denial = on_denial
        try:
            return await _ask(worker, request, limit_s, keep)
        finally:
            await worker.stop()
    finally:
        await launcher.close()


async def _ask(
    worker: WorkerProcess, request: Describe, limit_s: float, keep: Keep
) -> PluginDescription:
    plugin = request.plugin

    def reported(kind: FaultKind, exit: WorkerExit, evidence: StackEvidence | str | None) -> str:
        report = keep(_report(request, kind, exit, evidence))
        return f" (crash report {report})" if report else ""

    try:
        return (await worker.request(request, limit_s)).plugin
    except RequestFailed as error:
        raise InputError(str(error)) from None
    except RequestTimeout:
        evidence = evidence_of_hang(capture_stacks(worker.pid, 0, _CAPTURE_S))
        worker.kill()
        report = reported(FaultKind.LOAD_TIMEOUT, await worker.exited, evidence)
        raise IsoboothError(
            f"{plugin}: did not load within {limit_s:g} s and was stopped{report}; "
            "--limit gives it more"
        ) from None
    except WorkerDied as died:
        exit = died.exit
        how = exit.signal_name or f"exit code {exit.exit_code}"
        words = last_line(exit.stderr_tail)
        said = f"; it wrote: {words}" if words != "none" else ""
        kind = FaultKind.EXIT if exit.signal is None else FaultKind.CRASH
        report = reported(kind, exit, evidence_of_end(exit))
        raise IsoboothError(
            f"{plugin}: crashed while it was loaded ({how}){report}{said}"
        ) from None


def _report(
    asked: Describe, kind: FaultKind, exit: WorkerExit, evidence: StackEvidence | str | None
) -> CrashReport:
    plugin = PluginId.parse(asked.plugin)
    found = explained(kind, exit.signal_name, evidence) if evidence is not None else None
    when = utc_now()
    return CrashReport(
        id=new_report_id(when),
        when=when,
        kind=kind,
        phase=phase_of(exit),
        plugin_id=asked.plugin,
        plugin_path=plugin.path,
        plugin_version=None,
        plugin_format=plugin.format.value,
        slot="plugin info",
        song=None,
        action="given up",
        host=HostInfo.here(asked.sample_rate, asked.max_frames),
        signal=Signal.of(exit.signal) if exit.signal is not None else None,
        exit_code=exit.exit_code,
        uptime_s=exit.uptime_s,
        stderr_tail=exit.stderr_tail,
        access=access_of(exit),
        backtrace=found.backtrace if found is not None else None,
        signature=found.signature if found is not None else None,
        memory=Memory(rss_bytes=exit.max_rss_bytes or None, pss_bytes=exit.last_pss_bytes),
    )
