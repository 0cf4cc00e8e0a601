# SPDX-License-Identifier: GPL-3.0-or-later
"""All panels of the window, where they stand at first, and what leads from one to another."""

from pathlib import Path
from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject, Qt, QTimer
from PyQt6.QtWidgets import QScrollArea, QStackedWidget, QTabBar, QWidget

from ipc.desk.requests import AddSlot, AddTrack, OpenSong, SetSlot
from ui.browser.browser import Browser
from ui.crashes.crash_centre import CrashCentre
from ui.editors import Editors
from ui.pages.scan_page import ScanPage
from ui.pages.stress_page import StressPage
from ui.pages.welcome_page import WelcomePage
from ui.panel_dock import PanelDock
from ui.titles import slot_title
from ui.tracks.tracks import TrackView

if TYPE_CHECKING:
    from ui.window import Window

_Area = Qt.DockWidgetArea


class Panels(QObject):
    """Made before the desk is attached: what happened before a panel stood, it would not know."""

    def __init__(self, window: "Window") -> None:
        super().__init__(window)
        self._window = window
        self._desk = desk = window.desk
        theme = window.theme
        self.tracks = TrackView(desk, theme)
        self.browser = Browser(desk, theme, window.settings.store)
        self.crashes = CrashCentre(desk, theme)
        self.scan = ScanPage(desk, theme)
        self.stress = StressPage(desk, theme)
        self.welcome = WelcomePage(desk, theme)
        self.editors = Editors(window)
        self._target: tuple[str, int] | None = None  # where the next plugin that is chosen goes
        self._replaced = ""  # or the slot whose place it takes
        self.docks: dict[str, PanelDock] = {}
        self._middle = QStackedWidget()
        # A stack is never smaller than its largest page.
        self._welcome_page = QScrollArea()
        self._welcome_page.setWidgetResizable(True)
        self._welcome_page.setFrameShape(QScrollArea.Shape.NoFrame)
        self._welcome_page.setAccessibleName("Welcome")
        self._welcome_page.setWidget(self.welcome)
        self._place()
        self._connect()

    def _place(self) -> None:
        window = self._window
        for corner, area in (
            (Qt.Corner.TopLeftCorner, _Area.LeftDockWidgetArea),
            (Qt.Corner.BottomLeftCorner, _Area.LeftDockWidgetArea),
            (Qt.Corner.TopRightCorner, _Area.RightDockWidgetArea),
            (Qt.Corner.BottomRightCorner, _Area.RightDockWidgetArea),
        ):
            window.setCorner(corner, area)
        for key, title, keys, widget, area in (
            ("browser", "&Browser", "F4", self.browser, _Area.LeftDockWidgetArea),
            ("mixer", "&Mixer", "F3", window.mixer, _Area.BottomDockWidgetArea),
            ("crashes", "&Crash centre", "F7", self.crashes, _Area.RightDockWidgetArea),
            ("scan", "Sca&n", "F8", self.scan, _Area.RightDockWidgetArea),
            ("stress", "S&tress", "F9", self.stress, _Area.RightDockWidgetArea),
        ):
            self.docks[key] = dock = window.add_panel(key, title, keys, widget, area)
            self._keep_tabs_named(dock)
        window.tabifyDockWidget(self.docks["crashes"], self.docks["scan"])
        window.tabifyDockWidget(self.docks["scan"], self.docks["stress"])
        for key in ("crashes", "scan", "stress"):
            self.docks[key].hide()
        # The docks have the size they like; what is left is the tracks'.
        self._middle.addWidget(self.tracks)
        self._middle.addWidget(self._welcome_page)
        window.setCentralWidget(self._middle)
        window.notices.stand_over(self._middle)

    def _connect(self) -> None:
        mixer, window = self._window.mixer, self._window
        window.clock.call(self.tracks.show_meters)
        window.clock.call(self.browser.show_meters)
        mixer.plugin_wanted.connect(self._want_plugin)
        mixer.replacement_wanted.connect(self._want_replacement)
        mixer.slot_opened.connect(self.editors.open)
        mixer.selected.connect(self.tracks.select)
        self.tracks.selected.connect(mixer.select)
        self.tracks.report_wanted.connect(self.show_report)
        self.editors.report_wanted.connect(self.show_report)
        self.browser.plugin_chosen.connect(self.add_plugin)
        self.browser.file_chosen.connect(self.add_file)
        self.browser.scan_wanted.connect(self.start_scan)
        self.scan.catalogue_changed.connect(self.browser.refresh)
        self.crashes.stress_wanted.connect(self._stress)
        self.crashes.told.connect(window.say)
        self.welcome.song_chosen.connect(self._open_song)
        self.welcome.scan_wanted.connect(self.start_scan)
        self.welcome.open_wanted.connect(window.files.open)
        self.welcome.empty_wanted.connect(self._leave_welcome)

    def _keep_tabs_named(self, dock: PanelDock) -> None:
        """Behind Qt, which moves the tabs when it has shown the panel."""
        dock.visibilityChanged.connect(lambda _: QTimer.singleShot(0, self.name_tabs))

    def name_tabs(self) -> None:
        """Of panels that lie over each other, for screen readers; Qt makes them as it needs. Those
        that it needs no more it keeps out of sight, where the Tab key must not lead."""
        policy = Qt.FocusPolicy
        for bar in self._window.findChildren(
            QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly
        ):
            bar.setAccessibleName("Panels")
            is_seen = self._window.rect().intersects(bar.geometry())
            bar.setFocusPolicy(policy.TabFocus if is_seen else policy.NoFocus)

    # ------------------------------------------------------------------ showing

    def show(self, key: str) -> QWidget:
        """Brings a panel to the front, and returns what is in it."""
        dock = self.docks[key]
        dock.bring_to_front()
        self.name_tabs()
        widget = dock.widget()
        assert widget is not None
        return widget

    def add_at_right(self, dock: PanelDock) -> None:
        """An editor: with the others, else with the pages at the right. One behind the other, each
        has all the height there is."""
        window, right = self._window, _Area.RightDockWidgetArea
        pages = [self.docks[key] for key in ("crashes", "scan", "stress")]
        beside = [
            one
            for one in (*pages, *self.editors.docks)
            if not one.isFloating() and (one not in pages or window.dockWidgetArea(one) == right)
        ]
        window.addDockWidget(right, dock)
        if beside:
            window.tabifyDockWidget(beside[-1], dock)
        self._keep_tabs_named(dock)

    def show_report(self, report: str) -> None:
        """A crash report, in the crash centre."""
        self.show("crashes")
        self.crashes.show_report(report)

    def show_welcome(self) -> None:
        """At the first start, and when it is asked for."""
        self._middle.setCurrentWidget(self._welcome_page)
        self.welcome.setFocus()

    def start_scan(self) -> None:
        self.show("scan")
        self.scan.scan()

    def _stress(self, plugin: str) -> None:
        self.show("stress")
        self.stress.show_plugin(plugin)

    def _leave_welcome(self) -> None:
        self._middle.setCurrentWidget(self.tracks)
        self._window.settings.is_known = True

    def _open_song(self, path: str) -> None:
        def opened(_: object) -> None:
            self._leave_welcome()

        self._window.files.leave(lambda: self._desk.ask(OpenSong(path), opened))

    # ------------------------------------------------------------------ plugins and files

    def _want_plugin(self, track: str, index: int) -> None:
        self._target, self._replaced = (track, index), ""
        strip = self._desk.strip(track)
        self._search(f"Choose a plugin for {strip.name if strip is not None else track}")

    def _want_replacement(self, slot: str) -> None:
        self._target, self._replaced = None, slot
        found = self._desk.slot(slot)
        title = slot_title(found[1], found[0]) if found is not None else "it"
        self._search(f"Choose a plugin to replace {title}")

    def _search(self, hint: str) -> None:
        self.show("browser")
        self.browser.search()
        self._window.say(hint)

    def add_plugin(self, plugin: str) -> None:
        """Where it was asked for; else behind the selected track's last; else on a new track."""
        target, replaced = self._target, self._replaced
        self._target, self._replaced = None, ""
        self._window.say("")
        if replaced and self._desk.slot(replaced) is not None:
            self._desk.change(SetSlot(slot=replaced, plugin=plugin))
            return
        track = self._desk.strip(target[0] if target else self._window.mixer.selected_track)
        if track is None:
            self.add_track(plugin=plugin)
            return
        index = min(target[1], len(track.slots)) if target else len(track.slots)
        self._desk.change(AddSlot(track=track.id, index=index, plugin=plugin))

    def add_file(self, path: str) -> None:
        """An audio or MIDI file, on a track of its own."""
        self.add_track(name=Path(path).stem[:200], file=path)

    def add_track(self, name: str = "", file: str = "", plugin: str = "") -> None:
        """The last one."""
        count = len(self._desk.state.tracks)
        self._desk.change(
            AddTrack(
                name=name or f"Track {count + 1}",
                index=count,
                file=file,
                plugins=(plugin,) if plugin else (),
            )
        )

    # ------------------------------------------------------------------ the end

    def close_commands(self) -> None:
        """What pages have running is ended."""
        for page in (self.crashes, self.scan, self.stress, self.welcome):
            page.close_commands()
