# SPDX-License-Identifier: GPL-3.0-or-later
"""The audio thread keeps its discipline whatever happens around it, and the threads of the audio
path have the priorities that the design counts on.

The checked engine ends its process at the first allocation, lock or system call inside a block, so
a session that reaches its end is the proof. It plays in a process of its own, with the library
preloaded that sees into other libraries too.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import host.host
from host.config import FaultPolicy, HostConfig
from host.host import Host
from host.realtime import may_run_realtime
from ipc.processes import process_stat
from tests.process.songs import (
    Master,
    Playing,
    SlotStatus,
    Song,
    audio_track,
    chain,
    noise,
    play,
    write_clip,
)

pytestmark = pytest.mark.process

ROOT = Path(__file__).resolve().parents[2]
ZAM_EQ2 = Path("/usr/lib/vst3/ZamEQ2.vst3")
RTCHECK = ROOT / "host" / "librtcheck.so"

BLOCK = 1024
POLICIES = {os.SCHED_OTHER: "OTHER", os.SCHED_FIFO: "FIFO", os.SCHED_IDLE: "IDLE"}

needs_realtime = pytest.mark.skipif(
    not may_run_realtime(), reason="no right to real-time priority (isobooth doctor)"
)


@pytest.fixture
def clip_file(tmp_path: Path) -> str:
    return write_clip(tmp_path / "clip.wav", noise(5 * 48000))


def song_of(file: str, *plugins: str) -> Song:
    return Song(
        tracks=(audio_track("a", file, *plugins),), master=Master(chain=chain("builtin:gain"))
    )


# ---------------------------------------------------------------- discipline


@pytest.mark.slow
@pytest.mark.skipif(not RTCHECK.exists(), reason="host/librtcheck.so is not built (make native)")
def test_a_session_full_of_faults_never_breaks_the_audio_thread_s_discipline() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "tests.process.disciplined_session"],
        cwd=ROOT,
        env={**os.environ, "ISOBOOTH_CHECKED": "1", "LD_PRELOAD": str(RTCHECK)},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    told = result.stdout + result.stderr
    assert result.returncode == 0, told
    assert "on the audio thread" not in told
    # It proves nothing unless the traps were armed and all of it happened.
    report = dict(line.split(": ", 1) for line in result.stdout.splitlines())
    assert report["checks"] == "system calls, allocation, locks"
    assert int(report["restarts"]) >= 6
    assert int(report["missed blocks"]) > 0
    assert int(report["notes heard"]) > 0


# ---------------------------------------------------------------- priorities


def threads_of(pid: int, name: str) -> list[tuple[str, int]]:
    """(policy, priority) of the process's threads of that name."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            if task.joinpath("comm").read_text().strip() != name:
                continue
            tid = int(task.name)
            policy = os.sched_getscheduler(tid) & ~os.SCHED_RESET_ON_FORK
            found.append((POLICIES[policy], os.sched_getparam(tid).sched_priority))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def priorities(playing: Playing, *slots: str) -> dict[str, list[tuple[str, int]]]:
    own = os.getpid()
    return {
        "clock": threads_of(own, "isb-clock"),
        "watchdog": threads_of(own, "isb-watchdog"),
        **{slot: threads_of(playing.pid(slot), "isb-block") for slot in slots},
    }


@needs_realtime
def test_audio_runs_above_the_watchdog_and_the_watchdog_above_the_workers(clip_file: str) -> None:
    config = HostConfig()
    assert config.audio_priority > config.watchdog_priority > config.worker_priority > 0
    song = song_of(clip_file, "builtin:gain", "builtin:gain")
    with play(song, block=BLOCK) as playing:
        playing.run(4)
        worker = [("FIFO", config.worker_priority)]
        expected = {
            "clock": [("FIFO", config.audio_priority)],
            "watchdog": [("FIFO", config.watchdog_priority)],
            "a0": worker,
            "a1": worker,
        }
        assert playing.host.realtime
        assert priorities(playing, "a0", "a1") == expected
        playing.kill_and_wait("a0")
        assert priorities(playing, "a0", "a1") == expected


@needs_realtime
def test_only_the_audio_path_has_real_time_priority(clip_file: str) -> None:
    """A plugin's own threads, and the worker's control thread, must not preempt the mix."""
    audio = {"isb-clock", "isb-watchdog", "isb-block"}
    before = os.listdir("/proc/self/task")  # JACK's client keeps a thread of other tests
    with play(song_of(clip_file, "builtin:gain"), block=BLOCK) as playing:
        playing.run(4)
        for pid in (os.getpid(), playing.pid("a0")):
            for task in Path(f"/proc/{pid}/task").iterdir():
                name = task.joinpath("comm").read_text().strip()
                if name in audio or (pid == os.getpid() and task.name in before):
                    continue
                policy = os.sched_getscheduler(int(task.name)) & ~os.SCHED_RESET_ON_FORK
                assert policy == os.SCHED_OTHER, (task, name)


def process_cpu_s(pid: int) -> float:
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def all_normal(playing: Playing, *slots: str) -> bool:
    return all(threads == [("OTHER", 0)] for threads in priorities(playing, *slots).values())


def test_without_real_time_priority_nothing_has_it_and_the_song_plays(clip_file: str) -> None:
    with play(song_of(clip_file, "builtin:gain"), block=BLOCK, realtime=False) as playing:
        playing.until_heard("a0", 10)
        assert not playing.host.realtime
        assert all_normal(playing, "a0")
        playing.kill_and_wait("a0")
        assert all_normal(playing, "a0")
        playing.until_heard("a0", 10)
        assert playing.stop().any()


