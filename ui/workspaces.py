# SPDX-License-Identifier: GPL-3.0-or-later
"""Arrangements of the panels that the user has given names."""

from functools import partial

from PyQt6.QtCore import QObject, QTimer
from PyQt6.QtWidgets import QInputDialog, QMainWindow, QMenu

from ui.controls.action import add_action
from ui.settings import Settings

_VERSION = 2  # of what panels there are
_KEPT_EVERY_MS = 5000


class Workspaces(QObject):
    """`keep_first` once all panels are there: that is what "Default" restores."""

    def __init__(self, window: QMainWindow, settings: Settings) -> None:
        super().__init__(window)
        self._window = window
        self._settings = settings

    def keep_first(self) -> None:
        self._first = self._window.saveState(_VERSION)

    def restore_last(self) -> None:
        """As the window was left. What another version has left is passed over."""
        if (geometry := self._settings.geometry) is not None:
            self._window.restoreGeometry(geometry)
        if (layout := self._settings.layout) is not None:
            self._window.restoreState(layout, _VERSION)

    def keep_on(self) -> None:
        """From now on what is arranged is kept as it is, for a window that is killed."""
        timer = QTimer(self)
        timer.timeout.connect(self.keep_last)
        timer.start(_KEPT_EVERY_MS)

    def keep_last(self) -> None:
        geometry, layout = self._window.saveGeometry(), self._window.saveState(_VERSION)
        if (geometry, layout) == (self._settings.geometry, self._settings.layout):
            return
        self._settings.geometry, self._settings.layout = geometry, layout
        self._settings.sync()

    def keep(self, name: str) -> None:
        """Nothing without a name."""
        if name := name.strip():
            self._settings.keep_workspace(name, self._window.saveState(_VERSION))

    def restore(self, name: str) -> None:
        if (layout := self._settings.workspace(name)) is not None:
            self._window.restoreState(layout, _VERSION)

    def restore_first(self) -> None:
        self._window.restoreState(self._first, _VERSION)

    def ask_for_name(self) -> None:
        dialog = QInputDialog(self._window)
        dialog.setWindowTitle("Save workspace")
        dialog.setLabelText("Name of this arrangement of the panels")
        dialog.textValueSelected.connect(self.keep)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def fill(self, menu: QMenu) -> None:
        menu.clear()
        add_action(menu, "Default", self.restore_first)
        menu.addSeparator()
        for name in self._settings.workspaces:
            add_action(menu, name.replace("&", "&&"), partial(self.restore, name))
