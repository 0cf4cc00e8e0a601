# SPDX-License-Identifier: GPL-3.0-or-later
"""The sign of how something went: a shape, a colour and a word, so that none has to be told from
another by its colour alone."""

import math
from dataclasses import dataclass

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt, QTimer
from PyQt6.QtGui import QPainter, QPainterPath, QPaintEvent, QPen, QPolygonF
from PyQt6.QtWidgets import QWidget

from ui.theme.theme import Theme

_TURN_MS = 40
_TURN_DEGREES = 18


@dataclass(frozen=True)
class Mark:
    """`colour`: a token."""

    shape: str
    colour: str
    word: str


_GOOD, _BAD, _CRASH, _HANG = "tick", "cross", "burst", "hourglass"

# By the words of `isobooth stress`, `scan`, `doctor` and of crash reports.
MARKS = {
    "pass": Mark(_GOOD, "active", "pass"),
    "skip": Mark("dot", "bypassed", "skipped"),
    "warn": Mark("warning", "late", "warning"),
    "fail": Mark(_BAD, "failed", "fail"),
    "hang": Mark(_HANG, "standby", "hang"),
    "crash": Mark(_CRASH, "failed", "crash"),
    "error": Mark("question", "restarting", "not checked"),
    "running": Mark("turning", "restarting", "running"),
    "waiting": Mark("ring", "text_faint", "waiting"),
    "ok": Mark(_GOOD, "active", "works"),
    "no-code": Mark("dot", "bypassed", "only data"),
    "unreadable": Mark("warning", "late", "unreadable"),
    "broken": Mark(_BAD, "late", "broken"),
    "wrong-machine": Mark(_BAD, "late", "other processor"),
    "missing-lib": Mark(_BAD, "late", "library missing"),
    "no-entry": Mark("dot", "bypassed", "no plugin"),
    "failed": Mark(_BAD, "failed", "failed"),
    "crashed": Mark(_CRASH, "failed", "crashed"),
    "hung": Mark(_HANG, "standby", "hung"),
    "out-of-memory": Mark(_CRASH, "failed", "out of memory"),
    "needs-display": Mark("warning", "late", "needs a display"),
}
_UNKNOWN = Mark("question", "restarting", "unknown")


def mark_of(word: str) -> Mark:
    """Another version may have words that this one does not know: they are shown as they are."""
    return MARKS.get(word, Mark(_UNKNOWN.shape, _UNKNOWN.colour, word or _UNKNOWN.word))


def paint_mark(
    painter: QPainter, box: QRectF, mark: Mark, theme: Theme, degrees: float = 0.0
) -> None:
    """Into the square `box`; `degrees`: how far the one that turns has turned."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    colour = theme.colour(mark.colour)
    thick = max(1.5, box.width() * 0.13)
    middle, radius = box.center(), box.width() / 2
    line = QPen(colour, thick, cap=Qt.PenCapStyle.RoundCap, join=Qt.PenJoinStyle.RoundJoin)
    cut = QPen(theme.colour("well"), thick, cap=Qt.PenCapStyle.RoundCap)
    cut.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)

    def at(x: float, y: float) -> QPointF:
        """In units of the radius."""
        return middle + radius * QPointF(x, y)

    def figure(*points: tuple[float, float]) -> QPolygonF:
        return QPolygonF([at(x, y) for x, y in points])

    match mark.shape:
        case "tick":
            painter.drawEllipse(box)
            painter.setPen(cut)
            painter.drawPolyline(figure((-0.42, 0.05), (-0.1, 0.36), (0.45, -0.3)))
        case "cross":
            painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 3.0, 3.0)
            painter.setPen(cut)
            painter.drawLine(at(-0.36, -0.36), at(0.36, 0.36))
            painter.drawLine(at(0.36, -0.36), at(-0.36, 0.36))
        case "warning":
            path = QPainterPath()
            path.addPolygon(figure((0.0, -0.86), (0.92, 0.74), (-0.92, 0.74)))
            path.closeSubpath()
            painter.setPen(QPen(colour, thick * 0.8, join=Qt.PenJoinStyle.RoundJoin))
            painter.drawPath(path)
            painter.setPen(cut)
            painter.drawLine(at(0.0, -0.2), at(0.0, 0.2))
            painter.drawPoint(at(0.0, 0.54))
        case "hourglass":
            painter.drawPolygon(figure((-0.8, -0.95), (0.8, -0.95), (0.0, 0.1)))
            painter.drawPolygon(figure((-0.8, 0.95), (0.8, 0.95), (0.0, -0.1)))
        case "burst":
            spikes = [
                (
                    (1.08 if n % 2 == 0 else 0.52) * math.cos(math.pi * n / 8),
                    (1.08 if n % 2 == 0 else 0.52) * math.sin(math.pi * n / 8),
                )
                for n in range(16)
            ]
            painter.drawPolygon(figure(*spikes))
        case "question":
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(line)
            painter.drawEllipse(box.adjusted(1, 1, -1, -1))
            painter.drawPoint(middle)
        case "turning":
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(line)
            painter.drawArc(box.adjusted(1, 1, -1, -1), round((90 - degrees) * 16), 260 * 16)
        case "ring":
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(colour, max(1.0, thick * 0.6)))
            painter.drawEllipse(box.adjusted(2, 2, -2, -2))
        case _:
            painter.drawEllipse(middle, radius * 0.5, radius * 0.5)
    painter.restore()


class MarkLight(QWidget):
    """A mark that stands alone; the one for what runs turns, unless the user wants no motion."""

    def __init__(
        self, theme: Theme, word: str = "waiting", size: int = 16, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._word = ""
        self._mark = mark_of(word)
        self._degrees = 0.0
        self._timer = QTimer(self)
        self._timer.setInterval(_TURN_MS)
        self._timer.timeout.connect(self._turn)
        self.setFixedSize(size, size)
        theme.changed.connect(self.update)
        self.show_word(word)

    @property
    def word(self) -> str:
        return self._word

    def sizeHint(self) -> QSize:
        return self.minimumSize()

    def show_word(self, word: str) -> None:
        if word != self._word:
            self._word = word
            self.show_mark(mark_of(word))

    def show_mark(self, mark: Mark) -> None:
        self._mark = mark
        self.setAccessibleName(mark.word)
        self.setToolTip(mark.word)
        if mark.shape == "turning" and not self._theme.reduced_motion:
            self._timer.start()
        else:
            self._timer.stop()
        self.update()

    def _turn(self) -> None:
        if self.isVisible():
            self._degrees = (self._degrees + _TURN_DEGREES) % 360
            self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        box = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        paint_mark(painter, box, self._mark, self._theme, self._degrees)
        painter.end()
