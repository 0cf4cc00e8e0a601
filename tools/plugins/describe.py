# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks a plugin what it is, in a worker of its own: loading runs the plugin's code."""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

from host.backtrace.explain import evidence_of_hang
from host.backtrace.frames import StackEvidence
from host.crash_explainer import evidence_of_end
from host.crash_report import Action, CrashReport, FaultKind
from host.engine_module import capture_stacks
from host.plugin_id import PluginFormat, PluginId
from host.scan.evidence import LookedAt, report_of
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
        path = PluginId.parse(plugin).path
        looked_at = LookedAt(
            plugin=plugin,
            path=None if path is None else Path(path),
            sample_rate=request.sample_rate,
            max_frames=request.max_frames,
            looker="plugin info",
            action=Action.GIVEN_UP,
        )
        report = keep(report_of(looked_at, kind, exit, evidence, []))
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
