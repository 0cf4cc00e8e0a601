# SPDX-License-Identifier: GPL-3.0-or-later
"""How many of each: large figures with a mark and a word, which count while one looks."""

from collections.abc import Mapping

from PyQt6.QtCore import QRectF, QSize, Qt
from PyQt6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PyQt6.QtWidgets import QSizePolicy, QWidget

from ui.pages.parts.mark import Mark, paint_mark
from ui.theme.theme import Theme

_GAP = 26.0
_HEIGHT = 44  # of a row


class Tally(QWidget):
    """Counts in the order in which they are given."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._counts: list[tuple[Mark, int]] = []
        self._large = theme.font("display", figures=True)
        self._small = theme.font("small")
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(320, _HEIGHT)

    def heightForWidth(self, width: int) -> int:
        """Those that have no room stand in a row below."""
        return round(max((top for _, top, _ in self._places(width)), default=0.0)) + _HEIGHT

    @property
    def counts(self) -> dict[str, int]:
        return {mark.word: count for mark, count in self._counts}

    def show_counts(self, counts: Mapping[Mark, int]) -> None:
        shown = list(counts.items())
        if shown != self._counts:
            self._counts = shown
            self.updateGeometry()
            self.setAccessibleName(", ".join(f"{count} {mark.word}" for mark, count in shown))
            self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        left_middle = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        places = self._places(self.width())
        for (mark, count), (left, top, width) in zip(self._counts, places, strict=True):
            paint_mark(painter, QRectF(left, top + 7, 12, 12), mark, self._theme)
            painter.setFont(self._large)
            painter.setPen(self._theme.colour("text" if count else "text_faint"))
            painter.drawText(QRectF(left + 18, top, width, 26), left_middle, f"{count:,}")
            painter.setFont(self._small)
            painter.setPen(self._theme.colour("text_dim" if count else "text_faint"))
            painter.drawText(QRectF(left, top + 26, width + 4, 16), left_middle, mark.word)
        painter.end()

    def _places(self, room: int) -> list[tuple[float, float, float]]:
        """Left, top and width of each."""
        large, small = QFontMetricsF(self._large), QFontMetricsF(self._small)
        places, left, top = [], 0.0, 0.0
        for mark, count in self._counts:
            width = max(18 + large.horizontalAdvance(f"{count:,}"),
                        small.horizontalAdvance(mark.word))  # fmt: skip
            if left and left + width > room:
                left, top = 0.0, top + _HEIGHT
            places.append((left, top, width))
            left += width + _GAP
        return places
