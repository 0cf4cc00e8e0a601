# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults and recoveries as pins on the lanes: small widgets, so that keys and screen readers reach
them as well as the mouse does. Only those in view exist."""

from PyQt6.QtCore import QPointF, QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QWidget

from ui.controls.tip import plain_tip
from ui.mixer.light import paint_light
from ui.theme.theme import Theme
from ui.tracks.faults import Cluster
from ui.transport.position import time_text

SIZE = 18
_COUNT_WIDTH = 12
_MOST_LINES = 8  # of a tool tip


class Marker(QWidget):
    """Its middle is where it was heard."""

    report_wanted = pyqtSignal(str)  # the id of a crash report

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self.cluster = Cluster(0.0)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setFont(theme.font("tiny", bold=True))

    def show_cluster(self, cluster: Cluster, sample_rate: int) -> None:
        self.cluster = cluster
        count = len(cluster.marks)
        self.setFixedSize(SIZE + (_COUNT_WIDTH if count > 1 else 0), SIZE)
        lines = [
            f"{time_text(mark.frame, sample_rate)}  {mark.notice.text}"
            for mark in cluster.marks[-_MOST_LINES:]
        ]
        if count > _MOST_LINES:
            lines.insert(0, f"{count - _MOST_LINES} more, and")
        worst = cluster.worst
        name = f"{worst.notice.kind} at {time_text(worst.frame, sample_rate)}: {worst.notice.text}"
        self.setAccessibleName(name if count == 1 else f"{count} events, {name}")
        if cluster.report is not None:
            lines.append("Click: the crash report")
            self.setCursor(Qt.CursorShape.PointingHandCursor)
        else:
            self.unsetCursor()
        self.setAccessibleDescription("\n".join(lines))
        self.setToolTip(plain_tip("\n".join(lines)))
        self.update()

    def open(self) -> None:
        if self.cluster.report is not None:
            self.report_wanted.emit(self.cluster.report)

    # ------------------------------------------------------------------ mouse and keys

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        assert event is not None
        event.accept()  # a click on a pin is none on the lane

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        assert event is not None
        if event.button() == Qt.MouseButton.LeftButton and self.rect().contains(event.pos()):
            self.open()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        assert event is not None
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.open()
        else:
            event.ignore()

    def focusInEvent(self, event: QFocusEvent | None) -> None:
        self.update()

    def focusOutEvent(self, event: QFocusEvent | None) -> None:
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        theme, status, painter = self._theme, self.cluster.status, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        is_lit = self.underMouse() or self.hasFocus()
        box = QRectF(self.rect()).adjusted(0.75, 0.75, -0.75, -0.75)
        painter.setBrush(theme.colour("control_hover" if is_lit else "raised"))
        painter.setPen(QPen(theme.colour("accent" if self.hasFocus() else status.value), 1.5))
        painter.drawRoundedRect(box, box.height() / 2, box.height() / 2)
        light = QRectF(0.0, 0.0, 9.0, 9.0)
        light.moveCenter(QPointF(SIZE / 2, SIZE / 2))
        paint_light(painter, light, status, theme)
        if len(self.cluster.marks) > 1:
            painter.setPen(theme.colour("text"))
            painter.drawText(
                QRectF(SIZE - 3, 0.0, _COUNT_WIDTH, SIZE),
                Qt.AlignmentFlag.AlignCenter,
                str(min(99, len(self.cluster.marks))),
            )
        painter.end()
