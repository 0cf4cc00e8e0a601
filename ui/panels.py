# SPDX-License-Identifier: GPL-3.0-or-later
"""All panels of the window, where they stand at first, and what leads from one to another."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject, Qt, QTimer
from PyQt6.QtWidgets import QScrollArea, QStackedWidget, QTabBar, QWidget

from ipc.desk.requests import AddSlot, AddTrack, AnyEdit, SetSlot, SetSource
from ipc.desk.state import MASTER
from ui.browser.browser import Browser
from ui.crashes.crash_centre import CrashCentre
from ui.editors import Editors
from ui.pages.scan_page import ScanPage
from ui.pages.stress_page import StressPage
from ui.pages.welcome_page import WelcomePage
from ui.panel_dock import PanelDock
from ui.plugin_wish import PluginWish, Wish
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
        self.wish = PluginWish(desk, self)
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
        mixer.file_wanted.connect(self._want_file)
        mixer.slot_opened.connect(self.editors.open)
        mixer.selected.connect(self.tracks.select)
        mixer.selected.connect(self.wish.end_elsewhere)
        # When the tracks have been shown it, too.
        mixer.added.connect(lambda track: QTimer.singleShot(0, lambda: self.tracks.reveal(track)))
        self.tracks.selected.connect(mixer.select)
        self.tracks.report_wanted.connect(self.show_report)
        window.notices.report_wanted.connect(self.show_report)
        self.editors.report_wanted.connect(self.show_report)
        self.wish.stay_within(
            self.docks["browser"], window.transport, window.transport.drawer, window.notices
        )
        self.wish.changed.connect(self._show_wish)
        self.docks["browser"].visibilityChanged.connect(self._on_browser_seen)
        self.browser.plugins_left.connect(self.wish.end)
        self.browser.plugin_chosen.connect(self.add_plugin)
        self.browser.file_chosen.connect(self.add_file)
        self.browser.scan_wanted.connect(self.start_scan)
        self.scan.catalogue_changed.connect(self.browser.refresh)
        self.crashes.stress_wanted.connect(self._stress)
        self.crashes.told.connect(window.say)
        self.welcome.song_chosen.connect(self._open_song)
        self.welcome.scan_wanted.connect(self.start_scan)
        self.welcome.open_wanted.connect(window.files.open)
        self.welcome.empty_wanted.connect(self._start_empty)
        self.welcome.back_wanted.connect(self._leave_welcome)
        window.files.opened.connect(self._leave_welcome)

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
        files = self._window.files
        files.leave(lambda: files.open_path(path))

    def _start_empty(self) -> None:
        """An empty song may be there already."""
        state = self._desk.state
        if state.tracks or state.path or state.is_modified:
            self._window.files.new()
        else:
            self._leave_welcome()

    # ------------------------------------------------------------------ plugins and files

    def _want_plugin(self, track: str, index: int) -> None:
        self._window.mixer.select(track)
        self._search(Wish(track, index))

    def _want_replacement(self, slot: str) -> None:
        found = self._desk.slot(slot)
        if found is not None:
            self._window.mixer.select(found[0].id)
            self._search(Wish(found[0].id, slot=slot))

    def _search(self, wish: Wish) -> None:
        self.show("browser")
        self.browser.search()
        self.wish.begin(wish)

    def _show_wish(self) -> None:
        wish = self.wish
        self.browser.show_wish(wish.where, wish.is_replacement)
        hint = f"Choose a plugin {'to replace' if wish.is_replacement else 'for'} {wish.where}"
        self._window.say(hint if wish.where else "")

    def _on_browser_seen(self, is_seen: bool) -> None:
        if not is_seen:
            self.wish.end()

    def add_plugin(self, plugin: str) -> None:
        """Where it was asked for; else behind the selected track's last; else on a new track."""
        wish = self.wish.take()
        if wish is not None and wish.slot:
            self._desk.change(SetSlot(slot=wish.slot, plugin=plugin))
            return
        track = self._desk.strip(
            wish.track if wish is not None else self._window.mixer.selected_track
        )
        if track is None:
            self.add_track(plugin=plugin)
            return
        index = min(wish.index, len(track.slots)) if wish is not None else len(track.slots)
        self._desk.change(AddSlot(track=track.id, index=index, plugin=plugin))

    def add_file(self, path: str) -> None:
        """An audio or MIDI file, on a track of its own."""
        self.add_files((path,))

    def add_files(self, paths: Sequence[str], onto: str = "") -> None:
        """Each on a track of its own, the last ones or behind the track `onto`; if that plays
        nothing yet, the first file is what it plays."""
        if not paths:
            return
        tracks = self._desk.state.tracks
        place = next((n for n, track in enumerate(tracks) if track.id == onto), None)
        edits: list[AnyEdit] = []
        if place is not None and tracks[place].kind == "empty":
            edits.append(SetSource(track=onto, file=paths[0]))
            self._window.mixer.select(onto)
        new = paths[len(edits) :]
        first = len(tracks) if place is None else place + 1
        edits += [
            AddTrack(name=Path(path).stem[:200] or "Track", index=first + n, file=path)
            for n, path in enumerate(new)
        ]
        if new:
            self._window.mixer.change_tracks(*edits)
        else:
            self._desk.change(*edits)
        self._window.say(self.place_of_files(len(paths), onto))

    def place_of_files(self, count: int, onto: str = "") -> str:
        """What becomes of files that are dropped on that track, or on none, in words."""
        strip = self._desk.strip(onto)
        if strip is None or strip.id == MASTER:
            return "A track of its own, the last one" if count == 1 else "Tracks of their own"
        if strip.kind != "empty":
            what = "A new track" if count == 1 else "New tracks"
            return f"{what} behind {strip.name}, which plays something already"
        more = ", the others are new tracks behind it" if count > 1 else ""
        return f"What {strip.name} plays{more}"

    def add_track(self, plugin: str = "") -> None:
        """The last one."""
        self._window.mixer.add_track(len(self._desk.state.tracks), plugin=plugin)

    def _want_file(self, track: str) -> None:
        strip = self._desk.strip(track)
        title = f"What {strip.name} plays" if strip is not None else "What the track plays"
        self._window.files.ask_for_media(title, lambda path: self.add_files((path,), track))

    # ------------------------------------------------------------------ the end

    def close_commands(self) -> None:
        """What pages have running is ended."""
        for page in (self.crashes, self.scan, self.stress, self.welcome):
            page.close_commands()
