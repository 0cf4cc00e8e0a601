# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel beside the tracks from which songs are made: plugins and files."""

from PyQt6.QtCore import QSettings, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QShowEvent
from PyQt6.QtWidgets import QStackedLayout, QVBoxLayout, QWidget

from ipc.desk.meters import Meters
from ui.browser.file_tab import FileTab
from ui.browser.plugin_tab import PluginTab
from ui.desk import Desk
from ui.pages.parts.buttons import Segments
from ui.pages.parts.sheet import dress
from ui.theme.theme import Theme


class Browser(QWidget):
    """`settings` keep the favourites. It asks for the catalogue when it is first seen."""

    plugin_chosen = pyqtSignal(str)  # a plugin's id
    file_chosen = pyqtSignal(str)  # a path
    scan_wanted = pyqtSignal()
    plugins_left = pyqtSignal()  # files are looked at, or where a plugin would go is not wanted

    def __init__(
        self, desk: Desk, theme: Theme, settings: QSettings, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._was_seen = False
        self.plugins = PluginTab(desk, theme, settings)
        self.files = FileTab(desk, theme)
        self.tabs = Segments(theme, "What to browse", ("Plugins", "Files"))
        self._pages = QStackedLayout()
        for page in (self.plugins, self.files):
            self._pages.addWidget(page)
        self.tabs.chosen.connect(self._show_page)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(8)
        column.addWidget(self.tabs)
        column.addLayout(self._pages, 1)
        self.plugins.plugin_chosen.connect(self.plugin_chosen)
        self.plugins.scan_wanted.connect(self.scan_wanted)
        self.plugins.wish.cancelled.connect(self.plugins_left)
        self.files.file_chosen.connect(self.file_chosen)
        dress(self, theme)

    def sizeHint(self) -> QSize:
        return QSize(348, 620)

    def show_meters(self, meters: Meters, _: float) -> None:
        self.files.preview.show_meters(meters)

    def refresh(self) -> None:
        """After a scan."""
        self.plugins.refresh()

    def show_wish(self, where: str, is_replacement: bool) -> None:
        """Where the next plugin goes; "": nothing was asked for."""
        self.plugins.show_wish(where, is_replacement)

    def search(self) -> None:
        """Begins to search: from a "+" of the mixer, or a key."""
        self.tabs.choose(0)
        self._pages.setCurrentIndex(0)
        self.plugins.search.setFocus()
        self.plugins.search.selectAll()

    def _show_page(self, place: int) -> None:
        self._pages.setCurrentIndex(place)
        if self._pages.currentWidget() is not self.plugins:
            self.plugins_left.emit()

    def showEvent(self, event: QShowEvent | None) -> None:
        super().showEvent(event)
        if not self._was_seen:
            self._was_seen = True
            self.refresh()
