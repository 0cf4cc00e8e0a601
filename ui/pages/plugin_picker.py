# SPDX-License-Identifier: GPL-3.0-or-later
"""Which plugins to stress: keys for those of the song, and a field for any other."""

import re

from PyQt6.QtCore import QSize, Qt, pyqtSignal
from PyQt6.QtWidgets import QCompleter, QFrame, QHBoxLayout, QLineEdit, QVBoxLayout

from ipc.desk.requests import AskCatalogue, Catalogue
from ipc.desk.state import DeskState
from ui.controls.search import make_clearable
from ui.crashes.faults import plugin_title
from ui.desk import Desk
from ui.pages.chip_box import ChipBox
from ui.pages.parts.buttons import Chip
from ui.pages.parts.words import Words
from ui.theme.theme import Theme

_ID = re.compile(r"^[a-z0-9]+:.+")


class PluginPicker(QFrame):
    """A plugin of the catalogue is found by its name, one that was never scanned by its id."""

    changed = pyqtSignal()

    def __init__(self, desk: Desk, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("card")
        self._desk = desk
        self._theme = theme
        self._chips: dict[str, Chip] = {}
        self._others: dict[str, str] = {}  # names by id, that are not in the song
        self._by_name: dict[str, str] = {}  # ids of the catalogue, by what the field shows
        self._names: dict[str, str] = {}  # that the catalogue knows, by id
        self._shown: list[str] | None = None  # ids
        self.field = QLineEdit()
        self.field.setObjectName("search")
        self.field.setPlaceholderText("Add a plugin by its name or id, such as lv2:urn:…")
        self.field.setAccessibleName("Add a plugin")
        make_clearable(self.field)
        self.field.returnPressed.connect(self._take)
        self._hint = Words(theme, "", colour="late", size="small")
        self._hint.hide()
        self._none = Words(
            theme, "This song has no plugins yet.", colour="text_faint", size="small"
        )
        self._box = ChipBox("Plugins to stress")
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addWidget(self.field, 1)
        row.addWidget(self._hint)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 12)
        column.setSpacing(8)
        column.addWidget(self._box)
        column.addWidget(self._none)
        column.addLayout(row)
        desk.shown.connect(self._on_shown)
        self._on_shown(desk.state)

    @property
    def picked(self) -> list[str]:
        return [plugin for plugin, chip in self._chips.items() if chip.isChecked()]

    def pick(self, plugin: str, name: str = "") -> None:
        """It, besides those that are picked."""
        if plugin not in self._chips:
            self._others[plugin] = _plain_name(plugin, name)
            self._on_shown(self._desk.state)
        self._chips[plugin].setChecked(True)

    def pick_only(self, plugin: str) -> None:
        for chip in self._chips.values():
            chip.setChecked(False)
        name = next((name for name, one in self._by_name.items() if one == plugin), "")
        self.pick(plugin, name.rpartition(" (")[0])

    def ask_catalogue(self) -> None:
        """For what the field offers; without an answer, only ids are known."""
        self._desk.ask(AskCatalogue(), self._on_catalogue)

    def _on_catalogue(self, reply: Catalogue) -> None:
        self._by_name = {f"{one.name} ({one.format})": one.id for one in reply.entries}
        self._names = {one.id: one.name for one in reply.entries if one.name}
        self._on_shown(self._desk.state)
        completer = QCompleter(sorted(self._by_name), self)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setMaxVisibleItems(12)
        self.field.setCompleter(completer)
        completer.activated.connect(lambda _: self._take())

    def _take(self) -> None:
        text = self.field.text().strip()
        if not text:
            return
        name = text if text in self._by_name else self._only_match(text)
        if name is not None:
            self.pick(self._by_name[name], name.rpartition(" (")[0])
        elif _ID.match(text):
            self.pick(text)
        else:
            self._hint.show_text("no plugin of that name is known")
            self._hint.show()
            return
        self._hint.hide()
        self.field.clear()

    def _only_match(self, text: str) -> str | None:
        found = [name for name in self._by_name if text.casefold() in name.casefold()]
        return found[0] if len(found) == 1 else None

    def _on_shown(self, state: DeskState) -> None:
        slots = [slot for track in (*state.tracks, state.master) for slot in track.slots]
        of_song = {slot.plugin: _plain_name(slot.plugin, slot.name) for slot in slots}
        named = {**of_song, **self._others}
        wanted = {plugin: self._chip_text(plugin, name) for plugin, name in named.items()}
        for plugin in [one for one in self._chips if one not in wanted]:
            self._box.remove(self._chips.pop(plugin))
        for plugin, text in wanted.items():
            chip = self._chips.get(plugin)
            if chip is None:
                self._chips[plugin] = self._make_chip(plugin, text)
            elif chip.text() != text:
                chip.setText(text)
                chip.setAccessibleName(text.replace("&&", "&"))
        if (before := list(wanted)) != self._shown:
            self._shown = before
            self._none.setVisible(not self._chips)
            self._box.setVisible(bool(self._chips))
            self.changed.emit()

    def _chip_text(self, plugin: str, name: str) -> str:
        """The same plugin may be there in several formats."""
        format_ = plugin.partition(":")[0]
        return f"{self._names.get(plugin, name)} · {format_}".replace("&", "&&")

    def _make_chip(self, plugin: str, text: str) -> Chip:
        chip = Chip(self._theme, text, plugin, "mdi6.puzzle-outline")
        chip.setIconSize(QSize(14, 14))
        chip.setAccessibleName(text.replace("&&", "&"))
        chip.toggled.connect(lambda _: self.changed.emit())
        self._box.add(chip)
        return chip


def _plain_name(plugin: str, name: str) -> str:
    """A plugin that was never loaded is called by its id, of which the end says enough."""
    is_known = name and name not in (plugin, plugin.partition(":")[2])
    return name if is_known else plugin_title(plugin, DeskState())
