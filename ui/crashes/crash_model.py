# SPDX-License-Identifier: GPL-3.0-or-later
"""Crash reports as a list, the newest first, of this song's plugins or of all."""

from collections.abc import Collection, Sequence

from PyQt6.QtCore import QAbstractListModel, QModelIndex, QObject, Qt

from ipc.desk.state import CrashEntry
from ui.controls.tip import plain_tip

CRASH = Qt.ItemDataRole.UserRole


class CrashModel(QAbstractListModel):
    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._all: Sequence[CrashEntry] = ()
        self._shown: list[CrashEntry] = []
        self._plugins: Collection[str] | None = None
        self._text = ""

    @property
    def total(self) -> int:
        return len(self._all)

    def show_entries(self, entries: Sequence[CrashEntry]) -> None:
        if entries != self._all:
            self._all = entries
            self._fill()

    def show_only(self, plugins: Collection[str] | None, text: str) -> None:
        """Reports of these plugins (None: of any) in which the words are found."""
        if (plugins, text) != (self._plugins, self._text):
            self._plugins, self._text = plugins, text
            self._fill()

    def _fill(self) -> None:
        words = self._text.casefold().split()
        self.beginResetModel()
        self._shown = [
            entry
            for entry in self._all
            if (self._plugins is None or entry.plugin in self._plugins)
            and all(word in _searched(entry) for word in words)
        ]
        self.endResetModel()

    def entry(self, index: QModelIndex) -> CrashEntry | None:
        return self._shown[index.row()] if index.isValid() else None

    def row_of(self, report: str) -> int:
        """-1 if it is not shown."""
        return next((n for n, entry in enumerate(self._shown) if entry.id == report), -1)

    def knows(self, report: str) -> bool:
        return any(entry.id == report for entry in self._all)

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else len(self._shown)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        entry = self.entry(index)
        if entry is None:
            return None
        if role == CRASH:
            return entry
        if role == Qt.ItemDataRole.DisplayRole:
            return f"{entry.plugin}: {entry.summary}"
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(f"{entry.plugin}\n{entry.summary}\n{entry.id}")
        return None


def _searched(entry: CrashEntry) -> str:
    return " ".join(
        (entry.plugin, entry.slot, entry.kind, entry.signature, entry.summary, entry.id)
    ).casefold()
