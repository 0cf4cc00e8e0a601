# SPDX-License-Identifier: GPL-3.0-or-later
"""What dead hosts left is cleared away; what living ones use is not touched."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ipc._native import Geometry
from ipc.names import HOST_MARK, SHM_DIR, host_mark, runtime_folder
from ipc.processes import (
    ProcessIdentity,
    children_of,
    command_line,
    mapped_files,
    own_identity,
    process_stat,
)
from ipc.segment import ChainSegments
from ipc.sweep import sweep_dead_hosts

WaitUntil = Callable[..., None]


@pytest.fixture
def dead_host() -> ProcessIdentity:
    process = subprocess.Popen(["sleep", "60"])
    stat = process_stat(process.pid)
    assert stat is not None
    process.kill()
    process.wait()
    return ProcessIdentity(stat.pid, stat.start_time)


@pytest.fixture
def start() -> Iterator[Callable[..., "subprocess.Popen[bytes]"]]:
    """Starts Python with a script and arguments; ends it after the test."""
    started: list[subprocess.Popen[bytes]] = []

    def run(script: str, *arguments: str) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen([sys.executable, "-c", script, *arguments])
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()


SLEEP = "import time; time.sleep(60)"
MAP_AND_SLEEP = """
import mmap, sys, time
file = open(sys.argv[1], "r+b")
mapping = mmap.mmap(file.fileno(), 0)
time.sleep(60)
"""


def leave(host: ProcessIdentity, suffix: str, prefix: str = "") -> Path:
    path = Path(SHM_DIR) / f"{prefix}isobooth-{host}-{suffix}"
    path.write_bytes(bytes(4096))
    return path


def test_segments_and_semaphores_of_a_dead_host_go(dead_host: ProcessIdentity) -> None:
    left = [leave(dead_host, "1-host"), leave(dead_host, "1-sem-00", "sem.")]
    report = sweep_dead_hosts()
    assert {path.name for path in left} <= set(report.files)
    assert not any(path.exists() for path in left)


def test_what_workers_of_a_dead_host_wrote_goes(dead_host: ProcessIdentity, tmp_path: Path) -> None:
    folder = Path(runtime_folder()) / f"isobooth-{dead_host}-tmp-1"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "file").write_text("x")
    (folder / "link").symlink_to(tmp_path)
    report = sweep_dead_hosts()
    assert folder.name in report.folders
    assert not folder.exists()
    assert tmp_path.exists()


def test_a_host_whose_pid_is_used_again_is_dead() -> None:
    me = own_identity()
    left = leave(ProcessIdentity(me.pid, me.start_time - 1), "1-host")
    sweep_dead_hosts()
    assert not left.exists()


def test_a_container_is_left_alone(dead_host: ProcessIdentity, wait_until: WaitUntil) -> None:
    """Its pids mean other processes there: to us, its living host looks dead."""
    apart = ["unshare", "--pid", "--fork", "--kill-child", "--map-root-user"]
    if subprocess.run([*apart, "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("this machine does not let us make a process namespace")
    left = leave(dead_host, "1-host")  # so that mappings are looked at, too
    # The mark is on the command line of what is inside, and of nothing outside.
    marked = ["sh", "-c", f'exec "$0" -c "$1" {HOST_MARK}"$2"', sys.executable, SLEEP]
    container = subprocess.Popen([*apart, *marked, str(dead_host)])
    try:
        wait_until(lambda: children_of(container.pid))
        [inside] = children_of(container.pid)
        wait_until(lambda: host_mark(dead_host) in command_line(inside))
        assert sweep_dead_hosts().processes == []
        assert container.poll() is None
        assert not left.exists()
    finally:
        container.kill()
        container.wait()


def test_living_hosts_keep_everything(start: Callable[..., "subprocess.Popen[bytes]"]) -> None:
    with ChainSegments(Geometry(2, 128, 48000.0)) as chain:
        worker = start(SLEEP, host_mark(own_identity()))
        mapper = start(MAP_AND_SLEEP, SHM_DIR + chain.names.host)
        report = sweep_dead_hosts()
        assert not any(f"isobooth-{own_identity()}-" in name for name in report.files)
        assert not {worker.pid, mapper.pid} & set(report.processes)
        assert worker.poll() is None
        assert mapper.poll() is None


def test_a_stopped_worker_of_a_dead_host_is_killed(
    dead_host: ProcessIdentity,
    start: Callable[..., "subprocess.Popen[bytes]"],
    wait_until: WaitUntil,
) -> None:
    worker = start(SLEEP, host_mark(dead_host))
    worker.send_signal(signal.SIGSTOP)
    wait_until(lambda: (stat := process_stat(worker.pid)) and stat.state == "T")
    # The mark is on the command line only after exec.
    wait_until(lambda: worker.pid in sweep_dead_hosts().processes)
    assert worker.wait(timeout=5) == -signal.SIGKILL


def test_a_process_without_a_mark_is_known_by_what_it_maps(
    dead_host: ProcessIdentity,
    start: Callable[..., "subprocess.Popen[bytes]"],
    wait_until: WaitUntil,
) -> None:
    left = leave(dead_host, "1-out-00")
    worker = start(MAP_AND_SLEEP, str(left))
    bystander = start(SLEEP)
    wait_until(lambda: str(left) in mapped_files(worker.pid))
    report = sweep_dead_hosts()
    assert worker.pid in report.processes
    assert bystander.pid not in report.processes
    assert worker.wait(timeout=5) == -signal.SIGKILL
    assert bystander.poll() is None
    assert not left.exists()


def test_files_of_others_are_left_alone(dead_host: ProcessIdentity) -> None:
    other = Path(SHM_DIR) / f"other-{os.getpid()}-isobooth-{dead_host}-1-host"
    other.write_bytes(b"x")
    try:
        sweep_dead_hosts()
        assert other.exists()
    finally:
        other.unlink()


def test_nothing_to_do_is_quick_and_empty(dead_host: ProcessIdentity) -> None:
    report = sweep_dead_hosts()
    assert dead_host.pid not in report.processes
    assert all(str(dead_host) not in name for name in report.files)