def test_workers_never_outrank_a_host_that_was_refused_real_time_priority(
    clip_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit between the workers' priority and the host's (rtprio 60) grants only the former."""
    asked = []

    def refuse(priority: int) -> bool:
        asked.append(priority)
        return False

    monkeypatch.setattr(host.host, "may_run_realtime", refuse)
    with play(song_of(clip_file, "builtin:gain"), block=BLOCK) as playing:
        playing.until_heard("a0")
        assert asked == [HostConfig().audio_priority]
        assert not playing.host.realtime
        assert all_normal(playing, "a0")


@needs_realtime
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core: the clock starves as well")
def test_a_plugin_that_spins_at_real_time_priority_loses_it_and_its_core_is_free_again(
    clip_file: str, wait_until: Callable[..., None]
) -> None:
    """Both tracks' workers share the one core that this test leaves to them."""
    cores = os.sched_getaffinity(0)
    # One fault, and the worker is left alone: only the watchdog may help its neighbours.
    spinner = "fault:spin?after=40&times=1"
    song = Song(
        tracks=(
            audio_track("bad", clip_file, spinner),
            audio_track("good", clip_file, "builtin:gain", "builtin:gain"),
        )
    )

    patient = FaultPolicy(hang_limit_s=30.0, hold_blocks=1 << 30)
    with Host(HostConfig(block_frames=BLOCK, faults=patient)) as running:
        running.load(song)
        spinning, neighbours = running.worker_pid("bad0"), ("good0", "good1")
        pids = [spinning, *(running.worker_pid(slot) for slot in neighbours)]
        for pid in pids:
            assert pid is not None
            for task in os.listdir(f"/proc/{pid}/task"):
                os.sched_setaffinity(int(task), {max(cores)})
        running.start()

        def reports() -> dict[str, int]:
            return {slot.id: slot.processed_blocks for slot in running.slots()}

        wait_until(lambda: running.watchdog_demotions > 0, 20)
        assert spinning is not None
        wait_until(lambda: threads_of(spinning, "isb-block") == [("OTHER", 0)])
        stuck = reports()
        demoted_at = running.engine.block_count
        wait_until(lambda: running.engine.block_count >= demoted_at + 40, 20)
        now = reports()
        assert now["bad0"] == stuck["bad0"]
        for slot in neighbours:
            # All but a few that this machine was late with.
            assert now[slot] - stuck[slot] >= 36, (stuck, now)
        statuses = {slot.id: slot.status for slot in running.slots()}
        assert statuses["good0"] is SlotStatus.ACTIVE
        assert running.worker_pid("bad0") == spinning  # it was not killed meanwhile


def test_a_plugin_that_spins_at_normal_priority_is_stopped_while_a_block_is_rendered(
    clip_file: str, wait_until: Callable[..., None]
) -> None:
    song = Song(
        tracks=(
            audio_track("bad", clip_file, "fault:spin?after=40&times=1"),
            audio_track("good", clip_file, "builtin:gain"),
        )
    )
    patient = FaultPolicy(hang_limit_s=30.0, hold_blocks=1 << 30)
    with Host(HostConfig(block_frames=BLOCK, faults=patient, realtime=False)) as running:
        running.load(song)
        running.start()
        wait_until(lambda: running.watchdog_stops >= 20, 20)
        spinning = running.worker_pid("bad0")
        assert spinning is not None
        # It runs between blocks: it may yet come back.
        used = process_cpu_s(spinning)
        wait_until(lambda: process_cpu_s(spinning) > used, 20)
        assert running.worker_pid("bad0") == spinning


def test_an_audio_thread_that_waits_behind_somebody_else_is_taken_to_another_core(
    clip_file: str, wait_until: Callable[..., None]
) -> None:
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        pytest.skip("one core only")
    with Host(HostConfig(block_frames=128, realtime=False)) as running, busy(cores[0]):
        running.load(song_of(clip_file, "builtin:gain"))
        running.start()
        wait_until(lambda: running.engine.block_count > 0, 20)
        (audio,) = [
            int(task.name)
            for task in Path("/proc/self/task").iterdir()
            if (task / "comm").read_text() == "isb-clock\n"
        ]
        # Whoever is busy on its core comes before it.
        os.sched_setscheduler(audio, os.SCHED_IDLE, os.sched_param(0))

        def is_fetched() -> bool:
            os.sched_setaffinity(audio, cores[:1])
            time.sleep(0.02)
            os.sched_setaffinity(audio, cores)  # the kernel itself may come first
            time.sleep(0.02)
            return running.watchdog_fetches >= 3

        wait_until(is_fetched, 30)
        assert os.sched_getaffinity(audio) == set(cores)


@contextmanager
def busy(core: int) -> Iterator[None]:
    code = "import os, sys\nos.sched_setaffinity(0, [int(sys.argv[1])])\nwhile True: pass\n"
    with subprocess.Popen([sys.executable, "-c", code, str(core)]) as process:
        try:
            yield
        finally:
            process.kill()


def test_a_worker_that_somebody_else_has_stopped_is_left_stopped(
    clip_file: str, wait_until: Callable[..., None]
) -> None:
    patient = FaultPolicy(hang_limit_s=30.0, hold_blocks=1 << 30)
    config = HostConfig(block_frames=BLOCK, faults=patient, realtime=False)
    with Host(config) as running:
        running.load(song_of(clip_file, "builtin:gain"))
        running.start()
        pid = running.worker_pid("a0")
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        wait_until(lambda: running.watchdog_demotions > 0, 20)
        goal = running.engine.block_count + 40
        wait_until(lambda: running.engine.block_count >= goal, 20)
        stat = process_stat(pid)
        assert stat is not None and stat.state == "T"
        assert running.watchdog_stops == 0
