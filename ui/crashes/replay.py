# SPDX-License-Identifier: GPL-3.0-or-later
"""A crash that is done again, in a process beside the window, and what came of it."""

from collections.abc import Sequence

from PyQt6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from ui.crashes.report_text import PlainText
from ui.pages.command import Command, Ended
from ui.pages.parts.buttons import Action
from ui.pages.parts.mark import MarkLight
from ui.pages.parts.words import Words
from ui.theme.theme import Theme

# `crashes replay`, by its exit code (docs/cli.md): mark and words.
_OUTCOMES = {
    0: ("crash", "It failed the same way"),
    1: ("warn", "It failed in another way"),
    4: ("pass", "It did not fail this time"),
}


class ReplayDrawer(QFrame):
    """Hidden until the first replay; shown until it is put away."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self.command = Command(parent=self)
        self._title = ""
        self._light = MarkLight(theme)
        self._words = Words(theme, bold=True)
        self._cancel = Action(theme, "Cancel", "mdi6.stop", "Stop the replay")
        self._away = Action(theme, "Put away", "mdi6.chevron-down")
        self._text = PlainText(theme, "What the replay said")
        self._text.setFixedHeight(92)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self._light)
        head.addWidget(self._words, 1)
        head.addWidget(self._cancel)
        head.addWidget(self._away)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 8, 10, 10)
        column.addLayout(head)
        column.addWidget(self._text)
        self._cancel.clicked.connect(self._stop)
        self._away.clicked.connect(self.hide)
        self.command.wrote.connect(self._text.appendPlainText)
        self.command.said.connect(self._text.appendPlainText)
        self.command.ended.connect(self._on_ended)
        self.hide()

    @property
    def outcome(self) -> str:
        return self._words.text()

    @property
    def text(self) -> str:
        return self._text.toPlainText()

    def replay(self, command: Sequence[str], report: str, title: str) -> None:
        """Nothing if one runs already."""
        self.show()
        if self.command.is_running:
            return
        self._title = title
        self._text.clear()
        self._light.show_word("running")
        self._words.show_text(f"Replaying what {title} failed of…")
        self._cancel.show()
        self._cancel.setEnabled(True)
        self._away.hide()
        self.command.start(command, "crashes", "replay", report)

    def _stop(self) -> None:
        self._cancel.setEnabled(False)
        self._words.show_text("Stopping…")
        self.command.cancel()

    def _on_ended(self, ended: Ended) -> None:
        self._cancel.hide()
        self._away.show()
        if ended.cancelled:
            word, words = "skip", "Cancelled"
        elif ended.code in _OUTCOMES:
            word, words = _OUTCOMES[ended.code]
        else:
            word, words = "error", f"The replay could not be done: {ended.problem}"
        self._light.show_word(word)
        self._words.show_text(f"{self._title}: {words[:1].lower()}{words[1:]}")
