# SPDX-License-Identifier: GPL-3.0-or-later
"""Which slots are played by one process, by letters: those with an A share one, and so on."""

from dataclasses import dataclass

from ipc.desk.state import DeskState
from ui.titles import title_of


@dataclass(frozen=True)
class Sharing:
    """Of one slot. `others`: titles of those in the same process."""

    letter: str
    others: tuple[str, ...]


def sharing_of(state: DeskState) -> dict[str, Sharing]:
    """By slot; slots that run alone are left out. Letters in the order of the mixer: A to Z, then
    A2 and so on."""
    letters: dict[frozenset[str], str] = {}
    found: dict[str, Sharing] = {}
    for track in (*state.tracks, state.master):
        for slot in track.slots:
            if not slot.shares_with:
                continue
            company = frozenset((slot.id, *slot.shares_with))
            letter = letters.setdefault(company, _letter(len(letters)))
            titles = tuple(title_of(state, one) or one for one in slot.shares_with)
            found[slot.id] = Sharing(letter, titles)
    return found


def _letter(number: int) -> str:
    turn, place = divmod(number, 26)
    return chr(ord("A") + place) + (str(turn + 1) if turn else "")
