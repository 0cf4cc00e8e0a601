# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of a stress run as a list: what runs stands on top, then what has ended, the newest
first; at the end the worst first."""

from dataclasses import dataclass, replace

from PyQt6.QtCore import QAbstractListModel, QModelIndex, QObject, QRectF, Qt
from PyQt6.QtGui import QPainter
from PyQt6.QtWidgets import QStyleOptionViewItem

from ui.controls.tip import plain_tip
from ui.pages.events import Checked, Checking
from ui.pages.parts.mark import mark_of, paint_mark
from ui.pages.parts.rows import RowDelegate

CHECK = Qt.ItemDataRole.UserRole

RUNNING = "running"
VERDICTS = ("pass", "warn", "fail", "hang", "crash", "error", "skip")
_COLUMNS_WIDTH = 560
_WORST_FIRST = ("crash", "hang", "fail", "error", "warn", RUNNING, "pass", "skip")


@dataclass(frozen=True)
class CheckRow:
    plugin: str  # its id
    name: str
    check: str
    verdict: str = RUNNING
    seconds: float = 0.0
    message: str = ""


class StressModel(QAbstractListModel):
    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: list[CheckRow] = []
        self.names_plugins = False  # there are several

    def clear(self) -> None:
        self.beginResetModel()
        self.rows = []
        self.endResetModel()

    def begin(self, event: Checking) -> None:
        self._put(0, CheckRow(event.plugin, event.name or event.plugin, event.check))

    def finish(self, event: Checked) -> None:
        row = CheckRow(
            event.plugin, event.name or event.plugin, event.check, event.verdict, event.seconds,
            event.message,
        )  # fmt: skip
        place = self._place(event.plugin, event.check)
        if place is not None:
            self.beginRemoveRows(QModelIndex(), place, place)
            del self.rows[place]
            self.endRemoveRows()
        running = sum(one.verdict == RUNNING for one in self.rows)
        self._put(running, row)

    def settle(self, *, interrupted: bool) -> None:
        """The run is over: the worst first; what still ran was not checked."""
        self.beginResetModel()
        rows = [
            replace(row, verdict="error", message="interrupted") if row.verdict == RUNNING else row
            for row in self.rows
        ]
        if interrupted:
            rows = [row for row in rows if row.message != "interrupted"]
        self.rows = sorted(rows, key=lambda row: (_rank(row.verdict), row.name, row.check))
        self.endResetModel()

    def _place(self, plugin: str, check: str) -> int | None:
        for place, row in enumerate(self.rows):
            if (row.plugin, row.check, row.verdict) == (plugin, check, RUNNING):
                return place
        return None

    def _put(self, place: int, row: CheckRow) -> None:
        self.beginInsertRows(QModelIndex(), place, place)
        self.rows.insert(place, row)
        self.endInsertRows()

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        row = self.rows[index.row()]
        if role == CHECK:
            return row
        if role == Qt.ItemDataRole.DisplayRole:
            return f"{row.check}, {mark_of(row.verdict).word}, {row.name}"
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip("\n".join(filter(None, (row.check, row.plugin, row.message))))
        return None


class StressRows(RowDelegate):
    """The verdict as sign and word, the check, what it says, how long it took."""

    height = 32

    def paint_row(
        self, painter: QPainter, box: QRectF, index: QModelIndex, option: QStyleOptionViewItem
    ) -> None:
        row: CheckRow = index.data(CHECK)
        model = index.model()
        mark, middle = mark_of(row.verdict), box.center().y()
        paint_mark(painter, QRectF(box.x(), middle - 7, 14, 14), mark, self.theme)
        quiet = row.verdict in ("pass", "skip")
        word = QRectF(box.x() + 24, box.y(), 78, box.height())
        self.write(painter, word, mark.word, self.small, "text_dim" if quiet else mark.colour)
        right = box.right()
        if row.verdict not in (RUNNING, "skip"):
            time = QRectF(right - 70, box.y(), 70, box.height())
            self.write(
                painter, time, f"{row.seconds:.1f} s", self.figures, "text_faint", right=True
            )
        right -= 78
        name = QRectF(word.right() + 8, box.y(), min(220.0, right - word.right()), box.height())
        check = row.check.replace("-", " ")
        written = self.write(
            painter, name, check[:1].upper() + check[1:], self.normal,
            "text_dim" if row.verdict == "skip" else "text",
        )  # fmt: skip
        # In a narrow panel there are no columns: what a check says is worth more.
        left = (name.right() if box.width() >= _COLUMNS_WIDTH else name.left() + written) + 10
        if isinstance(model, StressModel) and model.names_plugins:
            who = QRectF(left, box.y(), min(130.0, right - left), box.height())
            self.write(painter, who, row.name, self.small, "text_dim")
            left = who.right() + 10
        said = QRectF(left, box.y(), right - left, box.height())
        self.write(painter, said, row.message, self.small, "text_faint" if quiet else "text_dim")


def _rank(verdict: str) -> int:
    return _WORST_FIRST.index(verdict) if verdict in _WORST_FIRST else len(_WORST_FIRST)


def counts_of(rows: list[CheckRow]) -> dict[str, int]:
    """By verdict: pass always, others where there are any."""
    counts = {verdict: sum(row.verdict == verdict for row in rows) for verdict in VERDICTS}
    return {one: count for one, count in counts.items() if count or one == "pass"}
