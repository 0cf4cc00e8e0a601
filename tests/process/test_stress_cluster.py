# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks on a Dask cluster come to the same verdicts, and none is lost when a worker is killed."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from host.permissions import PermissionRules
from host.stress.checks import ALL
from host.stress.cluster import run_on_cluster
from host.stress.runner import StressOptions, StressRun
from host.stress.verdict import Verdict
from host.stress.workshop import Workshop
from ipc.errors import MachineError
from ipc.processes import children_of
from ipc.sweep import sweep_dead_hosts
from tests.fixtures.build import fixture_library
from tests.process.dask_cluster import Cluster
from tests.process.ended import unreaped

pytest.importorskip("distributed")
pytestmark = [pytest.mark.process, pytest.mark.timeout(180)]

CHECKS = frozenset({"lives-and-dies", "sends-numbers", "every-parameter"})
EXPECTED = {
    "clean": [Verdict.PASS] * 3,
    "nan": [Verdict.PASS, Verdict.FAIL, Verdict.FAIL],
    "edge": [Verdict.PASS, Verdict.PASS, Verdict.FAIL],
    "once": [Verdict.FAIL, Verdict.PASS, Verdict.PASS],
}


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with ExitStack() as stack:
        yield Cluster(tmp_path, stack)


def test_a_cluster_loses_nothing_when_a_worker_is_killed(cluster: Cluster, tmp_path: Path) -> None:
    library, logs = tmp_path / "planted.clap", tmp_path / "logs"
    shutil.copy(fixture_library("stress_fixture"), library)
    logs.mkdir()
    options = StressOptions(only=CHECKS, reruns=0, logs=logs, timeout_s=10.0)
    killed = False

    def kill_one() -> None:
        nonlocal killed
        if not killed and time.monotonic() - began > 2.0:
            cluster.workers[0].kill()
            killed = True

    before = set(children_of(os.getpid()))
    with Workshop() as workshop:
        plugins = [f"clap:{library}#{name}" for name in EXPECTED]
        run = StressRun(plugins, ALL, options, workshop, stop=kill_one)
        began = time.monotonic()
        warnings: list[str] = []
        run_on_cluster(cluster.address, run, PermissionRules(), warnings.append)
        report = run.run()
    # What the one that was killed had started ends by itself, as an orphan of ours.
    deadline = time.monotonic() + 10
    while orphans := unreaped(set(children_of(os.getpid())) - before):
        assert time.monotonic() < deadline, orphans
        time.sleep(0.05)
    sweep_dead_hosts()
    found = {one.plugin.rpartition("#")[2]: one.checks for one in report.plugins}
    assert {name: [check.verdict for check in checks] for name, checks in found.items()} == EXPECTED
    assert not warnings
    failed = found["nan"][1]
    assert Path(failed.log).parent == logs
    assert Path(failed.log).is_file()


def test_where_no_cluster_is_one_line_says_so() -> None:
    with Workshop() as workshop:
        run = StressRun(["builtin:gain"], ALL, StressOptions(), workshop)
        with pytest.raises(MachineError, match="no Dask scheduler answers"):
            run_on_cluster("tcp://127.0.0.1:9", run, PermissionRules(), lambda line: None)
