# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of a scan that runs plugins."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from host.plugin_id import PluginFormat
from host.scan.batches import Batch, Completions, make_batches
from host.scan.farm import LocalFarm, folder_for_links, launcher_for, warm_up
from host.scan.plan import FilePlan
from host.scan.prober import ProbeJob, Prober
from host.scan.recorder import Recorder
from host.scan.verdict import ScannedPlugin, Status, static_verdict
from ipc.messages import ListedPlugin
from ipc.sweep import sweep_dead_hosts

if TYPE_CHECKING:
    from host.scan.scan import Scan
    from ipc.launcher import Launcher

_POLL_S = 0.1


def look(
    scan: Scan, probes: list[FilePlan], more: Iterator[list[FilePlan]], recorder: Recorder
) -> None:
    """Probes all plugins of the files, and of those that `more` gives meanwhile. Raises what the
    scan's `stop` raises, when all workers have ended."""
    asyncio.run(_until_stopped(scan, probes, more, recorder))


async def _until_stopped(
    scan: Scan, probes: list[FilePlan], more: Iterator[list[FilePlan]], recorder: Recorder
) -> None:
    work = asyncio.create_task(_probe_all(scan, probes, more, recorder))
    try:
        while not work.done():
            await asyncio.wait([work], timeout=_POLL_S)
            recorder.check()
            scan.stop()
        work.result()
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


async def _probe_all(
    scan: Scan, probes: list[FilePlan], more: Iterator[list[FilePlan]], recorder: Recorder
) -> None:
    bundles = [
        path
        for (plugin_format, path), found in scan.found.items()
        if plugin_format == PluginFormat.LV2 and not found.problem
    ]
    sweep_dead_hosts()  # a scan that was killed is one, too
    with folder_for_links() as links:
        async with launcher_for(bundles, links) as launcher:
            await _probe_with(launcher, scan, probes, more, recorder)


async def _probe_with(
    launcher: Launcher,
    scan: Scan,
    probes: list[FilePlan],
    more: Iterator[list[FilePlan]],
    recorder: Recorder,
) -> None:
    options = scan.options
    await warm_up(launcher, {plugin_format for plugin_format, _ in scan.found})
    farm = (
        scan.make_farm(launcher)
        if scan.make_farm is not None
        else LocalFarm(launcher, options.jobs, options.settings, scan.rules)
    )
    listener = _Listener(scan, recorder)
    prober = Prober(launcher, options.settings, scan.rules)
    async with contextlib.aclosing(_batches(prober, listener, probes, more)) as batches:
        await farm.run(batches, listener)


async def _batches(
    prober: Prober,
    listener: _Listener,
    probes: list[FilePlan],
    more: Iterator[list[FilePlan]],
) -> AsyncGenerator[Batch]:
    """The next ones are made while these are probed."""

    async def make(plans: list[FilePlan]) -> list[Batch]:
        bundles = [plan.key[1] for plan in plans if plan.key[0] == PluginFormat.LV2]
        held = await prober.list_bundles(bundles)
        batches = make_batches(plans, listener.sort_out(plans, held))
        listener.expect(plans, batches)
        return batches

    async def make_next() -> list[Batch] | None:
        plans = await asyncio.to_thread(next, more, None)
        return None if plans is None else await make(plans)

    batches: list[Batch] | None = await make(probes)
    while batches is not None:
        coming = asyncio.create_task(make_next())
        try:
            for batch in batches:
                yield batch
            batches = await coming
        finally:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)


class _Listener:
    """Passes what a farm tells on to the catalogue and to whoever follows the scan."""

    def __init__(self, scan: Scan, recorder: Recorder) -> None:
        self._scan = scan
        self._recorder = recorder
        self._completions = Completions()

    def sort_out(
        self, plans: Sequence[FilePlan], held: Mapping[str, list[ListedPlugin] | str]
    ) -> dict[str, list[ListedPlugin]]:
        """Tells of the bundles that hold nothing to be tried; the others, by their paths."""
        sound: dict[str, list[ListedPlugin]] = {}
        for plan in plans:
            if plan.key[0] != PluginFormat.LV2:
                continue
            listed = held[plan.key[1]]
            if isinstance(listed, str):
                self._settle(plan, Status.BROKEN, listed)
            elif not listed:  # presets or data: nothing is wrong with it
                self._settle(plan, Status.NO_CODE, "")
            else:
                sound[plan.key[1]] = listed
        return sound

    def expect(self, plans: Sequence[FilePlan], batches: Sequence[Batch]) -> None:
        self._completions.expect(plans, batches)
        jobs = [job for batch in batches for job in batch]
        plugins = sum(max(1, len(job.plugins) - len(job.done)) for job in jobs)
        self._scan.watcher.expecting(plugins, self._scan.unplanned)

    def starting(self, what: str) -> None:
        self._scan.watcher.starting(what)

    def tell(self, job: ProbeJob, result: ScannedPlugin) -> None:
        self._recorder.add((job.format, job.path), result)
        self._scan.told(result)

    def finished(self, job: ProbeJob, plugins: Sequence[str]) -> None:
        end = self._completions.finished(job, plugins)
        if end is not None:
            self._recorder.complete(end)

    def _settle(self, plan: FilePlan, status: Status, detail: str) -> None:
        """Without running anything."""
        plugin_format, path = plan.key
        verdict = static_verdict(
            f"{plugin_format}:{path}", plugin_format, path, plan.name, status, detail
        )
        self._recorder.add(plan.key, verdict)
        self._recorder.complete(replace(plan.completion, plugins=(verdict.id,)))
        self._scan.watcher.result(verdict, was_run=False)
