# SPDX-License-Identifier: GPL-3.0-or-later
"""The presets that the user has kept for a plugin: a list, and a name for a new one."""

from collections.abc import Sequence
from functools import partial

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QHBoxLayout, QMenu, QSizePolicy, QWidget

from ui.controls.action import add_action, add_submenu, only_one
from ui.controls.buttons import Button
from ui.controls.field import NameField
from ui.controls.tip import plain_tip
from ui.theme.theme import Theme

_MOST_LETTERS = 100  # what the host takes (ipc/desk/requests.py)


class Presets(QWidget):
    """Where the list is, there is a field while a name is typed."""

    save_wanted = pyqtSignal(str)
    load_wanted = pyqtSignal(str)
    rename_wanted = pyqtSignal(str, str)  # from, to
    delete_wanted = pyqtSignal(str)
    program_wanted = pyqtSignal(int)  # one of the plugin's own
    restore_wanted = pyqtSignal()  # the one that was deleted last

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._names: tuple[str, ...] = ()
        self._deleted = ""
        self._programs: Sequence[str] = ()
        self._program: int | None = None
        self._current = ""
        self._renamed = ""  # the one whose name is typed anew
        self.list = Button(theme, "Presets", text="Presets  ▾")
        self.list.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self.list.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.field = NameField()
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

    def show_names(self, names: tuple[str, ...], deleted: str = "") -> None:
        """`deleted`: the one that can be brought back, "" if there is none."""
        self._names, self._deleted = names, deleted

    def show_programs(self, names: Sequence[str]) -> None:
        """The plugin's own."""
        self._programs = names

    def show_program(self, number: int | None) -> None:
        """The one of the plugin's own that was chosen last."""
        if number != self._program:
            self._program = number
            self._show_name()

    def show_current(self, name: str) -> None:
        """The one that was saved or loaded last; "": none."""
        self._current = name
        self._show_name()

    def _show_name(self) -> None:
        name = self._current
        if not name and self._program is not None and self._program < len(self._programs):
            name = self._programs[self._program]
        metrics = self.list.fontMetrics()
        room = metrics.elidedText(name, Qt.TextElideMode.ElideRight, 120)
        self.list.setText(f"{room or 'Presets'}  ▾")

    def _open(self) -> None:
        menu = self.menu()
        menu.popup(self.list.mapToGlobal(self.list.rect().bottomLeft()))

    def menu(self) -> QMenu:
        """To be popped up once."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for name in self._names:
            load = partial(self.load_wanted.emit, name)
            add_action(menu, _text(name), load, checked=name == self._current)
        only_one(menu, menu.actions())
        if not self._names:
            add_action(menu, "No presets yet").setEnabled(False)
        if self._programs:
            own = add_submenu(menu, "The plugin's own")
            for number, name in enumerate(self._programs):
                choose = partial(self.program_wanted.emit, number)
                checked = number == self._program and not self._current
                add_action(own, _text(name) or f"Program {number + 1}", choose, checked=checked)
            only_one(own, own.actions())
        menu.addSeparator()
        add_action(menu, "Save as a preset…", self.ask_name)
        if self._names:
            rename, delete = add_submenu(menu, "Rename"), add_submenu(menu, "Delete")
            for name in self._names:
                add_action(rename, f"{_text(name)}…", partial(self.ask_new_name, name))
                add_action(delete, _text(name), partial(self.delete_wanted.emit, name))
        if self._deleted:
            add_action(menu, f"Bring back {_text(self._deleted)}", self.restore_wanted.emit)
        return menu

    def ask_name(self) -> None:
        self._ask("", self._current)

    def ask_new_name(self, name: str) -> None:
        """Of the preset with that name."""
        self._ask(name, name)

    def _ask(self, renamed: str, text: str) -> None:
        self._renamed = renamed
        self.list.hide()
        self.field.setText(text)
        self._on_typed(text)
        self.field.show()
        self.field.selectAll()
        self.field.setFocus()

    def _on_typed(self, text: str) -> None:
        """What is there already is replaced, but not by renaming."""
        tip = "Replace the preset" if text.strip() in self._names else "Save as a preset"
        if self._renamed:
            tip = f"Rename {self._renamed}"
        self.keep.setToolTip(plain_tip(tip))

    def _on_keep(self) -> None:
        if self.field.isHidden():
            self.ask_name()
        else:
            self._save()

    def _save(self) -> None:
        name = self.field.text().strip()
        if not name:
            return
        if not self._renamed:
            self.save_wanted.emit(name)
        elif name != self._renamed:
            self.rename_wanted.emit(self._renamed, name)
        self._close()

    def _close(self) -> None:
        self._renamed = ""
        self.field.hide()
        self.list.show()
        self.keep.setToolTip("Save as a preset")
        self.list.setFocus()


def _text(name: str) -> str:
    """As a menu takes it."""
    return name.replace("&", "&&")
