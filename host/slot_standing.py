# SPDX-License-Identifier: GPL-3.0-or-later
"""How a slot is doing and why: for people, and for the audio thread, which goes without a plugin
that is bypassed, held or given up."""

from host.config import FaultPolicy
from host.engine_module import Engine, PluginSlot
from host.events import EventLog, HostEventKind
from host.slot_controls import SlotControls
from host.slot_watch import LatenessWatch
from host.song import Slot
from ipc.status import SlotStatus

_PLAYING = (SlotStatus.ACTIVE, SlotStatus.LATE, SlotStatus.BYPASSED, SlotStatus.STANDBY)
_GIVEN_UP = (SlotStatus.QUARANTINED, SlotStatus.FAILED)


class SlotStanding:
    def __init__(
        self,
        spec: Slot,
        native: PluginSlot,
        controls: SlotControls,
        policy: FaultPolicy,
        events: EventLog,
        engine: Engine,
    ) -> None:
        self.status = SlotStatus.RESTARTING
        self.reason = ""  # why it is not active, for people
        self.bypassed = spec.bypassed  # by the user
        self.stands_in = ""  # why its standby plays, until there is another one
        self.lateness = LatenessWatch(native, policy)
        self._spec = spec
        self._controls = controls
        self._events = events
        self._engine = engine

    @property
    def is_playing(self) -> bool:
        """It has a worker that may be heard."""
        return self.status in _PLAYING

    @property
    def is_given_up(self) -> bool:
        return self.status in _GIVEN_UP

    def set(self, status: SlotStatus, reason: str) -> None:
        self.status, self.reason = status, reason

    def set_playing(self) -> None:
        """Active, unless there is something to say of it."""
        if self.bypassed:
            self.set(SlotStatus.BYPASSED, "by the user")
        elif self.lateness.is_held:
            self.set(SlotStatus.BYPASSED, "missed too many deadlines in a row")
        elif self.stands_in:
            self.set(SlotStatus.STANDBY, self.stands_in)
        else:
            self.set(SlotStatus.ACTIVE, "")

    def tell_bypass(self) -> None:
        """Tells the audio thread whether to go without the plugin."""
        out = self.bypassed or self.lateness.is_held or self.is_given_up
        self._controls.set_bypass(out, self.bypassed)

    def notice(self, text: str) -> None:
        self.log(HostEventKind.NOTICE, f"{self._spec.label}: {text}")

    def log(self, kind: HostEventKind, text: str, report: str | None = None) -> None:
        block = self._engine.block_count
        self._events.add(kind, text, slot=self._spec.id, report=report, block=block)
