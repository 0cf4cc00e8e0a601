# SPDX-License-Identifier: GPL-3.0-or-later
"""The plugins of the catalogue: search, filters, a list, and what is known of the one chosen."""

from PyQt6.QtCore import QModelIndex, QSettings, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QAction, QActionGroup, QKeyEvent
from PyQt6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from ipc.desk.requests import AskCatalogue, Catalogue
from ipc.desk.state import CatalogueEntry
from ui.browser.favourites import Favourites
from ui.browser.plugin_details import PluginDetails
from ui.browser.plugin_model import WORKS, PluginFilter, PluginModel, Usable
from ui.browser.plugin_rows import INSTRUMENT, PluginList, PluginRows, format_name
from ui.browser.wish_strip import WishStrip
from ui.controls.search import make_clearable
from ui.desk import Desk
from ui.pages.parts.buttons import Chip, Primary
from ui.pages.parts.flow import FlowLayout
from ui.pages.parts.hint import Hint
from ui.pages.parts.rows import list_of_rows
from ui.pages.parts.words import Words
from ui.theme.theme import Theme

_OWN = "builtin"
_FORMATS = ("vst3", "lv2", "clap", "ladspa", _OWN)
_TYPING_MS = 60  # a search waits so long for the next letter
_USABLE: tuple[tuple[Usable, str, str], ...] = (
    ("working", "Working", "Plugins in which the scan found nothing wrong"),
    ("broken", "Not usable", "Plugins that the scan could not use, and why"),
    ("all", "All", "Whatever the scan found"),
)


class Search(QLineEdit):
    """Arrow keys go on in the list, Escape empties it."""

    left = pyqtSignal(int)  # to the list, by the key

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        assert event is not None
        if event.key() in (Qt.Key.Key_Down, Qt.Key.Key_PageDown):
            self.left.emit(event.key())
        elif event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
        else:
            super().keyPressEvent(event)


