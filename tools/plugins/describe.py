# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks a plugin what it is, in a worker of its own: loading runs the plugin's code."""

import asyncio
import contextlib
from collections.abc import Callable

from host.plugin_id import PluginFormat, PluginId
from ipc.connection import RequestFailed, RequestTimeout
from ipc.denial import Denial
from ipc.description import PluginDescription
from ipc.errors import InputError, IsoboothError, WorkerError
from ipc.launcher import Launcher
from ipc.messages import Describe
from ipc.output_tail import last_line
from ipc.permissions import Permissions
from ipc.worker_process import WorkerDied, WorkerProcess

_OURS = (PluginFormat.BUILTIN, PluginFormat.FAULT)


def describe_plugin(
    plugin: str,
    sample_rate: int,
    limit_s: float,
    permissions: Permissions,
    on_denial: Callable[[Denial], None],
) -> PluginDescription:
    """The description of a plugin by its full id. `on_denial` hears what it may not do.

    Raises InputError if there is no such plugin or it cannot be loaded, IsoboothError if it crashes
    or takes longer than `limit_s`."""
    request = Describe(plugin=plugin, sample_rate=float(sample_rate), permissions=permissions)
    return asyncio.run(_describe(request, limit_s, on_denial))


async def _describe(
    request: Describe, limit_s: float, on_denial: Callable[[Denial], None]
) -> PluginDescription:
    launcher = Launcher()
    try:
        plugin_format = PluginId.parse(request.plugin).format
        if plugin_format not in _OURS:
            with contextlib.suppress(WorkerError):  # the worker will say what is missing
                await launcher.warm(plugin_format.value)
        worker = await launcher.spawn()
        worker.on_denial = on_denial
        try:
            return await _ask(worker, request, limit_s)
        finally:
            await worker.stop()
    finally:
        await launcher.close()


async def _ask(worker: WorkerProcess, request: Describe, limit_s: float) -> PluginDescription:
    plugin = request.plugin
    try:
        return (await worker.request(request, limit_s)).plugin
    except RequestFailed as error:
        raise InputError(str(error)) from None
    except RequestTimeout:
        worker.kill()
        raise IsoboothError(
            f"{plugin}: did not load within {limit_s:g} s and was stopped; --limit gives it more"
        ) from None
    except WorkerDied as died:
        how = died.exit.signal_name or f"exit code {died.exit.exit_code}"
        words = last_line(died.exit.stderr_tail)
        said = f"; it wrote: {words}" if words != "none" else ""
        raise IsoboothError(f"{plugin}: crashed while it was loaded ({how}){said}") from None
