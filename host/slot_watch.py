# SPDX-License-Identifier: GPL-3.0-or-later
"""What the control thread reads from a slot's counters: is it stuck, does it send rubbish, is it
late, has its latency changed? Each watch only judges; what follows is the supervisor's business.
"""

from enum import Enum, auto

from host.config import FaultPolicy
from host.crash_report import FaultKind
from host.engine_module import PluginSlot
from host.stall import StallWatch
from host.tenure import Tenure
from ipc._native import monotonic_ns

# What a mix can be delayed by for one plugin: 1.4 s at 48 kHz. The transport remembers as much.
MAX_LATENCY_FRAMES = 65536


def hangs(tenure: Tenure, native: PluginSlot, policy: FaultPolicy) -> bool:
    """Has it not come back from a block for longer than the hang limit, through its own doing?"""
    since = native.stuck_since_ns(tenure.seat)
    # The relay itself is asked too: a slot that is not asked to run, because the clock stands or
    # it is bypassed, is not seen to come back by the audio thread. Then the counter once more: it
    # may have come back, and be in a block, since the first question.
    stuck = since != 0 and tenure.chain.is_stuck(tenure.record)
    if not stuck or native.stuck_since_ns(tenure.seat) != since:
        tenure.stall = None
        return False
    if tenure.stall is None or tenure.stall.since_ns != since:
        tenure.stall = StallWatch(tenure.worker.pid, tenure.thread_id, since)
    limit_s = policy.hang_limit_s
    stuck_s = (monotonic_ns() - since) / 1e9
    # However starved: what has not come back after three times the limit is not coming.
    return stuck_s > limit_s and (stuck_s > 3 * limit_s or not tenure.stall.starved(limit_s))


def rubbish(native: PluginSlot, policy: FaultPolicy) -> FaultKind | None:
    """What is wrong with its output, if it does not stop."""
    (nonfinite, _, _), (overlevel, _, _) = native.nonfinite, native.overlevel
    if nonfinite >= policy.nonfinite_blocks:
        return FaultKind.NONFINITE
    if overlevel >= policy.overlevel_blocks:
        return FaultKind.RUNAWAY
    return None


def longest_rubbish(
    native: PluginSlot, policy: FaultPolicy, blocks: int
) -> tuple[FaultKind, int] | None:
    """The same of all that was rendered so far, and the block in which it began: offline nobody
    looks at every block. A plugin that spoils all `blocks` of a short file is no better than one
    that has the time for more."""
    for kind, (_, longest, end), limit in (
        (FaultKind.NONFINITE, native.nonfinite, policy.nonfinite_blocks),
        (FaultKind.RUNAWAY, native.overlevel, policy.overlevel_blocks),
    ):
        if longest >= min(limit, blocks):
            return kind, end - longest
    return None


class Lateness(Enum):
    ON_TIME = auto()
    LATE = auto()
    HELD = auto()  # from now on
    RELEASED = auto()  # to be tried again
    UNCHANGED = auto()


class LatenessWatch:
    """Lateness never counts as a fault: it is shown, and if it lasts, the slot is held bypassed for
    a while."""

    def __init__(self, native: PluginSlot, policy: FaultPolicy) -> None:
        self._native = native
        self._policy = policy
        self._held_until = 0.0
        self._missed_before = 0  # misses that count no longer

    @property
    def is_held(self) -> bool:
        return self._held_until > 0

    @property
    def misses(self) -> int:
        """In a row, of those that count."""
        native = self._native
        return min(native.misses_in_a_row, native.missed_blocks - self._missed_before)

    def forget(self) -> None:
        """Misses so far count no longer."""
        self._missed_before = self._native.missed_blocks

    def restart(self) -> None:
        """Another worker: not held, and blamed for nothing."""
        self._held_until = 0.0
        self.forget()

    def check(self, now: float, bypassed: bool) -> Lateness:
        """`bypassed`: by the user."""
        if self.is_held:
            if now < self._held_until or bypassed:
                return Lateness.UNCHANGED
            self.restart()
            return Lateness.RELEASED
        if bypassed:
            return Lateness.UNCHANGED
        misses = self.misses
        if misses >= self._policy.hold_blocks:
            self._held_until = now + self._policy.hold_s
            return Lateness.HELD
        if misses >= self._policy.late_blocks:
            return Lateness.LATE
        return Lateness.ON_TIME if misses == 0 else Lateness.UNCHANGED


class LatencyWatch:
    """Which latency is compensated: what the plugin reports, but not what no mix can be delayed
    by."""

    def __init__(self) -> None:
        self.frames = 0
        self._refused = 0

    def take(self, reported: int) -> bool:
        """True if it is another one now."""
        frames = reported if reported <= MAX_LATENCY_FRAMES else 0
        changed, self.frames = frames != self.frames, frames
        return changed

    def is_news(self, reported: int) -> bool:
        """True once for each latency beyond what is compensated."""
        if reported <= MAX_LATENCY_FRAMES or reported == self._refused:
            return False
        self._refused = reported
        return True