class _ScanStrip(QFrame):
    """Above the list as long as only Isobooth's own plugins are known."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("card")
        self.button = Primary(theme, "Scan", "mdi6.radar", "Find out what is installed")
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 10)
        column.setSpacing(6)
        column.addWidget(Words(theme, "Only Isobooth’s own plugins are known yet", bold=True))
        text = "A scan tries each plugin in a process of its own, so nothing can go wrong here."
        column.addWidget(Words(theme, text, colour="text_dim", size="small", wraps=True))
        column.addWidget(self.button, alignment=Qt.AlignmentFlag.AlignLeft)
        self.hide()


class PluginTab(QWidget):
    plugin_chosen = pyqtSignal(str)
    scan_wanted = pyqtSignal()

    def __init__(
        self, desk: Desk, theme: Theme, settings: QSettings, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._desk = desk
        self._theme = theme
        self._favourites = Favourites(settings)
        self._is_asked = False
        self._usable: Usable = "working"
        self.model = PluginModel(self)
        self.model.show_favourites(self._favourites)
        self.search = Search()
        self.search.setObjectName("search")
        self.search.setPlaceholderText("Search plugins")
        self.search.setAccessibleName("Search plugins")
        make_clearable(self.search)
        self._lens = self.search.addAction(
            theme.icon("mdi6.magnify", "text_faint"), QLineEdit.ActionPosition.LeadingPosition
        )
        if self._lens is not None:
            self._lens.setText("Search plugins")
            self._lens.triggered.connect(lambda _: self.search.setFocus())
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(_TYPING_MS)
        self._typing.timeout.connect(self._apply)
        self.search.textChanged.connect(lambda _: self._typing.start())
        self.search.returnPressed.connect(self._choose_first)
        self.search.left.connect(lambda _: self._enter_list())
        self.list = PluginList(theme)
        list_of_rows(PluginRows(theme), "Plugins", self.list)
        self.list.setModel(self.model)
        self.list.chosen.connect(self._choose)
        self.list.starred.connect(self._star)
        selection = self.list.selectionModel()
        assert selection is not None
        selection.currentChanged.connect(lambda now, _: self._show_details(now))
        self.hint = Hint(theme, "mdi6.puzzle-outline")
        self.hint.clicked.connect(self._on_hint)
        self.details = PluginDetails(theme)
        self.details.hide()
        self.details.add_wanted.connect(lambda: self._choose(self.list.currentIndex()))
        self.details.star_wanted.connect(lambda: self._star(self.list.currentIndex()))
        self.scan_strip = _ScanStrip(theme)
        self.scan_strip.button.clicked.connect(self.scan_wanted)
        self.wish = WishStrip(theme)
        self._count = Words(theme, colour="text_faint", size="small")
        self._middle = QStackedLayout()
        self._middle.addWidget(self.list)
        self._middle.addWidget(self.hint)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.wish)
        column.addWidget(self.search)
        column.addLayout(self._filters())
        column.addWidget(self.scan_strip)
        column.addLayout(self._middle, 1)
        column.addWidget(self.details)
        theme.changed.connect(self._dress)
        self.hint.show_hint("Looking…", "")
        self._middle.setCurrentWidget(self.hint)

    def _filters(self) -> QVBoxLayout:
        theme = self._theme
        self.formats = {
            one: Chip(theme, format_name(one), f"Only {format_name(one)} plugins")
            for one in _FORMATS
        }
        self.kinds = {
            INSTRUMENT: Chip(theme, "Instruments", "Only instruments", "mdi6.piano"),
            "effect": Chip(theme, "Effects", "Only effects", "mdi6.sine-wave"),
        }
        self.only_favourites = Chip(theme, "", "Only favourites", "mdi6.star", "solo")
        self.usable = Chip(theme, "Working ▾", "Which plugins, by what the scan found")
        self.usable.setCheckable(False)
        self.usable.clicked.connect(self._pop_usable)
        above, kinds, below = FlowLayout(gap=4), FlowLayout(gap=4), QHBoxLayout()
        for chip in self.formats.values():
            above.addWidget(chip)
        for chip in (*self.kinds.values(), self.only_favourites, self.usable):
            kinds.addWidget(chip)
        below.addLayout(kinds, 1)
        below.addWidget(self._count, alignment=Qt.AlignmentFlag.AlignTop)
        for chip in (*self.formats.values(), *self.kinds.values(), self.only_favourites):
            chip.toggled.connect(self._apply)
        both = QVBoxLayout()
        both.setSpacing(4)
        both.addLayout(above)
        both.addLayout(below)
        return both

    def show_wish(self, where: str, is_replacement: bool) -> None:
        """Where the next plugin goes; "": to the selected track."""
        self.wish.show_text(
            f"{'Replaces' if is_replacement else 'Goes to'} {where}" if where else ""
        )
        self.details.show_wish(where, is_replacement)

    # ------------------------------------------------------------------ the catalogue

    def refresh(self) -> None:
        """Asks for the catalogue, such as after a scan."""
        if not self._is_asked:
            self._is_asked = True
            self._desk.ask(AskCatalogue(), self._show, self._show_failure)

    def _show(self, reply: Catalogue) -> None:
        self._is_asked = False
        chosen = self.model.entry(self.list.currentIndex())
        self.model.show_entries(reply.entries)
        there = {entry.format for entry in reply.entries}
        for name, chip in self.formats.items():
            chip.setVisible(name in there)
        self.scan_strip.setVisible(there <= {_OWN})
        self._after_change(chosen)

    def _show_failure(self, reason: str) -> None:
        self._is_asked = False
        if self.model.total:
            return  # what was known before is still right
        self.hint.show_hint("The catalogue cannot be read", reason, "Try again")
        self._middle.setCurrentWidget(self.hint)
        self._count.show_text("")

    def _apply(self) -> None:
        self._typing.stop()
        chosen = self.model.entry(self.list.currentIndex())
        self.model.show_filter(
            PluginFilter(
                text=self.search.text(),
                formats=frozenset(one for one, chip in self.formats.items() if chip.isChecked()),
                kinds=frozenset(one for one, chip in self.kinds.items() if chip.isChecked()),
                usable=self._usable,
                only_favourites=self.only_favourites.isChecked(),
            )
        )
        self._after_change(chosen)

    def _after_change(self, chosen: CatalogueEntry | None) -> None:
        """What was chosen stays so, where it is still shown."""
        shown, total = self.model.rowCount(), self.model.total
        row = self.model.row_of(chosen.id) if chosen is not None else -1
        if row >= 0:
            self.list.setCurrentIndex(self.model.index(row))
        else:
            self.details.hide()
            self.list.scrollToTop()
        self._count.show_text(f"{shown:,} of {total:,}" if shown != total else f"{total:,}")
        if shown == 0:
            self.hint.show_hint("Nothing like that", "No plugin passes the filters.", "Show all")
        self._middle.setCurrentWidget(self.hint if shown == 0 else self.list)

    def _on_hint(self) -> None:
        if not self.model.total:
            self.refresh()
            return
        for chip in (*self.formats.values(), *self.kinds.values(), self.only_favourites):
            chip.setChecked(False)
        self.search.clear()
        self._choose_usable("all")

    # ------------------------------------------------------------------ what the user does

    def _pop_usable(self) -> None:
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        group = QActionGroup(menu)
        for value, text, tip in _USABLE:
            action = QAction(text, menu)
            action.setCheckable(True)
            action.setChecked(value == self._usable)
            action.setToolTip(tip)
            action.triggered.connect(lambda _, value=value: self._choose_usable(value))
            group.addAction(action)
            menu.addAction(action)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self.usable.mapToGlobal(self.usable.rect().bottomLeft()))

    def _choose_usable(self, value: Usable) -> None:
        self._usable = value
        self.usable.setText(next(text for one, text, _ in _USABLE if one == value) + " ▾")
        self._apply()

    def _choose_first(self) -> None:
        self._apply()
        index = self.list.currentIndex()
        self._choose(index if index.isValid() else self.model.index(0))

    def _enter_list(self) -> None:
        self._apply()
        if not self.list.currentIndex().isValid():
            self.list.setCurrentIndex(self.model.index(0))
        self.list.setFocus()

    def _choose(self, index: QModelIndex) -> None:
        entry = self.model.entry(index)
        if entry is not None and entry.status == WORKS:
            self.plugin_chosen.emit(entry.id)

    def _star(self, index: QModelIndex) -> None:
        entry = self.model.entry(index)
        if entry is None:
            return
        chosen = self.model.entry(self.list.currentIndex())
        self._favourites.toggle(entry.id)
        self.model.show_favourites(self._favourites)
        if self.only_favourites.isChecked():
            self._after_change(chosen)
        if chosen is not None and chosen.id == entry.id:
            self.details.show_star(entry.id in self._favourites)

    def _show_details(self, index: QModelIndex) -> None:
        entry = self.model.entry(index)
        self.details.setVisible(entry is not None)
        if entry is not None:
            self.details.show_entry(entry, entry.id in self._favourites)

    def _dress(self) -> None:
        if self._lens is not None:
            self._lens.setIcon(self._theme.icon("mdi6.magnify", "text_faint"))
