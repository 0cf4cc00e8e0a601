# SPDX-License-Identifier: GPL-3.0-or-later
"""What steps aside where a row is too narrow for all of it: into a drawer behind a button, the
least important first. Nothing is ever squeezed or drawn over something else.
"""

from PyQt6.QtCore import QEvent, QObject, QPoint, Qt
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from ui.controls.buttons import Button
from ui.theme.theme import Theme

_GAP = 10  # before the button


class Aside(QObject):
    """Of the widgets in the layout of `row`."""

    def __init__(self, row: QWidget, theme: Theme) -> None:
        super().__init__(row)
        self._row = row
        self._parts: list[tuple[QWidget, QHBoxLayout]] = []  # with their places in the row
        self._count = 0  # how many of them are in the drawer
        # Within the window: of a window of its own that pops up, screen readers are not told.
        self.drawer = QFrame(row)
        self.drawer.hide()
        self.drawer.setObjectName("aside")
        self.drawer.setAccessibleName("More of the transport")
        self._column = QVBoxLayout(self.drawer)
        self._column.setContentsMargins(12, 10, 12, 10)
        self._column.setSpacing(10)
        self.more = Button(
            theme, "More of the transport", icon="mdi6.dots-horizontal", checkable=True
        )
        self.more.setFixedSize(30, 34)
        self.more.toggled.connect(self._open)
        self.more.hide()

    def place(self, part: QWidget, gap: int) -> QHBoxLayout:
        """For the row: the part with a gap at its left, as long as there is room. What is placed
        first leaves last."""
        home = QHBoxLayout()
        home.setContentsMargins(gap, 0, 0, 0)
        home.addWidget(part)
        self._parts.insert(0, (part, home))
        return home

    def place_button(self) -> QHBoxLayout:
        home = QHBoxLayout()
        home.setContentsMargins(_GAP, 0, 0, 0)
        home.addWidget(self.more)
        return home

    @property
    def least_width(self) -> int:
        """Of the row, when all that may has stepped aside."""
        return self._fixed_width + self._button_width

    def fit(self) -> None:
        """To the width that the row has."""
        needed, count = self._fixed_width + sum(map(_width, self._parts)), 0
        for part in self._parts:
            if needed + (self._button_width if count else 0) <= self._row.width():
                break
            needed, count = needed - _width(part), count + 1
        if count != self._count:
            self._move(count)

    def _move(self, count: int) -> None:
        for place, (part, home) in enumerate(self._parts):
            if (place < count) != (place < self._count):
                (self._column if place < count else home).addWidget(part)
                part.show()
        self._count = count
        self.more.setVisible(count > 0)
        self.more.setChecked(False)

    @property
    def _fixed_width(self) -> int:
        """Of all else in the row."""
        layout = self._row.layout()
        assert layout is not None
        width = layout.sizeHint().width() - sum(map(_width, self._parts[self._count :]))
        return width - (self._button_width if self._count else 0)

    @property
    def _button_width(self) -> int:
        return self.more.width() + _GAP

    def _open(self, wanted: bool) -> None:
        application = QApplication.instance()
        assert application is not None
        if not wanted:
            application.removeEventFilter(self)
            self.drawer.hide()
            return
        application.installEventFilter(self)
        window, drawer = self._row.window(), self.drawer
        assert window is not None
        drawer.setParent(window)
        drawer.adjustSize()
        below = QPoint(self.more.width() - drawer.width(), self.more.height() + 2)
        drawer.move(self.more.mapTo(window, below))
        drawer.show()
        drawer.raise_()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """A click elsewhere closes the drawer, and so does Escape where no field needs it."""
        if not isinstance(watched, QWidget) or event is None:
            return False
        within = watched is self.more or watched is self.drawer or self.drawer.isAncestorOf(watched)
        if event.type() == QEvent.Type.MouseButtonPress and not within:
            self.more.setChecked(False)
        is_escape = (
            isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.KeyPress
            and event.key() == Qt.Key.Key_Escape
        )
        if is_escape and not isinstance(watched, QLineEdit):
            self.more.setChecked(False)
            return True
        return False


def _width(part: tuple[QWidget, QHBoxLayout]) -> int:
    """In the row."""
    return part[0].sizeHint().width() + part[1].contentsMargins().left()
