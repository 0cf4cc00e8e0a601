# SPDX-License-Identifier: GPL-3.0-or-later
"""Tempo and time signature: figures that can be typed over."""

import math
import re

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QWheelEvent
from PyQt6.QtWidgets import QLineEdit, QWidget

from ui.theme.theme import Theme

_SLOWEST, _FASTEST = 10.0, 999.0  # what the host takes (ipc/desk/requests.py)
_NOTCH = 120.0


class SongField(QLineEdit):
    """A figure of the song. `size`: a token. `refused` says why what was typed is not taken."""

    refused = pyqtSignal(str)

    def __init__(
        self, theme: Theme, name: str, widest: str, parent: QWidget | None, size: str = "large"
    ) -> None:
        super().__init__(parent)
        self.setFont(theme.font(size, figures=True))
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setAccessibleName(name)
        self.setFixedWidth(self.fontMetrics().horizontalAdvance(widest) + 12)
        self.editingFinished.connect(self._finish)
        self.begun = ""  # what stood there when the user came
        self._now = ""  # what is to be shown
        self._is_fresh = False

    def focusInEvent(self, event: QFocusEvent | None) -> None:
        if event is None or event.reason() != Qt.FocusReason.PopupFocusReason:
            self.begun = self.text()  # else a menu of its own has closed
        self._is_fresh = event is not None and event.reason() == Qt.FocusReason.MouseFocusReason
        super().focusInEvent(event)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """The first click is for all of it: it is typed over."""
        super().mousePressEvent(event)
        if self._is_fresh:
            self.selectAll()
        self._is_fresh = False

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        assert event is not None
        if event.key() == Qt.Key.Key_Escape:
            self.blockSignals(True)  # leaving it is no choice
            self.clearFocus()
            self.blockSignals(False)
            self._show(self._now)
        else:
            super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent | None) -> None:
        super().focusOutEvent(event)
        if event is None or event.reason() != Qt.FocusReason.PopupFocusReason:
            self._show(self._now)

    def _show(self, text: str) -> None:
        """What stands there as long as nobody types something else."""
        self._now = text
        if not self.hasFocus():
            self.setText(text)
        elif self.text() == self.begun and text != self.begun:
            self.setText(text)
            self.begun = text

    def _finish(self) -> None:
        raise NotImplementedError


class TempoField(SongField):
    chosen = pyqtSignal(float)  # beats a minute

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, "Tempo", "120.00", parent)
        self.setToolTip("Tempo in beats a minute: type it, or turn the wheel")
        self._tempo = 120.0
        self.show_tempo(120.0)

    def show_tempo(self, tempo: float) -> None:
        self._tempo = tempo
        self._show(f"{tempo:.2f}")

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        assert event is not None
        self._choose(self._tempo + event.angleDelta().y() / _NOTCH)
        event.accept()

    def _choose(self, tempo: float) -> None:
        tempo = round(min(_FASTEST, max(_SLOWEST, tempo)), 3)
        if tempo != self._tempo:
            self.show_tempo(tempo)
            self.chosen.emit(tempo)

    def _finish(self) -> None:
        text = self.text()
        self.clearFocus()
        try:
            typed = float(text.replace(",", "."))
        except ValueError:
            typed = math.nan
        if not _SLOWEST <= typed <= _FASTEST:
            self.refused.emit(
                f"'{text}' is no tempo: type {_SLOWEST:g} to {_FASTEST:g} beats a minute"
            )
        elif f"{typed:.2f}" != f"{self._tempo:.2f}":
            self._choose(typed)
        self.show_tempo(self._tempo)


class SignatureField(SongField):
    chosen = pyqtSignal(int, int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, "Time signature", "12/16", parent)
        self.setToolTip("Time signature, such as 3/4 or 6/8")
        self._signature = (4, 4)
        self.show_signature((4, 4))

    def show_signature(self, signature: tuple[int, int]) -> None:
        self._signature = signature
        self._show(f"{signature[0]}/{signature[1]}")

    def _finish(self) -> None:
        text = self.text()
        found = re.fullmatch(r"\s*(\d{1,2})\s*/\s*(1|2|4|8|16|32)\s*", text)
        self.clearFocus()
        if found is None or int(found[1]) == 0:
            self.refused.emit(f"'{text}' is no time signature: type one such as 3/4 or 6/8")
        elif (typed := (int(found[1]), int(found[2]))) != self._signature:
            self._signature = typed
            self.chosen.emit(*typed)
        self.show_signature(self._signature)
