# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker becomes a slot with the user's settings, carrying as little as possible."""

import asyncio
import os
from collections.abc import Callable

import pytest

from ipc._native import record_state
from ipc.connection import RequestFailed
from ipc.errors import WorkerError
from ipc.launcher import Launcher
from ipc.messages import (
    Describe,
    GetParameters,
    Inspect,
    Load,
    ParameterFromText,
    ParameterText,
    SaveState,
)
from ipc.segment import ChainSegments
from ipc.worker_process import WorkerProcess

pytestmark = pytest.mark.process

WithLauncher = Callable[..., None]
LoadRequest = Callable[..., Load]

# What a worker must not carry: each costs memory in every one of them.
TOO_HEAVY = {
    *("asyncio", "numpy", "sqlalchemy", "matplotlib", "pydantic", "rich", "typer", "soundfile"),
    *("sounddevice", "soxr", "multiprocessing", "pedalboard", "minihost", "PyQt6", "host", "tools"),
}


def test_a_real_plugin_is_loaded_described_and_in_service(
    with_launcher: WithLauncher, load_request: LoadRequest, chain: ChainSegments, real_plugin: str
) -> None:
    async def body(launcher: Launcher) -> None:
        worker = await launcher.spawn()
        loaded = await worker.request(load_request(real_plugin, record=2), 10.0)
        assert loaded.description.id == real_plugin
        assert loaded.description.parameters
        assert (loaded.state_used, loaded.state_errors) == (-1, [])
        assert loaded.parameters_rejected == []
        assert os.path.exists(f"/proc/{worker.pid}/task/{loaded.thread_id}")
        assert list(loaded.phases_ms) == [
            *("attach", "lock_down", "load", "describe"),
            *("restore", "parameters", "warm_up", "start"),
        ]
        states = [record_state(chain.activation, chain.geometry, r)[0].name for r in range(4)]
        assert states == ["OFFLINE", "OFFLINE", "IDLE", "OFFLINE"]
        assert worker.phase == "process"

    with_launcher(body)


def test_settings_survive_a_worker(
    with_launcher: WithLauncher, load_request: LoadRequest, real_plugin: str
) -> None:
    async def body(launcher: Launcher) -> None:
        first = await launcher.spawn()
        # The first three of ZamEQ2 (DPF) are the host's business: block size, rate, program.
        one, two = (3, 4) if real_plugin.startswith("vst3:") else (0, 1)
        edits = [(7, one, 0.25), (9, two, 0.75), (8, two, 0.5)]
        loaded = await first.request(load_request(real_plugin, edits=edits), 10.0)
        assert loaded.applied_edit == 9
        saved = await first.request(SaveState(), 5.0)
        assert saved.applied_edit == 9
        before = (await first.request(GetParameters(), 5.0)).values
        assert [before[one], before[two]] == pytest.approx([0.25, 0.5], abs=1e-4)
        first.kill()
        await first.reaped

        second = await launcher.spawn()
        restored = await second.request(load_request(real_plugin, 1, states=[saved.data]), 10.0)
        assert (restored.state_used, restored.applied_edit) == (0, 0)
        values = (await second.request(GetParameters(), 5.0)).values
        assert values == pytest.approx(before, abs=1e-4)

    with_launcher(body)


def test_a_state_that_is_refused_gives_way_to_the_one_before(
    with_launcher: WithLauncher, load_request: LoadRequest
) -> None:
    async def body(launcher: Launcher) -> None:
        first = await launcher.spawn()
        await first.request(load_request("builtin:gain", parameters={"gain": 0.5}), 5.0)
        good = (await first.request(SaveState(), 5.0)).data
        second = await launcher.spawn()
        loaded = await second.request(
            load_request("builtin:gain", 1, states=[b"damaged", b"", good, b"older"]), 5.0
        )
        assert loaded.state_used == 2
        assert len(loaded.state_errors) == 2
        assert loaded.state_errors[0].startswith("its state (7 bytes) is refused: ")
        assert (await second.request(GetParameters(), 5.0)).values == pytest.approx([0.5])
        third = await launcher.spawn()
        loaded = await third.request(load_request("builtin:gain", 2, states=[b"damaged"]), 5.0)
        assert (loaded.state_used, len(loaded.state_errors)) == (-1, 1)

    with_launcher(body)


def test_parameters_go_by_name_index_or_text_and_refusals_are_told(
    with_launcher: WithLauncher, load_request: LoadRequest
) -> None:
    async def body(launcher: Launcher) -> None:
        worker = await launcher.spawn()
        loaded = await worker.request(
            load_request(
                "builtin:gain",
                parameters={"Gain": "-6.0 dB", "0": 2.0, "loudness": 0.5},
                edits=[(4, 99, 0.5)],
                program=3,
            ),
            5.0,
        )
        rejected = loaded.parameters_rejected
        assert [line.split(":")[0] for line in rejected] == [
            *("program 3", "0", "loudness", "edit 4 of parameter 99")
        ]
        assert not any("\n" in line for line in rejected)
        assert loaded.applied_edit == 4
        (value,) = (await worker.request(GetParameters(), 5.0)).values
        text = (await worker.request(ParameterText(index=0, value=value), 5.0)).text
        assert text.startswith("-6.0")
        again = await worker.request(ParameterFromText(index=0, text=text), 5.0)
        assert again.value == pytest.approx(value, abs=1e-3)

    with_launcher(body)


