# SPDX-License-Identifier: GPL-3.0-or-later
"""What a scan has found, as a list that grows: the newest on top, what is wrong may stand alone."""

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
    """Results that came together are shown together (`flush`): it may be thousands a second."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._all: list[tuple[Result, bool]] = []
        self._shown: list[tuple[Result, bool]] = []
        self._waiting: list[tuple[Result, bool]] = []
        self._only_bad = False

    @property
    def results(self) -> list[Result]:
        return [result for result, _ in (*self._all, *self._waiting)]

    def clear(self) -> None:
        self.beginResetModel()
        self._all, self._shown, self._waiting = [], [], []
        self.endResetModel()

    def add(self, result: Result, *, is_new: bool) -> None:
        self._waiting.append((result, is_new))

    def flush(self) -> None:
        if not self._waiting:
            return
        came, self._waiting = self._waiting, []
        self._all += came
        shown = list(reversed(self._passing(came)))
        if shown:
            self.beginInsertRows(QModelIndex(), 0, len(shown) - 1)
            self._shown[:0] = shown
            self.endInsertRows()

    def show_only_bad(self, only_bad: bool) -> None:
        if only_bad != self._only_bad:
            self._only_bad = only_bad
            self.beginResetModel()
            self._shown = list(reversed(self._passing(self._all)))
            self.endResetModel()

    def _passing(self, some: list[tuple[Result, bool]]) -> list[tuple[Result, bool]]:
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
