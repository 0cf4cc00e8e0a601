# SPDX-License-Identifier: GPL-3.0-or-later
"""Above the plugins, as long as the next one that is chosen has a place waiting for it: which."""

from PyQt6.QtCore import QSize, Qt, pyqtSignal
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QWidget

from ui.controls.buttons import Button
from ui.controls.elided import ElidedText
from ui.controls.tip import plain_tip
from ui.theme.theme import Theme


class WishStrip(QFrame):
    """Hidden while there is none."""

    cancelled = pyqtSignal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self.setProperty("wish", True)
        self._words = ElidedText(theme, bold=True)
        self.cancel = Button(theme, "Cancel", icon="mdi6.close", tip="Cancel (Escape)")
        self.cancel.setProperty("flat", True)
        self.cancel.setIconSize(QSize(16, 16))
        self.cancel.clicked.connect(self.cancelled)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 4, 4, 4)
        row.setSpacing(6)
        row.addWidget(self._words, 1)
        row.addWidget(self.cancel, alignment=Qt.AlignmentFlag.AlignVCenter)
        self.hide()

    @property
    def text(self) -> str:
        return "" if self.isHidden() else self.accessibleName()

    def show_text(self, text: str) -> None:
        """ "": there is none."""
        self._words.show_text(text)
        self._words.setToolTip(plain_tip(text))
        self.setAccessibleName(text)
        self.setVisible(bool(text))
