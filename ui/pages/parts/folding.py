# SPDX-License-Identifier: GPL-3.0-or-later
"""Widgets of one width beside each other where there is room for that, else below each other."""

from collections.abc import Iterable

from PyQt6.QtCore import QSize
from PyQt6.QtGui import QResizeEvent
from PyQt6.QtWidgets import QGridLayout, QWidget


class Folding(QWidget):
    """At most `columns` of them in a row, each with `least_width` or more."""

    def __init__(
        self, widgets: Iterable[QWidget], columns: int, least_width: int, gap: int
    ) -> None:
        super().__init__()
        self._widgets = tuple(widgets)
        self._most = columns
        self._least_width = least_width
        self._gap = gap
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(gap)
        self.columns = 0
        self._fold(columns)

    def minimumSizeHint(self) -> QSize:
        """It may become narrow, whatever stands beside each other now."""
        widest = max(one.minimumSizeHint().width() for one in self._widgets)
        return QSize(widest, self._grid.totalMinimumSize().height())

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        super().resizeEvent(event)
        self._fold((self.width() + self._gap) // (self._least_width + self._gap))

    def _fold(self, columns: int) -> None:
        columns = max(1, min(self._most, columns))
        if columns == self.columns:
            return
        self.columns = columns
        for place, widget in enumerate(self._widgets):
            self._grid.addWidget(widget, place // columns, place % columns)
        for column in range(self._most):
            self._grid.setColumnStretch(column, 1 if column < columns else 0)
        self.updateGeometry()
