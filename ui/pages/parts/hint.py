# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands where there is nothing to show: why, and what can be done."""

from PyQt6.QtCore import QSize, Qt, pyqtSignal
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from ui.pages.parts.buttons import Primary
from ui.pages.parts.words import Words
from ui.theme.theme import Theme

_MOST_WIDTH = 420


class Hint(QWidget):
    """An icon, a line, a reason, perhaps a button."""

    clicked = pyqtSignal()

    def __init__(self, theme: Theme, icon: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._icon = icon
        self._picture = QLabel()
        self._picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._title = Words(theme, size="large", bold=True, wraps=True)
        self._text = Words(theme, colour="text_dim", wraps=True)
        self._button = Primary(theme, "")
        self._button.clicked.connect(self.clicked)
        held = QWidget()
        held.setMaximumWidth(_MOST_WIDTH)
        outer = QHBoxLayout(self)
        outer.setContentsMargins(20, 20, 20, 20)
        outer.addWidget(held)
        column = QVBoxLayout(held)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addStretch(2)
        column.addWidget(self._picture)
        for label in (self._title, self._text):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            column.addWidget(label)
        column.addSpacing(4)
        column.addWidget(self._button, alignment=Qt.AlignmentFlag.AlignCenter)
        column.addStretch(3)
        theme.changed.connect(self._dress)
        self._dress()

    def show_hint(self, title: str, text: str, button: str = "") -> None:
        self._title.show_text(title)
        self._text.show_text(text)
        self._text.setVisible(bool(text))
        self._button.setText(button)
        self._button.setAccessibleName(button)
        self._button.setToolTip(button)
        self._button.setVisible(bool(button))

    @property
    def text(self) -> str:
        return f"{self._title.text()}\n{self._text.text()}"

    def _dress(self) -> None:
        icon = self._theme.icon(self._icon, "text_faint")
        self._picture.setPixmap(icon.pixmap(QSize(44, 44), self.devicePixelRatioF()))
