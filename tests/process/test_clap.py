# SPDX-License-Identifier: GPL-3.0-or-later
"""CLAP plugins in workers: where they crash, what they ask of the worker, what they come back
with."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from host.config import FaultPolicy
from ipc.connection import RequestFailed
from ipc.launcher import Launcher
from ipc.messages import Load, SaveState
from ipc.worker_process import WorkerDied
from tests.fixtures.build import fixture_library
from tests.process.songs import Song, audio_track, noise, offline, play, render, write_clip

pytestmark = pytest.mark.process

WithLauncher = Callable[..., None]
LoadRequest = Callable[..., Load]

ZAM_EQ = "clap:/usr/lib/clap/ZamEQ2.clap"
needs_zam = pytest.mark.skipif(
    not Path("/usr/lib/clap/ZamEQ2.clap").exists(), reason="package zam-plugins is not installed"
)


def fixture(name: str) -> str:
    return f"clap:{fixture_library('clap_fixture')}#{name}"


@pytest.mark.parametrize(
    ("name", "fields", "phase"),
    [
        ("crash-init", {}, "load"),
        ("crash-load", {"states": [b"FIXT"]}, "restore"),
        ("crash-process", {}, "warm_up"),
    ],
)
def test_a_crash_while_loading_names_the_phase(
    name: str,
    fields: dict[str, object],
    phase: str,
    with_launcher: WithLauncher,
    load_request: LoadRequest,
) -> None:
    async def body(launcher: Launcher) -> None:
        worker = await launcher.spawn()
        with pytest.raises(WorkerDied, match=f"SIGSEGV during {phase}"):
            await worker.request(load_request(fixture(name), **fields), 10.0)

    with_launcher(body)


def test_a_crash_while_saving_is_one(
    with_launcher: WithLauncher, load_request: LoadRequest
) -> None:
    async def body(launcher: Launcher) -> None:
        worker = await launcher.spawn()
        await worker.request(load_request(fixture("crash-save")), 10.0)
        with pytest.raises(WorkerDied, match="SIGSEGV during save"):
            await worker.request(SaveState(), 10.0)

    with_launcher(body)


def test_a_refusal_is_told_in_one_line(
    with_launcher: WithLauncher, load_request: LoadRequest
) -> None:
    async def body(launcher: Launcher) -> None:
        worker = await launcher.spawn()
        with pytest.raises(RequestFailed, match="'refuses-start' refused to start processing"):
            await worker.request(load_request(fixture("refuses-start")), 10.0)

    with_launcher(body)


def test_a_plugin_that_cannot_go_on_ends_its_worker_and_says_why(
    with_launcher: WithLauncher, load_request: LoadRequest
) -> None:
    async def body(launcher: Launcher) -> None:
        worker = await launcher.spawn()
        # Its order to itself: change the audio ports; heard in the blocks that warm it up.
        await worker.request(load_request(fixture("all"), parameters={"Order": 5 / 7}), 10.0)
        exit = await worker.exited
        assert (exit.exit_code, exit.signal) == (71, None)
        assert "has changed its audio ports while it was in use" in exit.stderr_tail
        assert "Traceback" not in exit.stderr_tail

    with_launcher(body)


def test_rules_of_threads_are_kept_in_a_worker(tmp_path: Path) -> None:
    clip = noise(48_000)
    song = Song(tracks=(audio_track("t", write_clip(tmp_path / "a.wav", clip), fixture("all")),))
    # A worker that a busy machine holds up is no fault here.
    with play(song, block=256, faults=FaultPolicy(hang_limit_s=30.0)) as playing:
        # "Order" 1, 2, 3: be called back on the main thread, activated anew, flushed.
        for order in (1, 2, 3):
            playing.host.set_parameter("t0", 3, order / 7)
            playing.until_heard("t0", 10)
        playing.until(lambda: round(100 * playing.host.parameters("t0")[6]) == 1, "called back")
        playing.until(lambda: playing.slot("t0").latency_frames == 100, "the new latency")
        assert (playing.host.capture_slot("t0").state or b"")[:4] == b"FIXT"
        assert playing.host.parameters("t0")[4] == 0.0, "rules broken"
        assert playing.slot("t0").restarts == 0, playing.host.events_since(0)


def test_offline_the_sound_does_not_depend_on_when_the_main_thread_runs(tmp_path: Path) -> None:
    """What the plugin asks for in one block is done before the next, however fast blocks come."""
    clip = write_clip(tmp_path / "a.wav", noise(48_000))
    song = Song(tracks=(audio_track("t", clip, fixture("all")),))
    heard = []
    for pause_s in (0.0, 0.1, 0.0):
        with offline(song) as host:
            parts = [host.render(4)]
            for order in (7, 2, 3, 1):  # a new range, a new latency, flushed, called back
                host.set_parameter("t0", 3, order / 7)
                parts.append(host.render(1))
                time.sleep(pause_s)
                host.set_parameter("t0", 0, 0.5)  # half of the range is heard
                for _ in range(4):
                    parts.append(host.render(1))
                    time.sleep(pause_s)
            assert host.parameters("t0")[4] == 0.0, "rules broken"
            heard.append(np.concatenate(parts, axis=1))
    assert np.array_equal(heard[0], heard[1])
    assert np.array_equal(heard[0], heard[2])


@needs_zam
def test_a_killed_plugin_comes_back_with_its_parameters(tmp_path: Path) -> None:
    song = Song(tracks=(audio_track("t", write_clip(tmp_path / "a.wav", noise(480_000)), ZAM_EQ),))
    with play(song) as playing:
        playing.host.set_parameter("t0", 10, 0.25)
        playing.until_heard("t0")
        playing.kill_and_wait("t0")
        assert playing.host.parameters("t0")[10] == pytest.approx(0.25, abs=1e-6)


@needs_zam
def test_the_mix_is_what_the_vst3_of_the_same_plugin_makes_it(tmp_path: Path) -> None:
    file = write_clip(tmp_path / "a.wav", noise(24_000))
    clap, vst3 = (
        render(Song(tracks=(audio_track("t", file, plugin),)), 24_000)
        for plugin in (ZAM_EQ, "vst3:/usr/lib/vst3/ZamEQ2.vst3")
    )
    np.testing.assert_array_equal(clap, vst3)
