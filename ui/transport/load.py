# SPDX-License-Identifier: GPL-3.0-or-later
"""How much of its time a block takes: the median and the longest of the last second against the
deadline. What stays left of the mark is in time."""

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt
from PyQt6.QtGui import QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QWidget

from ui.theme.theme import Theme

_WIDTH, _HEIGHT = 168, 36
_FULL = 1.25  # of the deadline, at the right end
_HIGH = 0.7  # of the deadline: from there on it is yellow


class LoadMeter(QWidget):
    """Times are in microseconds."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._shown = (0, 0, 0)
        self.setFixedSize(_WIDTH, _HEIGHT)
        self.setAccessibleName("Block time")
        self._tell()

    def sizeHint(self) -> QSize:
        return QSize(_WIDTH, _HEIGHT)

    def show_times(self, block_us: float, longest_us: float, deadline_us: float) -> None:
        shown = (round(block_us), round(longest_us), round(deadline_us))
        if shown != self._shown:
            self._shown = shown
            self._tell()
            self.update()

    def _tell(self) -> None:
        block, longest, deadline = self._shown
        text = (
            f"A block takes {block / 1000:.2f} ms, at most {longest / 1000:.2f} ms in the last "
            f"second; it must be done within {deadline / 1000:.2f} ms"
        )
        self.setAccessibleDescription(text)
        self.setToolTip(text)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        theme, painter = self._theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        block, longest, deadline = self._shown
        painter.setFont(theme.font("tiny"))
        painter.setPen(theme.colour("text_faint"))
        upper = QRectF(0, 0, self.width(), 16)
        painter.drawText(upper, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, "BLOCK")
        painter.setFont(theme.font("small", figures=True))
        painter.setPen(theme.colour("meter_high" if longest > deadline > 0 else "text_dim"))
        times = f"{longest / 1000:.2f} / {deadline / 1000:.2f} ms"
        painter.drawText(upper, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, times)
        bar = QRectF(0, 20, self.width(), 10)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("well"))
        painter.drawRoundedRect(bar, 3, 3)
        if deadline > 0:
            self._paint_bar(
                painter, bar.adjusted(1, 1, -1, -1), block / deadline, longest / deadline
            )
        painter.end()

    def _paint_bar(self, painter: QPainter, bar: QRectF, block: float, longest: float) -> None:
        """Times here are parts of the deadline."""
        theme = self._theme

        def x(part: float) -> float:
            return bar.left() + min(1.0, part / _FULL) * bar.width()

        late = longest > 1.0
        colour = "meter_high" if late else "meter_mid" if longest > _HIGH else "meter_low"
        painter.setBrush(theme.colour(colour, 0.35))
        painter.drawRoundedRect(QRectF(bar.left(), bar.top(), x(longest) - bar.left(), 8), 2, 2)
        painter.setBrush(theme.colour(colour))
        painter.drawRoundedRect(QRectF(bar.left(), bar.top(), x(block) - bar.left(), 8), 2, 2)
        painter.setPen(QPen(theme.colour("text"), 1.5))
        painter.drawLine(QPointF(x(1.0), bar.top() - 3), QPointF(x(1.0), bar.bottom() + 3))
