# SPDX-License-Identifier: GPL-3.0-or-later
"""Who plays a slot, and who stands by: the two change parts when the audio thread says so, or when
whoever played is gone."""

from host.crash_report import FaultKind, Phase
from host.engine_module import Engine, PluginSlot
from host.events import HostEventKind
from host.slot_controls import SlotControls
from host.slot_standby import SlotStandby
from host.slot_standing import SlotStanding
from host.song import Slot
from host.tenure import Tenure
from host.worker_place import settle, standby_priority
from ipc.messages import Loaded


class SlotSeats:
    """`playing` is the worker that plays, or is being loaded to do so; `standby` is None where the
    slot keeps none."""

    def __init__(
        self,
        spec: Slot,
        native: PluginSlot,
        engine: Engine,
        controls: SlotControls,
        standing: SlotStanding,
        priority: int,
    ) -> None:
        """`priority`: of a real-time worker that plays."""
        self.playing: Tenure | None = None
        self.standby: SlotStandby | None = None
        self._spec = spec
        self._native = native
        self._engine = engine
        self._controls = controls
        self._standing = standing
        self._priority = priority

    def all(self) -> list[Tenure]:
        standby = self.standby.tenure if self.standby is not None else None
        return [tenure for tenure in (self.playing, standby) if tenure is not None]

    def seat(self, tenure: Tenure, loaded: Loaded, restarted: bool, stands_by: bool) -> None:
        """From the next block on it plays, or stands by."""
        tenure.thread_id = loaded.thread_id
        tenure.priority = self._priority if loaded.realtime else 0
        priority = standby_priority(tenure.priority) if stands_by else tenure.priority
        self._native.set_worker(tenure.thread_id, priority, tenure.stoppable_pid, tenure.seat)
        self._controls.attach(tenure.record, restarted, tenure.seat)
        tenure.seated_in = self._engine.block_count

    def leave(self, tenure: Tenure) -> None:
        """Its worker is dead."""
        if tenure.seated_in is not None:
            self._native.set_worker(0, 0, 0, tenure.seat)
            self._controls.detach(tenure.seat)

    def sits(self, tenure: Tenure) -> bool:
        """What the audio thread says of its seat is said of this worker, not of the one before."""
        since = tenure.seated_in
        return since is not None and self._engine.block_count >= since + 2

    def is_out_of_step(self, tenure: Tenure) -> bool:
        """It was stuck for so long that nobody knows any more what it has missed."""
        return self.sits(tenure) and self._native.out_of_step(tenure.seat)

    def let_standby_play(self, reason: str, back_off_s: float = 0.0) -> bool:
        """Whoever played is gone. False if there is no standby that is ready to play."""
        standby = self.standby
        if standby is None or not standby.is_ready:
            if standby is not None:
                standby.dismiss()  # until there is one that plays
            return False
        self.playing = standby.release()
        assert self.playing is not None
        self._tell_takeover(self.playing, reason)
        self._standing.set_playing()
        self._standing.tell_bypass()
        standby.prepare(back_off_s)
        return True

    def see_who_plays(self) -> None:
        """The audio thread may have let the standby play for one that was late."""
        standby = self.standby
        if standby is None or not standby.is_ready or self.playing is None:
            return
        ready = standby.tenure
        if ready is None or not self.sits(ready) or self._native.playing != ready.seat:
            return
        late, self.playing = self.playing, standby.exchange(self.playing)
        settle(late, self._native, stands_by=True)
        self._tell_takeover(ready, "")

    def reject(self, kind: FaultKind) -> None:
        """What it sends is not heard from the next block on, and it is given up."""
        if self.playing is None:
            return
        if self.standby is not None and self.standby.is_ready:
            self._controls.detach(self.playing.seat)
        else:
            self._controls.set_bypass(True, self._standing.bypassed)
        self.playing.condemn(kind, Phase.PROCESS)

    def dismiss_all(self) -> None:
        if self.standby is not None:
            self.standby.dismiss()
        if self.playing is not None:
            self.playing.dismiss()

    def _tell_takeover(self, tenure: Tenure, reason: str) -> None:
        """`reason`: why it needs another standby; empty if it has one, which was late."""
        settle(tenure, self._native, stands_by=False)
        self._standing.stands_in = reason
        why = "another one is prepared" if reason else "the other one was late, and stands by"
        self._standing.log(
            HostEventKind.TAKEOVER, f"{self._spec.label} is played by its standby; {why}"
        )
