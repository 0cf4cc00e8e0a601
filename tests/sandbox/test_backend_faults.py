# SPDX-License-Identifier: GPL-3.0-or-later
"""Each deliberate fault does what it says, when it says it, and is a gain until then."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from ipc.errors import WorkerError
from sandbox.backends import LoadedPlugin, open_plugin
from tests.fixtures.own_process import own_process
from tests.fixtures.playing import RATE, noise, play

_ROOT = Path(__file__).parents[2]
_BLOCK = 64

# A worker in small: loads, says so, plays ten blocks and says each one, saves and restores.
_PLAYER = """
import sys
import numpy as np
from sandbox._native import Slot
from sandbox.backends import open_plugin

plugin = open_plugin(sys.argv[1], sample_rate=48000.0, max_frames=64)
print("loaded", flush=True)
slot = Slot(plugin.processors, 64)
for block in range(10):
    slot.process(np.ones((2, 64), np.float32))
    print("block", flush=True)
state = plugin.get_state()
print("saved", flush=True)
plugin.set_state(state)
print("restored", flush=True)
"""


@contextmanager
def player(plugin_id: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", _PLAYER, plugin_id],
        cwd=_ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def load(plugin_id: str) -> LoadedPlugin:
    return open_plugin(plugin_id, sample_rate=RATE, max_frames=_BLOCK)


@pytest.mark.parametrize(
    ("kind", "ends_by"),
    [
        ("segv", signal.SIGSEGV),
        ("abort", signal.SIGABRT),
        ("stack-overflow", signal.SIGSEGV),
        ("double-free", signal.SIGABRT),
    ],
)
def test_crashes_end_the_process_by_their_signal_after_the_given_blocks(
    kind: str, ends_by: signal.Signals
) -> None:
    with player(f"fault:{kind}?after=4") as process:
        out, _ = process.communicate(timeout=60)
        assert process.returncode == -ends_by
        assert out.count("block") == 4


def test_exit_ends_the_process_with_a_code_of_its_own() -> None:
    with player("fault:exit?after=0") as process:
        out, _ = process.communicate(timeout=60)
        assert (process.returncode, out) == (7, "loaded\n")


@pytest.mark.parametrize(
    ("kind", "moment"),
    [("load-segv", ""), ("save-segv", "block"), ("restore-segv", "saved")],
)
def test_crashes_at_other_moments(kind: str, moment: str) -> None:
    with player(f"fault:{kind}") as process:
        out, _ = process.communicate(timeout=60)
        assert process.returncode == -signal.SIGSEGV
        assert (out.split() or [""])[-1] == moment


def state_of(pid: int) -> str:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return fields[0]


def cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


@pytest.mark.parametrize(
    ("plugin_id", "state"),
    [
        ("fault:spin?after=2", "R"),
        ("fault:deadlock?after=2", "S"),
        ("fault:stop?after=2", "T"),
        ("fault:load-hang", "S"),
    ],
)
def test_hangs_hang(plugin_id: str, state: str) -> None:
    with player(plugin_id) as process:
        assert process.stdout
        if "load" not in plugin_id:
            assert [process.stdout.readline() for _ in range(3)] == ["loaded\n", *["block\n"] * 2]
        deadline = time.monotonic() + 20
        ticks = cpu_ticks(process.pid)
        while state_of(process.pid) != state or (
            state == "R" and cpu_ticks(process.pid) < ticks + os.sysconf("SC_CLK_TCK") // 10
        ):
            assert time.monotonic() < deadline, state_of(process.pid)
            time.sleep(0.02)
        assert process.poll() is None


@pytest.mark.parametrize("kind", ["nan", "inf", "loud", "sleep", "leak", "segv"])
def test_a_fault_is_a_gain_until_its_time(kind: str) -> None:
    plugin = load(f"fault:{kind}?after=10")
    assert plugin.find_parameter("Gain") == 0
    plugin.set_parameter(0, plugin.parameter_from_text(0, "-20 dB"))
    audio = noise(10 * _BLOCK)
    np.testing.assert_allclose(play(plugin, audio, block=_BLOCK)[0], audio * 0.1, rtol=1e-4)
    other = load(f"fault:{kind}")
    other.set_state(plugin.get_state())
    assert other.get_parameters() == plugin.get_parameters()


def faulty_blocks(plugin_id: str, blocks: int = 12) -> list[int]:
    heard, _ = play(load(plugin_id), noise(blocks * _BLOCK), block=_BLOCK)
    with np.errstate(invalid="ignore"):
        bad = ~(np.abs(heard) < 10.0)
    return [b for b in range(blocks) if np.all(bad[:, b * _BLOCK : (b + 1) * _BLOCK])]


@pytest.mark.parametrize("kind", ["nan", "inf", "loud"])
def test_broken_output_comes_when_planned(kind: str) -> None:
    assert faulty_blocks(f"fault:{kind}?after=9") == [9, 10, 11]
    assert faulty_blocks(f"fault:{kind}?after=2&every=4") == [2, 6, 10]
    assert faulty_blocks(f"fault:{kind}?after=0&every=2&times=3") == [0, 2, 4]
    assert faulty_blocks(f"fault:{kind}?after=12") == []


def test_the_default_is_a_hundred_blocks() -> None:
    assert faulty_blocks("fault:nan", blocks=102) == [100, 101]


def test_a_parameter_change_inside_a_block_counts_as_no_further_block() -> None:
    plugin = load("fault:nan?after=2")
    changes = [(i, 0, 0.5) for i in range(0, 2 * _BLOCK, 5)]
    heard, _ = play(plugin, noise(3 * _BLOCK), block=_BLOCK, changes=changes)
    assert np.isfinite(heard[:, : 2 * _BLOCK]).all()
    assert np.isnan(heard[:, 2 * _BLOCK :]).all()


def test_sleep_sleeps() -> None:
    plugin = load("fault:sleep?after=1&ms=40&times=2")
    started = time.monotonic()
    play(plugin, noise(5 * _BLOCK), block=_BLOCK)
    assert 0.08 <= time.monotonic() - started < 2.0


@own_process  # in a process that has freed much, a leak takes nothing from the system
def test_leak_keeps_memory() -> None:
    def resident_mb() -> float:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    plugin = load("fault:leak?after=0&mb=3&times=10")
    before = resident_mb()
    play(plugin, noise(10 * _BLOCK), block=_BLOCK)
    assert resident_mb() - before > 25


def test_a_state_of_another_device_is_rejected() -> None:
    gain = open_plugin("builtin:gain", sample_rate=RATE, max_frames=64)
    with pytest.raises(WorkerError, match="of 'builtin:gain'"):
        load("fault:segv").set_state(gain.get_state())
