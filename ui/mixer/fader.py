# SPDX-License-Identifier: GPL-3.0-or-later
"""A vertical fader in decibels, with its scale beside it."""

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt
from PyQt6.QtGui import QLinearGradient, QPainter, QPaintEvent, QPen, QResizeEvent
from PyQt6.QtWidgets import QSizePolicy, QWidget

from ui.controls.control import Control
from ui.mixer.taper import MARKS_DB, db_at, db_text, height_of
from ui.theme.theme import Theme

CAP_HEIGHT = 30
_CAP_WIDTH = 20
_SLOT_WIDTH = 4
_SCALE_WIDTH = 20


class Fader(Control):
    """Its `amount` is a gain in dB; -120 is silence."""

    step = 0.5
    page = 6.0

    def __init__(self, theme: Theme, name: str, parent: QWidget | None = None) -> None:
        super().__init__(theme, name, parent)
        self.setOrientation(Qt.Orientation.Vertical)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(120)

    def sizeHint(self) -> QSize:
        return QSize(_SCALE_WIDTH + _CAP_WIDTH + 6, 200)

    def position_of(self, value: float) -> float:
        return height_of(value)

    def value_at(self, position: float) -> float:
        return db_at(position)

    def text_of(self, value: float) -> str:
        return f"{db_text(value)} dB"

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        self.travel_px = max(1.0, float(self.height() - CAP_HEIGHT))
        super().resizeEvent(event)

    def _y(self, position: float) -> float:
        """Of the cap's middle."""
        return CAP_HEIGHT / 2 + (1.0 - position) * self.travel_px

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle = self.width() - _CAP_WIDTH / 2 - 2
        self._paint_scale(painter, middle)
        slot = QRectF(
            middle - _SLOT_WIDTH / 2,
            CAP_HEIGHT / 2 - 3,
            _SLOT_WIDTH,
            self.travel_px + 6,
        )
        painter.setPen(QPen(self.theme.colour("line"), 1.0))
        painter.setBrush(self.theme.colour("well"))
        painter.drawRoundedRect(slot, 2.0, 2.0)
        self._paint_cap(painter, middle, round(self._y(self.position)))
        painter.end()

    def _paint_scale(self, painter: QPainter, middle: float) -> None:
        painter.setFont(self.theme.font("tiny"))
        for db in MARKS_DB:
            y = round(self._y(height_of(float(db)))) + 0.5
            colour = self.theme.colour("text" if db == 0 else "text_faint")
            painter.setPen(colour)
            text = QRectF(0.0, y - 7.0, _SCALE_WIDTH - 4.0, 14.0)
            painter.drawText(text, Qt.AlignmentFlag.AlignRight, str(abs(db)))
            colour.setAlphaF(0.9 if db == 0 else 0.35)
            painter.setPen(QPen(colour, 1.0))
            painter.drawLine(QPointF(_SCALE_WIDTH - 1.0, y), QPointF(middle + 8.0, y))

    def _paint_cap(self, painter: QPainter, middle: float, y: float) -> None:
        theme = self.theme
        cap = QRectF(middle - _CAP_WIDTH / 2, y - CAP_HEIGHT / 2, _CAP_WIDTH, CAP_HEIGHT)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("shadow", 0.30))
        painter.drawRoundedRect(cap.translated(0.0, 2.0), 4.0, 4.0)
        face = QLinearGradient(cap.topLeft(), cap.bottomLeft())
        knob = theme.colour("control_hover" if self.underMouse() else "knob")
        face.setColorAt(0.0, knob.lighter(112))
        face.setColorAt(0.5, knob)
        face.setColorAt(1.0, knob.darker(116))
        focused = self.hasFocus() or self.is_active
        painter.setPen(QPen(theme.colour("accent" if focused else "knob_edge"), 1.0))
        painter.setBrush(face)
        painter.drawRoundedRect(cap.adjusted(0.5, 0.5, -0.5, -0.5), 4.0, 4.0)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("accent" if self.is_active else "knob_mark"))
        painter.drawRect(QRectF(cap.left() + 3.0, y - 1.0, _CAP_WIDTH - 6.0, 2.0))
        painter.setBrush(theme.colour("shadow", 0.25))
        for offset in (-8.0, -5.0, 4.0, 7.0):
            painter.drawRect(QRectF(cap.left() + 5.0, y + offset, _CAP_WIDTH - 10.0, 1.0))
