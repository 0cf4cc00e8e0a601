# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of a report, in full: to be read, searched through by eye, and copied."""

import re

from PyQt6.QtGui import QSyntaxHighlighter, QTextCharFormat, QTextDocument
from PyQt6.QtWidgets import QPlainTextEdit, QWidget

from ui.theme.theme import Theme

_FACT = re.compile(r"^[a-z][a-z ]{10} (?=\S)")  # the names stand in twelve columns
_FRAME = re.compile(r"^ {2}#(\d+)")
_PLACE = re.compile(r" in (\S+)$|\(([^()]*\+0x[0-9a-f]+)\)$")


class _Colours(QSyntaxHighlighter):
    """Names of facts stand back; of a stack the innermost call stands out."""

    def __init__(self, theme: Theme, document: QTextDocument | None) -> None:
        super().__init__(document)
        self._theme = theme

    def highlightBlock(self, text: str | None) -> None:
        if not text:
            return
        if frame := _FRAME.match(text):
            is_first = frame[1] == "0"
            self._paint(0, len(text), "text" if is_first else "text_dim", bold=is_first)
            self._paint(2, len(frame[0]) - 2, "accent")
            if place := _PLACE.search(text):
                self._paint(place.start(), len(place[0]), "text_faint")
        elif text.startswith(" "):
            self._paint(0, len(text), "text_dim")
        elif fact := _FACT.match(text):
            self._paint(0, len(fact[0]), "text_faint")
        else:
            self._paint(0, len(text), "accent", bold=True)

    def _paint(self, start: int, length: int, colour: str, *, bold: bool = False) -> None:
        look = QTextCharFormat()
        look.setForeground(self._theme.colour(colour))
        if bold:
            look.setFontWeight(600)
        self.setFormat(start, length, look)


class PlainText(QPlainTextEdit):
    """What a command has written."""

    def __init__(self, theme: Theme, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setReadOnly(True)
        self.setAccessibleName(name)
        self.setFont(theme.font("small", figures=True))


class ReportText(PlainText):
    def __init__(self, theme: Theme, name: str, parent: QWidget | None = None) -> None:
        super().__init__(theme, name, parent)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self._colours = _Colours(theme, self.document())
        theme.changed.connect(self._colours.rehighlight)

    def show_text(self, text: str) -> None:
        """Where somebody reads stays where it is, if the text is the same."""
        if text != self.toPlainText():
            self.setPlainText(text)
