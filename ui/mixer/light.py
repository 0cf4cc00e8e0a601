# SPDX-License-Identifier: GPL-3.0-or-later
"""The state light of a slot: a colour, and a shape for those who do not tell colours apart."""

import math

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt
from PyQt6.QtGui import QPainter, QPaintEvent, QPen, QPolygonF
from PyQt6.QtWidgets import QWidget

from ipc.status import SlotStatus
from ui.theme.theme import Theme

WORDS = {
    SlotStatus.ACTIVE: "active",
    SlotStatus.LATE: "late: too slow just now, the sound passes by",
    SlotStatus.BYPASSED: "bypassed",
    SlotStatus.RESTARTING: "restarting",
    SlotStatus.STANDBY: "its standby plays",
    SlotStatus.QUARANTINED: "quarantined: it failed too often",
    SlotStatus.FAILED: "failed: it could not be loaded",
}

_SIZE = 14


class StateLight(QWidget):
    """Disc: active. Triangle: late. Open ring: restarting. Ring with a bar: bypassed. Diamond:
    standby. Octagon with a bar: quarantined. Cross: failed."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._status = SlotStatus.ACTIVE
        self.setFixedSize(_SIZE, _SIZE)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def sizeHint(self) -> QSize:
        return QSize(_SIZE, _SIZE)

    def show_status(self, status: SlotStatus) -> None:
        if status != self._status:
            self._status = status
            self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_light(painter, QRectF(self.rect()).adjusted(2, 2, -2, -2), self._status, self._theme)
        painter.end()


def paint_light(painter: QPainter, box: QRectF, status: SlotStatus, theme: Theme) -> None:
    """Into the square `box`."""
    colour = theme.colour(status.value)
    line = QPen(colour, max(1.6, box.width() * 0.17))
    line.setCapStyle(Qt.PenCapStyle.RoundCap)
    middle, radius = box.center(), box.width() / 2
    inner = box.adjusted(1.0, 1.0, -1.0, -1.0)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    if status == SlotStatus.ACTIVE:
        painter.drawEllipse(inner)
    elif status == SlotStatus.LATE:
        painter.drawPolygon(_polygon(middle + QPointF(0.0, 1.0), radius + 0.5, 3, -90.0))
    elif status == SlotStatus.STANDBY:
        painter.drawPolygon(_polygon(middle, radius + 0.5, 4, -90.0))
    elif status == SlotStatus.QUARANTINED:
        painter.drawPolygon(_polygon(middle, radius + 0.5, 8, 22.5))
        painter.setBrush(theme.colour("well"))
        painter.drawRect(QRectF(middle.x() - radius * 0.55, middle.y() - 1.0, radius * 1.1, 2.0))
    else:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(line)
        if status == SlotStatus.RESTARTING:
            painter.drawArc(inner, 60 * 16, 270 * 16)
        elif status == SlotStatus.BYPASSED:
            painter.drawEllipse(inner)
            painter.drawLine(
                inner.bottomLeft() + QPointF(1.5, -1.5), inner.topRight() + QPointF(-1.5, 1.5)
            )
        else:
            painter.drawLine(inner.topLeft(), inner.bottomRight())
            painter.drawLine(inner.topRight(), inner.bottomLeft())


def _polygon(middle: QPointF, radius: float, corners: int, first_degrees: float) -> QPolygonF:
    angles = (math.radians(first_degrees + 360.0 * n / corners) for n in range(corners))
    return QPolygonF([middle + radius * QPointF(math.cos(a), math.sin(a)) for a in angles])
