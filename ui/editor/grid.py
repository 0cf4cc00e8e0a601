# SPDX-License-Identifier: GPL-3.0-or-later
"""The parameters in a grid that scrolls. Cells are made when they come into view: a plugin may have
hundreds of parameters, and an editor must open at once."""

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QPainter, QPaintEvent, QResizeEvent, QWheelEvent
from PyQt6.QtWidgets import QApplication, QScrollArea, QWidget

from ui.desk import Desk
from ui.editor.cell import HEIGHT, WIDTH, ParameterCell
from ui.editor.values import Values
from ui.editor.wheel import WheelGuard
from ui.theme.theme import Theme

_PAD = 10
_MOST_CELLS = 240  # that are kept
_SPARE_ROWS = 1  # made above and below what is seen: where Tab goes next


class _Ground(QWidget):
    """What the cells lie on; says it when there is none."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.note = ""

    def paintEvent(self, event: QPaintEvent | None) -> None:
        if self.note:
            painter = QPainter(self)
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
        self._words: list[str] = []
        self._ground = _Ground(theme)
        self.setWidget(self._ground)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        bar = self.verticalScrollBar()
        assert bar is not None
        bar.valueChanged.connect(self._place)
        bar.setSingleStep(HEIGHT // 3)
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
            row = self._shown.index(parameter) // self._columns
            self.ensureVisible(0, _PAD + row * HEIGHT + HEIGHT // 2, 0, HEIGHT)

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
        self._choose()

    def _choose(self) -> None:
        every = [one for one in self._values.parameters if not one.hidden]
        found = [one for one in every if all(word in one.name.lower() for word in self._words)]
        self._shown = [one.index for one in found]
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
        return max(1, (self._room - 2 * _PAD) // WIDTH)

    @property
    def _room(self) -> int:
        """Pixels across, without the scroll bar, so that it moves nothing when it comes."""
        return max(WIDTH + 2 * _PAD, self.width() - 12)

    def _measure(self) -> None:
        rows = -(-len(self._shown) // self._columns)
        viewport = self.viewport()
        assert viewport is not None
        height = max(2 * _PAD + rows * HEIGHT, viewport.height())
        self._ground.resize(self._room, height)
        self._place()

    def _place(self) -> None:
        """Makes what is in view, and lays it out."""
        columns, bar, viewport = self._columns, self.verticalScrollBar(), self.viewport()
        assert bar is not None and viewport is not None
        top = bar.value()
        first = max(0, (top - _PAD) // HEIGHT - _SPARE_ROWS) * columns
        last = ((top + viewport.height() - _PAD) // HEIGHT + 1 + _SPARE_ROWS) * columns
        wanted = self._shown[first:last]
        each = (self._room - 2 * _PAD) / columns
        if len(self._shown) < columns:  # a few stand together, not strewn about
            each = min(each, WIDTH * 1.25)
        before: QWidget | None = None
        for place, index in enumerate(wanted, first):
            cell = self._cells.get(index) or self._make(index)
            row, column = divmod(place, columns)
            left = round(column * each)
            cell.setGeometry(
                _PAD + left, _PAD + row * HEIGHT, round((column + 1) * each) - left, HEIGHT
            )
            if cell.isHidden():
                cell.show_values()
                cell.show()
            if before is not None:
                QWidget.setTabOrder(before, cell.control)
            before = cell.control
        kept = set(wanted)
        for index, cell in list(self._cells.items()):
            if index in kept:
                continue
            if not cell.isHidden() and not cell.is_held:
                cell.hide()
            if len(self._cells) > _MOST_CELLS and not cell.is_held:
                del self._cells[index]
                cell.deleteLater()

    def _make(self, index: int) -> ParameterCell:
        parameter = next(one for one in self._values.parameters if one.index == index)
        cell = ParameterCell(
            self._desk, self._values, self._theme, parameter, self._guard, self._ground
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
