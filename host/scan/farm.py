# SPDX-License-Identifier: GPL-3.0-or-later
"""Who probes: this machine's cores, each with a worker at a time."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Collection, Sequence
from pathlib import Path
from typing import Protocol

from host.permissions import PermissionRules
from host.plugin_id import PluginFormat
from host.scan.batches import Batch
from host.scan.places import standard_folders
from host.scan.prober import Listener, Prober
from host.scan.settings import ProbeSettings
from ipc.errors import WorkerError
from ipc.launcher import Launcher

_WARM_FORMATS = (PluginFormat.VST3, PluginFormat.LV2)


class Farm(Protocol):
    """Probes batches and tells of the results on the calling loop."""

    async def run(self, batches: AsyncIterator[Batch], listener: Listener) -> None: ...


class LocalFarm:
    """`jobs` workers at a time, forked from one launcher."""

    def __init__(
        self, launcher: Launcher, jobs: int, settings: ProbeSettings, rules: PermissionRules
    ) -> None:
        self._launcher = launcher
        self._jobs = jobs
        self._settings = settings
        self._rules = rules

    async def run(self, batches: AsyncIterator[Batch], listener: Listener) -> None:
        turn = asyncio.Lock()

        async def take() -> Batch | None:
            async with turn:  # an iterator has one user at a time
                return await anext(batches, None)

        async def work() -> None:
            prober = Prober(self._launcher, self._settings, self._rules)
            while batch := await take():
                await prober.probe(batch, listener)

        async with asyncio.TaskGroup() as group:
            for _ in range(self._jobs):
                group.create_task(work())


def launcher_for(bundles: Sequence[str]) -> Launcher:
    """A launcher whose workers know these LV2 bundles, beside the installed ones."""
    folders = dict.fromkeys(os.path.dirname(bundle) for bundle in bundles)
    folders |= dict.fromkeys(map(str, standard_folders(PluginFormat.LV2)))
    known = [folder for folder in folders if ":" not in folder and Path(folder).is_dir()]
    return Launcher({"LV2_PATH": ":".join(known)} if known else {})


async def warm_up(launcher: Launcher, formats: Collection[str]) -> None:
    await launcher.start()
    for plugin_format in _WARM_FORMATS:
        if plugin_format in formats:
            with contextlib.suppress(WorkerError):  # the workers will say what is missing
                await launcher.warm(plugin_format)
