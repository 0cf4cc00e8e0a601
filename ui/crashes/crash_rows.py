# SPDX-License-Identifier: GPL-3.0-or-later
"""How a crash report looks in the list."""

from PyQt6.QtCore import QModelIndex, QRectF
from PyQt6.QtGui import QPainter
from PyQt6.QtWidgets import QStyleOptionViewItem

from ipc.desk.state import CrashEntry
from ui.crashes.crash_model import CRASH
from ui.crashes.faults import done_about, fault_mark, place_of, plugin_title, time_text
from ui.desk import Desk
from ui.pages.parts.mark import paint_mark
from ui.pages.parts.rows import RowDelegate
from ui.theme.theme import Theme


class CrashRows(RowDelegate):
    """The kind of fault, the plugin and when; what was done; where it was."""

    height = 58

    def __init__(self, theme: Theme, desk: Desk) -> None:
        super().__init__(theme)
        self._desk = desk

    def paint_row(
        self, painter: QPainter, box: QRectF, index: QModelIndex, option: QStyleOptionViewItem
    ) -> None:
        entry: CrashEntry = index.data(CRASH)
        mark = fault_mark(entry.kind)
        top = box.y() + 5
        paint_mark(painter, QRectF(box.x(), top + 1, 15, 15), mark, self.theme)
        left = box.x() + 24
        line = QRectF(left, top, box.right() - left, 17)
        time = self.write(
            painter, line, time_text(entry.time), self.small, "text_faint", right=True
        )
        title = plugin_title(entry.plugin, self._desk.state)
        self.write(painter, line.adjusted(0, 0, -time - 8, 0), title, self.strong)
        second = line.translated(0, 16)
        if entry.blacklisted:
            end = self.tag(
                painter, second.right(), second.center().y(), "BLACKLISTED",
                self.theme.colour("quarantined"),
            )  # fmt: skip
            second.setRight(end - 6)
        words = ", ".join(filter(None, (mark.word, done_about(entry))))
        self.write(painter, second, words, self.small, "text_dim")
        third = line.translated(0, 32)
        self.write(
            painter,
            third,
            entry.signature or place_of(entry, self._desk.state),
            self.figures,
            "text_faint",
        )
