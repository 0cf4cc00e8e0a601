# SPDX-License-Identifier: GPL-3.0-or-later
"""A test that leaves something behind fails: processes, threads, shared memory, semaphores.

The check stands around set-up, test and tear-down together, so that fixtures are part of it.
Only Python's resource tracker may stay: it is started once and lives as long as the tests.

Each test has a home of its own for what the project keeps of its user: what an earlier test, or the
person at this machine, left there is none of its business.
"""

import contextlib
import itertools
import os
import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass

import pytest

from ipc.names import SHM_DIR, owner_of_command, owner_of_file, runtime_folder
from ipc.processes import (
    all_pids,
    children_of,
    command_line,
    is_elsewhere,
    own_identity,
    process_stat,
)

# How long an end that has been asked for may take: threads are joined and pids reaped by then.
_GRACE_S = 3.0


@dataclass(frozen=True)
class _Belongings:
    processes: frozenset[int]
    python_threads: frozenset[threading.Thread]
    native_threads: frozenset[int]
    files: frozenset[str]


_homes = itertools.count()
_before = pytest.StashKey[_Belongings]()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    item.stash[_before] = _belongings(_starts_processes(item))
    yield


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    yield
    deadline = time.monotonic() + _GRACE_S
    while leaks := _leaks(item.stash[_before], _belongings(_starts_processes(item))):
        if time.monotonic() > deadline:
            pytest.fail("the test left behind: " + "; ".join(leaks), pytrace=False)
        time.sleep(0.01)


def _starts_processes(item: pytest.Item) -> bool:
    return item.get_closest_marker("process") is not None


def _belongings(thorough: bool) -> _Belongings:
    return _Belongings(
        processes=frozenset(_descendants(os.getpid())) | frozenset(_orphans() if thorough else ()),
        python_threads=frozenset(threading.enumerate()),
        native_threads=frozenset(_native_threads()),
        files=frozenset(_files()),
    )


def _leaks(before: _Belongings, after: _Belongings) -> list[str]:
    return [
        *(f"process {_name_of(pid)}" for pid in after.processes - before.processes),
        *(f"thread {thread.name}" for thread in after.python_threads - before.python_threads),
        *(f"native thread {tid}" for tid in after.native_threads - before.native_threads),
        *(after.files - before.files),
    ]


def _descendants(pid: int) -> Iterator[int]:
    for child in children_of(pid):
        if not _is_resource_tracker(child) and not _reaped_stranger(child):
            yield child
            yield from _descendants(child)


def _reaped_stranger(pid: int) -> bool:
    """Reaps a dead process that is none of ours. A test that started a launcher has made this
    process a subreaper: what other tests' children leave behind becomes its child, dead."""
    stat = process_stat(pid)
    if stat is None or stat.state != "Z" or stat.name.startswith("isb-"):
        return False
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    return True


def _is_resource_tracker(pid: int) -> bool:
    return any("multiprocessing.resource_tracker" in part for part in command_line(pid))


def _orphans() -> Iterator[int]:
    """Launchers and workers that have outlived their host."""
    for pid in all_pids():
        host = owner_of_command(command_line(pid))
        if host is not None and not host.is_alive() and not is_elsewhere(pid):
            yield pid


def _native_threads() -> Iterator[int]:
    """Threads of our native code: the only ones whose names begin like this."""
    for task in os.listdir("/proc/self/task"):
        try:
            with open(f"/proc/self/task/{task}/comm", encoding="utf-8") as file:
                if file.read().startswith("isb-"):
                    yield int(task)
        except OSError:
            continue


def _files() -> Iterator[str]:
    """Segments, semaphores and workers' folders of this process and of dead ones, not of other
    living hosts."""
    myself = own_identity()
    for place in (SHM_DIR, runtime_folder()):
        for name in os.listdir(place):
            owner = owner_of_file(name)
            if owner is not None and (owner == myself or not owner.is_alive()):
                yield f"{place}/{name}"


def _name_of(pid: int) -> str:
    stat = process_stat(pid)
    return f"{pid} ({stat.name}, {stat.state})" if stat else str(pid)


@pytest.fixture(autouse=True)
def _own_home(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.getbasetemp() / f"home-{next(_homes)}"  # made by who writes there
    for kind in ("STATE", "DATA", "CONFIG"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(home / kind.lower()))


@pytest.fixture
def wait_until() -> Callable[[Callable[[], object], float], None]:
    """`wait_until(condition, timeout_s)` polls until the condition holds; fails the test if it
    does not in time."""

    def wait(condition: Callable[[], object], timeout_s: float = 5.0) -> None:
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                pytest.fail(f"not within {timeout_s} s: {condition}")
            time.sleep(0.005)

    return wait
