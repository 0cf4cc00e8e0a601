# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plugin must be told after a restart: a snapshot, and the edits made since.

Every edit has a number. A worker publishes the last one it applied; a snapshot carries the number
that was read before the state was captured, so it contains at least those edits, and what else
the plugin changed by itself. A restart restores one state and replays the edits that are newer;
older ones stay in the journal for the day when that state fails and the one before is restored.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

KEPT_SNAPSHOTS = 3
PROGRAM = -1  # in the place of a parameter: the plugin's program is set, `value` is its index


@dataclass(frozen=True)
class Edit:
    number: int
    parameter: int
    value: float  # normalized 0..1

    @property
    def is_program(self) -> bool:
        return self.parameter == PROGRAM


@dataclass
class Snapshot:
    data: bytes
    applied_edit: int
    blocks: int  # processed by the slot when it was captured
    good: bool = False  # it played on for some blocks afterwards
    recovered: bool = False  # from a host that was killed: tried once, good or not


@dataclass(frozen=True)
class Restore:
    """How to bring a fresh instance to where the last one was."""

    state: bytes | None
    is_first: bool  # the song's own state, or none: the song's program and parameters follow it
    applied_edit: int  # held by the state
    edits: tuple[Edit, ...]  # what it lacks: the newest of each parameter, by number


class Keeper(Protocol):
    """Whoever keeps a journal beyond the life of this process."""

    def edited(self, edit: Edit) -> None: ...
    def kept(self, snapshots: Sequence[Snapshot]) -> None: ...


class Journal:
    """Numbered edits and kept snapshots of one slot."""

    def __init__(self, initial_state: bytes | None = None) -> None:
        self.keeper: Keeper | None = None
        self._last = 0
        self._edits: dict[int, Edit] = {}  # newest by parameter
        self._history: list[Edit] = []
        self._snapshots: list[Snapshot] = []
        self.song_state = initial_state  # whatever the plugin makes of it
        self._initial = initial_state
        self._poison: set[int] = set()  # numbers of edits that the plugin dies of

    @classmethod
    def resumed(
        cls, initial_state: bytes | None, edits: Iterable[Edit], snapshots: Iterable[Snapshot]
    ) -> "Journal":
        """One that goes on from what an earlier host has left."""
        journal = cls(initial_state)
        journal._edits = {edit.parameter: edit for edit in edits}
        journal._snapshots = list(snapshots)[-KEPT_SNAPSHOTS:]
        numbers = [edit.number for edit in journal._edits.values()]
        numbers += [snapshot.applied_edit for snapshot in journal._snapshots]
        journal._last = max(numbers, default=0)
        return journal

    @property
    def edits(self) -> tuple[Edit, ...]:
        """The newest of each parameter."""
        return tuple(self._edits.values())

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
        if self.keeper is not None:
            self.keeper.edited(edit)
        return edit

    def add_snapshot(self, data: bytes, applied_edit: int, blocks: int) -> None:
        """Keeps a state captured when the slot had processed `blocks` blocks."""
        newest = self._snapshots[-1] if self._snapshots else None
        if newest is not None and newest.data == data:
            newest.applied_edit = max(newest.applied_edit, applied_edit)
        else:
            self._snapshots.append(Snapshot(data, applied_edit, blocks))
        while len(self._snapshots) > KEPT_SNAPSHOTS:
            # A fresh snapshot must not push out the last good one.
            good = [s for s in self._snapshots if s.good]
            oldest = self._snapshots[0]
            victim = self._snapshots[1] if good == [oldest] else oldest
            self._snapshots.remove(victim)
        self._tell_keeper()

    def survive(self, blocks: int, needed: int) -> None:
        """The slot has now processed `blocks`: snapshots older than `needed` blocks are good."""
        proven = [s for s in self._snapshots if not s.good and blocks - s.blocks >= needed]
        for snapshot in proven:
            snapshot.good = True
        if proven:
            self._tell_keeper()

    def vouch(self) -> None:
        """The newest snapshot is good: its plugin is ended by the host, and did not fail."""
        if self._snapshots:
            self._snapshots[-1].good = True
            self._tell_keeper()

    def go_back_to(self, data: bytes, blocks: int) -> None:
        """This state, which the plugin once had, and no edit made since."""
        self._edits.clear()
        self.add_snapshot(data, self._last, blocks)
        self.vouch()

    def instance_lost(self) -> None:
        """The plugin failed: a state that it did not survive for long may be what broke it."""
        self._snapshots = [s for s in self._snapshots if s.good]
        self._tell_keeper()

    def go_back(self, snapshots: int) -> None:
        """The newest `snapshots` good states, and what was edited since the one before them, are
        forgotten; all of them: back to the song's own state."""
        good = [s for s in self._snapshots if s.good or s.recovered]
        kept = good[: max(0, len(good) - snapshots)]
        applied = kept[-1].applied_edit if kept else 0
        self._snapshots = kept
        self._edits = {k: edit for k, edit in self._edits.items() if edit.number <= applied}
        self._tell_keeper()

    def next_restore(self) -> Restore:
        """The newest good snapshot, else the song's own state, else none."""
        good = [s for s in self._snapshots if s.good or s.recovered]
        if good:
            return Restore(
                good[-1].data,
                False,
                good[-1].applied_edit,
                self._harmless(good[-1].applied_edit),
            )
        return Restore(self._initial, True, 0, self._harmless(0))

    def poison(self, parameter: int) -> Edit | None:
        """The plugin dies of the newest edit of this parameter: it is not replayed any more, but
        stays in the journal, for the song. None if there is none. A new edit of it is a new try."""
        edit = self._edits.get(parameter)
        if edit is None or edit.number in self._poison:
            return None
        self._poison.add(edit.number)
        return edit

    def reject(self, restore: Restore) -> None:
        """The plugin refused the state, or died of it: it is never tried again."""
        if restore.is_first:
            self._initial = None
        self._snapshots = [s for s in self._snapshots if s.data != restore.state]
        self._tell_keeper()

    def state_for_report(self) -> bytes | None:
        return self.next_restore().state

    def _tell_keeper(self) -> None:
        if self.keeper is not None:
            self.keeper.kept(self._snapshots)

    def made_after(self, number: int) -> tuple[Edit, ...]:
        """The newest edit of each parameter after `number`, but those that the plugin dies of."""
        return tuple(e for e in self._harmless(number) if e.number > number)

    def edits_after(self, number: int) -> tuple[Edit, ...]:
        """The newest edit of each parameter, of those after `number` and those that no plugin has
        survived, in their order."""
        newer = (e for e in self._edits.values() if e.number > number or e.number in self._poison)
        return tuple(sorted(newer, key=lambda edit: edit.number))

    def _harmless(self, number: int) -> tuple[Edit, ...]:
        return tuple(e for e in self.edits_after(number) if e.number not in self._poison)
