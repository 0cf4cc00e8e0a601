# SPDX-License-Identifier: GPL-3.0-or-later
"""A Dask cluster gives the same results: none is lost and none told twice, whoever dies."""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from host.permissions import PermissionRules
from host.plugin_id import PluginFormat
from host.scan.cluster import ClusterFarm
from host.scan.farm import LocalFarm
from host.scan.places import FORMATS
from host.scan.remote import Portion, PortionResult, probe_portion
from host.scan.scan import Scan, ScanOptions, ScanReport
from host.scan.settings import ProbeSettings
from host.scan.verdict import ScannedPlugin
from ipc.launcher import Launcher
from ipc.processes import children_of
from ipc.sweep import sweep_dead_hosts
from tests.process.dask_cluster import Cluster
from tests.process.ended import unreaped
from tests.process.scanning import Scans, Seen, by_id, fixture_copy

pytest.importorskip("distributed")
pytestmark = [pytest.mark.process, pytest.mark.timeout(180)]

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = ProbeSettings(timeout_s=1.0)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with ExitStack() as stack:
        yield Cluster(tmp_path, stack)


@pytest.fixture
def scans(tmp_path: Path) -> Iterator[Scans]:
    opened = Scans(tmp_path / "data")
    yield opened
    opened.close()


def scan_on(scans: Scans, address: str, places: list[Path], watcher: Seen) -> ScanReport:
    rules = PermissionRules()
    warnings: list[str] = []

    def farm(launcher: Launcher) -> ClusterFarm:
        here = LocalFarm(launcher, 1, SETTINGS, rules)
        return ClusterFarm(address, SETTINGS, rules, here, warnings.append)

    report = Scan(
        options=ScanOptions(
            places=[(each, place) for place in places for each in FORMATS],
            jobs=2,
            settings=SETTINGS,
            force=True,
        ),
        catalogue=scans.catalogue,
        crashes=scans.crashes,
        blacklist=scans.blacklist,
        rules=rules,
        watcher=watcher,
        make_farm=farm,
    ).run()
    assert warnings == []
    return report


def test_a_worker_that_is_killed_costs_nothing(
    cluster: Cluster, scans: Scans, tmp_path: Path
) -> None:
    places = [
        Path("/usr/lib/lv2/mda.lv2"),
        fixture_copy(tmp_path / "plugins", "many.so"),
        Path("/usr/lib/vst3/ZamEQ2.vst3"),
    ]
    victim = cluster.workers[0]
    seen = Seen()
    before = set(children_of(os.getpid()))

    def kill_one(plugin: ScannedPlugin) -> None:
        if victim.poll() is None:
            victim.kill()
            victim.wait()

    seen.at_result = kill_one
    there = scan_on(scans, cluster.address, places, seen)
    assert victim.poll() is not None
    assert len(seen.run) == len(set(seen.run)) == 36 + 11 + 1
    # What the one that was killed had started ends by itself. Where an earlier test made this
    # process a child subreaper, such orphans are ours.
    deadline = time.monotonic() + 10
    while orphans := unreaped(set(children_of(os.getpid())) - before):
        assert time.monotonic() < deadline, orphans
        time.sleep(0.05)
    sweep_dead_hosts()
    here = scans.scan(*places, force=True, timeout_s=1.0)
    expected, found = by_id(here.plugins), by_id(there.plugins)
    assert expected.keys() == found.keys()
    for plugin, one in expected.items():
        for name in ("status", "name", "latency_frames", "parameters", "state_bytes", "signature"):
            assert getattr(one, name) == getattr(found[plugin], name), (plugin, name)
    crashed = found[f"ladspa:{places[1]}#create"]
    assert crashed.report is not None
    assert scans.crashes.get(crashed.report).backtrace is not None


def test_what_is_not_there_comes_back_as_a_problem(tmp_path: Path) -> None:
    import msgspec

    from host.scan.prober import ProbeJob

    portion = Portion(
        jobs=[ProbeJob(format=PluginFormat.LADSPA, path=str(tmp_path / "gone.so"))],
        settings=SETTINGS,
        rules=PermissionRules(),
    )
    answer = msgspec.json.decode(probe_portion(msgspec.json.encode(portion)), type=PortionResult)
    assert answer.problem == f"{tmp_path}/gone.so is not there on this machine"
    assert answer.jobs == []
