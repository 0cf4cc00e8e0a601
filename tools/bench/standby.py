# SPDX-License-Identifier: GPL-3.0-or-later
"""What a takeover by a standby costs: the blocks in which the plugin is not heard, and how much of
a step there is in what is."""

import os
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from host.config import FaultPolicy, HostConfig
from host.host import Host
from host.song import AudioSource, Slot, Song, Track
from tools.bench.common import PLUGIN, RATE, wait_for_blocks

# It dies between two blocks or in one, does not wake to one, or does not come back from one.
_ENDS = (signal.SIGKILL, signal.SIGSEGV, signal.SIGSTOP)
# At +12 dB: what is heard in its place differs.
_TONE_HZ = 440.0  # whole periods in a second, so that it loops without a step of its own
_LIMIT_S = 20.0


def measure(takeovers: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """Over `takeovers` failures at the block rate, of one kind after the other.

    standby_largest_step is the largest step between two samples around a takeover over the largest
    of the same sound in peace: 1 is no step at all.
    """
    # Every failure counts as a first one: no back-off, no quarantine.
    faults = FaultPolicy(crash_window_s=0.01, hang_limit_s=0.3)
    blocks: list[int] = []
    steps: list[float] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        Host(HostConfig(faults=faults, capture_s=5.0)) as host,
    ):
        host.load(_song(Path(folder)))
        host.start()
        wait_for_blocks(host, 400)
        host.engine.read_capture(1 << 30)
        wait_for_blocks(host, 100)
        peace = _largest_step(host.engine.read_capture(1 << 30))
        for number in range(takeovers):
            tell(f"standby: failure {number + 1} of {takeovers}")
            blocks.append(_fail(host, _ENDS[number % len(_ENDS)]))
            steps.append(_largest_step(host.engine.read_capture(1 << 30)) / peace)
    return {
        "standby_takeover_blocks": float(np.median(blocks)),
        "standby_takeover_series_blocks": {
            "median": float(np.median(blocks)),
            "p99": round(float(np.percentile(blocks, 99)), 1),
            "max": int(np.max(blocks)),
        },
        "standby_largest_step": round(float(np.max(steps)), 2),
        "standby_takeovers": takeovers,
    }


def _song(folder: Path) -> Song:
    tone = 0.1 * np.sin(2 * np.pi * _TONE_HZ / RATE * np.arange(RATE))
    soundfile.write(folder / "tone.wav", np.stack([tone, tone], axis=1), RATE, subtype="FLOAT")
    slot = Slot(id="slot", plugin=PLUGIN, parameters={"Master Gain": 1.0}, standby=True)
    audio = AudioSource(file=str(folder / "tone.wav"), loop=True)
    return Song(tracks=(Track(id="track", audio=audio, chain=(slot,)),))


def _fail(host: Host, number: signal.Signals) -> int:
    """Blocks that were not heard of one failure, from a standby to the next."""
    _wait(lambda: host.standby_pid("slot") is not None)
    wait_for_blocks(host, 100)
    host.engine.read_capture(1 << 30)
    native = host.supervisor_of("slot").native
    before, takeovers = native.bypassed_blocks, native.takeovers
    pid = host.worker_pid("slot")
    assert pid is not None
    os.kill(pid, number)
    _wait(lambda: native.takeovers > takeovers)
    wait_for_blocks(host, 50)
    missed = native.bypassed_blocks - before
    # One that is stopped stands by for now: it is found to hang, and replaced.
    _wait(lambda: host.standby_pid("slot") not in (None, pid))
    return int(missed)


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _LIMIT_S
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError("no takeover, or no standby, in time")
        time.sleep(0.001)


def _largest_step(samples: NDArray[np.float32]) -> float:
    """`samples`: (frames, 2)."""
    return float(np.abs(np.diff(samples, axis=0)).max())
