# SPDX-License-Identifier: GPL-3.0-or-later
"""How far it has come: a thin line that fills, or one that wanders while nobody knows."""

from PyQt6.QtCore import QRectF, QSize, Qt, QTimer
from PyQt6.QtGui import QPainter, QPaintEvent
from PyQt6.QtWidgets import QSizePolicy, QWidget

from ui.theme.theme import Theme

_FRAME_MS = 33
_PART = 0.3  # of the line that wanders


class ProgressLine(QWidget):
    """`colour`: a token."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._done = self._total = 0
        self._shown = 0.0
        self._phase = 0.0
        self._colour = "accent_strong"
        self._is_running = False
        self._timer = QTimer(self)
        self._timer.setInterval(_FRAME_MS)
        self._timer.timeout.connect(self._move)
        self.setFixedHeight(6)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(120, 6)

    @property
    def fraction(self) -> float:
        return min(1.0, self._done / self._total) if self._total else 0.0

    def begin(self) -> None:
        self._done = self._total = 0
        self._shown = self._phase = 0.0
        self._colour = "accent_strong"
        self._is_running = True
        self._timer.start()
        self.update()

    def show_count(self, done: int, total: int) -> None:
        self._done, self._total = done, total
        self.setAccessibleName(f"{done} of {total}")

    def end(self, colour: str) -> None:
        """In that colour, full if it got there."""
        self._timer.stop()
        self._is_running = False
        self._colour = colour
        self._shown = self.fraction
        self.update()

    def _move(self) -> None:
        target = self.fraction
        if self._theme.reduced_motion:
            self._shown = target
        else:
            self._shown += (target - self._shown) * 0.25
            self._phase = (self._phase + 0.018) % 1.0
        if self.isVisible():
            self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        box = QRectF(self.rect())
        round_ = box.height() / 2
        painter.setBrush(self._theme.colour("knob_edge", 0.28))
        painter.drawRoundedRect(box, round_, round_)
        painter.setBrush(self._theme.colour(self._colour))
        if self._is_running and not self._total:
            width = box.width() * _PART
            start = (box.width() + width) * self._phase - width
            painter.setClipRect(box)
            painter.drawRoundedRect(QRectF(start, 0, width, box.height()), round_, round_)
        elif self._shown > 0.0:
            width = max(box.height(), box.width() * self._shown)
            painter.drawRoundedRect(QRectF(0, 0, width, box.height()), round_, round_)
        painter.end()
