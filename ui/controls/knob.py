# SPDX-License-Identifier: GPL-3.0-or-later
"""A knob for a position between left and right."""

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt
from PyQt6.QtGui import QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QWidget

from ui.controls.control import Control
from ui.theme.theme import Theme

_SWEEP = 270.0  # degrees, from one end to the other
_WIDTH = 3.0  # of its ring


class PanKnob(Control):
    """-1 is left, 1 is right."""

    step = 0.05
    page = 0.25
    travel_px = 140.0

    def __init__(self, theme: Theme, name: str, parent: QWidget | None = None) -> None:
        super().__init__(theme, name, parent)
        self.setFixedSize(34, 34)

    def sizeHint(self) -> QSize:
        return QSize(34, 34)

    def position_of(self, value: float) -> float:
        return (value + 1.0) / 2.0

    def value_at(self, position: float) -> float:
        return round(position * 2.0 - 1.0, 3)

    def text_of(self, value: float) -> str:
        percent = round(abs(value) * 100)
        if percent == 0:
            return "centre"
        return f"{percent} % {'left' if value < 0 else 'right'}"

    def drag_distance(self, moved: QPointF) -> float:
        return moved.x() - moved.y()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        theme, painter = self.theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        outer = QRectF(self.rect()).adjusted(3.0, 3.0, -3.0, -3.0)
        ring = outer.adjusted(1.0, 1.0, -1.0, -1.0)
        angle = 90.0 + _SWEEP / 2 - self.position * _SWEEP  # degrees, counter-clockwise
        lit = "accent" if self.isEnabled() else "text_faint"

        def arc(colour: str, start: float, span: float) -> None:
            pen = QPen(theme.colour(colour), _WIDTH)
            pen.setCapStyle(Qt.PenCapStyle.FlatCap)
            painter.setPen(pen)
            painter.drawArc(ring, round(start * 16), round(span * 16))

        arc("well", 90.0 + _SWEEP / 2, -_SWEEP)
        arc(lit, 90.0, angle - 90.0)
        body = ring.adjusted(4.0, 4.0, -4.0, -4.0)
        painter.setPen(QPen(theme.colour("accent" if self.hasFocus() else "knob_edge"), 1.0))
        painter.setBrush(theme.colour("control_hover" if self.underMouse() else "knob"))
        painter.drawEllipse(body)
        painter.translate(outer.center())
        painter.rotate(90.0 - angle)
        painter.setPen(QPen(theme.colour("knob_mark"), 2.0, cap=Qt.PenCapStyle.RoundCap))
        radius = body.height() / 2
        painter.drawLine(QPointF(0.0, -radius + 2.0), QPointF(0.0, -radius * 0.35))
        painter.end()
