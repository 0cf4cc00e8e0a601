# SPDX-License-Identifier: GPL-3.0-or-later
"""A live host whose clock is the test: blocks are rendered when it says so, and workers die, stop
and return between two of them. What is heard is then decided to the sample, however busy the
machine is."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from host.config import FaultPolicy, HostConfig
from host.host import Host, SlotReport
from host.song import Song
from ipc.status import SlotStatus
from tests.process.songs import RATE, Audio

# A worker that is stopped is waited for as long; one that is only slow on a busy machine comes.
PATIENCE_S = 0.15

# Back soon, but not before the test has heard the gap; never too often.
SOON = FaultPolicy(
    first_restart_s=0.1,
    next_restart_s=0.1,
    longest_restart_s=0.1,
    crash_limit=1000,
    hang_limit_s=60,
)
NEVER = FaultPolicy(first_restart_s=600.0, hang_limit_s=60)


class Steps:
    def __init__(self, host: Host) -> None:
        self.host = host
        self._parts: list[Audio] = []

    @property
    def block(self) -> int:
        return self.host.config.block_frames

    @property
    def frames(self) -> int:
        """Heard so far."""
        return sum(part.shape[1] for part in self._parts)

    def render(self, blocks: int) -> Audio:
        self._parts.append(self.host.render(blocks))
        return self._parts[-1]

    def seconds(self, seconds: float) -> Audio:
        return self.render(-(-round(seconds * RATE) // self.block))

    def heard(self) -> Audio:
        return np.concatenate(self._parts, axis=1)

    def slot(self, slot_id: str) -> SlotReport:
        return next(slot for slot in self.host.slots() if slot.id == slot_id)

    def until(self, condition: Callable[[], object], what: str) -> None:
        """The clock stands meanwhile."""
        deadline = time.monotonic() + 30.0
        while not condition():
            assert time.monotonic() < deadline, f"{what}; {self.host.slots()}"
            time.sleep(0.002)

    def lose(self, slot_id: str) -> None:
        """Kills the slot's worker: it is not there in the next block."""
        pid = self.host.worker_pid(slot_id)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        self.until(lambda: self.host.worker_pid(slot_id) is None, f"{slot_id} gone")
        # The supervisor lets go of the worker before it says so.
        self.until(lambda: self.slot(slot_id).status is not SlotStatus.ACTIVE, f"{slot_id} lost")

    def regain(self, slot_id: str) -> None:
        """It is there again in the next block."""
        self.until(
            lambda: self.slot(slot_id).status in (SlotStatus.ACTIVE, SlotStatus.BYPASSED),
            f"{slot_id} back",
        )

    def stop(self, slot_id: str) -> int:
        """Stops the slot's worker where it is; its pid."""
        pid = self.host.worker_pid(slot_id)
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        stat = Path(f"/proc/{pid}/stat")
        self.until(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T", "stopped")
        return pid

    def go_on(self, slot_id: str, pid: int) -> None:
        """Lets it go on; it has come back from the block that it was stopped in."""
        os.kill(pid, signal.SIGCONT)
        slot = self.host.supervisor_of(slot_id)
        chain, record = slot.chain.native, slot.record
        assert chain is not None and record is not None
        self.until(lambda: not chain.is_stuck(record), "woken")


@contextmanager
def stepped(
    song: Song, *, block: int = 128, faults: FaultPolicy = SOON, **config: object
) -> Iterator[Steps]:
    """Loads a song and plays from frame 0 with the first block rendered."""
    settings = HostConfig(
        block_frames=block,
        faults=faults,
        deadline_fraction=PATIENCE_S * RATE / block,
        **config,  # type: ignore[arg-type]
    )
    with Host(settings) as host:
        host.load(song)
        host.play()
        yield Steps(host)
