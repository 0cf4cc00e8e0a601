# SPDX-License-Identifier: GPL-3.0-or-later
"""The chain of a strip: its slots from above to below, and a place for another one.

A slot, of this strip or another, or a plugin of the browser is dropped between two rows; a line
shows where.
"""

from collections.abc import Mapping

from PyQt6.QtCore import QPoint, Qt, pyqtSignal
from PyQt6.QtGui import (
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QPainter,
    QPaintEvent,
)
from PyQt6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from ipc.desk.state import SlotState
from ui.controls.buttons import Button
from ui.mixer.sharing import Sharing
from ui.mixer.slot_row import ROW_HEIGHT, SLOT_MIME, SlotRow
from ui.theme.theme import Theme

PLUGIN_MIME = "application/x-isobooth-plugin"  # a plugin's id, from the browser


class Inserts(QScrollArea):
    """Rows are kept by the slots' ids: a row that moves stays the same widget."""

    moved = pyqtSignal(str, int)  # a slot to a place among those that remain here
    dropped = pyqtSignal(str, int)  # a plugin's id, and where
    add_wanted = pyqtSignal(int)  # a plugin there: the index
    row_made = pyqtSignal(object)  # SlotRow

    def __init__(self, theme: Theme, name: str, parent: QWidget | None = None) -> None:
        """`name`: the strip's."""
        super().__init__(parent)
        self.setObjectName("inserts")
        self.rows: dict[str, SlotRow] = {}
        self._theme = theme
        self._inner = _Rows(theme)
        self._inner.setObjectName("inner")
        self._layout = QVBoxLayout(self._inner)
        self._layout.setContentsMargins(2, 2, 2, 2)
        self._layout.setSpacing(0)
        self._add = Button(theme, f"Add a plugin to {name}", text="+")
        self._add.setObjectName("add")
        self._add.setFixedHeight(ROW_HEIGHT - 2)
        self._add.clicked.connect(lambda: self.add_wanted.emit(len(self.rows)))
        self._layout.addWidget(self._add)
        self._layout.addStretch(1)
        self._add.setSizePolicy(
            self._add.sizePolicy().Policy.Expanding, self._add.sizePolicy().Policy.Fixed
        )
        self.setWidget(self._inner)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setMinimumHeight(4 * ROW_HEIGHT)
        self.setAcceptDrops(True)

    def show_slots(self, slots: tuple[SlotState, ...]) -> None:
        wanted = {slot.id for slot in slots}
        for slot in [slot for slot in self.rows if slot not in wanted]:
            row = self.rows.pop(slot)
            self._layout.removeWidget(row)
            row.deleteLater()
        for place, state in enumerate(slots):
            old = self.rows.get(state.id)
            if old is None:
                row = self.rows[state.id] = SlotRow(self._theme, state)
                self.row_made.emit(row)
            else:
                row = old
                row.show_state(state)
            if self._layout.indexOf(row) != place:
                self._layout.insertWidget(place, row)

    def show_sharing(self, sharing: Mapping[str, Sharing]) -> None:
        """By slot: which of them are played by one process with others."""
        for slot, row in self.rows.items():
            row.show_sharing(sharing.get(slot))

    def tab_chain(self) -> list[QWidget]:
        """What the Tab key goes through, in order."""
        rows = sorted(self.rows.values(), key=self._layout.indexOf)
        return [*rows, self._add]

    def place_at(self, y: int) -> int:
        """Before which row, in the list's own coordinates, something is dropped."""
        inner = self._inner.mapFrom(self, QPoint(0, y)).y()
        rows = sorted(self.rows.values(), key=lambda row: row.y())
        return sum(inner > row.y() + row.height() / 2 for row in rows)

    # ------------------------------------------------------------------ dropping

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        self._consider(event)

    def dragMoveEvent(self, event: QDragMoveEvent | None) -> None:
        self._consider(event)

    def dragLeaveEvent(self, event: QDragLeaveEvent | None) -> None:
        self._inner.show_mark(None)

    def _consider(self, event: QDragMoveEvent | None) -> None:
        assert event is not None
        data = event.mimeData()
        if data is not None and (data.hasFormat(SLOT_MIME) or data.hasFormat(PLUGIN_MIME)):
            place = self.place_at(round(event.position().y()))
            self._inner.show_mark(2 + place * ROW_HEIGHT)
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        assert event is not None
        self._inner.show_mark(None)
        data, place = event.mimeData(), self.place_at(round(event.position().y()))
        if data is None:
            return
        if data.hasFormat(PLUGIN_MIME):
            self.dropped.emit(data.data(PLUGIN_MIME).data().decode(errors="replace"), place)
        elif data.hasFormat(SLOT_MIME):
            self._drop_slot(data.data(SLOT_MIME).data().decode(errors="replace"), place)
        event.acceptProposedAction()

    def _drop_slot(self, slot: str, place: int) -> None:
        if slot in self.rows:
            came_from = self._layout.indexOf(self.rows[slot])
            place -= came_from < place  # it is not among those that remain
            if place == came_from:
                return
        self.moved.emit(slot, place)


class _Rows(QWidget):
    """Paints, over the rows, the line where something would be dropped."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._mark = _Mark(theme, self)

    def show_mark(self, y: int | None) -> None:
        self._mark.setVisible(y is not None)
        if y is not None:
            self._mark.setGeometry(2, y - 1, self.width() - 4, 3)
            self._mark.raise_()


class _Mark(QWidget):
    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.colour("accent"))
        painter.end()
