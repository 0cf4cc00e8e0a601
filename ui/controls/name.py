# SPDX-License-Identifier: GPL-3.0-or-later
"""A name that is changed where it stands: by a double click, or F2."""

from PyQt6.QtCore import QSize, pyqtSignal
from PyQt6.QtGui import QMouseEvent
from PyQt6.QtWidgets import QStackedLayout, QWidget

from ui.controls.elided import ElidedText
from ui.controls.field import NameField
from ui.controls.tip import plain_tip
from ui.theme.theme import Theme

_MOST_LETTERS = 200  # what the host takes (ipc/desk/requests.py: Label)


class EditableName(QWidget):
    """Emits `renamed` when the user has typed another name."""

    renamed = pyqtSignal(str)

    def __init__(self, theme: Theme, what: str, parent: QWidget | None = None) -> None:
        """`what` it is the name of, for tool tips and screen readers."""
        super().__init__(parent)
        self._what = what
        self._is_fixed = False
        self._shown = ElidedText(theme, bold=True)
        self._field = NameField()
        self._field.setMaxLength(_MOST_LETTERS)
        self._field.setAccessibleName(f"Name of the {what}")
        self._field.editingFinished.connect(self._finish)
        self._field.given_up.connect(self._leave)
        self._layout = QStackedLayout(self)
        self._layout.addWidget(self._shown)
        self._layout.addWidget(self._field)
        self.setFixedHeight(22)

    @property
    def text(self) -> str:
        return self._shown.text

    @property
    def is_edited(self) -> bool:
        return self._layout.currentWidget() is self._field

    def sizeHint(self) -> QSize:
        return QSize(60, 22)

    def show_text(self, text: str, colour: str = "text") -> None:
        self._shown.show_text(text, colour)
        self.setToolTip(
            plain_tip(text if self._is_fixed else f"{text}\nDouble click or F2 to rename")
        )

    def fix(self) -> None:
        """It has a name that cannot be changed."""
        self._is_fixed = True
        self.setToolTip(plain_tip(self.text))

    def edit(self) -> None:
        if self._is_fixed:
            return
        self._field.setText(self.text)
        self._layout.setCurrentWidget(self._field)
        self._field.selectAll()
        self._field.setFocus()

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        self.edit()

    def _finish(self) -> None:
        if not self.is_edited:
            return
        text = self._field.text().strip()
        self._leave()
        if text and text != self.text:
            self.renamed.emit(text)

    def _leave(self) -> None:
        if self.is_edited:
            self._layout.setCurrentWidget(self._shown)
            parent = self.parentWidget()
            if self._field.hasFocus() and parent is not None:
                parent.setFocus()
