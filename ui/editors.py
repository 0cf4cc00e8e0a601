# SPDX-License-Identifier: GPL-3.0-or-later
"""The editors of plugins that are open, a panel each."""

from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject, Qt, pyqtSignal
from PyQt6.QtWidgets import QApplication

from ui.controls.faded import set_usable
from ui.editor.editor import PluginEditor
from ui.panel_dock import PanelDock

if TYPE_CHECKING:
    from ui.window import Window


class Editors(QObject):
    """One a slot. An editor stays when its plugin is gone: undo may bring it back."""

    report_wanted = pyqtSignal(str)

    def __init__(self, window: "Window") -> None:
        super().__init__(window)
        self._window = window
        self._docks: dict[str, PanelDock] = {}

    def __len__(self) -> int:
        return len(self._docks)

    @property
    def docks(self) -> list[PanelDock]:
        """In the order in which they were opened."""
        return list(self._docks.values())

    def editor_of(self, slot: str) -> PluginEditor | None:
        """None: it is not open."""
        dock = self._docks.get(slot)
        widget = dock.widget() if dock is not None else None
        return widget if isinstance(widget, PluginEditor) else None

    def open(self, slot: str) -> None:
        """Opens it, or brings the one that is open to the front."""
        dock = self._docks.get(slot)
        if dock is None:
            dock = self._made(slot)
        dock.bring_to_front()

    def set_usable(self, usable: bool) -> None:
        """Without a host none of them can be."""
        for dock in self._docks.values():
            if (widget := dock.widget()) is not None:
                set_usable(widget, usable)

    def close_front(self) -> None:
        """The one that is used, else the last one that is seen, else the last."""
        now = QApplication.focusWidget()
        opened = [one for one in self.docks if not one.isHidden()]
        used = [one for one in opened if now is not None and one.isAncestorOf(now)]
        seen = [one for one in opened if one.is_in_front]
        for dock in (used or seen or opened)[-1:]:
            dock.close()

    def _made(self, slot: str) -> PanelDock:
        window = self._window
        editor = PluginEditor(window.desk, slot, window.theme)
        dock = PanelDock(f"editor-{slot}", editor.title, window, window.theme, "(Ctrl+W)")
        dock.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dock.setWidget(editor)
        set_usable(editor, not window.desk.is_lost)
        window.panels.add_at_right(dock)
        self._docks[slot] = dock
        editor.title_changed.connect(dock.setWindowTitle)
        editor.report_wanted.connect(self.report_wanted)
        editor.slot_changed.connect(self._rename)
        dock.destroyed.connect(lambda: self._forget(dock))
        return dock

    def _rename(self, old: str, new: str) -> None:
        if old in self._docks:
            self._docks[new] = self._docks.pop(old)

    def _forget(self, dock: PanelDock) -> None:
        self._docks = {slot: one for slot, one in self._docks.items() if one is not dock}
