# SPDX-License-Identifier: GPL-3.0-or-later
"""The host has gone: what is shown is old, and a click brings the song back."""

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QWidget

from ui.link import HOST_ENDED
from ui.theme.theme import Theme


class LostBanner(QFrame):
    """Hidden until `show_lost`."""

    restart_wanted = pyqtSignal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("banner")
        self._theme = theme
        self._picture = QLabel()
        self._text = QLabel()
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self.button = QPushButton("Restart the host")
        self.button.setToolTip("Goes on with the song as it was last kept")
        self.button.clicked.connect(self.restart_wanted)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 7, 10, 7)
        row.setSpacing(10)
        row.addWidget(self._picture)
        row.addWidget(self._text, 1)
        row.addWidget(self.button)
        theme.changed.connect(self._dress)
        self._dress()
        self.hide()

    @property
    def text(self) -> str:
        return self._text.text()

    def show_lost(self, reason: str) -> None:
        why = "The host has ended." if reason == HOST_ENDED else _sentence(reason)
        self._text.setText(f"{why} What is shown is kept.")
        self.setAccessibleName(self._text.text())
        self.button.setEnabled(True)
        self.show()

    def show_reviving(self) -> None:
        self._text.setText("The host is started again…")
        self.setAccessibleName(self._text.text())
        self.button.setEnabled(False)

    def _dress(self) -> None:
        self._picture.setPixmap(self._theme.icon("mdi6.lan-disconnect", "failed").pixmap(20, 20))


def _sentence(reason: str) -> str:
    return reason[:1].upper() + reason[1:].rstrip(".") + "."
