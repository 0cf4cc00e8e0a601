# SPDX-License-Identifier: GPL-3.0-or-later
"""Which parameters belong together, and where each stands.

Plugins tell a flat list. But the bands of an equalizer are numbered, and an envelope's stages share
a word: such runs get a panel of their own, which is not torn apart where it fits into a row. So
sixteen bands look like sixteen bands.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ipc.description import ParameterDescription

_LEAST_NUMBERED, _LEAST_WORDED = 2, 3  # members of a panel
_SIDES = ("L", "R", "M", "S", "H", "Left", "Right")


@dataclass(frozen=True)
class Panel:
    """A run of parameters. `name`: what they share; "": nothing, they stand on their own."""

    name: str
    members: tuple[int, ...]


@dataclass(frozen=True)
class Placed:
    """A panel in the grid: `columns` wide, from `row` and `column` on."""

    panel: Panel
    row: int
    column: int
    columns: int
    rows: int

    def cell(self, place: int) -> tuple[int, int]:
        """Row and column of its member in that place."""
        if not self.panel.name:  # loose ones flow on from where the last stood
            return divmod(self.column + place + self.row * self.columns, self.columns)
        row, column = divmod(place, self.columns)
        return self.row + row, self.column + column


def panels_of(parameters: Sequence[ParameterDescription]) -> list[Panel]:
    """In their order, each parameter in one."""
    found: list[Panel] = []
    loose: list[int] = []

    def close() -> None:
        if loose:
            found.append(Panel("", tuple(loose)))
            loose.clear()

    at = 0
    while at < len(parameters):
        for key, least in ((_number, _LEAST_NUMBERED), (_word, _LEAST_WORDED)):
            name = key(parameters[at].name)
            end = at + 1
            while name and end < len(parameters) and key(parameters[end].name) == name:
                end += 1
            if name and end - at >= least:
                close()
                found.append(Panel(name, tuple(one.index for one in parameters[at:end])))
                at = end
                break
        else:
            loose.append(parameters[at].index)
            at += 1
    close()
    if len(found) == 1:  # all of them share it: that tells nothing
        return [Panel("", found[0].members)]
    return found


def place(panels: Sequence[Panel], columns: int) -> tuple[list[Placed], int]:
    """Where they stand, and how many rows that takes."""
    placed: list[Placed] = []
    row = column = 0
    for panel in panels:
        count = len(panel.members)
        if not panel.name:
            placed.append(Placed(panel, row, column, columns, 0))
            row, column = divmod(row * columns + column + count, columns)
            continue
        rows = -(-count // columns)
        width = -(-count // rows)  # nine in eight columns are five and four
        if column + width > columns or (rows > 1 and column):
            row, column = row + 1, 0
        placed.append(Placed(panel, row, column, width, rows))
        if rows > 1:
            row, column = row + rows, 0
        else:
            column += width
            if column >= columns:
                row, column = row + 1, 0
    return placed, row + (1 if column else 0)


def _number(name: str) -> str:
    """What numbers it: "3" of "Gain 3", "LFO1" of "LFO1 Rate", "L" of "Cut L"."""
    words = name.split()
    numbered = [word for word in words if any(letter.isdigit() for letter in word)]
    if numbered:
        return " ".join(numbered)
    return words[-1] if len(words) > 1 and words[-1] in _SIDES else ""


def _word(name: str) -> str:
    """What it begins with, if more follows."""
    words = re.split(r"[\s:._-]+", name.strip())
    return words[0] if len(words) > 1 else ""
