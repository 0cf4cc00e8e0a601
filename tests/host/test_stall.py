# SPDX-License-Identifier: GPL-3.0-or-later
"""A thread that wants to run and gets no time is told from one that hangs."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from host.stall import StallWatch

# Prints the id of a thread that does what the argument says, while the main thread sleeps.
PROGRAM = """
import sys, threading, time
def spin():
    print(threading.get_native_id(), flush=True)
    while True:
        pass
def sleep():
    print(threading.get_native_id(), flush=True)
    time.sleep(1000)
threading.Thread(target={"spin": spin, "sleep": sleep}[sys.argv[1]], daemon=True).start()
sys.stdin.read()
"""


@pytest.fixture
def thread(request: pytest.FixtureRequest) -> Iterator[tuple[int, int]]:
    """(pid, thread id)"""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, request.param],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield process.pid, int(process.stdout.readline())
        process.kill()


@pytest.mark.parametrize("thread", ["spin"], indirect=True)
def test_a_thread_that_is_ready_but_had_little_time_is_starved(thread: tuple[int, int]) -> None:
    watch = StallWatch(*thread, since_ns=1)
    time.sleep(0.05)
    assert watch.starved(limit_s=1000.0)


@pytest.mark.parametrize("thread", ["spin"], indirect=True)
def test_a_thread_that_had_its_time_is_not_starved(thread: tuple[int, int]) -> None:
    watch = StallWatch(*thread, since_ns=1)
    deadline = time.monotonic() + 30
    while watch.starved(limit_s=0.1):
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("thread", ["sleep"], indirect=True)
def test_a_sleeping_thread_is_not_starved(thread: tuple[int, int]) -> None:
    watch = StallWatch(*thread, since_ns=1)
    assert not watch.starved(limit_s=1000.0)


def test_a_thread_that_is_gone_is_not_starved() -> None:
    assert not StallWatch(os.getpid(), 2**30, since_ns=1).starved(limit_s=1000.0)
