# SPDX-License-Identifier: GPL-3.0-or-later
"""What scans have found, as a list that grows: the newest on top, what is wrong may stand alone."""

from collections.abc import Container, Iterable

from PyQt6.QtCore import QAbstractListModel, QModelIndex, QObject, QRectF, Qt
from PyQt6.QtGui import QPainter
from PyQt6.QtWidgets import QStyleOptionViewItem

from ui.controls.tip import plain_tip
from ui.pages.events import Result
from ui.pages.parts.mark import mark_of, paint_mark
from ui.pages.parts.rows import RowDelegate

RESULT = Qt.ItemDataRole.UserRole
IS_NEW = Qt.ItemDataRole.UserRole + 1

FINE = ("ok", "no-code")


class ScanModel(QAbstractListModel):
    """What is known from before, what is wrong first; above it what a scan tells now. Results that
    came together are shown together (`flush`): it may be thousands a second."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._known: dict[str, Result] = {}
        self._live: dict[str, tuple[Result, bool]] = {}  # the newest last
        self._shown: list[tuple[Result, bool]] = []
        self._waiting: list[tuple[Result, bool]] = []
        self._only_bad = False

    @property
    def results(self) -> list[Result]:
        """One of each plugin: the last that was told of it."""
        told = {result.id: result for result, _ in (*self._live.values(), *self._waiting)}
        return list({**self._known, **told}.values())

    def show_known(self, results: Iterable[Result]) -> None:
        """From scans before; what is told now stands over it."""
        self._known = {result.id: result for result in results}
        self._show_all()

    def clear(self) -> None:
        """Another scan begins: what the last one told is known."""
        self.flush()
        self._known |= {plugin: result for plugin, (result, _) in self._live.items()}
        self._live = {}
        self._show_all()

    def add(self, result: Result, *, is_new: bool) -> None:
        self._waiting.append((result, is_new))

    def flush(self) -> None:
        if not self._waiting:
            return
        came = {result.id: (result, is_new) for result, is_new in self._waiting}
        self._waiting = []
        self._take_away(came)
        for plugin in came:
            self._live.pop(plugin, None)  # it goes to the top
        self._live |= came
        shown = self._passing(reversed(came.values()))
        if shown:
            self.beginInsertRows(QModelIndex(), 0, len(shown) - 1)
            self._shown[:0] = shown
            self.endInsertRows()

    def _take_away(self, plugins: Container[str]) -> None:
        """The rows of these, one by one: the list keeps its place."""
        for row in range(len(self._shown) - 1, -1, -1):
            if self._shown[row][0].id in plugins:
                self.beginRemoveRows(QModelIndex(), row, row)
                del self._shown[row]
                self.endRemoveRows()

    def show_only_bad(self, only_bad: bool) -> None:
        if only_bad != self._only_bad:
            self._only_bad = only_bad
            self._show_all()

    def _show_all(self) -> None:
        known = [result for plugin, result in self._known.items() if plugin not in self._live]
        known.sort(key=lambda one: (one.status in FINE, (one.name or one.id).casefold()))
        live = reversed(self._live.values())
        self.beginResetModel()
        self._shown = self._passing((*live, *((result, False) for result in known)))
        self.endResetModel()

    def _passing(self, some: Iterable[tuple[Result, bool]]) -> list[tuple[Result, bool]]:
        return [one for one in some if not self._only_bad or one[0].status not in FINE]

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else len(self._shown)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        result, is_new = self._shown[index.row()]
        if role == RESULT:
            return result
        if role == IS_NEW:
            return is_new
        if role == Qt.ItemDataRole.DisplayRole:
            return f"{result.name or result.id}, {mark_of(result.status).word}"
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip("\n".join(filter(None, (result.id, result.detail))))
        return None


class ScanRows(RowDelegate):
    """The verdict, the plugin, and in words what was wrong."""

    height = 32

    def paint_row(
        self, painter: QPainter, box: QRectF, index: QModelIndex, option: QStyleOptionViewItem
    ) -> None:
        result: Result = index.data(RESULT)
        mark, middle = mark_of(result.status), box.center().y()
        paint_mark(painter, QRectF(box.x(), middle - 7, 14, 14), mark, self.theme)
        fine = result.status in FINE
        word = QRectF(box.x() + 24, box.y(), 96, box.height())
        self.write(painter, word, mark.word, self.small, "text_dim" if fine else mark.colour)
        right = box.right()
        if result.format:
            right = self.tag(
                painter, right, middle, result.format.upper(), self.theme.colour("text_faint")
            ) - 6  # fmt: skip
        if index.data(IS_NEW):
            right = self.tag(painter, right, middle, "NEW", self.theme.colour("accent")) - 8
        line = QRectF(word.right() + 8, box.y(), right - word.right() - 16, box.height())
        name = result.name or result.id.partition(":")[2]
        width = self.write(painter, line, name, self.normal, middle=not result.name)
        rest = line.adjusted(width + 12, 0, 0, 0)
        self.write(
            painter, rest, result.vendor if fine else result.detail, self.small, "text_faint"
        )
