# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to all parameters at once, and the search."""

from collections.abc import Sequence

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from ui.controls.buttons import Button
from ui.controls.search import make_clearable
from ui.controls.tip import plain_tip
from ui.editor.presets import Presets
from ui.editor.sets import TwoSets
from ui.pages.parts.flow import FlowLayout
from ui.theme.theme import Theme


class Search(QLineEdit):
    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setPlaceholderText("Find")
        self.setAccessibleName("Find a parameter")
        make_clearable(self)
        self.setFixedSize(140, 28)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        assert event is not None
        if event.key() == Qt.Key.Key_Escape:
            self.clear()
            self.clearFocus()
        else:
            super().keyPressEvent(event)


class Bar(QFrame):
    set_wanted = pyqtSignal(str)  # "A" or "B"
    copy_wanted = pyqtSignal()
    defaults_wanted = pyqtSignal()
    random_wanted = pyqtSignal()
    undo_wanted = pyqtSignal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("editorBar")
        self.search = Search(theme)
        self.a = Button(theme, "Setting A", text="A", checkable=True)
        self.b = Button(theme, "Setting B", text="B", checkable=True)
        self.copy = Button(theme, "Copy A to B", text="A→B")
        self.defaults = Button(theme, "All to their defaults", icon="mdi6.backup-restore")
        self.random = Button(theme, "Chance: all continuous ones", icon="mdi6.dice-5-outline")
        self.undo = Button(theme, "Undo", icon="mdi6.undo")
        self.presets = Presets(theme)
        self.a.clicked.connect(lambda: self._on_set("A"))
        self.b.clicked.connect(lambda: self._on_set("B"))
        self.copy.clicked.connect(self.copy_wanted)
        self.defaults.clicked.connect(self.defaults_wanted)
        self.random.clicked.connect(self.random_wanted)
        self.undo.clicked.connect(self.undo_wanted)
        for button in (self.a, self.b, self.copy, self.defaults, self.random, self.undo):
            button.setFixedSize(44 if button is self.copy else 30, 28)
        self.a.setObjectName("setA")
        self.b.setObjectName("setB")
        # In a narrow panel there are two rows.
        flow = FlowLayout(gap=10)
        for group in (
            (self.search,),
            (self.a, self.b, self.copy),
            (self.undo, self.defaults, self.random),
            (self.presets,),
        ):
            flow.addWidget(_side_by_side(group))
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 6, 12, 7)
        column.addLayout(flow)
        self._active = "A"

    def show_sets(self, sets: TwoSets) -> None:
        self._active = sets.active
        self.a.show_checked(sets.active == "A")
        self.b.show_checked(sets.active == "B")
        self.copy.setText(f"{sets.active}→{sets.other}")
        name = f"Copy {sets.active} to {sets.other}"
        self.copy.setAccessibleName(name)
        self.copy.setToolTip(name)

    def show_undo(self, what: str) -> None:
        self.undo.setEnabled(bool(what))
        self.undo.setToolTip(plain_tip(f"Undo {what}" if what else "Nothing to undo"))

    def _on_set(self, name: str) -> None:
        self.a.setChecked(self._active == "A")
        self.b.setChecked(self._active == "B")
        if name != self._active:
            self.set_wanted.emit(name)


def _side_by_side(widgets: Sequence[QWidget]) -> QWidget:
    """What is not parted where a row breaks."""
    group = QWidget()
    row = QHBoxLayout(group)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(4)
    for widget in widgets:
        row.addWidget(widget)
    return group
