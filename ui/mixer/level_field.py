# SPDX-License-Identifier: GPL-3.0-or-later
"""The fader's gain as a number, which can be typed."""

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QLineEdit, QWidget

from ui.controls.tip import plain_tip
from ui.mixer.taper import SILENCE_DB, db_from_text, db_text
from ui.theme.theme import Theme

_MOST_DB = 24.0  # what the host takes (ipc/desk/requests.py)


class LevelField(QLineEdit):
    """Emits `typed` with a gain in dB, or `refused`."""

    typed = pyqtSignal(float)
    refused = pyqtSignal(str)  # why what was typed is not taken

    def __init__(self, theme: Theme, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._db = 0.0
        self._theme = theme
        self.setFont(theme.font("small", figures=True))
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setAccessibleName(name)
        self.setToolTip(plain_tip(f"{name}: decibels"))
        self.editingFinished.connect(self._finish)
        self.show_db(0.0)

    def show_db(self, db: float) -> None:
        """What is being typed stays."""
        self._db = db
        if not self.hasFocus():
            self.setText(db_text(db))

    def _finish(self) -> None:
        text = self.text()
        typed = db_from_text(text)
        if typed is None:
            self.refused.emit(
                f"'{text}' is no gain: type {SILENCE_DB:g} to {_MOST_DB:g} dB, or -∞ for silence"
            )
        elif text != db_text(self._db):
            self._db = min(_MOST_DB, max(SILENCE_DB, typed))
            self.typed.emit(self._db)
        self.setText(db_text(self._db))
        self.clearFocus()
