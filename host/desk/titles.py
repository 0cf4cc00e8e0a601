# SPDX-License-Identifier: GPL-3.0-or-later
"""What a window calls a slot: "ZamEQ2 on Drums". The host itself knows slots by their ids, as song
files and reports do; a user of the window has never seen one."""

import re
from collections.abc import Iterable

from host.desk.called import slot_name
from host.desk.desk import Desk


class Titles:
    """Remembers slots that have gone: what happened to them may still have to be told."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._known: dict[str, tuple[str, str]] = {}  # by slot: its label, its title

    def look(self) -> None:
        """At the song as it is now."""
        song = self._desk.song
        chains = [(track.label, track.chain) for track in song.tracks]
        for track, chain in [*chains, ("Master", song.master.chain)]:
            for slot in chain:
                self._known[slot.id] = (
                    slot.label,
                    f"{slot_name(self._desk.host, slot)} on {track}",
                )

    def of(self, slot: str) -> str:
        """ "a plugin" for one that was never seen."""
        return self._known[slot][1] if slot in self._known else "a plugin"

    def named(self, text: str, slots: Iterable[str]) -> str:
        """A text of the host's about these slots, with titles in the places of their labels."""
        labels = {
            self._known[slot][0]: self._known[slot][1] for slot in slots if slot in self._known
        }
        if not labels:
            return text
        words = "|".join(re.escape(label) for label in sorted(labels, key=len, reverse=True))
        # A label stands alone, in quotes or not; in a path or an id it is something else.
        pattern = rf"(?<![\w/.:#-])'?({words})'?(?![\w/.#-])"
        return re.sub(pattern, lambda found: labels[found[1]], text)
