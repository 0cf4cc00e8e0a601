# SPDX-License-Identifier: GPL-3.0-or-later
"""The frame of a page: what it is, why one would want it, and what can be pressed."""

from PyQt6.QtCore import QSize, Qt
from PyQt6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from ui.pages.parts.sheet import dress
from ui.pages.parts.words import Words
from ui.theme.theme import Theme


class Page(QWidget):
    """Subclasses fill `head` (to the right of the title) and `body`."""

    def __init__(
        self,
        theme: Theme,
        title: str,
        text: str,
        parent: QWidget | None = None,
        *,
        most_width: int = 0,
    ) -> None:
        """`most_width`: of what it holds, which stands in the middle then; 0: all there is."""
        super().__init__(parent)
        self.setObjectName("page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.theme = theme
        self._title = Words(theme, title, size="display", bold=True)
        self._text = Words(theme, text, colour="text_dim", wraps=True)
        self._text.setMinimumWidth(200)
        names = QVBoxLayout()
        names.setSpacing(4)
        names.addWidget(self._title)
        names.addWidget(self._text)
        self.head = QHBoxLayout()
        self.head.setSpacing(8)
        self.head.addLayout(names, 1)
        self.body = QVBoxLayout()
        self.body.setSpacing(12)
        held = QWidget()
        if most_width:
            held.setMaximumWidth(most_width)
        outer = QHBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(held)
        column = QVBoxLayout(held)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(16)
        column.addLayout(self.head)
        column.addLayout(self.body, 1)
        dress(self, theme)

    def sizeHint(self) -> QSize:
        return QSize(440, 600)  # beside a mixer of which some strips can still be seen
