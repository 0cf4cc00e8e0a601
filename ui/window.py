# SPDX-License-Identifier: GPL-3.0-or-later
"""The main window: the transport above, panels that can be arranged, what is said over them.

Panels stand here side by side and know nothing of each other; what leads from one to another goes
through their signals, which are connected here.
"""

from PyQt6.QtCore import QChildEvent, QMimeData, QPoint, QSize, Qt, QTimer
from PyQt6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
)
from PyQt6.QtWidgets import (
    QLabel,
    QMainWindow,
    QMenu,
    QStatusBar,
    QTabBar,
    QVBoxLayout,
    QWidget,
)

from ipc.desk.requests import Quit
from ipc.desk.state import DeskState
from ui.controls.tip import PlainTabTips
from ui.desk import Desk
from ui.lost import LostBanner
from ui.menus import Menus
from ui.meter_clock import MeterClock
from ui.mixer.inserts import PLUGIN_MIME
from ui.mixer.mixer import Mixer
from ui.mixer.strip import Strip
from ui.notices import Notices
from ui.panel_dock import PanelDock
from ui.panels import Panels
from ui.revival import Revival
from ui.settings import Settings
from ui.song_files import SongFiles
from ui.theme.theme import Theme, ThemeName
from ui.transport.bar import TransportBar
from ui.workspaces import Workspaces

_SIZE = QSize(1440, 900)
_LEAST = QSize(900, 600)  # with whole faders, below a track
_FRAME = QSize(12, 44)  # of window managers, at most
_QUIT_MS = 3000  # that the host may take to answer; it ends by itself then


