# SPDX-License-Identifier: GPL-3.0-or-later
"""How hard a plugin is tried: ten keys of which so many are lit."""

from PyQt6.QtCore import QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import (
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from PyQt6.QtWidgets import QSizePolicy, QWidget

from ui.theme.theme import Theme

LEVELS = 10
_GAP = 3.0
_HOT_FROM = 8  # from here on it takes long

Key = Qt.Key


class LevelBar(QWidget):
    """Clicked, dragged, turned by the wheel or by keys."""

    changed = pyqtSignal(int)

    def __init__(self, theme: Theme, level: int = 5, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._level = level
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(f"Level {level}")
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(260, 30)

    @property
    def level(self) -> int:
        return self._level

    def choose(self, level: int) -> None:
        level = min(LEVELS, max(1, level))
        if level != self._level:
            self._level = level
            self.setAccessibleName(f"Level {level}")
            self.update()
            self.changed.emit(level)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        self.mouseMoveEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        assert event is not None
        self.choose(int(event.position().x() / self.width() * LEVELS) + 1)

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        assert event is not None
        self.choose(self._level + (1 if event.angleDelta().y() > 0 else -1))
        event.accept()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        assert event is not None
        if event.key() in (Key.Key_Right, Key.Key_Up):
            self.choose(self._level + 1)
        elif event.key() in (Key.Key_Left, Key.Key_Down):
            self.choose(self._level - 1)
        elif event.key() == Key.Key_Home:
            self.choose(1)
        elif event.key() == Key.Key_End:
            self.choose(LEVELS)
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent | None) -> None:
        self.update()

    def focusOutEvent(self, event: QFocusEvent | None) -> None:
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        theme, painter = self._theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        width = (self.width() - _GAP * (LEVELS - 1)) / LEVELS
        painter.setFont(theme.font("small", figures=True))
        for place in range(LEVELS):
            box = QRectF(place * (width + _GAP), 1, width, self.height() - 2)
            lit = place < self._level
            hot = place + 1 >= _HOT_FROM
            fill = (
                theme.colour("late" if hot else "accent_strong") if lit else theme.colour("control")
            )
            if not self.isEnabled():
                fill.setAlphaF(0.45)
            last = place + 1 == self._level
            edge = theme.colour("text" if last and self.hasFocus() else "line")
            painter.setPen(QPen(edge, 1.0))
            painter.setBrush(fill)
            painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 3.0, 3.0)
            colour = (
                theme.colour("on_lit" if hot else "on_accent")
                if lit
                else theme.colour("text_faint")
            )
            painter.setPen(colour)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, str(place + 1))
        painter.end()
