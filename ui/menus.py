# SPDX-License-Identifier: GPL-3.0-or-later
"""The menu bar: everything the window can do, each with its key."""

from functools import partial
from typing import TYPE_CHECKING, Literal

from PyQt6.QtCore import QObject
from PyQt6.QtGui import QAction, QKeySequence
from PyQt6.QtWidgets import QMenu, QWidget

from ipc.desk.requests import Redo, RemoveTrack, SetSong, Undo
from ipc.desk.state import MASTER, DeskState, TrackState
from ui.controls.action import add_action, add_caption, add_submenu, only_one
from ui.controls.buttons import Button
from ui.mixer.colours import keeping_colours
from ui.panel_dock import PanelDock
from ui.panel_walk import PanelWalk
from ui.theme.theme import THEMES

if TYPE_CHECKING:
    from ui.window import Window

Standard = QKeySequence.StandardKey
_Grouping = Literal["plugin", "chain", "vendor", "all", "auto"]
_COST = "It saves memory; a crash takes the others along until they are loaded again"
_GROUPINGS: tuple[tuple[_Grouping, str, str], ...] = (
    ("plugin", "&None", "Each plugin has a process of its own: the safest"),
    ("chain", "Those of a &track", _COST),
    ("vendor", "Those of a &vendor", f"{_COST}. A vendor is known once a plugin was loaded"),
    ("all", "&All", _COST),
    (
        "auto",
        "Those of a track that have &proved themselves",
        "They were played for 10 hours in 5 sessions since they last failed",
    ),
)


