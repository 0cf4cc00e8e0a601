# SPDX-License-Identifier: GPL-3.0-or-later
"""However a worker ends, the host learns how, in which phase, and with which last words."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from ipc.connection import RequestTimeout
from ipc.errors import WorkerError
from ipc.launcher import Launcher
from ipc.lease import RecordPool
from ipc.messages import GetParameters, Inspect, Load, SaveState
from ipc.segment import ChainSegments
from ipc.worker_process import WorkerDied, WorkerProcess

pytestmark = pytest.mark.process

WithLauncher = Callable[..., None]
LoadRequest = Callable[..., Load]


@pytest.mark.parametrize(
    ("plugin", "fields", "signal_name", "phase"),
    [
        ("fault:load-segv", {}, "SIGSEGV", "load"),
        ("fault:restore-segv", {"states": [b"{}"]}, "SIGSEGV", "restore"),
        ("fault:segv?after=0", {}, "SIGSEGV", "warm_up"),
        ("fault:abort?after=3", {}, "SIGABRT", "warm_up"),
    ],
)
def test_a_death_while_loading_names_signal_and_phase(
    plugin: str,
    fields: dict[str, object],
    signal_name: str,
    phase: str,
    with_launcher: WithLauncher,
    load_request: LoadRequest,
) -> None:
    async def body(launcher: Launcher) -> None:
        worker = await launcher.spawn()
        with pytest.raises(WorkerDied, match=f"{signal_name} during {phase}") as died:
            await worker.request(load_request(plugin, **fields), 10.0)
        exit = died.value.exit
        assert (exit.signal_name, exit.phase, exit.exit_code) == (signal_name, phase, None)
        assert not exit.killed_by_host
        assert exit.max_rss_bytes > 1e6
        assert await worker.reaped
        with pytest.raises(WorkerDied):
            await worker.request(Inspect(), 1.0)

    with_launcher(body)


def test_a_plugin_that_exits_is_told_from_one_that_crashes(
    with_launcher: WithLauncher, load_request: LoadRequest
) -> None:
    async def body(launcher: Launcher) -> None:
        worker = await launcher.spawn()
        with pytest.raises(WorkerDied) as died:
            await worker.request(load_request("fault:exit?after=0"), 10.0)
        assert died.value.exit.signal is None
        assert died.value.exit.exit_code is not None

    with_launcher(body)


def test_a_death_while_saving_is_told_from_one_while_playing(
    with_launcher: WithLauncher, load_request: LoadRequest
) -> None:
    async def body(launcher: Launcher) -> None:
        playing, saving = await launcher.spawn(), await launcher.spawn()
        await saving.request(load_request("fault:save-segv"), 10.0)
        with pytest.raises(WorkerDied, match="SIGSEGV during save"):
            await saving.request(SaveState(), 10.0)
        await playing.request(load_request("builtin:gain", 1), 10.0)
        os.kill(playing.pid, signal.SIGBUS)
        exit = await playing.exited
        assert str(exit) == f"worker {playing.pid} ended with SIGBUS during process"
        assert exit.uptime_s > 0

    with_launcher(body)


def test_a_death_is_known_within_milliseconds(
    with_launcher: WithLauncher, load_request: LoadRequest
) -> None:
    async def body(launcher: Launcher) -> None:
        times_ms = []
        for _ in range(5):
            worker = await launcher.spawn()
            await worker.request(load_request("builtin:gain"), 10.0)
            started = time.perf_counter()
            os.kill(worker.pid, signal.SIGKILL)
            await worker.exited
            times_ms.append((time.perf_counter() - started) * 1000)
            await worker.reaped
        print(f"from SIGKILL to its news: {min(times_ms):.1f} to {max(times_ms):.1f} ms")
        assert min(times_ms) < 50.0

    with_launcher(body)


def test_a_plugin_that_hangs_while_loading_is_killed_by_whoever_waited(
    with_launcher: WithLauncher, load_request: LoadRequest
) -> None:
    async def body(launcher: Launcher) -> None:
        worker = await launcher.spawn()
        with pytest.raises(RequestTimeout, match=f"worker {worker.pid} did not answer 'load'"):
            await worker.request(load_request("fault:load-hang"), 0.2)
        assert (worker.alive, worker.phase) == (True, "load")
        worker.kill()
        exit = await worker.exited
        assert (exit.signal, exit.phase, exit.killed_by_host) == (signal.SIGKILL, "load", True)

    with_launcher(body)


def test_a_stopped_worker_times_out_goes_on_and_can_be_killed(
    with_launcher: WithLauncher, load_request: LoadRequest
) -> None:
    async def body(launcher: Launcher) -> None:
        worker = await launcher.spawn()
        await worker.request(load_request("builtin:gain"), 10.0)
        os.kill(worker.pid, signal.SIGSTOP)
        with pytest.raises(RequestTimeout):
            await worker.request(GetParameters(), 0.1)
        with pytest.raises(RequestTimeout):
            await worker.request(SaveState(), 0.05)
        assert worker.phase == "save"
        os.kill(worker.pid, signal.SIGCONT)
        assert len((await worker.request(GetParameters(), 5.0)).values) == 1
        assert worker.phase == "process"
        os.kill(worker.pid, signal.SIGSTOP)
        exit = await worker.stop(timeout_s=0.1)
        assert (exit.signal, exit.killed_by_host) == (signal.SIGKILL, True)

    with_launcher(body)


def test_an_end_tells_of_the_memory_that_the_worker_held(
    with_launcher: WithLauncher, load_request: LoadRequest
) -> None:
    async def body(launcher: Launcher) -> None:
        worker = await launcher.spawn()
        await worker.request(load_request("builtin:gain"), 10.0)
        worker.kill()
        exit = await asyncio.shield(worker.exited)
        assert exit.last_pss_bytes is not None
        assert 0 < exit.last_pss_bytes <= exit.max_rss_bytes

    with_launcher(body)


# Holds on to a process, as a debugger does that was left alone: its end cannot be reaped.
TRACER = """
import ctypes, sys, time
ptrace = ctypes.CDLL(None, use_errno=True).ptrace
seized = ptrace(0x4206, int(sys.argv[1]), None, None)  # PTRACE_SEIZE
print(seized, flush=True)
time.sleep(60)
"""


@pytest.fixture
def trace() -> Iterator[Callable[[int], None]]:
    """Traces a process until the test ends, and reaps it then."""
    tracers: list[subprocess.Popen[str]] = []
    traced: list[int] = []

    def start(pid: int) -> None:
        command = [sys.executable, "-I", "-S", "-c", TRACER, str(pid)]
        tracers.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        output = tracers[-1].stdout
        assert output is not None
        if output.readline().strip() != "0":
            pytest.skip("this user may not trace processes")
        traced.append(pid)

    yield start
    for tracer in tracers:
        tracer.kill()
        tracer.communicate()
    for pid in traced:
        os.waitpid(pid, 0)


def test_a_worker_that_even_a_kill_does_not_end_is_left_behind(
    with_launcher: WithLauncher, trace: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ipc.worker_process._KILLED_S", 0.3)

    async def body(launcher: Launcher) -> None:
        worker = await launcher.spawn()
        trace(worker.pid)
        os.kill(worker.pid, signal.SIGKILL)
        async with asyncio.timeout(20):
            for _ in range(2):
                with pytest.raises(WorkerError, match=f"worker {worker.pid} does not end") as error:
                    await worker.stop(timeout_s=0.1)
                assert "\n" not in str(error.value)
        assert worker not in launcher.workers

    with_launcher(body)


def test_last_words_are_kept(with_launcher: WithLauncher, load_request: LoadRequest) -> None:
    async def body(launcher: Launcher) -> None:
        worker = await launcher.spawn()
        for number, words in ((1, b"I speak\n"), (2, b"I complain\n")):
            with open(f"/proc/{worker.pid}/fd/{number}", "wb", buffering=0) as stream:
                stream.write(words)
        await asyncio.sleep(0.05)
        assert worker.stderr_tail() == "I speak\nI complain\n"
        with open(f"/proc/{worker.pid}/fd/2", "wb", buffering=0) as stream:
            stream.write(b"I die")
        worker.kill()
        assert (await worker.exited).stderr_tail == "I speak\nI complain\nI die"

    with_launcher(body)


def test_a_worker_hung_in_its_plugin_ends_when_its_host_is_gone(
    with_launcher: WithLauncher, load_request: LoadRequest
) -> None:
    """The main thread holds Python's lock for good: only the native guard can end it."""

    async def body(launcher: Launcher) -> None:
        worker = await launcher.spawn()
        asked = asyncio.create_task(worker.request(load_request("fault:load-hang"), 30.0))
        while worker.phase != "load":
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.05)
        started = time.perf_counter()
        worker._connection.close()  # as the kernel does when the host dies
        exit = await asyncio.wait_for(worker.exited, 5.0)
        assert exit.signal == signal.SIGKILL
        assert not exit.killed_by_host
        assert time.perf_counter() - started < 0.5
        with pytest.raises(WorkerDied):
            await asked

    with_launcher(body)


