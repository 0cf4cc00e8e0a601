# SPDX-License-Identifier: GPL-3.0-or-later
"""A stepped host for slots with a standby: each block waits until the standby has had it too, so
that what a takeover sounds like is decided to the sample on any machine."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from host.config import FaultPolicy
from host.song import Song
from ipc.status import SlotStatus
from tests.process.songs import RATE, Audio
from tests.process.stepping import SOON, Steps, stepped

BLOCK = 128
FADE = round(0.010 * RATE)  # of whoever comes after one who failed


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
        """Until whoever stands by has had every block; at once if he is stuck or there is none."""
        slot = self.host.supervisor_of(self.name)
        standby = slot.standby
        assert standby is not None

        def is_equal() -> bool:
            tenure, chain = standby.tenure, slot.chain.native
            if tenure is None or chain is None or not standby.is_ready:
                return True
            if self.native.stuck_since_ns(tenure.seat):
                return True
            return not chain.is_stuck(tenure.record)

        self.until(is_equal, "the standby has had the block")

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
