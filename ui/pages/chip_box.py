# SPDX-License-Identifier: GPL-3.0-or-later
"""Chips in rows, as high as they need and no higher than some rows: what is below has its room."""

from PyQt6.QtCore import QEvent, QSize, Qt
from PyQt6.QtGui import QResizeEvent
from PyQt6.QtWidgets import QScrollArea, QSizePolicy, QWidget

from ui.pages.parts.buttons import Chip
from ui.pages.parts.flow import FlowLayout

_LEAST_HEIGHT = 36  # where the page is low
_MOST_HEIGHT = 128  # four rows, and the upper part of a fifth, which says that there are more


class ChipBox(QScrollArea):
    def __init__(self, name: str) -> None:
        super().__init__()
        self._height = 0  # that it likes to have
        self._inner = QWidget()
        self._inner.setObjectName("inner")
        self._flow = FlowLayout(parent=self._inner)
        self.setWidget(self._inner)
        self.setWidgetResizable(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the chips take it
        self.setAccessibleName(name)

    def sizeHint(self) -> QSize:
        return QSize(200, self._height)

    def minimumSizeHint(self) -> QSize:
        return QSize(120, min(_LEAST_HEIGHT, self._height))

    def add(self, chip: Chip) -> None:
        self._flow.addWidget(chip)
        self._fit()

    def remove(self, chip: Chip) -> None:
        self._flow.removeWidget(chip)
        chip.hide()
        chip.deleteLater()
        self._fit()

    def event(self, event: QEvent | None) -> bool:
        done = super().event(event)
        if event is not None and event.type() == QEvent.Type.LayoutRequest:
            self._fit()
        return done

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        super().resizeEvent(event)
        self._fit()

    def focusNextPrevChild(self, next: bool) -> bool:
        """As everywhere, and what is come to is in sight."""
        has_moved = super().focusNextPrevChild(next)
        now = self.focusWidget()
        if now is not None and self._inner.isAncestorOf(now):
            self.ensureWidgetVisible(now, 0, 4)
        return has_moved

    def _fit(self) -> None:
        view = self.viewport()
        assert view is not None
        height = min(_MOST_HEIGHT, self._flow.heightForWidth(view.width()))
        if height != self._height:
            self._height = height
            self.updateGeometry()
