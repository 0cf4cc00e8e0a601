# SPDX-License-Identifier: GPL-3.0-or-later
"""Two settings of a plugin to compare: A and B. The host keeps them for all windows (KeepSets)."""

from collections.abc import Sequence
from typing import Literal

from ipc.desk import state

SetName = Literal["A", "B"]


class TwoSets:
    """One of them is heard; the other is remembered."""

    def __init__(self) -> None:
        self.active: SetName = "A"
        self._kept: list[float] | None = None  # the other one; None: like this one

    @property
    def other(self) -> SetName:
        return "B" if self.active == "A" else "A"

    def switch(self, now: Sequence[float]) -> list[float]:
        """To the other one. `now`: the values that are heard; returns those that shall be."""
        values = list(now) if self._kept is None else self._kept
        self._kept, self.active = list(now), self.other
        return values

    def copy(self, now: Sequence[float]) -> None:
        """The other one is like this one from now on."""
        self._kept = list(now)

    def kept(self) -> state.TwoSets:
        """As the host keeps them."""
        other = tuple(self._kept) if self._kept is not None else None
        return state.TwoSets(active=self.active, other=other)

    def take(self, kept: state.TwoSets | None) -> bool:
        """As the host has kept them; None: nothing is compared. Whether the other one is active
        now."""
        kept = kept or state.TwoSets()
        was_active, self.active = self.active, kept.active
        self._kept = list(kept.other) if kept.other is not None else None
        return self.active != was_active
