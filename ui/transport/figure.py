# SPDX-License-Identifier: GPL-3.0-or-later
"""A small figure with its caption above it."""

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QLabel, QVBoxLayout, QWidget

from ui.theme.theme import Theme


class Figure(QWidget):
    """As wide as `widest`, so that nothing moves when the figure does."""

    def __init__(self, theme: Theme, caption: str, widest: str, tip: str) -> None:
        super().__init__()
        self._theme = theme
        self._colour = ""
        self._caption = QLabel(caption.upper())
        self._caption.setProperty("caption", True)
        self._value = QLabel("–")
        self._value.setFont(theme.font("normal", figures=True))
        width = max(
            self._value.fontMetrics().horizontalAdvance(widest),
            self._caption.fontMetrics().horizontalAdvance(caption.upper()),
        )
        self._value.setMinimumWidth(width + 2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(1)
        layout.addWidget(self._caption, alignment=Qt.AlignmentFlag.AlignLeft)
        layout.addWidget(self._value, alignment=Qt.AlignmentFlag.AlignLeft)
        self.setAccessibleName(caption)
        self.setToolTip(tip)
        theme.changed.connect(self._dress)

    @property
    def text(self) -> str:
        return self._value.text()

    def show_text(self, text: str, colour: str = "") -> None:
        """`colour`: a token's name, "" for the ordinary one."""
        if text != self._value.text():
            self._value.setText(text)
            self.setAccessibleDescription(text)
        if colour != self._colour:
            self._colour = colour
            self._dress()

    def _dress(self) -> None:
        colour = self._theme.colour(self._colour or "text")
        self._value.setStyleSheet(f"color: {colour.name()}")
