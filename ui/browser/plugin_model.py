# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue as a list: searched and filtered as fast as one types, with ten thousand entries.

A proxy model would ask Python once for each row and again for each comparison; here each search is
one pass over text that was folded once, and what matches best comes first.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from PyQt6.QtCore import QAbstractListModel, QByteArray, QMimeData, QModelIndex, QObject, Qt

from ipc.desk.state import CatalogueEntry
from ui.controls.tip import plain_tip
from ui.mixer.inserts import PLUGIN_MIME

ENTRY = Qt.ItemDataRole.UserRole
IS_FAVOURITE = Qt.ItemDataRole.UserRole + 1

WORKS = "ok"
Usable = Literal["working", "broken", "all"]


@dataclass(frozen=True)
class PluginFilter:
    """All must hold. `formats`, `kinds`: empty: any."""

    text: str = ""
    formats: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    usable: Usable = "working"
    only_favourites: bool = False


@dataclass(frozen=True)
class _Row:
    entry: CatalogueEntry
    name: str  # folded
    words: str  # all that is searched, folded


class PluginModel(QAbstractListModel):
    """`entries` are all; the rows are those that the filter lets through."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._all: list[_Row] = []
        self._shown: list[_Row] = []
        self._filter = PluginFilter()
        self._favourites: Collection[str] = ()

    @property
    def total(self) -> int:
        return len(self._all)

    def show_entries(self, entries: Iterable[CatalogueEntry]) -> None:
        rows = [
            _Row(
                entry,
                entry.name.casefold(),
                " ".join((entry.name, entry.vendor, entry.category, entry.format)).casefold(),
            )
            for entry in entries
        ]
        rows.sort(key=lambda row: (row.name, row.entry.format))
        self._all = rows
        self._fill()

    def show_filter(self, wanted: PluginFilter) -> None:
        if wanted != self._filter:
            self._filter = wanted
            self._fill()

    def show_favourites(self, favourites: Collection[str]) -> None:
        self._favourites = favourites
        if self._filter.only_favourites:
            self._fill()
        elif self._shown:
            self.dataChanged.emit(self.index(0), self.index(len(self._shown) - 1), [IS_FAVOURITE])

    def row_of(self, plugin: str) -> int:
        """-1 if it is not shown."""
        return next((n for n, row in enumerate(self._shown) if row.entry.id == plugin), -1)

    def entry(self, index: QModelIndex) -> CatalogueEntry | None:
        return self._shown[index.row()].entry if index.isValid() else None

    def _fill(self) -> None:
        self.beginResetModel()
        self._shown = self._matching()
        self.endResetModel()

    def _matching(self) -> list[_Row]:
        wanted = self._filter
        tests: list[Callable[[_Row], bool]] = []
        if wanted.formats:
            tests.append(lambda row: row.entry.format in wanted.formats)
        if wanted.kinds:
            tests.append(lambda row: row.entry.kind in wanted.kinds)
        if wanted.usable != "all":
            works = wanted.usable == "working"
            tests.append(lambda row: (row.entry.status == WORKS) is works)
        if wanted.only_favourites:
            tests.append(lambda row: row.entry.id in self._favourites)
        rows = self._all
        for word in wanted.text.casefold().split():
            rows = [row for row in rows if word in row.words]
        for test in tests:
            rows = [row for row in rows if test(row)]
        text = wanted.text.casefold().strip()
        if text:
            rows = sorted(rows, key=lambda row: _distance(row.name, text))  # stable: by name within
        return rows

    # ------------------------------------------------------------------ what Qt asks

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else len(self._shown)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        entry = self._shown[index.row()].entry
        if role == ENTRY:
            return entry
        if role == Qt.ItemDataRole.DisplayRole:  # also what a key press looks for
            return entry.name
        if role == IS_FAVOURITE:
            return entry.id in self._favourites
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip("\n".join(filter(None, (entry.name, entry.vendor, entry.note))))
        return None

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        flags = super().flags(index)
        entry = self.entry(index)
        if entry is not None and entry.status == WORKS:
            flags |= Qt.ItemFlag.ItemIsDragEnabled
        return flags

    def mimeTypes(self) -> list[str]:
        return [PLUGIN_MIME]

    def mimeData(self, indexes: Iterable[QModelIndex]) -> QMimeData:
        data = QMimeData()
        for entry in filter(None, map(self.entry, indexes)):
            data.setData(PLUGIN_MIME, QByteArray(entry.id.encode()))
            data.setText(entry.id)
        return data


def _distance(name: str, text: str) -> int:
    """How far a name is from what was typed: it is that, begins with it, a word of it does, …"""
    if name == text:
        return 0
    if name.startswith(text):
        return 1
    if f" {text}" in name:
        return 2
    return 3 if text in name else 4
