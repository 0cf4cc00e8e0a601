# SPDX-License-Identifier: GPL-3.0-or-later
"""How many of each: large figures with a mark and a word, which count while one looks."""

from collections.abc import Mapping

from PyQt6.QtCore import QRectF, QSize, Qt
from PyQt6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PyQt6.QtWidgets import QSizePolicy, QWidget

from ui.pages.parts.mark import Mark, paint_mark
from ui.theme.theme import Theme

_GAP = 26.0


class Tally(QWidget):
    """Counts in the order in which they are given."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._counts: list[tuple[Mark, int]] = []
        self._large = theme.font("display", figures=True)
        self._small = theme.font("small")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(320, 44)

    @property
    def counts(self) -> dict[str, int]:
        return {mark.word: count for mark, count in self._counts}

    def show_counts(self, counts: Mapping[Mark, int]) -> None:
        shown = list(counts.items())
        if shown != self._counts:
            self._counts = shown
            self.setAccessibleName(", ".join(f"{count} {mark.word}" for mark, count in shown))
            self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        large, small = QFontMetricsF(self._large), QFontMetricsF(self._small)
        left_middle = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        left = 0.0
        for mark, count in self._counts:
            text = f"{count:,}"
            width = max(18 + large.horizontalAdvance(text), small.horizontalAdvance(mark.word))
            paint_mark(painter, QRectF(left, 7, 12, 12), mark, self._theme)
            painter.setFont(self._large)
            painter.setPen(self._theme.colour("text" if count else "text_faint"))
            painter.drawText(QRectF(left + 18, 0, width, 26), left_middle, text)
            painter.setFont(self._small)
            painter.setPen(self._theme.colour("text_dim" if count else "text_faint"))
            painter.drawText(QRectF(left, 26, width + 4, 16), left_middle, mark.word)
            left += width + _GAP
        painter.end()
