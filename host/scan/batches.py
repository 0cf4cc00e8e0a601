# SPDX-License-Identifier: GPL-3.0-or-later
"""Divides what is to be probed into portions: large enough that starting a worker does not matter,
small enough that all cores have something to do until the end."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace

from host.catalogue.catalogue import Completion, FileKey
from host.plugin_id import PluginFormat
from host.scan.plan import FilePlan
from host.scan.prober import ProbeJob
from ipc.messages import ListedPlugin

Batch = list[ProbeJob]

_LV2_PLUGINS = 32
_FILES = {PluginFormat.VST3: 8, PluginFormat.CLAP: 8, PluginFormat.LADSPA: 16}


def make_batches(
    plans: Sequence[FilePlan], bundles: Mapping[str, Sequence[ListedPlugin]]
) -> list[Batch]:
    """Each of one format. `bundles`: what the LV2 bundles hold, which may be divided; those that
    hold nothing are left out."""
    batches: list[Batch] = []
    for plugin_format, most in _FILES.items():
        jobs = [
            ProbeJob(format=plan.key[0], path=plan.key[1], name=plan.name, done=list(plan.done))
            for plan in plans
            if plan.key[0] == plugin_format
        ]
        batches += [jobs[start : start + most] for start in range(0, len(jobs), most)]
    batches += _lv2(plans, bundles)
    # What takes long must not come last.
    return sorted(batches, key=lambda batch: -sum(max(1, len(job.plugins)) for job in batch))


def _lv2(plans: Sequence[FilePlan], bundles: Mapping[str, Sequence[ListedPlugin]]) -> list[Batch]:
    batches: list[Batch] = []
    batch: Batch = []
    room = _LV2_PLUGINS
    for plan in plans:
        if plan.key[0] != PluginFormat.LV2:
            continue
        left = list(bundles.get(plan.key[1], ()))
        while left:
            part, left = left[:room], left[room:]
            batch.append(
                ProbeJob(format="lv2", path=plan.key[1], plugins=part, done=list(plan.done))
            )
            room -= len(part)
            if room == 0:
                batches.append(batch)
                batch, room = [], _LV2_PLUGINS
    return [*batches, batch] if batch else batches


class Completions:
    """Knows when the last portion of a file is done."""

    def __init__(self) -> None:
        self._ends: dict[FileKey, Completion] = {}
        self._left: dict[FileKey, int] = {}
        self._plugins: dict[FileKey, list[str]] = {}

    def expect(self, plans: Sequence[FilePlan], batches: Sequence[Batch]) -> None:
        self._ends |= {plan.key: plan.completion for plan in plans}
        for batch in batches:
            for job in batch:
                key = (job.format, job.path)
                self._left[key] = self._left.get(key, 0) + 1

    def finished(self, job: ProbeJob, plugins: Sequence[str]) -> Completion | None:
        """What is known of the file now, if this was its last portion."""
        key = (job.format, job.path)
        self._plugins.setdefault(key, []).extend(plugins)
        self._left[key] -= 1
        if self._left[key] > 0:
            return None
        return replace(self._ends[key], plugins=tuple(self._plugins[key]))


async def one_by_one(batches: Sequence[Batch]) -> AsyncIterator[Batch]:
    """As farms take them."""
    for batch in batches:
        yield batch
