# SPDX-License-Identifier: GPL-3.0-or-later
"""Scans into a catalogue of the test's own."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from host.catalogue.catalogue import Catalogue, PluginSummary
from host.catalogue.migrations import MIGRATIONS
from host.catalogue.place import FILE_NAME
from host.permissions import PermissionRules
from host.plugin_id import PluginFormat
from host.scan.places import FORMATS
from host.scan.scan import Scan, ScanOptions, ScanReport
from host.scan.settings import ProbeSettings
from host.scan.verdict import ScannedPlugin
from host.store.blacklist import Blacklist
from host.store.crash_store import CrashStore
from host.store.database import Database
from tests.fixtures.build import fixture_library


@dataclass
class Seen:
    """Follows a scan."""

    run: list[str] = field(default_factory=list)  # plugins, in the order of their results
    told: dict[str, ScannedPlugin] = field(default_factory=dict)
    resumed: bool = False
    at_result: Callable[[ScannedPlugin], None] = lambda plugin: None

    def looking(self, files: int) -> None:
        pass

    def expecting(self, plugins: int, files: int) -> None:
        pass

    def resuming(self) -> None:
        self.resumed = True

    def starting(self, what: str) -> None:
        pass

    def result(self, plugin: ScannedPlugin, *, was_run: bool) -> None:
        self.told[plugin.id] = plugin
        if was_run:
            self.run.append(plugin.id)
        self.at_result(plugin)


class Scans:
    """A catalogue, with the crash reports and the blacklist beside it."""

    def __init__(self, folder: Path) -> None:
        self.store = Database(folder)
        self.database = Database(folder, file_name=FILE_NAME, steps=MIGRATIONS)
        self.catalogue = Catalogue(self.database)
        self.blacklist = Blacklist(self.store)
        self.crashes = CrashStore(self.store)
        self.rules = PermissionRules()
        self.seen = Seen()

    def close(self) -> None:
        self.store.close()
        self.database.close()

    def scan(
        self,
        *places: Path,
        formats: Sequence[PluginFormat] = FORMATS,
        force: bool = False,
        jobs: int = 2,
        stop: Callable[[], None] = lambda: None,
        watcher: Seen | None = None,
        **settings: object,
    ) -> ScanReport:
        self.seen = watcher or Seen()
        options = ScanOptions(
            places=[(each, place) for place in places for each in formats],
            jobs=jobs,
            settings=ProbeSettings(**settings),  # type: ignore[arg-type]
            force=force,
        )
        return Scan(
            options=options,
            catalogue=self.catalogue,
            crashes=self.crashes,
            blacklist=self.blacklist,
            rules=self.rules,
            watcher=self.seen,
            stop=stop,
        ).run()


def by_id(plugins: Sequence[PluginSummary]) -> dict[str, PluginSummary]:
    return {plugin.id: plugin for plugin in plugins}


def statuses(report: ScanReport) -> dict[str, str]:
    """By what stands last in an id: a label, or a file's name."""
    return {
        plugin.id.rpartition("#")[2].rpartition("/")[2]: plugin.status for plugin in report.plugins
    }


def fixture_copy(folder: Path, name: str) -> Path:
    """The scan fixture under a name that says what it does."""
    folder.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy(fixture_library("scan_fixture"), folder / name))
