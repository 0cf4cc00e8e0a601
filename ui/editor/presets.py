# SPDX-License-Identifier: GPL-3.0-or-later
"""The presets that the user has kept for a plugin: a list, and a name for a new one."""

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import QHBoxLayout, QLineEdit, QMenu, QSizePolicy, QWidget

from ui.controls.buttons import Button
from ui.theme.theme import Theme

_MOST_LETTERS = 100  # what the host takes (ipc/desk/requests.py)


class _Name(QLineEdit):
    given_up = pyqtSignal()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        assert event is not None
        if event.key() == Qt.Key.Key_Escape:
            self.given_up.emit()
        else:
            super().keyPressEvent(event)


class Presets(QWidget):
    """Where the list is, there is a field while a name is typed."""

    save_wanted = pyqtSignal(str)
    load_wanted = pyqtSignal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._names: tuple[str, ...] = ()
        self._current = ""
        self.list = Button(theme, "Presets", text="Presets  ▾")
        self.list.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self.list.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.field = _Name()
        self.field.setPlaceholderText("Name of the preset")
        self.field.setAccessibleName("Name of the preset")
        self.field.setMaxLength(_MOST_LETTERS)
        self.field.returnPressed.connect(self._save)
        self.field.given_up.connect(self._close)
        self.field.textChanged.connect(self._on_typed)
        self.field.hide()
        self.keep = Button(theme, "Save as a preset", icon="mdi6.content-save-outline")
        self.list.clicked.connect(self._open)
        self.keep.clicked.connect(self._on_keep)
        self.setFixedWidth(196)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(self.list, 1)
        row.addWidget(self.field, 1)
        row.addWidget(self.keep)
        for widget in (self.list, self.field):
            widget.setFixedHeight(28)
        self.keep.setFixedSize(30, 28)

    @property
    def names(self) -> tuple[str, ...]:
        return self._names

    def show_names(self, names: tuple[str, ...]) -> None:
        self._names = names

    def show_current(self, name: str) -> None:
        """The one that was saved or loaded last; "": none."""
        self._current = name
        metrics = self.list.fontMetrics()
        room = metrics.elidedText(name, Qt.TextElideMode.ElideRight, 120)
        self.list.setText(f"{room or 'Presets'}  ▾")

    def _open(self) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for name in self._names:
            action = menu.addAction(name.replace("&", "&&"))
            assert action is not None
            action.setCheckable(True)
            action.setChecked(name == self._current)
            action.triggered.connect(lambda _, name=name: self.load_wanted.emit(name))
        if not self._names:
            nothing = menu.addAction("No presets yet")
            assert nothing is not None
            nothing.setEnabled(False)
        menu.addSeparator()
        save = menu.addAction("Save as a preset…")
        assert save is not None
        save.triggered.connect(self.ask_name)
        menu.popup(self.list.mapToGlobal(self.list.rect().bottomLeft()))

    def ask_name(self) -> None:
        self.list.hide()
        self.field.setText(self._current)
        self.field.show()
        self.field.selectAll()
        self.field.setFocus()

    def _on_typed(self, text: str) -> None:
        """What is there already is replaced."""
        tip = "Replace the preset" if text.strip() in self._names else "Save as a preset"
        self.keep.setToolTip(tip)

    def _on_keep(self) -> None:
        if self.field.isHidden():
            self.ask_name()
        else:
            self._save()

    def _save(self) -> None:
        name = self.field.text().strip()
        if name:
            self.save_wanted.emit(name)
            self._close()

    def _close(self) -> None:
        self.field.hide()
        self.list.show()
        self.keep.setToolTip("Save as a preset")
        self.list.setFocus()
