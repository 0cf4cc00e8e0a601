# SPDX-License-Identifier: GPL-3.0-or-later
"""`isobooth scan`: find out what is installed, and what of it works."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tools import console
from tools.options import CatalogueOption, JsonOption, ProfileOption, file_name, number
from tools.progress_lines import ProgressOption

if TYPE_CHECKING:
    from collections.abc import Callable

    from host.permissions import PermissionRules
    from host.scan.cluster import ClusterFarm
    from host.scan.scan import MakeFarm, ScanOptions, ScanReport
    from ipc.launcher import Launcher


def register(app: typer.Typer) -> None:
    """Add `scan` to the command line."""
    app.command("scan")(scan_command)


def scan_command(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[PATH]…",
            parser=file_name,
            help="Folders, bundles or files; without any, where each format's plugins are.",
        ),
    ] = None,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format", metavar="F,F", help="Of vst3, lv2, clap, ladspa; without it, all."
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, max=256, help="Workers at a time; without it, one a core."),
    ] = None,
    timeout_s: Annotated[
        float,
        typer.Option(
            "--timeout",
            parser=number(0.5, 3600.0),
            metavar="S",
            help="Seconds that one plugin may take, at most 3600.",
        ),
    ] = 30.0,
    force: Annotated[bool, typer.Option("--force", help="Also what has not changed.")] = False,
    deep: Annotated[
        bool,
        typer.Option("--deep", help="Also try parameters' texts, programs, latency and tail."),
    ] = False,
    alone: Annotated[
        bool, typer.Option("--alone", help="Each plugin in a process of its own; slower.")
    ] = False,
    cluster: Annotated[
        str | None,
        typer.Option(
            "--cluster", metavar="ADDRESS", help="Probe on a Dask cluster, such as tcp://host:8786."
        ),
    ] = None,
    profile: ProfileOption = None,
    catalogue: CatalogueOption = None,
    progress: ProgressOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Find plugins, try each in a worker, and keep what they are in the catalogue.

    What has not changed since it was last probed is not run again; what failed is tried again when
    it changes, and after a while. A scan that is cut short goes on where it was when it is started
    again.

    The exit code says whether the scan came to its end, not whether all plugins work.
    """
    from host.catalogue.catalogue import Catalogue
    from host.catalogue.place import open_place
    from host.scan.scan import Scan, ScanOptions
    from host.scan.settings import ProbeSettings
    from host.store.blacklist import Blacklist
    from host.store.crash_store import CrashStore
    from tools.commands.permission_rules import permission_rules
    from tools.commands.store import open_store
    from tools.foreground import Stop, in_foreground
    from tools.scan.events import ScanEvents
    from tools.scan.places import formats_of, places_of
    from tools.scan.progress import ScanProgress
    from tools.scan.summary import print_summary

    # What has been imported is no garbage: Python need not look through it, least of all when it
    # ends, where that would take a tenth of a scan that finds nothing new.
    gc.freeze()

    places = places_of(paths or [], formats_of(formats or []))
    rules = permission_rules(profile)
    settings = ProbeSettings(timeout_s=timeout_s, deep=deep, alone=alone)
    options = ScanOptions(
        places=places,
        jobs=jobs or os.cpu_count() or 1,
        settings=settings,
        force=force,
        with_facts=as_json,
    )

    def work(stop: Stop) -> ScanReport:
        database = open_place(catalogue, console.warn)
        try:
            follower = ScanEvents() if progress == "json" else ScanProgress(quiet=as_json)
            with open_store() as store, follower as watcher:
                scan = Scan(
                    options=options,
                    catalogue=Catalogue(database),
                    crashes=CrashStore(store),
                    blacklist=Blacklist(store),
                    rules=rules,
                    watcher=watcher,
                    stop=stop.check,
                )
                if cluster is not None:
                    scan.make_farm = _cluster_farm(cluster, options, rules, watcher.warn)
                return scan.run()
        finally:
            database.close()

    report = in_foreground(work)
    if as_json:
        plugins = [plugin.flat() for plugin in report.plugins]
        console.print_json({"plugins": plugins, "summary": report.summary})
    else:
        print_summary(report)


def _cluster_farm(
    address: str, options: ScanOptions, rules: PermissionRules, warn: Callable[[str], None]
) -> MakeFarm:
    from host.scan.cluster import ClusterFarm
    from host.scan.farm import LocalFarm

    settings = options.settings

    def make(launcher: Launcher) -> ClusterFarm:
        here = LocalFarm(launcher, options.jobs, settings, rules)
        return ClusterFarm(address, settings, rules, here, warn)

    return make