class Menus(QObject):
    """Actions are attributes: tests and panels trigger the same."""

    def __init__(self, window: "Window") -> None:
        super().__init__(window)
        self._window = window
        self._desk = window.desk
        self._song_menu()
        self._edit_menu()
        self._track_menu()
        self._plugins_menu()
        self._transport_menu()
        self._view_menu()
        self._desk.shown.connect(self.show_state)
        window.mixer.selected.connect(lambda _: self.show_state(self._desk.state))
        self.show_state(self._desk.state)

    # ------------------------------------------------------------------ the menus

    def _song_menu(self) -> None:
        files, menu = self._window.files, self._menu("&File")
        self.new = add_action(menu, "&New", files.new, Standard.New)
        self.open = add_action(menu, "&Open…", files.open, Standard.Open)
        menu.addSeparator()
        self.save = add_action(menu, "&Save", files.save, Standard.Save)
        self.save_as = add_action(menu, "Save &As…", files.save_as, "Ctrl+Shift+S")
        menu.addSeparator()
        self.quit = add_action(menu, "&Quit", self._window.close, "Ctrl+Q")

    def _edit_menu(self) -> None:
        menu = self._menu("&Edit")
        self.undo = add_action(menu, "Undo", lambda: self._desk.ask(Undo()), "Ctrl+Z")
        self.redo = add_action(menu, "Redo", lambda: self._desk.ask(Redo()), "Ctrl+Shift+Z")

    def _track_menu(self) -> None:
        menu, mixer = self._menu("&Track"), self._window.mixer
        self.add_track = add_action(menu, "&Add track", mixer.add_track, "Ctrl+T")
        self.add_file = add_action(
            menu,
            "Add track with a &file…",
            lambda: self._window.files.ask_for_media(
                "Add a track with a file", self._window.panels.add_file
            ),
            "Ctrl+Shift+T",
        )
        menu.addSeparator()
        self.rename_track = add_action(menu, "Re&name track", self._rename_track, "Ctrl+R")
        menu.addSeparator()
        # Their keys are a strip's own: elsewhere in the window these letters are others'.
        self.mute = add_action(menu, "&Mute\tM", self._mute, checked=False)
        self.solo = add_action(menu, "&Solo\tS", self._solo, checked=False)
        menu.addSeparator()
        self.remove_track = add_action(menu, "&Remove track", self._remove_track, "Ctrl+Backspace")

    def _plugins_menu(self) -> None:
        menu = self._menu("&Plugins")
        menu.setToolTipsVisible(True)
        add_caption(menu, "Share a process")
        self.groupings: dict[str, QAction] = {}
        for grouping, text, tip in _GROUPINGS:
            choose = partial(self._desk.change, SetSong(grouping=grouping))
            action = add_action(menu, text, choose, checked=False)
            action.setToolTip(tip)
            self.groupings[grouping] = action
        only_one(menu, self.groupings.values())

    def _transport_menu(self) -> None:
        menu, transport = self._menu("T&ransport"), self._window.transport
        self.play = add_action(menu, "&Play", transport.toggle_playing, "Space")
        self.home = add_action(menu, "&Return to start", transport.return_to_start, "Home")
        self.loop = add_action(menu, "&Loop", transport.toggle_loop, "L", checked=False)

    def _view_menu(self) -> None:
        window, menu = self._window, self._menu("&View")
        self._view = menu
        self.panels: dict[QAction, PanelDock] = {}
        self.zooms: dict[str, QAction] = {}  # by the button of the tracks that does it
        self._before_theme = menu.addSeparator()
        self.editors = add_submenu(menu, "&Editors")
        self.editors.aboutToShow.connect(self._fill_editors)
        self.close_editor = add_action(menu, "Close t&he editor", self._close_editor, "Ctrl+W")
        menu.aboutToShow.connect(self._show_view)
        menu.addSeparator()
        # Their keys are the tracks' own. What they are about is not there yet.
        for text, key, name in (
            ("Zoom &in", "+", "nearer"),
            ("Zoom o&ut", "−", "farther"),
            ("Whole son&g", "0", "fit"),
            ("&Follow the playhead", "F", "follow"),
        ):
            zoom = partial(self._click_in_tracks, name)
            self.zooms[name] = add_action(menu, f"{text}\t{key}", zoom)
        self.zooms["follow"].setCheckable(True)
        menu.addSeparator()
        self.themes = {}
        for name in THEMES:
            action = add_action(
                menu,
                f"&{name.title()} theme",
                partial(window.choose_theme, name),
                checked=name == window.theme.name,
            )
            self.themes[name] = action
        only_one(menu, self.themes.values())
        self.reduce_motion = add_action(menu, "Reduce m&otion", checked=window.theme.reduced_motion)
        self.reduce_motion.toggled.connect(window.reduce_motion)
        menu.addSeparator()
        walk = PanelWalk(window)
        self.next_panel = add_action(menu, "Ne&xt panel", partial(walk.go, 1), "F6")
        self.last_panel = add_action(menu, "&Previous panel", partial(walk.go, -1), "Shift+F6")
        menu.addSeparator()
        self.welcome = add_action(menu, "&Welcome", window.show_welcome)
        add_action(menu, "&Save workspace…", window.workspaces.ask_for_name)
        restore = add_submenu(menu, "&Restore workspace")
        restore.aboutToShow.connect(lambda: window.workspaces.fill(restore))

    def add_panel(self, dock: PanelDock, title: str, keys: str) -> None:
        """One that can be shown and hidden; the mark says that it is seen."""
        action = add_action(self._view, title, dock.toggle, keys, checked=False)
        self._view.insertAction(self._before_theme, action)
        self.panels[action] = dock
        action.triggered.connect(self._show_panels)
        dock.visibilityChanged.connect(self._show_panels)

    def panels_menu(self, parent: QWidget) -> QMenu:
        """To be popped up once."""
        self._show_panels()
        menu = QMenu(parent)
        menu.addActions(list(self.panels))
        return menu

    def _show_panels(self) -> None:
        for action, dock in self.panels.items():
            action.setChecked(dock.is_in_front)

    def _show_view(self) -> None:
        self._show_panels()
        panels = self._window.panels
        self.editors.setEnabled(bool(panels.editors.docks))
        self.zooms["follow"].setChecked(panels.tracks.follow.isChecked())

    def _click_in_tracks(self, name: str) -> None:
        button: Button = getattr(self._window.panels.tracks, name)
        button.click()

    def _close_editor(self) -> None:
        self._window.panels.editors.close_front()

    def _fill_editors(self) -> None:
        self.editors.clear()
        for dock in self._window.panels.editors.docks:
            title = dock.windowTitle().replace("&", "&&")
            add_action(self.editors, title, dock.bring_to_front, checked=dock.is_in_front)

    # ------------------------------------------------------------------ the state

    def show_state(self, state: DeskState) -> None:
        has_host = not self._desk.is_lost
        for one in (
            *(self.new, self.open, self.save, self.save_as, self.add_track, self.add_file),
            *(*self.groupings.values(), self.play, self.home, self.loop),
        ):
            one.setEnabled(has_host)
        for action, word, name in (
            (self.undo, "&Undo", state.undo),
            (self.redo, "&Redo", state.redo),
        ):
            action.setText(f"{word} {name.replace('&', '&&')}".rstrip())
            action.setEnabled(has_host and bool(name))
        if (grouping := self.groupings.get(state.grouping)) is not None:
            grouping.setChecked(True)
        self.play.setText("&Stop" if state.transport.playing else "&Play")
        self.loop.setChecked(state.transport.loop is not None)
        track = self._selected()
        self.remove_track.setEnabled(has_host and track is not None)
        self.rename_track.setEnabled(has_host and track is not None)
        for action, is_on in (
            (self.mute, track is not None and track.mute),
            (self.solo, track is not None and track.solo),
        ):
            action.setEnabled(has_host and track is not None)
            action.setChecked(is_on)
        name = track.name.replace("&", "&&") if track is not None else "track"
        self.remove_track.setText(f"&Remove {name}")

    def _selected(self) -> TrackState | None:
        track = self._desk.strip(self._window.mixer.selected_track)
        return track if track is not None and track.id != MASTER else None

    # ------------------------------------------------------------------ what they do

    def _remove_track(self) -> None:
        if (track := self._selected()) is not None:
            edit = RemoveTrack(track=track.id)
            self._desk.change(*keeping_colours(self._desk.state, self._window.theme, edit))

    def _mute(self) -> None:
        if (track := self._selected()) is not None:
            self._window.mixer.strips[track.id].mute.click()

    def _solo(self) -> None:
        if (track := self._selected()) is not None:
            self._window.mixer.strips[track.id].solo.click()

    def _rename_track(self) -> None:
        if (track := self._selected()) is not None:
            self._window.mixer.strips[track.id].rename()

    def _menu(self, title: str) -> QMenu:
        bar = self._window.menuBar()
        assert bar is not None
        menu = bar.addMenu(title)
        assert menu is not None
        return menu
