# SPDX-License-Identifier: GPL-3.0-or-later
"""The time line above the lanes: bars and beats, minutes and seconds, the loop, the playhead.

A click goes there; a drag makes the loop, or moves one of its ends. Both are drawn to the lines of
the grid when they come near them, unless Shift is held.
"""

from typing import Literal

from PyQt6.QtCore import QPoint, QPointF, QRect, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import (
    QContextMenuEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
)
from PyQt6.QtWidgets import QApplication, QMenu, QSizePolicy, QWidget

from ui.theme.theme import Theme
from ui.tracks.grid import Metre, lines, second_step, second_text
from ui.tracks.viewport import Viewport
from ui.transport.position import time_text

HEIGHT = 46
_BAND = 13  # where the loop is
_BARS = 31  # down to here
_LABEL_PX = 58.0  # that a label needs
_LINE_PX = 9.0
_MAGNET_PX = 7.0
_GRIP_PX = 5

Grip = Literal["", "new", "start", "end"]


class Ruler(QWidget):
    """Shows what it is told; what the user does is emitted."""

    located = pyqtSignal(int)  # frame
    loop_chosen = pyqtSignal(int, int)  # frames; (0, 0): none
    song_loop_wanted = pyqtSignal()

    def __init__(self, viewport: Viewport, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewport = viewport
        self._theme = theme
        self._metre = Metre()
        self._loop: tuple[int, int] | None = None
        self._playhead = 0.0
        self._grip: Grip = ""
        self._pressed: QPoint | None = None
        self._anchor = 0  # the end of a dragged loop that stands
        self._dragged: tuple[int, int] | None = None
        self.setFixedHeight(HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAccessibleName("Time ruler")
        self.setToolTip("Click: go there. Drag: loop. Shift: not along the grid.")
        viewport.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(400, HEIGHT)

    @property
    def shown_loop(self) -> tuple[int, int] | None:
        """The one that is dragged, or the one that is."""
        return self._dragged or self._loop

    def show_metre(self, metre: Metre) -> None:
        if metre != self._metre:
            self._metre = metre
            self.update()

    def show_loop(self, loop: tuple[int, int] | None) -> None:
        if loop != self._loop:
            self._loop = loop
            self.update()

    def show_playhead(self, frame: float) -> None:
        before, after = self._viewport.x_of(self._playhead), self._viewport.x_of(frame)
        self._playhead = frame
        if round(before * 2) != round(after * 2):
            for x in (before, after):
                self.update(QRect(round(x) - 8, 0, 17, HEIGHT))

    # ------------------------------------------------------------------ what the user does

    def frame_near(self, x: float, free: bool = False) -> int:
        """At the grid's next line if that is near."""
        frame = self._viewport.frame_at(x)
        if free:
            return frame
        step = self._step(_LINE_PX)
        line = round(round(frame / step) * step)
        return line if abs(line - frame) <= _MAGNET_PX * self._viewport.frames_per_px else frame

    def _grip_at(self, point: QPoint) -> Grip:
        if self._loop is not None and point.y() < _BARS:
            start, end = (self._viewport.x_of(frame) for frame in self._loop)
            if abs(point.x() - end) <= _GRIP_PX:
                return "end"
            if abs(point.x() - start) <= _GRIP_PX:
                return "start"
        return "new"

    def _cross(self) -> QRect:
        """What clears the loop; empty where there is no room for it."""
        if self._loop is None or self._dragged is not None:
            return QRect()
        start, end = (self._viewport.x_of(frame) for frame in self._loop)
        right = min(end, float(self.width()))
        if right - max(0.0, start) < 34:
            return QRect()
        return QRect(round(right) - 20, 0, _BAND, _BAND)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        assert event is not None
        if event.button() != Qt.MouseButton.LeftButton:
            return
        if self._cross().contains(event.pos()):
            self.loop_chosen.emit(0, 0)
            return
        self._pressed = event.pos()
        self._grip = self._grip_at(event.pos())
        free = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if self._grip == "new" or self._loop is None:
            self._anchor = self.frame_near(event.position().x(), free)
        else:
            self._anchor = self._loop[1] if self._grip == "start" else self._loop[0]

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        assert event is not None
        if self._pressed is None:
            self._show_cursor(event.pos())
            return
        far = (event.pos() - self._pressed).manhattanLength()
        if self._dragged is None and far < QApplication.startDragDistance() / 2:
            return
        free = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        there = self.frame_near(event.position().x(), free)
        self._dragged = (min(self._anchor, there), max(self._anchor, there))
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        assert event is not None
        if self._pressed is None or event.button() != Qt.MouseButton.LeftButton:
            return
        dragged, self._dragged, self._pressed = self._dragged, None, None
        if dragged is None:
            free = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self.located.emit(self.frame_near(event.position().x(), free))
        elif dragged[1] > dragged[0]:
            self._loop = dragged  # until the host says what it is
            self.loop_chosen.emit(*dragged)
        self.update()

    def _show_cursor(self, point: QPoint) -> None:
        if self._cross().contains(point):
            self.setCursor(Qt.CursorShape.PointingHandCursor)
        elif self._grip_at(point) != "new":
            self.setCursor(Qt.CursorShape.SplitHCursor)
        else:
            self.unsetCursor()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        assert event is not None
        if event.key() == Qt.Key.Key_Escape and self._pressed is not None:
            self._pressed = self._dragged = None
            self.update()
        elif event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace) and self._loop is not None:
            self.loop_chosen.emit(0, 0)
        else:
            event.ignore()

    def contextMenuEvent(self, event: QContextMenuEvent | None) -> None:
        assert event is not None
        frame = self.frame_near(event.pos().x())
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        rate = self._metre.sample_rate
        for text, do, enabled in (
            (f"Go to {time_text(frame, rate)}", lambda: self.located.emit(frame), True),
            ("Loop the song", self.song_loop_wanted.emit, True),
            ("Clear the loop", lambda: self.loop_chosen.emit(0, 0), self._loop is not None),
        ):
            action = menu.addAction(text)
            assert action is not None
            action.setEnabled(enabled)
            action.triggered.connect(lambda _, do=do: do())
        menu.popup(event.globalPos())

    # ------------------------------------------------------------------ painting

    def _step(self, least_px: float) -> float:
        return self._metre.step_frames(least_px * self._viewport.frames_per_px)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        assert event is not None
        theme, painter, damaged = self._theme, QPainter(self), event.rect()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(damaged, theme.colour("raised"))
        painter.fillRect(QRect(0, 0, self.width(), _BAND), theme.colour("panel"))
        self._paint_loop(painter)
        self._paint_bars(painter, damaged)
        self._paint_seconds(painter, damaged)
        painter.fillRect(QRect(0, HEIGHT - 1, self.width(), 1), theme.colour("line"))
        x = self._viewport.x_of(self._playhead)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("accent"))
        painter.drawPolygon(
            QPolygonF(
                [
                    QPointF(x - 5.5, _BARS - 1.0),
                    QPointF(x + 5.5, _BARS - 1.0),
                    QPointF(x + 5.5, HEIGHT - 7.0),
                    QPointF(x, HEIGHT - 1.0),
                    QPointF(x - 5.5, HEIGHT - 7.0),
                ]
            )
        )
        painter.end()

    def _paint_loop(self, painter: QPainter) -> None:
        loop = self.shown_loop
        if loop is None:
            return
        theme = self._theme
        start, end = (self._viewport.x_of(frame) for frame in loop)
        if end < 0 or start > self.width():
            return
        wash = QRectF(start, _BAND, end - start, HEIGHT - _BAND)
        painter.fillRect(wash, theme.colour("accent", 0.13))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("accent_strong"))
        painter.drawRoundedRect(QRectF(start, 1.0, max(2.0, end - start), _BAND - 2.0), 3.0, 3.0)
        cross = self._cross()
        if not cross.isEmpty():
            painter.setPen(QPen(theme.colour("on_accent"), 1.4))
            box = QRectF(cross).adjusted(3.5, 3.5, -3.5, -3.5)
            painter.drawLine(box.topLeft(), box.bottomRight())
            painter.drawLine(box.topRight(), box.bottomLeft())

    def _paint_bars(self, painter: QPainter, damaged: QRect) -> None:
        theme, viewport, metre = self._theme, self._viewport, self._metre
        # A label to the left of what is damaged may reach into it.
        first = viewport.frame_at(damaged.left() - 2 * _LABEL_PX)
        last = viewport.frame_at(damaged.right() + 2)
        labelled = self._step(_LABEL_PX)
        for frame in lines(first, last, self._step(_LINE_PX)):
            x = round(viewport.x_of(frame))
            is_bar = metre.is_bar(frame)
            painter.fillRect(
                QRect(x, _BARS - (8 if is_bar else 4), 1, 8 if is_bar else 4),
                theme.colour("text_faint", 0.8 if is_bar else 0.5),
            )
        for frame in lines(first, last, labelled):
            x = round(viewport.x_of(frame))
            is_bar = metre.is_bar(frame)
            painter.setFont(theme.font("small", figures=True, bold=is_bar))
            painter.setPen(theme.colour("text" if is_bar else "text_dim"))
            painter.drawText(
                QRect(x + 4, _BAND, 90, _BARS - _BAND),
                Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft,
                metre.bar_text(frame),
            )

    def _paint_seconds(self, painter: QPainter, damaged: QRect) -> None:
        theme, viewport, rate = self._theme, self._viewport, self._metre.sample_rate
        first = viewport.frame_at(damaged.left() - 2 * _LABEL_PX) / rate
        last = viewport.frame_at(damaged.right() + 2) / rate
        step = second_step(1.3 * _LABEL_PX * viewport.frames_per_px / rate)
        painter.setFont(theme.font("tiny", figures=True))
        painter.setPen(theme.colour("text_faint"))
        for second in lines(first, last, step):
            x = round(viewport.x_of(second * rate))
            painter.fillRect(QRect(x, HEIGHT - 5, 1, 4), theme.colour("text_faint", 0.6))
            painter.drawText(
                QRect(x + 4, _BARS, 90, HEIGHT - _BARS - 1),
                Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft,
                second_text(second, step),
            )
