# SPDX-License-Identifier: GPL-3.0-or-later
"""A stepped host for slots with a standby: each block waits until the standby has had it too, so
that what a takeover sounds like is decided to the sample on any machine."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from host.config import FaultPolicy
from host.song import Song
from ipc.status import SlotStatus
from tests.process.songs import RATE, Audio
from tests.process.stepping import SOON, Steps, stepped

BLOCK = 128
FADE = round(0.010 * RATE)  # of whoever comes after one who failed


def is_stopped(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] == "T"


class Pair(Steps):
    """`slot` is the one that keeps a standby."""

    def __init__(self, steps: Steps, slot: str) -> None:
        super().__init__(steps.host)
        self.name = slot
        self.native = steps.host.supervisor_of(slot).native

    def render(self, blocks: int) -> Audio:
        parts = []
        for _ in range(blocks):
            parts.append(super().render(1))
            self.catch_up()
        return np.concatenate(parts, axis=1)

    def catch_up(self) -> None:
        """Until both workers are through with what they were given, but for one that is stopped."""
        slot = self.host.supervisor_of(self.name)
        chain = slot.chain.native
        assert chain is not None
        for tenure in slot.seats.all():
            if tenure.seated_in is not None and not is_stopped(tenure.worker.pid):
                self.until(
                    lambda tenure=tenure: (
                        not tenure.worker.alive or not chain.is_stuck(tenure.record)
                    ),
                    "both have had the block",
                )

    def render_until_caught_up(self) -> None:
        """Until both have had all blocks. Whether a worker gets one or two of them in a block of
        the host is decided by the machine, so how many blocks it takes is too."""
        for _ in range(200):
            if self.native.behind(0) == self.native.behind(1) == 0:
                return
            self.render(1)
        raise AssertionError("the standby does not catch up")

    def lose_one(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Ends the worker that plays; the host knows before the next block."""
        pid = self.host.worker_pid(self.name)
        assert pid is not None
        os.kill(pid, number)
        self.until(lambda: self.host.worker_pid(self.name) != pid, "the other one plays")

    def go_on_standing_by(self, pid: int) -> None:
        """Lets the stopped standby go on; it is back from the block that it was stopped in."""
        os.kill(pid, signal.SIGCONT)
        self.until(lambda: not is_stopped(pid), "woken")
        self.catch_up()

    def until_ready(self) -> None:
        """A standby is there, and is told so. The clock stands meanwhile."""
        self.until(
            lambda: (
                self.host.standby_pid(self.name) is not None
                and self.slot(self.name).status is SlotStatus.ACTIVE
            ),
            "a standby is ready",
        )

    @property
    def takeovers(self) -> int:
        return self.native.takeovers

    @property
    def covered(self) -> int:
        """Blocks in which the plugin was not heard."""
        return self.slot(self.name).bypassed_blocks


@contextmanager
def pair(song: Song, slot: str, faults: FaultPolicy = SOON, **config: object) -> Iterator[Pair]:
    with stepped(song, block=BLOCK, faults=faults, **config) as steps:
        yield Pair(steps, slot)
