# SPDX-License-Identifier: GPL-3.0-or-later
"""A knob for a plugin's parameter: 0 to 1, in the plugin's own words."""

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt
from PyQt6.QtGui import QLinearGradient, QPainter, QPaintEvent, QPen, QWheelEvent
from PyQt6.QtWidgets import QWidget

from ui.controls.control import Control
from ui.editor.wheel import WheelGuard
from ui.theme.theme import Theme

_SWEEP = 270.0  # degrees, from one end to the other
_RING = 3.5
_QUIET = 0.55  # opacity of what cannot be turned
_STEP = 0.01
_PAGE = 0.1


class Dial(Control):
    """`origin`: from where its ring is lit, mostly 0, or where a plugin's 0 dB is."""

    page = _PAGE
    travel_px = 200.0

    def __init__(
        self,
        theme: Theme,
        name: str,
        *,
        default: float = 0.0,
        origin: float = 0.0,
        steps: int = 0,
        guard: WheelGuard | None = None,
        size: int = 60,
        parent: QWidget | None = None,
    ) -> None:
        """`steps`: how many values there are; 0: any."""
        self._steps = steps
        self._text = ""
        self._guard = guard
        self._origin = origin
        self.default = default
        self.step = 1.0 / (steps - 1) if steps > 1 else _STEP
        super().__init__(theme, name, parent)
        self.setFixedSize(size, size)

    def sizeHint(self) -> QSize:
        return self.minimumSize()

    def show_text(self, text: str) -> None:
        """The plugin's words for the value."""
        if text != self._text:
            self._text = text
            self._tell_value()

    def position_of(self, value: float) -> float:
        return value

    def value_at(self, position: float) -> float:
        if self._steps > 1:
            return round(position * (self._steps - 1)) / (self._steps - 1)
        return round(position, 6)

    def text_of(self, value: float) -> str:
        return self._text

    def stepped(self, value: float, steps: float) -> float:
        if self._steps > 1 and steps:  # a fine step is one step all the same
            steps = max(1.0, abs(round(steps))) * (1 if steps > 0 else -1)
        return value + steps * self.step

    def drag_distance(self, moved: QPointF) -> float:
        return moved.x() - moved.y()

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        assert event is not None
        if self._guard is not None and self._guard.is_scrolling():
            event.ignore()
        else:
            super().wheelEvent(event)

    # ------------------------------------------------------------------ the look

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setOpacity(1.0 if self.isEnabled() else _QUIET)
        outer = QRectF(self.rect()).adjusted(5.0, 5.0, -5.0, -5.0)
        self._paint_ring(painter, outer)
        self._paint_body(painter, outer.adjusted(7.0, 7.0, -7.0, -7.0))
        painter.end()

    def _angle(self, position: float) -> float:
        """Degrees, counter-clockwise from three o'clock."""
        return 90.0 + _SWEEP / 2 - position * _SWEEP

    def _paint_ring(self, painter: QPainter, ring: QRectF) -> None:
        theme = self.theme

        def arc(colour: str, begin: float, end: float, width: float, alpha: float = 1.0) -> None:
            pen = QPen(theme.colour(colour, alpha), width)
            pen.setCapStyle(Qt.PenCapStyle.RoundCap)
            painter.setPen(pen)
            start = self._angle(begin)
            painter.drawArc(ring, round(start * 16), round((self._angle(end) - start) * 16))

        arc("well" if theme.name == "dark" else "meter_off", 0.0, 1.0, _RING)
        lit = "accent" if self.isEnabled() else "text_faint"
        if self.isEnabled() and (self.is_active or self.underMouse()):
            arc(lit, self._origin, self.position, _RING + 4.0, 0.25)
        if abs(self.position - self._origin) > 0.002:
            arc(lit, self._origin, self.position, _RING)
        if abs(self.position - self.default) > 0.01:  # the way back
            painter.save()
            painter.translate(ring.center())
            painter.rotate(90.0 - self._angle(self.default))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("text_dim"))
            painter.drawEllipse(QPointF(0.0, -ring.height() / 2), 1.7, 1.7)
            painter.restore()

    def _paint_body(self, painter: QPainter, body: QRectF) -> None:
        theme, is_dark = self.theme, self.theme.name == "dark"
        painter.setPen(Qt.PenStyle.NoPen)
        for spread, alpha in ((2.5, 0.10), (1.5, 0.16)):
            painter.setBrush(theme.colour("shadow", alpha * (1.6 if is_dark else 1.0)))
            shade = body.translated(0.0, 2.0).adjusted(-spread, -spread, spread, spread)
            painter.drawEllipse(shade)
        face = QLinearGradient(body.topLeft(), body.bottomLeft())
        top, bottom = theme.colour("knob"), theme.colour("knob")
        face.setColorAt(0.0, top.lighter(128 if is_dark else 104))
        face.setColorAt(1.0, bottom.darker(125 if is_dark else 110))
        painter.setBrush(face)
        is_lit = self.hasFocus() or self.is_active
        painter.setPen(QPen(theme.colour("accent" if is_lit else "knob_edge"), 1.2))
        painter.drawEllipse(body)
        cap = QLinearGradient(body.topLeft(), body.bottomLeft())
        cap.setColorAt(0.0, bottom.darker(112 if is_dark else 104))
        cap.setColorAt(1.0, top.lighter(110 if is_dark else 102))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(cap)
        painter.drawEllipse(body.adjusted(4.5, 4.5, -4.5, -4.5))
        painter.save()
        painter.translate(body.center())
        painter.rotate(90.0 - self._angle(self.position))
        mark = theme.colour("knob_mark" if self.isEnabled() else "text_faint")
        painter.setPen(QPen(mark, 2.4, cap=Qt.PenCapStyle.RoundCap))
        radius = body.height() / 2
        painter.drawLine(QPointF(0.0, -radius + 3.0), QPointF(0.0, -radius * 0.42))
        painter.restore()
