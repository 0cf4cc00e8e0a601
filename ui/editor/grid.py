# SPDX-License-Identifier: GPL-3.0-or-later
"""The parameters in a grid that scrolls. Cells are made when they come into view: a plugin may have
hundreds of parameters, and an editor must open at once."""

from bisect import bisect_left

from PyQt6.QtCore import QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QPainter, QPaintEvent, QResizeEvent, QWheelEvent
from PyQt6.QtWidgets import QApplication, QScrollArea, QWidget

from ui.desk import Desk
from ui.editor.cell import LARGE, NORMAL, CellSize, ParameterCell
from ui.editor.panels import Panel, Placed, panels_of, place
from ui.editor.values import Values
from ui.editor.wheel import WheelGuard
from ui.theme.theme import Theme

_PAD = 10
_MOST_CELLS = 240  # that are kept
_FEW = 14  # parameters, whose controls may be large
_SPARE_ROWS = 1  # made above and below what is seen: where Tab goes next


class _Ground(QWidget):
    """What the cells lie on; says it when there is none."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.note = ""
        self.panels: list[QRectF] = []

    def paintEvent(self, event: QPaintEvent | None) -> None:
        assert event is not None
        painter, damaged = QPainter(self), QRectF(event.rect())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        is_dark = self._theme.name == "dark"
        painter.setPen(self._theme.colour("line_soft" if is_dark else "line", 0.9))
        painter.setBrush(self._theme.colour("raised", 0.85))
        for panel in self.panels:
            if panel.intersects(damaged):
                painter.drawRoundedRect(panel, 8.0, 8.0)
        if self.note:
            painter.setFont(self._theme.font("large"))
            painter.setPen(self._theme.colour("text_faint"))
            box = self.rect().adjusted(20, 30, -20, 0)
            flags = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop
            painter.drawText(box, int(flags) | int(Qt.TextFlag.TextWordWrap), self.note)
        painter.end()


class ParameterGrid(QScrollArea):
    """Of all parameters that are not hidden, or those that a search finds."""

    filtered = pyqtSignal(int, int)  # found, of how many

    def __init__(
        self, desk: Desk, values: Values, theme: Theme, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._desk = desk
        self._values = values
        self._theme = theme
        self._guard = WheelGuard()
        self._cells: dict[int, ParameterCell] = {}
        self._shown: list[int] = []  # parameters, in their order
        self._panels: list[Panel] = []
        self._cell_places: list[tuple[int, int]] = []  # row and column of each that is shown
        self._size: CellSize = NORMAL
        self._words: list[str] = []
        self._ground = _Ground(theme)
        self.setWidget(self._ground)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        bar = self.verticalScrollBar()
        assert bar is not None
        bar.valueChanged.connect(self._place)
        values.described.connect(self._on_described)
        values.changed.connect(self.show_values)
        values.one_changed.connect(self._show_one)
        theme.changed.connect(self._on_theme)
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        application.focusChanged.connect(self._on_focus)
        self._on_described()

    @property
    def shown(self) -> list[int]:
        """The parameters that are shown or can be scrolled to."""
        return list(self._shown)

    @property
    def made(self) -> int:
        """How many cells there are just now."""
        return len(self._cells)

    def cell(self, parameter: int) -> ParameterCell | None:
        """None: it was not in view yet."""
        return self._cells.get(parameter)

    def search(self, text: str) -> None:
        """Shows those whose names have all the words."""
        self._words = text.lower().split()
        self._choose()

    def reveal(self, parameter: int) -> None:
        if parameter in self._shown:
            row, height = self._cell_places[self._shown.index(parameter)][0], self._size.height
            self.ensureVisible(0, _PAD + row * height + height // 2, 0, height)

    def show_values(self) -> None:
        for cell in self._cells.values():
            if not cell.isHidden():
                cell.show_values()

    def _show_one(self, parameter: int) -> None:
        if (cell := self._cells.get(parameter)) is not None:
            cell.show_values()

    # ------------------------------------------------------------------ which, and where

    def _on_described(self) -> None:
        for cell in self._cells.values():
            cell.hide()
            cell.deleteLater()
        self._cells = {}
        count = sum(not one.hidden for one in self._values.parameters)
        self._size = LARGE if count <= _FEW else NORMAL
        bar = self.verticalScrollBar()
        assert bar is not None
        bar.setSingleStep(self._size.height // 3)
        self._choose()

    def _choose(self) -> None:
        every = [one for one in self._values.parameters if not one.hidden]
        found = [one for one in every if all(word in one.name.lower() for word in self._words)]
        self._shown = [one.index for one in found]
        # What a search has found is one list.
        self._panels = [Panel("", tuple(self._shown))] if self._words else panels_of(found)
        if self._values.description is None:
            self._ground.note = ""
        elif not every:
            self._ground.note = "This plugin has no parameters."
        elif not found:
            self._ground.note = "No parameter has that name."
        else:
            self._ground.note = ""
        bar = self.verticalScrollBar()
        if bar is not None and self._words:
            bar.setValue(0)
        self._measure()
        self._ground.update()
        self.filtered.emit(len(found), len(every))

    @property
    def _columns(self) -> int:
        return max(1, (self._room - 2 * _PAD) // self._size.width)

    @property
    def _room(self) -> int:
        """Pixels across, without the scroll bar, so that it moves nothing when it comes."""
        return max(self._size.width + 2 * _PAD, self.width() - 12)

    @property
    def _pitch(self) -> float:
        """From one column to the next: a few stand together, they are not strewn about."""
        every = (self._room - 2 * _PAD) / self._columns
        return min(every, self._size.width * 1.3)

    def _measure(self) -> None:
        viewport = self.viewport()
        assert viewport is not None
        placed, rows = place(self._panels, self._columns)
        self._cell_places = [one.cell(n) for one in placed for n in range(len(one.panel.members))]
        self._ground.panels = [self._box(one) for one in placed if one.panel.name]
        height = max(2 * _PAD + rows * self._size.height, viewport.height())
        self._ground.resize(self._room, height)
        self._ground.update()
        self._place()

    def _box(self, placed: Placed) -> QRectF:
        pitch, height = self._pitch, self._size.height
        return QRectF(
            _PAD + placed.column * pitch,
            _PAD + placed.row * height,
            placed.columns * pitch,
            placed.rows * height,
        ).adjusted(3.5, 2.5, -3.5, -2.5)

    def _place(self) -> None:
        """Makes what is in view, and lays it out."""
        bar, viewport, size = self.verticalScrollBar(), self.viewport(), self._size
        assert bar is not None and viewport is not None
        top = (bar.value() - _PAD) // size.height - _SPARE_ROWS
        bottom = (bar.value() + viewport.height() - _PAD) // size.height + _SPARE_ROWS
        # Rows only grow along the list.
        first = bisect_left(self._cell_places, (top, 0))
        last = bisect_left(self._cell_places, (bottom + 1, 0))
        pitch = self._pitch
        before: QWidget | None = None
        for index, (row, column) in zip(
            self._shown[first:last], self._cell_places[first:last], strict=True
        ):
            cell = self._cells.get(index) or self._make(index)
            left, right = round(column * pitch), round((column + 1) * pitch)
            cell.setGeometry(_PAD + left, _PAD + row * size.height, right - left, size.height)
            if cell.isHidden():
                cell.show_values()
                cell.show()
            if before is not None:
                QWidget.setTabOrder(before, cell.control)
            before = cell.control
        self._put_away(set(self._shown[first:last]))

    def _put_away(self, seen: set[int]) -> None:
        for index, cell in list(self._cells.items()):
            if index in seen or cell.is_held:
                continue
            cell.hide()
            if len(self._cells) > _MOST_CELLS:
                del self._cells[index]
                cell.deleteLater()

    def _make(self, index: int) -> ParameterCell:
        parameter = next(one for one in self._values.parameters if one.index == index)
        cell = ParameterCell(
            self._desk, self._values, self._theme, parameter, self._guard, self._size, self._ground
        )
        cell.hide()  # until it has its place
        self._cells[index] = cell
        return cell

    # ------------------------------------------------------------------ events

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        super().resizeEvent(event)
        self._measure()

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        self._guard.scrolled()
        super().wheelEvent(event)

    def _on_focus(self, _: QWidget | None, now: QWidget | None) -> None:
        """What has the focus is seen."""
        parent = now.parentWidget() if now is not None else None
        if isinstance(parent, ParameterCell) and self._cells.get(parent.parameter.index) is parent:
            self.ensureWidgetVisible(parent, 0, 8)

    def _on_theme(self) -> None:
        self._ground.update()
        for cell in self._cells.values():
            cell.update()
            cell.control.update()
