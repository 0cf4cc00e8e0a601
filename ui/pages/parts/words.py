# SPDX-License-Identifier: GPL-3.0-or-later
"""Text that stands still, in a colour of the theme."""

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QPalette
from PyQt6.QtWidgets import QLabel, QWidget

from ui.theme.theme import Theme


class Words(QLabel):
    """Plain text, always: what plugins write is no markup. `colour` and `size` are tokens."""

    def __init__(
        self,
        theme: Theme,
        text: str = "",
        *,
        colour: str = "text",
        size: str = "normal",
        bold: bool = False,
        figures: bool = False,
        wraps: bool = False,
        selectable: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(text, parent)
        self._theme = theme
        self._colour = colour
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setFont(theme.font(size, bold=bold, figures=figures))
        self.setWordWrap(wraps)
        if selectable:
            self.setTextInteractionFlags(
                Qt.TextInteractionFlag.TextSelectableByMouse
                | Qt.TextInteractionFlag.TextSelectableByKeyboard
            )
        theme.changed.connect(self._dress)
        self._dress()

    def show_text(self, text: str, colour: str = "") -> None:
        """`colour`: "" keeps it."""
        if text != self.text():
            self.setText(text)
        if colour and colour != self._colour:
            self._colour = colour
            self._dress()

    def _dress(self) -> None:
        palette = self.palette()
        palette.setColor(QPalette.ColorRole.WindowText, self._theme.colour(self._colour))
        palette.setColor(QPalette.ColorRole.Highlight, self._theme.colour("selection"))
        palette.setColor(QPalette.ColorRole.HighlightedText, self._theme.colour("text"))
        self.setPalette(palette)
