# SPDX-License-Identifier: GPL-3.0-or-later
"""A place in the song, shown and typed as bars or as time."""

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QWidget

from ui.theme.theme import Theme
from ui.transport.song_fields import SongField

PLACE = "a bar (5, 5.2, 5.2.3) or a time (0:12.5, 12.5 s)"


def no_place(text: str) -> str:
    """Why it is not taken, for people."""
    return f"'{text}' is no place in the song: type {PLACE}"


class PlaceField(SongField):
    """Emits `typed` when something else was typed than what stood there."""

    typed = pyqtSignal(str)

    def __init__(
        self,
        theme: Theme,
        name: str,
        widest: str,
        parent: QWidget | None = None,
        size: str = "normal",
    ) -> None:
        super().__init__(theme, name, widest, parent, size)
        self.setToolTip(f"{name}: {PLACE}")
        self._text = ""

    def show_text(self, text: str) -> None:
        """Sixty times a second, where it is the position."""
        if text != self._text:
            self._text = text
            self._show(text)

    def _finish(self) -> None:
        typed = self.text()
        self.clearFocus()
        self._show(self._text)
        if typed.strip() != self.begun:
            self.typed.emit(typed)
