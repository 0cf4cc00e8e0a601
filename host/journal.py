# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plugin must be told after a restart: its snapshots, and the edits made since.

Every edit has a number. A worker publishes the last one it applied; a snapshot carries the number
that was read before the state was captured, so it contains at least those edits. Edits are
absolute values, so replaying one that the snapshot already holds does no harm, while losing one
does: an edit leaves the journal only when every snapshot that could be restored holds it.
"""

from dataclasses import dataclass

KEPT_SNAPSHOTS = 3


@dataclass(frozen=True)
class Edit:
    number: int
    parameter: int
    value: float  # normalized 0..1


@dataclass
class Snapshot:
    data: bytes
    applied_edit: int
    blocks: int  # processed by the slot when it was captured
    good: bool = False  # it played on for some blocks afterwards


class Journal:
    """Numbered edits and kept snapshots of one slot."""

    def __init__(self, initial_state: bytes | None = None) -> None:
        self._last = 0
        self._edits: dict[int, Edit] = {}  # newest by parameter
        self._history: list[Edit] = []
        self._snapshots: list[Snapshot] = []
        self._initial = initial_state

    @property
    def last_edit(self) -> int:
        return self._last

    @property
    def snapshots(self) -> tuple[Snapshot, ...]:
        """Oldest first."""
        return tuple(self._snapshots)

    @property
    def recent_edits(self) -> tuple[Edit, ...]:
        """The last edits in the order they were made, for crash reports."""
        return tuple(self._history)

    def edit(self, parameter: int, value: float) -> Edit:
        """Records an edit and gives it its number."""
        self._last += 1
        edit = Edit(self._last, parameter, value)
        self._edits.pop(parameter, None)
        self._edits[parameter] = edit
        self._history = [*self._history[-31:], edit]
        return edit

    def has_edits_after(self, number: int) -> bool:
        return self._last > number

    def add_snapshot(self, data: bytes, applied_edit: int, blocks: int) -> None:
        """Keeps a state captured when the slot had processed `blocks` blocks."""
        self._snapshots.append(Snapshot(data, applied_edit, blocks))
        while len(self._snapshots) > KEPT_SNAPSHOTS:
            # A fresh snapshot must not push out the last good one.
            good = [s for s in self._snapshots if s.good]
            oldest = self._snapshots[0]
            victim = self._snapshots[1] if good == [oldest] else oldest
            self._snapshots.remove(victim)
        self._forget_held_edits()

    def survive(self, blocks: int, needed: int) -> None:
        """The slot has now processed `blocks`: snapshots older than `needed` blocks are good."""
        for snapshot in self._snapshots:
            snapshot.good = snapshot.good or blocks - snapshot.blocks >= needed

    def states_to_restore(self) -> list[bytes]:
        """States in the order to try them: good snapshots, newest first, then the first state."""
        states = [s.data for s in reversed(self._snapshots) if s.good]
        if self._initial is not None:
            states.append(self._initial)
        return states

    def edits_to_replay(self) -> list[Edit]:
        """The newest edit of each parameter that some restorable state may lack, by number."""
        return sorted(self._edits.values(), key=lambda edit: edit.number)

    def state_for_report(self) -> bytes | None:
        states = self.states_to_restore()
        return states[0] if states else None

    def _forget_held_edits(self) -> None:
        good = [s for s in self._snapshots if s.good]
        # The song's own state is the last resort and lacks every edit: replaying all of them is
        # what makes it right, so edits are only forgotten once three good snapshots stand.
        if len(good) < KEPT_SNAPSHOTS:
            return
        held = min(s.applied_edit for s in good)
        self._edits = {p: e for p, e in self._edits.items() if e.number > held}
