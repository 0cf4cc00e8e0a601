# SPDX-License-Identifier: GPL-3.0-or-later
"""Who probes: this machine's cores, each with a worker at a time."""

import asyncio
import os
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from host.permissions import PermissionRules
from host.plugin_id import PluginFormat
from host.scan.batches import Batch
from host.scan.places import standard_folders
from host.scan.prober import Listener, Prober
from host.scan.settings import ProbeSettings
from ipc.confinement import remove_folder
from ipc.errors import MachineError, WorkerError
from ipc.launcher import Launcher
from ipc.names import new_private_folder

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
            try:
                while batch := await take():
                    await prober.probe(batch, listener)
            finally:
                await prober.close()

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._jobs):
                    group.create_task(work())
        except BaseExceptionGroup as several:
            raise _first_of(several) from None


def _first_of(several: BaseExceptionGroup[BaseException]) -> BaseException:
    """What ended the work; the others are what came of that."""
    first = several.exceptions[0]
    return _first_of(first) if isinstance(first, BaseExceptionGroup) else first


@contextmanager
def folder_for_links() -> Iterator[str]:
    """Of this process: if it is killed, the next host or scan clears it away."""
    folder = new_private_folder()
    try:
        yield folder
    finally:
        remove_folder(folder)


def launcher_for(bundles: Sequence[str], links: str) -> Launcher:
    """A launcher whose workers know these LV2 bundles, beside the installed ones. `links` is a
    folder for links to bundles that lie beside some that must not be read."""
    wanted = set(bundles)
    folders: list[str] = []
    for folder in dict.fromkeys(os.path.dirname(bundle) for bundle in bundles):
        entries = (Path(folder, name) for name in os.listdir(folder))
        beside = [str(entry) for entry in entries if os.path.lexists(entry / "manifest.ttl")]
        if wanted.issuperset(beside):
            folders.append(folder)
            continue
        folders.append(links)
        for path in wanted.intersection(beside):
            os.symlink(path, f"{links}/{len(os.listdir(links))}-{os.path.basename(path)}")
    usual = [str(folder) for folder in standard_folders(PluginFormat.LV2)]
    looked_at = {os.path.dirname(bundle) for bundle in bundles}
    folders += [folder for folder in usual if folder not in looked_at]
    known = [each for each in dict.fromkeys(folders) if ":" not in each and Path(each).is_dir()]
    return Launcher({"LV2_PATH": ":".join(known)} if known else {})


async def warm_up(launcher: Launcher, formats: Collection[str]) -> None:
    await launcher.start()
    for plugin_format in _WARM_FORMATS:
        if plugin_format not in formats:
            continue
        try:
            await launcher.warm(plugin_format)
        except WorkerError as error:
            # Every worker would fall over the same thing, and every plugin be blamed for it.
            raise MachineError(f"no {plugin_format} plugin can be looked at: {error}") from None