def test_a_worker_carries_nothing_that_it_does_not_need(
    with_launcher: WithLauncher, load_request: LoadRequest, real_plugin: str
) -> None:
    async def body(launcher: Launcher) -> None:
        await launcher.warm(real_plugin.split(":", maxsplit=1)[0])
        worker = await launcher.spawn()
        await worker.request(load_request(real_plugin), 10.0)
        seen = await worker.request(Inspect(), 5.0)
        while "isb-guard" not in seen.threads:  # it names itself when it first runs
            seen = await worker.request(Inspect(), 5.0)
        assert not TOO_HEAVY & {name.split(".")[0] for name in seen.modules}
        with open(f"/proc/{worker.pid}/maps", encoding="utf-8") as file:
            maps = file.read()
        assert "numpy" not in maps
        assert "_multiarray_umath" not in maps
        assert {"isb-worker", "isb-guard", "isb-block"} <= set(seen.threads)
        kinds = {n: target.split(":")[0] for n, target in seen.open_files.items() if n < 4}
        assert kinds == {0: "/dev/null", 1: "pipe", 2: "pipe", 3: "socket"}

    with_launcher(body)


def test_a_worker_is_small(with_launcher: WithLauncher, load_request: LoadRequest) -> None:
    async def body(launcher: Launcher) -> None:
        await launcher.warm("vst3")
        worker = await launcher.spawn()
        await worker.request(load_request("vst3:/usr/lib/vst3/ZamEQ2.vst3"), 10.0)
        memory = worker.memory()
        assert memory is not None
        print(f"worker with ZamEQ2: {memory.pss / 1e6:.1f} MB PSS, {memory.private / 1e6:.1f} own")
        assert memory.pss <= 25e6

    with_launcher(body)


def test_rights_are_given_up_before_the_plugin_is_loaded(
    with_launcher: WithLauncher, load_request: LoadRequest
) -> None:
    def of(worker: WorkerProcess, file: str) -> str:
        with open(f"/proc/{worker.pid}/{file}", encoding="utf-8") as opened:
            return " ".join(opened.read().split())

    async def body(launcher: Launcher) -> None:
        worker = await launcher.spawn()
        assert of(worker, "oom_score_adj") == "1000"
        assert "Max core file size 0 0 bytes" in of(worker, "limits")
        asked = asyncio.create_task(
            worker.request(load_request("fault:load-hang", priority=10), 30.0)
        )
        phases = []
        worker._connection.on_progress = phases.append
        while "load" not in phases:
            await asyncio.sleep(0.001)
        assert "NoNewPrivs: 1" in of(worker, "status")
        assert "Seccomp: 2" in of(worker, "status")
        assert "Max realtime timeout 1000000 1200000 us" in of(worker, "limits")
        maps = of(worker, "maps")
        for name in load_request("").segments.segments:  # attached, too
            assert name in maps
        worker.kill()
        with pytest.raises(WorkerError):
            await asked

    with_launcher(body)


def test_describing_needs_no_chain(with_launcher: WithLauncher, real_plugin: str) -> None:
    async def body(launcher: Launcher) -> None:
        worker = await launcher.spawn()
        description = (await worker.request(Describe(plugin=real_plugin), 10.0)).plugin
        assert description.id == real_plugin
        assert description.name
        assert description.parameters

    with_launcher(body)


def test_what_cannot_be_loaded_is_told_with_its_phase(
    with_launcher: WithLauncher, load_request: LoadRequest, chain: ChainSegments
) -> None:
    async def body(launcher: Launcher) -> None:
        worker = await launcher.spawn()
        with pytest.raises(RequestFailed, match="nowhere") as failed:
            await worker.request(load_request("vst3:/nowhere/Nothing.vst3"), 10.0)
        assert failed.value.phase == "load"
        assert "\n" not in str(failed.value)
        with pytest.raises(RequestFailed, match="one plugin in its life"):
            await worker.request(load_request("builtin:gain"), 10.0)
        with pytest.raises(RequestFailed, match="no plugin is loaded"):
            await worker.request(SaveState(), 10.0)

        other = await launcher.spawn()
        os.truncate(f"/dev/shm{chain.names.outputs[3]}", 10)
        with pytest.raises(RequestFailed, match=f"segment {chain.names.outputs[3]}") as failed:
            await other.request(load_request("builtin:gain"), 10.0)
        assert failed.value.phase == "attach"
        assert other.alive

    with_launcher(body)