class Window(QMainWindow):
    """Closing it ends the host; a window that crashes does not."""

    def __init__(self, desk: Desk, theme: Theme, settings: Settings) -> None:
        super().__init__()
        self.desk = desk
        self.theme = theme
        self.settings = settings
        self._may_close = False
        self._tab_tips = PlainTabTips(self)
        self.transport = TransportBar(desk, theme)
        self.mixer = Mixer(desk, theme)
        self.files = SongFiles(desk, self)
        self.workspaces = Workspaces(self, settings)
        self.banner = LostBanner(theme)
        self.notices = Notices(desk, theme, self)
        self.clock = MeterClock(desk, self)
        self.revival = Revival(desk, self)
        self._busy = QLabel()
        self._said = QLabel()
        self._lay_out()
        self.menus = Menus(self)
        self.resize(self._first_size())
        self.panels = Panels(self)
        self._connect()
        self.setAcceptDrops(True)
        self.workspaces.keep_first()
        self.workspaces.restore_last()
        self.workspaces.keep_on()
        self.panels.name_tabs()
        self.show_state(desk.state)
        self.mixer.setFocus()

    def add_panel(
        self, name: str, title: str, keys: str, widget: QWidget, area: Qt.DockWidgetArea
    ) -> PanelDock:
        """`name`: by which its place is remembered. `title`: with the letter that chooses it in the
        menu. `keys`: that show and close it."""
        dock = PanelDock(
            f"{name}-panel", title.replace("&", ""), self, self.theme, f"({keys}, menu View)"
        )
        dock.setWidget(widget)
        self.addDockWidget(area, dock)
        self.menus.add_panel(dock, title, keys)
        return dock

    def createPopupMenu(self) -> QMenu | None:
        """Of a click with the right button on a title: what the menu View does with panels."""
        return self.menus.panels_menu(self)

    def childEvent(self, event: QChildEvent | None) -> None:
        """Qt makes tabs of docks as it needs them."""
        super().childEvent(event)
        child = event.child() if event is not None and event.polished() else None
        if isinstance(child, QTabBar):
            child.installEventFilter(self._tab_tips)

    def _first_size(self) -> QSize:
        """As large as it likes to be, with all of it on the screen."""
        screen = self.screen()
        if screen is None:
            return _SIZE
        return _SIZE.boundedTo(screen.availableGeometry().size() - _FRAME)

    def _lay_out(self) -> None:
        self.setDockNestingEnabled(True)
        self.setMinimumSize(_LEAST)
        above = QWidget()
        column = QVBoxLayout(above)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.transport)
        column.addWidget(self.banner)
        bar = self.addToolBar("Transport")
        assert bar is not None
        bar.setObjectName("transport-bar")
        bar.setMovable(False)
        bar.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        action = bar.toggleViewAction()
        assert action is not None
        action.setEnabled(False)
        bar.addWidget(above)
        for label in (self._busy, self._said):
            label.setTextFormat(Qt.TextFormat.PlainText)
        status = QStatusBar()
        status.setSizeGripEnabled(False)
        status.addWidget(self._busy, 1)
        status.addPermanentWidget(self._said)
        status.setContentsMargins(8, 0, 8, 0)
        self.setStatusBar(status)

    def _connect(self) -> None:
        self.clock.call(self.transport.show_meters)
        self.clock.call(self.mixer.show_meters)
        self.banner.restart_wanted.connect(self._revive)
        self.revival.joined.connect(self._on_joined)
        self.revival.failed.connect(self.banner.show_lost)
        self.desk.shown.connect(self.show_state)
        self.desk.lost.connect(self._on_lost)

    # ------------------------------------------------------------------ what is dropped

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        data = event.mimeData() if event is not None else None
        if (
            event is not None
            and data is not None
            and (data.hasUrls() or data.hasFormat(PLUGIN_MIME))
        ):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Where no panel takes it: on a track of its own, or files on the one that is there."""
        data = event.mimeData() if event is not None else None
        if event is None or data is None:
            return
        event.acceptProposedAction()
        if data.hasFormat(PLUGIN_MIME):
            plugin = data.data(PLUGIN_MIME).data().decode(errors="replace")
            self.panels.add_track(plugin=plugin)
            return
        files = _files_of(data)
        self.panels.add_files(files, self._track_at(event.position().toPoint()))

    def dragMoveEvent(self, event: QDragMoveEvent | None) -> None:
        """Says what would become of files here."""
        data = event.mimeData() if event is not None else None
        if event is None or data is None:
            return
        if files := _files_of(data):
            onto = self._track_at(event.position().toPoint())
            self.say(self.panels.place_of_files(len(files), onto))
        event.acceptProposedAction()

    def dragLeaveEvent(self, event: QDragLeaveEvent | None) -> None:
        self.say("")

    def _track_at(self, point: QPoint) -> str:
        """Whose strip, name or lane is there; "" if none is."""
        tracks = self.panels.tracks
        if tracks.isVisible() and tracks.rect().contains(tracks.mapFrom(self, point)):
            return tracks.track_at(tracks.mapFrom(self, point))
        widget = self.childAt(point)
        while widget is not None and not isinstance(widget, Strip):
            widget = widget.parentWidget()
        return widget.id if widget is not None else ""

    # ------------------------------------------------------------------ what is shown

    def show_welcome(self) -> None:
        self.panels.show_welcome()

    def say(self, text: str) -> None:
        """A line in the status bar, until there is another."""
        self._said.setText(text)

    def show_state(self, state: DeskState) -> None:
        self.setWindowTitle(f"{state.song or 'Untitled'}[*] – Isobooth")
        self.setWindowModified(state.is_modified)
        said = f"{state.busy}…" if state.busy else state.device.problem or state.path
        self._busy.setText(said[:1].upper() + said[1:])

    def choose_theme(self, name: ThemeName) -> None:
        self.settings.theme = name
        self.theme.choose(name)

    def reduce_motion(self, reduced: bool) -> None:
        self.settings.reduced_motion = reduced
        self.theme.reduced_motion = reduced

    def _revive(self) -> None:
        self.banner.show_reviving()
        self.revival.begin()

    def _on_joined(self) -> None:
        self.banner.hide()
        self._set_usable(True)

    def _on_lost(self, reason: str) -> None:
        if not self._may_close:
            self.banner.show_lost(reason)
            self._set_usable(False)

    def _set_usable(self, usable: bool) -> None:
        """What needs a host."""
        self.transport.set_usable(usable)
        self.mixer.set_usable(usable)
        self.panels.tracks.headers.setEnabled(usable)
        self.panels.editors.set_usable(usable)
        self.menus.show_state(self.desk.state)

    # ------------------------------------------------------------------ closing

    def closeEvent(self, event: QCloseEvent | None) -> None:
        assert event is not None
        if self._may_close:
            self.workspaces.keep_last()
            self.panels.close_commands()
            self.clock.close()
            event.accept()
            return
        event.ignore()
        self.files.leave(self._quit)

    def _quit(self) -> None:
        self.desk.ask(Quit(), lambda _: self._end(), lambda _: self._end())
        QTimer.singleShot(_QUIT_MS, self._end)

    def _end(self) -> None:
        if not self._may_close:
            self._may_close = True
            self.revival.cancel()
            # Later: this may be within `closeEvent`, where nothing can be closed.
            QTimer.singleShot(0, self.close)


def _files_of(data: QMimeData) -> list[str]:
    return [url.toLocalFile() for url in data.urls() if url.isLocalFile()]