def _reap_first(pid: int) -> None:
    """It is this process's child as soon as the one that forked it for us has ended."""
    deadline = time.monotonic() + 5.0
    while True:
        try:
            os.waitpid(pid, 0)
            return
        except ChildProcessError:
            assert time.monotonic() < deadline
            time.sleep(0.001)


def test_a_worker_reaped_by_somebody_else_is_dead_all_the_same(
    with_launcher: WithLauncher,
) -> None:
    async def body(launcher: Launcher) -> None:
        worker = await launcher.spawn()
        os.kill(worker.pid, signal.SIGKILL)
        _reap_first(worker.pid)
        exit = await worker.exited
        assert (exit.signal, exit.exit_code) == (None, None)
        assert await worker.reaped

    with_launcher(body)


def test_a_record_goes_from_a_dead_worker_to_the_next(
    with_launcher: WithLauncher, load_request: LoadRequest, chain: ChainSegments
) -> None:
    async def body(launcher: Launcher) -> None:
        pool = RecordPool(4, chain.renew)
        seen: list[int] = []
        for _ in range(6):
            record = pool.lease()
            assert record is not None
            seen.append(record)
            worker: WorkerProcess = await launcher.spawn()
            await worker.request(load_request("builtin:gain", record), 10.0)
            worker.kill()
            assert await worker.reaped
            pool.release(record)
        assert seen == [0, 1, 2, 3, 0, 1]

    with_launcher(body)
