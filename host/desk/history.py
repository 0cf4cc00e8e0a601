# SPDX-License-Identifier: GPL-3.0-or-later
"""Undo and redo: the versions that a song has had, and what led from one to the next.

A version is the song, and beside it the parameters that the user has moved: a plugin's state holds
them too, but nobody asks every plugin for its state at every move of a knob.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import msgspec

from host.journal import Edit
from host.song import Slot, Song, with_slots
from ipc.desk.requests import AnyEdit, SetParameter, SetProgram

MOST_STEPS = 1000

Values = Mapping[tuple[str, int], float]  # by slot and parameter, normalized
Programs = Mapping[str, int]  # by slot


@dataclass(frozen=True)
class Version:
    song: Song
    values: Values = field(default_factory=dict)
    programs: Programs = field(default_factory=dict)  # that were chosen; they came before `values`
    # States in which plugins were left for another program, by slot: a program sets more than
    # parameters.
    states: Mapping[str, bytes] = field(default_factory=dict)

    def with_slots(self, captured: Iterable[Slot]) -> "Version":
        """The same, with the states that plugins have had."""
        by_id = {slot.id: slot for slot in captured}
        return replace(self, song=with_slots(self.song, by_id)) if by_id else self

    def with_edits(self, slot: str, edits: Iterable[Edit]) -> "Version":
        """The same, with what a slot's journal holds."""
        edits = tuple(edits)
        program = next((edit for edit in edits if edit.is_program), None)
        values = {
            (slot, edit.parameter): edit.value
            for edit in edits
            if not edit.is_program and (program is None or edit.number > program.number)
        }
        chosen = {} if program is None else {slot: int(program.value)}
        return replace(self.with_values(values), programs={**self.programs, **chosen})

    def with_values(self, values: Values) -> "Version":
        """The same; parameters that it has a value of keep it."""
        return replace(self, values={**values, **self.values})


class History:
    """Never empty; `current` is what plays."""

    def __init__(self, song: Song) -> None:
        self._versions = [Version(song)]
        self._steps: list[tuple[str, int]] = []  # (name, gesture): what leads to the next version
        self._at = 0
        self._saved: Version | None = self._versions[0]

    @property
    def current(self) -> Version:
        return self._versions[self._at]

    @property
    def undo_name(self) -> str:
        """Of what `undo` would take back; "" if there is nothing."""
        return self._steps[self._at - 1][0] if self._at > 0 else ""

    @property
    def redo_name(self) -> str:
        return self._steps[self._at][0] if self._at < len(self._steps) else ""

    @property
    def is_modified(self) -> bool:
        return self._saved is not self.current

    def complete(self, version: Version) -> None:
        """Nothing was changed, but more is known of what plays."""
        if self._saved is self.current:
            self._saved = version
        self._versions[self._at] = version

    def know(self, values: Values) -> None:
        """Parameters that nobody had moved before the step that goes on had these values."""
        for at in {max(0, self._at - 1), self._at}:
            version = self._versions[at].with_values(values)
            if self._saved is self._versions[at]:
                self._saved = version
            self._versions[at] = version

    def add(self, version: Version, name: str, gesture: int) -> None:
        """A change was made. What could be redone is forgotten; a gesture that goes on makes the
        same step larger."""
        del self._versions[self._at + 1 :], self._steps[self._at :]
        if gesture and self._at > 0 and self._steps[-1][1] == gesture:
            self._versions[self._at] = version
            return
        self._versions.append(version)
        self._steps.append((name, gesture))
        self._at += 1
        if len(self._steps) > MOST_STEPS:
            del self._versions[0], self._steps[0]
            self._at -= 1

    def before(self) -> Version | None:
        """What `undo` would lead to."""
        return self._versions[self._at - 1] if self._at > 0 else None

    def after(self) -> Version | None:
        return self._versions[self._at + 1] if self._at < len(self._steps) else None

    def undo(self) -> None:
        self._at -= 1
        self._end_gesture()

    def redo(self) -> None:
        self._at += 1
        self._end_gesture()

    def saved(self) -> None:
        """The current version is what the file holds."""
        self._saved = self.current
        self._end_gesture()

    def forget_saved(self) -> None:
        """No file holds the current version."""
        self._saved = None

    def at_rate(self, sample_rate: int) -> None:
        """All versions are played at another rate from now on."""

        def moved(version: Version) -> Version:
            song = msgspec.structs.replace(version.song, sample_rate=sample_rate)
            return replace(version, song=song)

        self._versions = [moved(version) for version in self._versions]
        self._saved = None

    def _end_gesture(self) -> None:
        """Whoever goes on with it makes a new step."""
        if self._at > 0:
            name, _ = self._steps[self._at - 1]
            self._steps[self._at - 1] = (name, 0)


def programs_of(edits: Iterable[AnyEdit]) -> dict[str, int]:
    """Those that the edits choose."""
    return {edit.slot: edit.program for edit in edits if isinstance(edit, SetProgram)}


def parameters_of(edits: Iterable[AnyEdit]) -> dict[tuple[str, int], float]:
    """Those that the edits set."""
    return {
        (edit.slot, edit.parameter): edit.value for edit in edits if isinstance(edit, SetParameter)
    }
