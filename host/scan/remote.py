# SPDX-License-Identifier: GPL-3.0-or-later
"""A portion of a scan on another machine: a process of its own that probes it and ends."""

import asyncio
import os
from collections.abc import Sequence

import msgspec

from host.apart import do_apart, serve
from host.permissions import PermissionRules
from host.plugin_id import PluginFormat
from host.scan.batches import one_by_one
from host.scan.farm import LocalFarm, folder_for_links, launcher_for, warm_up
from host.scan.prober import ProbeJob
from host.scan.settings import ProbeSettings
from host.scan.verdict import ScannedPlugin
from ipc.errors import InputError, IsoboothError


class Portion(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent out."""

    jobs: list[ProbeJob]
    settings: ProbeSettings
    rules: PermissionRules


class JobResult(msgspec.Struct, frozen=True, kw_only=True):
    """What comes back of each job."""

    results: list[ScannedPlugin]
    plugins: list[str]  # ids of what the file, or this part of it, holds


class PortionResult(msgspec.Struct, frozen=True, kw_only=True):
    """What comes back: of all jobs, in their order, or why nothing does."""

    jobs: list[JobResult] = []
    problem: str = ""


def probe_portion(portion: bytes) -> bytes:
    """Runs on a farm's worker: JSON of a Portion to JSON of a PortionResult."""
    answer = do_apart("host.scan.remote", portion)
    if isinstance(answer, int):
        problem = f"the process that probed ended with {answer}"
        return msgspec.json.encode(PortionResult(problem=problem))
    return answer


class _Collector:
    """Keeps what is told of each job."""

    def __init__(self, jobs: Sequence[ProbeJob]) -> None:
        self._jobs = jobs
        self._results: list[list[ScannedPlugin]] = [[] for _ in jobs]
        self._plugins: list[list[str]] = [[] for _ in jobs]

    def starting(self, what: str) -> None:
        pass

    def tell(self, job: ProbeJob, result: ScannedPlugin) -> None:
        self._results[self._place(job)].append(result)

    def finished(self, job: ProbeJob, plugins: Sequence[str]) -> None:
        self._plugins[self._place(job)] = list(plugins)

    def all(self) -> list[JobResult]:
        return [
            JobResult(results=results, plugins=plugins)
            for results, plugins in zip(self._results, self._plugins, strict=True)
        ]

    def _place(self, job: ProbeJob) -> int:
        return next(number for number, each in enumerate(self._jobs) if each is job)


async def _probe(portion: Portion) -> PortionResult:
    jobs = portion.jobs
    for job in jobs:
        if not os.path.exists(job.path):
            raise InputError(f"{job.path} is not there on this machine")
    bundles = [job.path for job in jobs if job.format == PluginFormat.LV2]
    collector = _Collector(jobs)
    with folder_for_links() as links:
        async with launcher_for(bundles, links) as launcher:
            await warm_up(launcher, [job.format for job in jobs])
            farm = LocalFarm(launcher, 1, portion.settings, portion.rules)
            await farm.run(one_by_one([jobs]), collector)
    return PortionResult(jobs=collector.all())


def _do(work: bytes) -> bytes:
    portion = msgspec.json.decode(work, type=Portion)
    try:
        result = asyncio.run(_probe(portion))
    except IsoboothError as error:
        result = PortionResult(problem=str(error))
    return msgspec.json.encode(result)


if __name__ == "__main__":
    serve(_do)
