# SPDX-License-Identifier: GPL-3.0-or-later
"""Tracks that this window has asked for: the host names them, so they are known when they come."""

from collections.abc import Sequence

from ipc.desk.requests import AnyEdit, Change
from ui.desk import Desk


class NewTracks:
    """What comes by undo, or from another window, was not asked for."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._known: frozenset[str] = frozenset()
        self._asked = 0

    def ask(self, *edits: AnyEdit) -> None:
        """One of the edits adds a track."""
        self._asked += 1
        self._desk.ask(Change(edits), None, lambda _: self._give_up())

    def _give_up(self) -> None:
        self._asked = max(0, self._asked - 1)

    def take(self, tracks: Sequence[str]) -> str:
        """Of all ids the last new one that was asked for; "" if there is none."""
        new = [track for track in tracks if track not in self._known]
        self._known = frozenset(tracks)
        if not self._asked or not new:
            return ""
        self._asked = max(0, self._asked - len(new))
        return new[-1]
