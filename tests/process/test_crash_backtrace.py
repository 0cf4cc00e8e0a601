# SPDX-License-Identifier: GPL-3.0-or-later
"""However a plugin dies, the function it died in is known, and its bug by a name of its own."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import msgspec
import pytest

from host.backtrace.explain import evidence_of, evidence_of_hang, explain, name_places
from host.backtrace.frames import Backtrace, CodePlace, Found, StackEvidence, ThreadStack
from host.backtrace.places import frames_of
from host.backtrace.signature import signature_of
from host.crash_report import FaultKind
from host.engine_module import capture_stacks
from ipc._native import CRASH_SNAPSHOT_BYTES, read_crash_snapshot
from ipc.launcher import Launcher
from ipc.messages import Load
from ipc.processes import process_stat
from ipc.worker_process import WorkerDied, WorkerExit
from tests.fixtures.build import fixture_library

pytestmark = pytest.mark.process

WithLauncher = Callable[..., WorkerExit]
LoadRequest = Callable[..., Load]


def plugin(label: str) -> str:
    return f"ladspa:{fixture_library('crash_fixture')}#{label}"


@pytest.fixture
def crash(
    with_launcher: WithLauncher, load_request: LoadRequest
) -> Callable[..., tuple[WorkerExit, Backtrace]]:
    """Loads a plugin that crashes while it is warmed up; how it ended, and where."""

    def run(label: str, **fields: object) -> tuple[WorkerExit, Backtrace]:
        name = label if ":" in label else plugin(label)
        values = {} if ":" in label else {"parameters": {"Kill": 1.0}}

        async def body(launcher: Launcher) -> WorkerExit:
            worker = await launcher.spawn()
            with pytest.raises(WorkerDied):
                await worker.request(load_request(name, **{**values, **fields}), 20.0)
            return await worker.exited

        exit = with_launcher(body)
        assert exit.snapshot is not None
        return exit, explain(evidence_of(exit.snapshot))

    return run


def functions(trace: Backtrace, found: Found = Found.EXACT) -> list[str]:
    return [f.function or "?" for f in trace.threads[0].frames if f.found is found]


@pytest.mark.parametrize(
    ("label", "signal_name", "function"),
    [
        ("null", "SIGSEGV", "write_to_null"),
        ("jump", "SIGSEGV", "call_nothing"),
        ("overflow", "SIGSEGV", "fill_the_stack"),
        ("heap", "SIGABRT", "corrupt_the_heap"),
        ("thread", "SIGSEGV", "die_elsewhere"),
        ("abort", "SIGABRT", "run_abort"),
        ("constructor", "SIGSEGV", "broken_constructor"),
        ("activate", "SIGSEGV", "activate_and_die"),
        ("fault:load-segv", "SIGSEGV", "isobooth::sandbox::commit_fault"),
    ],
)
def test_the_function_in_which_a_plugin_crashed_is_on_its_backtrace(
    label: str,
    signal_name: str,
    function: str,
    crash: Callable[..., tuple[WorkerExit, Backtrace]],
) -> None:
    exit, trace = crash(label)
    assert exit.signal_name == signal_name
    assert any(name.startswith(function) for name in functions(trace)), trace
    own = [f for f in trace.threads[0].frames if f.module and "crash_fixture" in f.module]
    assert all(frame.build_id for frame in own)
    assert all(frame.offset < 1 << 20 for frame in own)  # in the file, not in memory


def test_places_in_files_are_told_as_a_crash_there_is(
    crash: Callable[..., tuple[WorkerExit, Backtrace]],
) -> None:
    _, trace = crash("null")
    frames = [frame for frame in trace.threads[0].frames if frame.build_id is not None]
    assert {"write_to_null", "run_null"} <= {frame.function for frame in frames}
    places = [CodePlace(frame.module or "", frame.offset) for frame in frames]
    assert name_places(places) == [msgspec.structs.replace(f, found=Found.EXACT) for f in frames]


def test_places_that_lie_are_told_as_they_are() -> None:
    places = [
        CodePlace("", 2**64 - 1),
        CodePlace("no path", 1, "f"),
        CodePlace("/etc/passwd", 2**64 - 1, "g"),
        CodePlace("/lib/\0", 0),
        CodePlace(sys.executable, 2**63),
    ]
    frames = frames_of(places)
    assert [(f.module or "", f.offset, f.function) for f in frames] == [
        (one.library, one.offset, one.function) for one in places
    ]


def test_a_smashed_stack_still_tells_the_signal_and_invents_nothing_certain(
    crash: Callable[..., tuple[WorkerExit, Backtrace]],
) -> None:
    exit, trace = crash("smash")
    assert exit.signal_name in ("SIGSEGV", "SIGABRT", "SIGBUS")
    assert len(functions(trace)) <= 16


def test_the_same_bug_has_the_same_signature_in_every_run(
    crash: Callable[..., tuple[WorkerExit, Backtrace]],
) -> None:
    signatures = set()
    for blocks in (1, 8, 8):
        exit, trace = crash("null", warm_up_blocks=blocks)
        signatures.add(signature_of(FaultKind.CRASH, exit.signal_name, trace))
    assert len(signatures) == 1
    assert None not in signatures


def test_different_bugs_have_different_signatures(
    crash: Callable[..., tuple[WorkerExit, Backtrace]],
) -> None:
    labels = ("null", "null-too", "jump", "overflow", "heap", "abort", "constructor", "activate")
    signatures = []
    for label in labels:
        exit, trace = crash(label)
        signatures.append(signature_of(FaultKind.CRASH, exit.signal_name, trace))
    assert len(set(signatures)) == len(labels), signatures


def test_a_signal_from_outside_names_its_sender(
    with_launcher: WithLauncher, load_request: LoadRequest
) -> None:
    async def body(launcher: Launcher) -> WorkerExit:
        worker = await launcher.spawn()
        await worker.request(load_request("builtin:gain"), 10.0)
        os.kill(worker.pid, signal.SIGSEGV)
        return await worker.exited

    exit = with_launcher(body)
    assert exit.signal_name == "SIGSEGV"
    assert exit.snapshot is not None
    assert exit.snapshot.sender == os.getpid()


def test_a_snapshot_delays_the_death_by_milliseconds_at_most(
    with_launcher: WithLauncher, load_request: LoadRequest
) -> None:
    async def body(launcher: Launcher) -> dict[str, float]:
        best = {}
        for number in (signal.SIGKILL, signal.SIGSEGV):
            times_ms = []
            for _ in range(7):
                worker = await launcher.spawn()
                await worker.request(load_request("builtin:gain"), 10.0)
                started = time.perf_counter()
                os.kill(worker.pid, number)
                await worker.exited
                times_ms.append((time.perf_counter() - started) * 1000)
                await worker.reaped
            best[number.name] = min(times_ms)
        return best

    best = with_launcher(body)  # type: ignore[arg-type]
    print({name: f"{ms:.2f} ms" for name, ms in best.items()})  # type: ignore[attr-defined]
    assert best["SIGSEGV"] < best["SIGKILL"] + 50.0  # type: ignore[index]


def hang(label: str, with_launcher: WithLauncher, load_request: LoadRequest) -> Backtrace:
    """The stacks of a worker whose plugin hangs while it is warmed up."""

    async def body(launcher: Launcher) -> StackEvidence | str:
        worker = await launcher.spawn()
        asked = asyncio.create_task(
            worker.request(load_request(plugin(label), parameters={"Kill": 1.0}), 30.0)
        )
        while worker.phase != "warm_up":
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        taken = await asyncio.to_thread(capture_stacks, worker.pid, 0, 2.0)
        worker.kill()
        with pytest.raises(WorkerDied):
            await asked
        return evidence_of_hang(taken)

    evidence = with_launcher(body)
    assert isinstance(evidence, StackEvidence), evidence
    return explain(evidence)


@pytest.mark.parametrize(
    ("label", "function"), [("spin", "think_forever"), ("sleep", "sleep_forever")]
)
def test_what_a_hung_plugin_is_stuck_in_is_known_and_has_one_signature(
    label: str, function: str, with_launcher: WithLauncher, load_request: LoadRequest
) -> None:
    signatures = set()
    for _ in range(3):
        trace = hang(label, with_launcher, load_request)
        assert function in functions(trace)
        assert {"isb-worker", "isb-guard"} <= {thread.name for thread in trace.threads}
        signatures.add(signature_of(FaultKind.HANG, None, trace))
    assert len(signatures) == 1
    assert None not in signatures


def test_a_stopped_process_gives_its_stacks_too() -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        time.sleep(0.2)
        process.send_signal(signal.SIGSTOP)
        while (stat := process_stat(process.pid)) is None or stat.state != "T":
            time.sleep(0.01)
        taken = capture_stacks(process.pid, 0, 2.0)
        assert taken.error == ""
        assert len(taken.threads) == 1
        assert taken.threads[0].stack
        assert not taken.samples  # it was not woken for more
    finally:
        process.kill()
        process.wait()


def test_a_process_that_is_gone_gives_none() -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    assert "had ended" in str(evidence_of_hang(capture_stacks(process.pid, 0, 0.1)))


def test_what_is_no_snapshot_is_none() -> None:
    assert read_crash_snapshot(b"") is None
    assert read_crash_snapshot(bytes(CRASH_SNAPSHOT_BYTES)) is None
    assert read_crash_snapshot(b"\xff" * CRASH_SNAPSHOT_BYTES) is None


def test_evidence_that_lies_is_unwound_to_something(tmp_path: object) -> None:
    fifo = f"{tmp_path}/fifo"
    os.mkfifo(fifo)
    maps = (
        b"not a map\n"
        b"0000000000001000-ffffffffffffffff r-xp 00000000 00:00 0 \n"
        b"7f0000000000-7f0000100000 r-xp 00000000 08:01 7 " + fifo.encode() + b"\n"
        b"7f1000000000-7f1000100000 r-xp ffffffffff 08:01 9 /etc/passwd\n"
    )
    thread = ThreadStack(
        thread_id=1,
        name="x" * 1000,
        pc=2**64 - 1,
        sp=2**64 - 8,
        registers=[2**64 - 1] * 32,
        stack_address=2**64 - 64,
        stack=b"\xff" * 64,
    )
    trace = explain(StackEvidence(maps=maps, threads=[thread] * 3))
    assert len(trace.threads) == 3, trace
