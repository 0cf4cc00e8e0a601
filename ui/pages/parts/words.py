# SPDX-License-Identifier: GPL-3.0-or-later
"""Text that stands still, in a colour of the theme.

The colour comes from a rule of the sheet (ui/pages/parts/sheet.py): a palette of its own would be
taken away whenever the sheet above it changes.
"""

from PyQt6.QtCore import Qt
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
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setFont(theme.font(size, bold=bold, figures=figures))
        self.setWordWrap(wraps)
        if selectable:
            self.setTextInteractionFlags(
                Qt.TextInteractionFlag.TextSelectableByMouse
                | Qt.TextInteractionFlag.TextSelectableByKeyboard
            )
        self.setProperty("tone", colour)

    def show_text(self, text: str, colour: str = "") -> None:
        """`colour`: "" keeps it."""
        if text != self.text():
            self.setText(text)
        if colour and colour != self.property("tone"):
            self.setProperty("tone", colour)
            style = self.style()
            assert style is not None
            style.polish(self)  # looks for the rule again
