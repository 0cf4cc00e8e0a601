# SPDX-License-Identifier: GPL-3.0-or-later
"""Two settings of a plugin to compare: A and B. They live as long as the editor."""

from collections.abc import Sequence
from typing import Literal

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

    def forget(self) -> None:
        self.active, self._kept = "A", None
