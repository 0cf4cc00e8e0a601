# SPDX-License-Identifier: GPL-3.0-or-later
"""The editors of plugins that are open, a panel each."""

from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject, Qt, pyqtSignal
from PyQt6.QtWidgets import QDockWidget

from ui.controls.faded import set_usable
from ui.editor.editor import PluginEditor

if TYPE_CHECKING:
    from ui.window import Window


class Editors(QObject):
    """One a slot. An editor stays when its plugin is gone: undo may bring it back."""

    report_wanted = pyqtSignal(str)

    def __init__(self, window: "Window") -> None:
        super().__init__(window)
        self._window = window
        self._docks: dict[str, QDockWidget] = {}

    def __len__(self) -> int:
        return len(self._docks)

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
        dock.show()
        dock.raise_()

    def set_usable(self, usable: bool) -> None:
        """Without a host none of them can be."""
        for dock in self._docks.values():
            if (widget := dock.widget()) is not None:
                set_usable(widget, usable)

    def _made(self, slot: str) -> QDockWidget:
        window = self._window
        editor = PluginEditor(window.desk, slot, window.theme)
        dock = QDockWidget(editor.title, window)
        dock.setObjectName(f"editor-{slot}")
        dock.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dock.setWidget(editor)
        set_usable(editor, not window.desk.is_lost)
        others = list(self._docks.values())
        window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
        if others:
            window.tabifyDockWidget(others[-1], dock)
        self._docks[slot] = dock
        editor.title_changed.connect(dock.setWindowTitle)
        editor.report_wanted.connect(self.report_wanted)
        editor.slot_changed.connect(self._rename)
        dock.destroyed.connect(lambda: self._forget(dock))
        return dock

    def _rename(self, old: str, new: str) -> None:
        if old in self._docks:
            self._docks[new] = self._docks.pop(old)

    def _forget(self, dock: QDockWidget) -> None:
        self._docks = {slot: one for slot, one in self._docks.items() if one is not dock}
