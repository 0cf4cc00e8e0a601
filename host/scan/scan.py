# SPDX-License-Identifier: GPL-3.0-or-later
"""A scan: finds what is installed, looks at what is new, and writes down what it is.

Nothing is lost whenever it ends: what has been probed is in the catalogue within a tenth of a
second, and the next scan that asks for the same goes on from there.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from host.catalogue.catalogue import Catalogue, FileKey, KnownFile, PluginSummary, Run
from host.permissions import PermissionRules
from host.plugin_id import PluginFormat
from host.scan.finds import Found, find_plugins
from host.scan.places import FORMATS
from host.scan.plan import FilePlan, Planner, nameable
from host.scan.recorder import Recorder
from host.scan.settings import ProbeSettings
from host.scan.verdict import ScannedPlugin, Status
from host.store.blacklist import Blacklist
from host.store.crash_store import CrashStore
from ipc.errors import IsoboothError

if TYPE_CHECKING:
    from host.scan.farm import Farm
    from ipc.launcher import Launcher

Place = tuple[PluginFormat, Path]


@dataclass(frozen=True, kw_only=True)
class ScanOptions:
    """`places`: where to look for which format. `jobs`: workers at a time. `force`: what is
    unchanged too. `with_facts`: report all that is known, even if nothing is new."""

    places: Sequence[Place]
    jobs: int
    settings: ProbeSettings
    force: bool = False
    with_facts: bool = True


class ScanSummary(msgspec.Struct, kw_only=True):
    """What a scan did. `by_status` counts all plugins of the files that it found."""

    files: int = 0
    plugins: int = 0
    by_status: dict[str, int] = {}
    probed: int = 0  # plugins that were run
    unchanged_files: int = 0
    new_plugins: int = 0
    vanished_files: int = 0
    waiting_files: int = 0  # failed before, and not due to be tried again yet
    resumed: bool = False  # a scan that was cut short
    seconds: float = 0.0
    plugins_per_second: float | None = None  # of those that were run; None: none was


class ScanReport(msgspec.Struct, kw_only=True):
    """What a scan came to: all plugins of the files that it found, new or not."""

    plugins: list[PluginSummary]
    summary: ScanSummary


class Watcher(Protocol):
    """Who follows a scan."""

    def looking(self, files: int) -> None:
        """So many files have been found."""

    def expecting(self, plugins: int, files: int) -> None:
        """So many plugins more are to be probed, or somewhat more than that, because most files
        hold one; and of so many files is not known yet what is to be done with them."""

    def resuming(self) -> None:
        """It goes on with a scan that was cut short."""

    def starting(self, what: str) -> None: ...

    def result(self, plugin: ScannedPlugin, *, was_run: bool) -> None: ...


MakeFarm = Callable[["Launcher"], "Farm"]


@dataclass
class Scan:
    """`run` it once. `stop` is looked at ten times a second, and raises what ends the scan. `found`
    are all files that it comes upon, `unplanned` how many of them it has not looked at yet."""

    options: ScanOptions
    catalogue: Catalogue
    crashes: CrashStore
    blacklist: Blacklist
    rules: PermissionRules
    watcher: Watcher
    stop: Callable[[], None] = lambda: None
    make_farm: MakeFarm | None = None
    found: dict[FileKey, Found] = field(default_factory=dict)
    unplanned: int = 0
    _summary: ScanSummary = field(default_factory=ScanSummary)

    def run(self) -> ScanReport:
        """Raises what `stop` raises, InputError and MachineError; all is kept that was found."""
        began = time.monotonic()
        run = self.catalogue.begin_run(self._asked_for())
        if run.is_resumed:
            self.watcher.resuming()
        try:
            gone = self._work(run)
        except BaseException:
            with contextlib.suppress(IsoboothError):
                self.catalogue.leave_run(run)
            raise
        self.catalogue.finish_run(run)
        return self._report(run, time.monotonic() - began, gone)

    def _work(self, run: Run) -> list[FileKey]:
        """Finds, probes, records. Returns files that are gone."""
        known = self.catalogue.known_files(run)
        self._find()
        with Recorder(self.catalogue, run, self.crashes, self.blacklist) as recorder:
            plans = self._plans(self._planner(known, run), recorder)
            for probes in plans:
                if probes:
                    from host.scan.look import look  # what it takes to run plugins

                    look(self, probes, plans, recorder)
        gone = self._gone(known)
        self.catalogue.mark_seen(self.found, gone)
        return gone

    def _asked_for(self) -> str:
        wanted = {
            "places": sorted(
                f"{plugin_format}:{path}" for plugin_format, path in self.options.places
            ),
            "deep": self.options.settings.deep,
            "force": self.options.force,
        }
        return msgspec.json.encode(wanted, order="sorted").decode(errors="backslashreplace")

    def _find(self) -> None:
        for plugin_format, place in self.options.places:
            for each in map(nameable, find_plugins(plugin_format, place)):
                self.found.setdefault((each.format.value, str(each.path)), each)
                self.watcher.looking(len(self.found))
                self.stop()

    def _planner(self, known: dict[FileKey, KnownFile], run: Run) -> Planner:
        options = self.options
        return Planner(known, run, deep=options.settings.deep, force=options.force)

    def _plans(self, planner: Planner, recorder: Recorder) -> Iterator[list[FilePlan]]:
        """What is to be probed, a format at a time: while one is probed, the next is planned. What
        needs no probe is recorded."""
        for plugin_format in FORMATS:
            plan = planner.plan(
                (found for found in self.found.values() if found.format is plugin_format), self.stop
            )
            self.unplanned = sum(
                FORMATS.index(found.format) > FORMATS.index(plugin_format)
                for found in self.found.values()
            )
            self.catalogue.restamp(plan.touched)
            for key, plugin, completion in plan.verdicts:
                recorder.add(key, plugin)
                recorder.complete(completion)
                self.watcher.result(plugin, was_run=False)
            if plan.probes:
                self.catalogue.begin_files(
                    {each.key: each.completion.fingerprint for each in plan.probes}
                )
            self._summary.unchanged_files += plan.unchanged
            self._summary.waiting_files += plan.waiting
            yield plan.probes

    def told(self, plugin: ScannedPlugin) -> None:
        self._summary.probed += plugin.was_run
        self.watcher.result(plugin, was_run=plugin.was_run)

    def _gone(self, known: dict[FileKey, KnownFile]) -> list[FileKey]:
        """Files below the places that were searched, and are not there any more."""
        roots = [(plugin_format.value, str(path)) for plugin_format, path in self.options.places]
        return [
            key
            for key in known
            if key not in self.found
            and any(
                key[0] == plugin_format and (key[1] == root or key[1].startswith(f"{root}/"))
                for plugin_format, root in roots
            )
        ]

    def _report(self, run: Run, seconds: float, gone: Sequence[FileKey]) -> ScanReport:
        with_facts = self.options.with_facts or self._summary.probed > 0
        plugins = self.catalogue.plugins(keys=self.found, with_facts=with_facts)
        summary = self._summary
        summary.files = len(self.found)
        summary.plugins = sum(plugin.status != Status.NO_CODE for plugin in plugins)
        for plugin in plugins:
            summary.by_status[plugin.status] = summary.by_status.get(plugin.status, 0) + 1
        summary.new_plugins = sum(plugin.first_seen_at >= run.started_at for plugin in plugins)
        summary.vanished_files = len(gone)
        summary.resumed = run.is_resumed
        summary.seconds = round(seconds, 3)
        if summary.probed:
            summary.plugins_per_second = round(summary.probed / seconds, 2)
        return ScanReport(plugins=plugins, summary=summary)
