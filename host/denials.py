# SPDX-License-Identifier: GPL-3.0-or-later
"""What a slot's plugin tried that its permissions do not allow, each told once."""

import shlex

from host.engine_module import Engine
from host.events import EventLog, HostEventKind
from host.permissions import rule_id
from host.song import Slot
from ipc.denial import Denial

# A plugin may try names without end; what it is like is clear after these.
_MOST = 200


class SlotDenials:
    """Of one slot, whatever became of its workers."""

    def __init__(self, slot: Slot, events: EventLog, engine: Engine) -> None:
        self._slot = slot
        self._events = events
        self._engine = engine
        self._told: dict[str, None] = {}

    @property
    def all(self) -> tuple[str, ...]:
        """In the order they happened: "read /home/me/.ssh/id"."""
        return tuple(self._told)

    def add(self, denial: Denial) -> None:
        """Takes it over from the worker; tells it if it is news."""
        if denial.what in self._told or len(self._told) >= _MOST:
            return
        self._told[denial.what] = None
        self._events.add(
            HostEventKind.DENIED,
            denial_text(self._slot.label, self._slot.plugin, denial),
            slot=self._slot.id,
            block=self._engine.block_count,
        )


def denial_text(label: str, plugin: str, denial: Denial) -> str:
    """For people: what was tried, and the command that lets it."""
    who = f"{label}, or a plugin of the same process," if denial.is_uncertain else label
    text = f"{who} tried to {denial.what}"
    if not denial.allow:
        return text
    named = shlex.quote(rule_id(plugin))
    return f"{text}; `isobooth permissions allow {named} {denial.allow}` lets it"
