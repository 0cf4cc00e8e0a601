# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that is killed takes everything with it; one that is interrupted ends in order."""

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ipc.names import SHM_DIR
from ipc.processes import children_of
from ipc.sweep import sweep_dead_hosts
from tests.process.ended import unreaped

pytestmark = pytest.mark.process

ROOT = Path(__file__).resolve().parents[2]

# A host with a chain and three workers: one plays, one hangs in its plugin while loading, one has
# not loaded anything. Prints who they are, then does what ACTION says.
HOST = """
import asyncio, json, os, signal, sys
from ipc._native import Geometry
from ipc.launcher import Launcher
from ipc.messages import ChainGeometry, Load
from ipc.segment import ChainSegments

def load(chain, plugin, record):
    return Load(
        plugin=plugin, sample_rate=48000.0, max_frames=128, record=record,
        geometry=ChainGeometry(4, 128, 48000.0), segments=chain.names,
    )

async def main():
    interrupted = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, interrupted.set)
    with ChainSegments(Geometry(4, 128, 48000.0)) as chain:
        async with Launcher() as launcher:
            playing, hanging, idle = [await launcher.spawn() for _ in range(3)]
            await playing.request(load(chain, "builtin:gain", 0), 10.0)
            task = asyncio.create_task(hanging.request(load(chain, "fault:load-hang", 1), 60.0))
            while hanging.phase != "load":
                await asyncio.sleep(0.001)
            workers = [playing.pid, hanging.pid, idle.pid]
            print(json.dumps({"pid": os.getpid(), "launcher": launcher.pid, "workers": workers}))
            sys.stdout.flush()
            await interrupted.wait()
            print(json.dumps({"launcher": launcher.pid, "alive": [w.alive for w in
                              (playing, hanging, idle)]}))
            hanging.kill()
            await asyncio.gather(task, return_exceptions=True)

asyncio.run(main())
"""


class Host:
    """A host in a process of its own."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        self.told: dict[str, Any] = json.loads(line)

    @property
    def all_pids(self) -> list[int]:
        return [self.told["launcher"], *self.told["workers"]]

    def files(self) -> list[str]:
        pid = self.told["pid"]
        return [name for name in os.listdir(SHM_DIR) if f"isobooth-{pid}-" in name]

    def still_there(self) -> list[int]:
        """Reaps those that became our children: these tests may run in a child subreaper."""
        return unreaped(self.all_pids)


def _is_stopped(pid: int) -> bool:
    states = [stat.read_text() for stat in Path(f"/proc/{pid}/task").glob("*/stat")]
    return all(state.rpartition(")")[2].split()[0] == "T" for state in states)


@pytest.fixture
def start_host(wait_until: Callable[..., None]) -> Iterator[Callable[..., Host]]:
    started: list[subprocess.Popen[str]] = []
    before = set(children_of(os.getpid()))

    def start(prefix: tuple[str, ...] = (), **options: Any) -> Host:
        process = subprocess.Popen(
            [*prefix, sys.executable, "-c", HOST],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            **options,
        )
        started.append(process)
        return Host(process)

    yield start
    for process in started:
        process.send_signal(signal.SIGINT)  # ends in order, if it has not ended yet
        process.communicate(timeout=20)
    # Where an earlier test made this process a child subreaper, the orphans of the hosts are ours,
    # Python's resource tracker among them.
    wait_until(lambda: not unreaped(set(children_of(os.getpid())) - before))


def test_a_killed_host_leaves_no_process_and_nothing_after_the_sweep(
    start_host: Callable[..., Host], wait_until: Callable[..., None]
) -> None:
    host = start_host()
    assert len(host.still_there()) == 4
    assert len(host.files()) == 6 + 5
    host.process.kill()
    host.process.wait()
    wait_until(lambda: not host.still_there())
    sweep_dead_hosts()
    assert host.files() == []


def test_a_stopped_worker_of_a_killed_host_is_swept(
    start_host: Callable[..., Host], wait_until: Callable[..., None]
) -> None:
    host = start_host()
    playing, _, idle = host.told["workers"]
    stopped = [host.told["launcher"], playing, idle]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    # A thread that has not seen the signal yet may see its host's end first.
    wait_until(lambda: all(_is_stopped(pid) for pid in stopped))
    host.process.kill()
    host.process.wait()
    wait_until(lambda: set(host.still_there()) == set(stopped))
    report = sweep_dead_hosts()
    assert set(stopped) <= set(report.processes)
    assert host.still_there() == []
    assert host.files() == []


def test_a_host_that_starts_leaves_living_hosts_alone(start_host: Callable[..., Host]) -> None:
    host = start_host()
    before = sorted(host.files())
    sweep_dead_hosts()
    assert len(host.still_there()) == 4
    assert sorted(host.files()) == before


def test_ctrl_c_reaches_the_host_alone(
    start_host: Callable[..., Host], wait_until: Callable[..., None]
) -> None:
    terminal, theirs = pty.openpty()
    try:
        host = start_host(("setsid", "--ctty"), stdin=theirs)
        os.close(theirs)
        os.write(terminal, b"\x03")
        assert host.process.stdout is not None
        after = json.loads(host.process.stdout.readline())
        assert after == {"launcher": host.told["launcher"], "alive": [True, True, True]}
        out, err = host.process.communicate(timeout=10)
        assert (host.process.returncode, out, err) == (0, "", "")
        assert host.still_there() == []
        assert host.files() == []
    finally:
        os.close(terminal)
