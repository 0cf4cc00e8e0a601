# SPDX-License-Identifier: GPL-3.0-or-later
"""The launcher is disposable: killed, stopped or lost, workers come and stay all the same."""

import asyncio
import contextlib
import gc
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable

import pytest

from ipc.errors import MachineError, ProtocolError, WorkerError
from ipc.launcher import Launcher
from ipc.messages import GetParameters, Inspect, Load, Parameters
from ipc.names import owner_of_command
from ipc.processes import children_of, command_line, own_identity, process_stat
from ipc.worker_process import WorkerProcess

pytestmark = pytest.mark.process

WithLauncher = Callable[[Callable[[Launcher], Awaitable[None]]], None]


async def is_well(worker: WorkerProcess) -> bool:
    return "isb-worker" in (await worker.request(Inspect(), 5.0)).threads


async def wait_until(condition: Callable[[], object], timeout_s: float = 5.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        await asyncio.sleep(0.002)


def test_a_worker_is_a_child_of_the_host_in_a_session_of_its_own(
    with_launcher: WithLauncher,
) -> None:
    async def body(launcher: Launcher) -> None:
        worker = await launcher.spawn()
        stat = process_stat(worker.pid)
        assert stat is not None
        assert (stat.name, stat.parent, stat.session) == ("isb-worker", os.getpid(), worker.pid)
        assert os.getpgid(worker.pid) == worker.pid
        assert worker.pid in children_of(os.getpid())
        assert owner_of_command(command_line(worker.pid)) == own_identity()
        assert await is_well(worker)
        exit = await worker.stop()
        assert (exit.signal, exit.exit_code, exit.killed_by_host) == (None, 0, False)
        assert worker.reaped.result()
        assert process_stat(worker.pid) is None

    with_launcher(body)


def test_a_launcher_has_one_thread_no_plugin_and_only_its_own_descriptors(
    with_launcher: WithLauncher,
) -> None:
    async def body(launcher: Launcher) -> None:
        for format in ("vst3", "lv2"):
            await launcher.warm(format)
        await (await launcher.spawn()).stop()
        seen = await launcher.inspect()
        assert seen.threads == ["isb-launcher"]
        kinds = {number: target.split(":")[0] for number, target in seen.open_files.items()}
        socket_number = next(number for number, kind in kinds.items() if kind == "socket")
        assert kinds == {0: "/dev/null", 1: "pipe", 2: "pipe", socket_number: "socket"}

    with_launcher(body)


def test_a_launcher_does_not_inherit_what_would_make_it_unsafe(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LD_PRELOAD", "")
    monkeypatch.setenv("MINIHOST_MESSAGE_THREAD", "1")

    def environment(pid: int | None) -> set[str]:
        with open(f"/proc/{pid}/environ", encoding="utf-8") as file:
            return set(file.read().split("\0"))

    async def main() -> None:
        async with Launcher() as plain, Launcher({"LD_PRELOAD": "libm.so.6"}) as preloading:
            assert {"MINIHOST_MESSAGE_THREAD=0", "OPENBLAS_NUM_THREADS=1"} <= environment(plain.pid)
            assert not any(entry.startswith("LD_PRELOAD") for entry in environment(plain.pid))
            assert "LD_PRELOAD=libm.so.6" in environment(preloading.pid)
            assert await is_well(await preloading.spawn())

    asyncio.run(main())


def test_a_killed_launcher_is_replaced_and_live_workers_do_not_care(
    with_launcher: WithLauncher, load_request: Callable[..., Load]
) -> None:
    async def body(launcher: Launcher) -> None:
        await launcher.warm("builtin")
        first_pid = launcher.pid
        assert first_pid is not None
        worker = await launcher.spawn()
        await worker.request(load_request("builtin:gain"), 5.0)
        os.kill(first_pid, signal.SIGKILL)
        await wait_until(lambda: launcher.pid is None)
        reply = await worker.request(GetParameters(), 5.0)
        assert isinstance(reply, Parameters)
        second = await launcher.spawn()
        assert launcher.pid not in (None, first_pid)
        assert process_stat(first_pid) is None  # reaped
        seen = await second.request(Inspect(), 5.0)
        assert "sandbox.backends.builtin" in seen.modules  # warmed again
        assert await is_well(worker)
        assert worker.alive

    with_launcher(body)


def test_a_launcher_killed_at_any_moment_of_a_spawn_costs_nothing(
    with_launcher: WithLauncher,
) -> None:
    chance = random.Random(20)

    async def body(launcher: Launcher) -> None:
        for _ in range(12):
            pid = launcher.pid
            assert pid is not None
            spawning = asyncio.create_task(launcher.spawn())
            await asyncio.sleep(chance.uniform(0.0, 0.006))
            os.kill(pid, signal.SIGKILL)
            worker = await spawning
            assert await is_well(worker)
            await worker.stop()
            await wait_until(lambda pid=pid: launcher.pid != pid)
            await launcher.start()
        ours = {launcher.pid}
        left = [process_stat(child) for child in children_of(os.getpid()) if child not in ours]
        assert [stat for stat in left if stat and stat.name.startswith("isb-")] == []

    with_launcher(body)


def test_a_launcher_whose_whole_session_is_killed_is_replaced(
    with_launcher: WithLauncher,
) -> None:
    async def body(launcher: Launcher) -> None:
        for delay_s in (0.0, 0.001, 0.002, 0.004):
            pid = launcher.pid
            assert pid is not None
            spawning = asyncio.create_task(launcher.spawn())
            await asyncio.sleep(delay_s)
            os.killpg(pid, signal.SIGKILL)
            worker = await spawning
            assert await is_well(worker)
            await worker.stop()
            await wait_until(lambda pid=pid: launcher.pid != pid)
            await launcher.start()

    with_launcher(body)


def test_a_stopped_launcher_is_replaced(with_launcher: WithLauncher) -> None:
    async def body(launcher: Launcher) -> None:
        pid = launcher.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        started = time.monotonic()
        assert await is_well(await launcher.spawn())
        assert launcher.pid != pid
        assert time.monotonic() - started < 6.0

    with_launcher(body)


def test_a_cancelled_spawn_leaves_no_worker(with_launcher: WithLauncher) -> None:
    async def body(launcher: Launcher) -> None:
        for delay_s in (0.0, 0.001, 0.003):
            spawning = asyncio.create_task(launcher.spawn())
            await asyncio.sleep(delay_s)
            spawning.cancel()
            with pytest.raises(asyncio.CancelledError):
                await spawning
        await (await launcher.spawn()).stop()  # after those in the queue
        await wait_until(lambda: not launcher.workers)

    with_launcher(body)


def test_fifty_workers_leak_neither_descriptors_nor_processes(
    with_launcher: WithLauncher,
) -> None:
    async def body(launcher: Launcher) -> None:
        await (await launcher.spawn()).stop()
        gc.collect()  # closed hosts of earlier tests hold descriptors until then
        before = (len(os.listdir("/proc/self/fd")), len(children_of(os.getpid())))
        in_launcher = len((await launcher.inspect()).open_files)
        started = time.monotonic()
        for number in range(50):
            worker = await launcher.spawn()
            if number % 2:
                worker.kill()
                assert (await worker.exited).signal == signal.SIGKILL
                await worker.reaped
            else:
                await worker.stop()
        print(f"spawn and end of a worker: {(time.monotonic() - started) * 20:.1f} ms")
        await asyncio.sleep(0.01)
        assert (len(os.listdir("/proc/self/fd")), len(children_of(os.getpid()))) == before
        assert len((await launcher.inspect()).open_files) == in_launcher
        assert launcher.workers == []

    with_launcher(body)


def test_many_workers_at_once_are_all_ended(with_launcher: WithLauncher) -> None:
    async def body(launcher: Launcher) -> None:
        workers = await asyncio.gather(*(launcher.spawn() for _ in range(16)))
        assert len({worker.pid for worker in workers}) == 16
        assert all(await asyncio.gather(*(is_well(worker) for worker in workers)))

    with_launcher(body)


def test_the_launcher_ends_with_its_socket_and_the_workers_with_theirs() -> None:
    async def main() -> None:
        launcher = Launcher()
        await launcher.start()
        pid = launcher.pid
        worker = await launcher.spawn()
        await launcher.close()
        assert pid is not None
        assert process_stat(pid) is None
        assert await is_well(worker)
        with pytest.raises(WorkerError, match="the launcher has been closed"):
            await launcher.spawn()
        worker._connection.close()  # as the kernel does when the host dies
        exit = await asyncio.wait_for(worker.exited, 5.0)
        assert exit.signal in (None, signal.SIGKILL)
        await worker.reaped

    asyncio.run(main())


def test_signals_of_the_terminal_do_not_reach_the_launcher(with_launcher: WithLauncher) -> None:
    async def body(launcher: Launcher) -> None:
        pid = launcher.pid
        assert pid is not None
        assert os.getsid(pid) == pid != os.getsid(0)
        worker = await launcher.spawn()
        for process in (pid, worker.pid):
            os.kill(process, signal.SIGINT)
        await asyncio.sleep(0.05)
        assert launcher.pid == pid
        assert await is_well(worker)

    with_launcher(body)


def test_a_format_that_does_not_exist_is_refused_in_one_line(with_launcher: WithLauncher) -> None:
    async def body(launcher: Launcher) -> None:
        with pytest.raises(WorkerError, match="'tape' is no plugin format") as refused:
            await launcher.warm("tape")
        assert "\n" not in str(refused.value)
        assert await is_well(await launcher.spawn())

    with_launcher(body)


def test_a_launcher_that_cannot_start_is_an_error_with_its_last_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def main() -> None:
        monkeypatch.setattr("ipc.launcher._BOOT", "raise SystemExit('no such thing')")
        with pytest.raises(MachineError, match=r"did not start .* last words: no such thing"):
            await Launcher().start()
        monkeypatch.setattr(sys, "executable", "/nowhere/python")
        with pytest.raises(MachineError, match="cannot start /nowhere/python"):
            await Launcher().start()

    asyncio.run(main())


@pytest.mark.parametrize("offset", [-1, 1])
def test_a_launcher_of_a_neighbouring_version_is_refused(
    offset: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        import ipc.launcher
        import ipc.messages

        changed = f"import ipc.messages; ipc.messages.PROTOCOL_VERSION += {offset}; "
        monkeypatch.setattr(
            "ipc.launcher._BOOT",
            ipc.launcher._BOOT.replace("from sandbox", changed + "from sandbox"),
        )
        with pytest.raises(ProtocolError, match=r"speaks protocol .* restart it"):
            await Launcher().start()

    asyncio.run(main())


def test_a_process_with_several_threads_refuses_to_fork() -> None:
    from sandbox.launcher import _refusal

    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        refusal = _refusal([3, 4, 5])
        assert refusal is not None
        assert "threads" in refusal
        assert "cannot fork safely" in refusal
    finally:
        stop.set()
        thread.join()
    assert "3 descriptors" in (_refusal([3]) or "")


def test_children_of_the_host_are_neither_killed_nor_reaped(with_launcher: WithLauncher) -> None:
    async def body(launcher: Launcher) -> None:
        living = subprocess.Popen(["sleep", "60"])
        ended = subprocess.Popen(["sh", "-c", "exit 7"])
        try:
            os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
            for _ in range(3):
                worker = await launcher.spawn()
                worker.kill()
                await worker.reaped
            pid = launcher.pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            await launcher.spawn()
            assert living.poll() is None
            assert ended.wait() == 7
        finally:
            living.kill()
            living.wait()

    with_launcher(body)


def test_a_launcher_that_is_closed_behind_a_cancelled_spawn_leaves_no_worker() -> None:
    async def body(delay_s: float) -> None:
        launcher = Launcher()
        await launcher.start()
        spawning = asyncio.create_task(launcher.spawn())
        await asyncio.sleep(delay_s)
        spawning.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            worker = await spawning
            await worker.stop()  # it was there before
        await launcher.close()
        # The loop ends here: whoever is to be reaped must be so by now.
        assert not launcher.workers

    for delay_s in (0.0, 0.001, 0.002, 0.003, 0.004, 0.005, 0.007, 0.01):
        asyncio.run(body(delay_s))
