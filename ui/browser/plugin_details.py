# SPDX-License-Identifier: GPL-3.0-or-later
"""All that is known of one plugin of the catalogue, and what can be done with it."""

from PyQt6.QtCore import QSize, Qt, pyqtSignal
from PyQt6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from ipc.desk.state import CatalogueEntry
from ui.browser.plugin_model import WORKS
from ui.browser.plugin_rows import format_name
from ui.controls.buttons import Button
from ui.controls.elided import ElidedText
from ui.controls.tip import plain_tip
from ui.pages.parts.buttons import Primary
from ui.pages.parts.mark import MarkLight, mark_of
from ui.pages.parts.words import Words
from ui.theme.theme import Theme


class PluginDetails(QFrame):
    """Below the list."""

    add_wanted = pyqtSignal()
    star_wanted = pyqtSignal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self._name = ElidedText(theme, size="large", bold=True)
        self._star = Button(theme, "Favourite", icon="mdi6.star-outline", checkable=True,
                            checked_colour="solo")  # fmt: skip
        self._star.setProperty("flat", True)
        self._star.setIconSize(QSize(18, 18))
        self._star.clicked.connect(self.star_wanted)
        self._light = MarkLight(theme, size=14)
        self._status = Words(theme, size="small", colour="text_dim", wraps=True)
        self.add = Primary(theme, "Add", "mdi6.plus", "Add to the selected track (Return)")
        self._add_tip = self.add.toolTip()
        self._works = True
        self.add.clicked.connect(self.add_wanted)
        self._facts = {
            "Made by": ElidedText(theme),
            "Category": ElidedText(theme),
            "Format": ElidedText(theme),
        }
        self._id = Words(
            theme, colour="text_faint", size="tiny", figures=True, wraps=True, selectable=True
        )
        head = QHBoxLayout()
        head.addWidget(self._name, 1)
        head.addWidget(self._star)
        head.addWidget(self.add)
        grid = QGridLayout()
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(1, 1)
        for row, (name, words) in enumerate(self._facts.items()):
            grid.addWidget(Words(theme, name, colour="text_faint", size="small"), row, 0)
            grid.addWidget(words, row, 1)
        verdict = QHBoxLayout()
        verdict.setSpacing(7)
        verdict.addWidget(self._light, alignment=Qt.AlignmentFlag.AlignTop)
        verdict.addWidget(self._status, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 10, 10)
        column.setSpacing(6)
        column.addLayout(head)
        column.addLayout(grid)
        column.addLayout(verdict)
        column.addWidget(self._id)

    def show_entry(self, entry: CatalogueEntry, is_favourite: bool) -> None:
        self._name.show_text(entry.name)
        self._name.setToolTip(plain_tip(entry.name))
        kind = entry.kind.capitalize()
        self._facts["Made by"].show_text(entry.vendor or "unknown")
        self._facts["Category"].show_text(" · ".join(filter(None, (kind, entry.category))))
        self._facts["Format"].show_text(format_name(entry.format))
        self._light.show_word(entry.status)
        self._status.show_text(_verdict(entry))
        self._id.show_text(_breakable(entry.id))
        self._id.setToolTip(plain_tip(entry.id))
        self.show_star(is_favourite)
        self._works = entry.status == WORKS
        self._show_add()

    def show_wish(self, where: str, is_replacement: bool) -> None:
        """What the button does; `where` is "" for the selected track."""
        word = "Replace" if is_replacement else "Add"
        self.add.setText(word)
        self.add.setAccessibleName(word)
        self.add.show_icon("mdi6.swap-horizontal" if is_replacement else "mdi6.plus")
        what = f"Replace {where}" if is_replacement else f"Add to {where or 'the selected track'}"
        self._add_tip = plain_tip(f"{what} (Return)")
        self._show_add()

    def _show_add(self) -> None:
        self.add.setEnabled(self._works)
        self.add.setToolTip(
            self._add_tip if self._works else "The scan found that it does not work"
        )

    def show_star(self, is_favourite: bool) -> None:
        self._star.show_checked(is_favourite)
        self._star.show_icon("mdi6.star" if is_favourite else "mdi6.star-outline")
        self._star.setToolTip("No favourite any more" if is_favourite else "Make it a favourite")


def _verdict(entry: CatalogueEntry) -> str:
    word = mark_of(entry.status).word
    if entry.status == WORKS:
        return entry.note or "The scan found nothing wrong with it"
    return f"{word[:1].upper()}{word[1:]}: {entry.note}" if entry.note else word


def _breakable(text: str) -> str:
    """Long ids have no spaces: a line may end behind a slash or the like."""
    for sign in "/:#":
        text = text.replace(sign, sign + "\u200b")
    return text
