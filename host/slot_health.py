# SPDX-License-Identifier: GPL-3.0-or-later
"""What follows from a slot's counters, many times a second: a worker is given up, the slot held for
a while, its latency compensated."""

from host.crash_report import FaultKind, Phase
from host.engine_module import PluginSlot
from host.events import HostEventKind
from host.slot_context import SlotContext
from host.slot_controls import SlotControls
from host.slot_standing import SlotStanding
from host.slot_watch import (
    MAX_LATENCY_FRAMES,
    LatencyWatch,
    Lateness,
    hangs,
    rubbish,
)
from host.song import Slot
from host.tenure import Tenure
from ipc.status import SlotStatus


class SlotHealth:
    def __init__(
        self,
        spec: Slot,
        native: PluginSlot,
        controls: SlotControls,
        standing: SlotStanding,
        context: SlotContext,
    ) -> None:
        self._spec = spec
        self._native = native
        self._controls = controls
        self._standing = standing
        self._mix = context.mix
        self._policy = context.config.faults
        self._latency = LatencyWatch()

    @property
    def latency_frames(self) -> int:
        return self._latency.frames

    def is_lost(self, tenure: Tenure) -> bool:
        """It wrecked what it is heard by, and is given up."""
        if not tenure.chain.lost(tenure.record):
            return False
        self._standing.notice("it truncated its shared memory; its worker is stopped")
        tenure.condemn(FaultKind.CRASH, Phase.PROCESS)
        return True

    def check(self, tenure: Tenure, now: float, stalled: bool) -> FaultKind | None:
        """Looks at whoever plays. What is wrong with its output, if it does not stop. `stalled`:
        the control thread itself was late, so is time."""
        if not stalled and hangs(tenure, self._native, self._policy):
            tenure.condemn(FaultKind.HANG, Phase.PROCESS)
        wrong = None
        if tenure.was_heard(self._native):
            wrong = rubbish(self._native, self._policy)
            if self._native.reported_latency_frames >= 0:
                self.take_latency(self._native.reported_latency_frames)
        self._check_lateness(now)
        return wrong

    def take_latency(self, reported: int) -> None:
        if self._latency.is_news(reported):
            self._standing.notice(
                f"it reports a latency of {reported} frames; beyond {MAX_LATENCY_FRAMES} it is not "
                f"compensated"
            )
        if self._latency.take(reported):
            self._controls.set_latency(self._latency.frames)
            self._mix.latency_changed()

    def _check_lateness(self, now: float) -> None:
        standing, label, policy = self._standing, self._spec.label, self._policy
        lateness = standing.lateness
        match lateness.check(now, standing.bypassed):
            case Lateness.HELD:
                standing.tell_bypass()
                standing.set_playing()
                standing.log(
                    HostEventKind.HELD,
                    f"{label} missed {lateness.misses} deadlines in a row and is held bypassed for "
                    f"{policy.hold_s:g} s; a larger --block or --pipelined gives it more time",
                )
            case Lateness.RELEASED:
                standing.tell_bypass()
                standing.set_playing()
                standing.log(HostEventKind.RELEASED, f"{label} is tried again")
            case Lateness.LATE if standing.status is SlotStatus.ACTIVE:
                standing.set(SlotStatus.LATE, f"missed {lateness.misses} deadlines in a row")
            case Lateness.ON_TIME if standing.status is SlotStatus.LATE:
                standing.set(SlotStatus.ACTIVE, "")
