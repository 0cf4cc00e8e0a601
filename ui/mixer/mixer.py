# SPDX-License-Identifier: GPL-3.0-or-later
"""The mixer: a strip per track, the master at the right where it is always seen."""

from itertools import pairwise

import numpy as np
from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QApplication, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from ipc.desk.meters import Meters
from ipc.desk.requests import AddTrack, AnyEdit
from ipc.desk.state import MASTER, DeskState, TrackState
from ui.controls.faded import set_usable
from ui.desk import Desk
from ui.mixer.ballistics import Ballistics
from ui.mixer.colours import keeping_colours
from ui.mixer.new_tracks import NewTracks
from ui.mixer.sharing import sharing_of
from ui.mixer.strip import Strip
from ui.mixer.taper import heights_of_peaks
from ui.theme.theme import Theme


class Mixer(QWidget):
    """Strips are kept by their tracks' ids, and told only what they show."""

    plugin_wanted = pyqtSignal(str, int)  # track, index: the browser's turn
    replacement_wanted = pyqtSignal(str)  # slot
    file_wanted = pyqtSignal(str)  # track: what it plays
    slot_opened = pyqtSignal(str)
    selected = pyqtSignal(str)  # track
    added = pyqtSignal(str)  # track; it was asked for here, and is selected

    def __init__(self, desk: Desk, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("mixer")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName("Mixer")
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.strips: dict[str, Strip] = {}
        self._desk = desk
        self._theme = theme
        self._order: list[str] = []  # as the meters have them: the master last
        self._chains: list[tuple[str, ...]] = []  # ids, by which the Tab key goes
        self._revision = -1
        self._ballistics = Ballistics(0, theme.tokens.motion)
        self._selected = ""
        self._new = NewTracks(desk)
        self._inner = QWidget()
        self._inner.setObjectName("inner")
        self._tracks = QHBoxLayout(self._inner)
        self._tracks.setContentsMargins(0, 0, 0, 0)
        self._tracks.setSpacing(4)
        self._tracks.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidget(self._inner)
        scroll.setWidgetResizable(True)
        scroll.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(6, 6, 6, 6)
        self._row.setSpacing(8)
        self._row.addWidget(scroll, 1)
        self._scroll = scroll
        self._beside = QVBoxLayout()
        self._row.addLayout(self._beside)
        self._bar = scroll.horizontalScrollBar()
        assert self._bar is not None
        self._bar.rangeChanged.connect(self._keep_level)
        desk.shown.connect(self.show_state)
        theme.changed.connect(self._on_theme)
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        application.focusChanged.connect(self._on_focus)
        self.show_state(desk.state)

    @property
    def selected_track(self) -> str:
        """The id of the strip that was used last; "" if there is none."""
        return self._selected if self._selected in self.strips else ""

    # ------------------------------------------------------------------ the state

    def show_state(self, state: DeskState) -> None:
        every = (*state.tracks, state.master)
        wanted = {track.id for track in every}
        for track in [track for track in self.strips if track not in wanted]:
            strip = self.strips.pop(track)
            strip.hide()
            strip.setParent(None)
            strip.deleteLater()
        sharing = sharing_of(state)
        for place, one in enumerate(every):
            strip = self.strips.get(one.id) or self._make(one)
            strip.show_track(one, place)
            strip.inserts.show_sharing(sharing)
            if one.id != MASTER and self._tracks.indexOf(strip) != place:
                self._tracks.insertWidget(place, strip)
        order = [track.id for track in every]
        if order != self._order:
            self._order = order
            self._ballistics = Ballistics(len(order), self._theme.tokens.motion)
        self._revision = state.revision
        chains = [(track.id, *(slot.id for slot in track.slots)) for track in every]
        if chains != self._chains:
            self._chains = chains
            self._keep_tab_order()
        if new := self._new.take([track.id for track in state.tracks]):
            self._show_new(new)

    def _show_new(self, track: str) -> None:
        """It takes the focus from its neighbours, and from nobody else."""
        focused = QApplication.focusWidget()
        self.select(track)
        if focused is not None and self.isAncestorOf(focused):
            self.strips[track].setFocus()
        self.added.emit(track)

    def set_usable(self, usable: bool) -> None:
        """Without a host nothing of it can be; it can still be looked at."""
        for part in (self._inner, self.strips.get(MASTER)):
            if part is not None:
                set_usable(part, usable)

    def _keep_tab_order(self) -> None:
        """Strip by strip; Qt's own order is that in which widgets were made."""
        steps = [one for track in self._order for one in self.strips[track].tab_chain()]
        for one, next_one in pairwise(steps):
            QWidget.setTabOrder(one, next_one)

    def _keep_level(self) -> None:
        """The master's fader beside the others', where a scroll bar takes room below those."""
        assert self._bar is not None
        room = self._bar.sizeHint().height() if self._bar.maximum() > 0 else 0
        self._beside.setContentsMargins(0, 0, 0, room)

    def _on_theme(self) -> None:
        for strip in self.strips.values():
            strip.show_colour()

    def _make(self, track: TrackState) -> Strip:
        strip = self.strips[track.id] = Strip(self._desk, self._theme, track)
        strip.plugin_wanted.connect(self.plugin_wanted)
        strip.replacement_wanted.connect(self.replacement_wanted)
        strip.slot_opened.connect(self.slot_opened)
        strip.track_wanted.connect(self.add_track)
        strip.file_wanted.connect(self.file_wanted)
        strip.left.connect(self._go_on)
        strip.meter.put_out.connect(lambda: self._ballistics.put_out(self._order.index(track.id)))
        if track.id == MASTER:
            self._beside.addWidget(strip)
        return strip

    # ------------------------------------------------------------------ meters

    def show_meters(self, meters: Meters, elapsed_s: float) -> None:
        """Sixty times a second."""
        count = len(self._order)
        # Places of another state mean other strips: those fall until the states agree.
        known = int(meters["revision"]) == self._revision
        heard = meters["strips"]["peaks"][:count] if known else np.zeros((count, 2), np.float32)
        if len(heard) < count:  # more strips than there are meters
            heard = np.vstack([heard, np.zeros((count - len(heard), 2), np.float32)])
        state = self._ballistics
        state.take(heard, elapsed_s)
        levels: list[list[float]] = heights_of_peaks(state.levels).tolist()
        peaks: list[list[float]] = heights_of_peaks(state.peaks).tolist()
        clipped: list[list[bool]] = state.clipped.tolist()
        for place, track in enumerate(self._order):
            self.strips[track].meter.show_level(levels[place], peaks[place], clipped[place])

    # ------------------------------------------------------------------ what the user does

    def add_track(self, index: int | None = None, *, name: str = "", plugin: str = "") -> None:
        """After the selected one, if no place is given. It is selected when it is there."""
        state = self._desk.state
        ids = [track.id for track in state.tracks]
        if index is None:
            chosen = self.selected_track
            index = ids.index(chosen) + 1 if chosen in ids else len(ids)
        edit = AddTrack(
            name=name or f"Track {len(ids) + 1}",
            index=index,
            plugins=(plugin,) if plugin else (),
        )
        self.change_tracks(edit)

    def change_tracks(self, *edits: AnyEdit) -> None:
        """Tracks are added, too: the last of them is selected when it is there."""
        self._new.ask(*keeping_colours(self._desk.state, self._theme, *edits))

    def _go_on(self, track: str, by: int) -> None:
        """With the focus, to a neighbour."""
        place = self._order.index(track) + by
        if 0 <= place < len(self._order):
            self.strips[self._order[place]].setFocus()

    def select(self, track: str) -> None:
        if track == self._selected:
            return
        self._selected = track
        for strip in self.strips.values():
            strip.show_selected(strip.id == track)
        self.selected.emit(track)

    def _on_focus(self, _: QWidget | None, now: QWidget | None) -> None:
        """What has the focus is in the strip that is selected, and in sight."""
        focused = now
        while now is not None and not isinstance(now, Strip):
            now = now.parentWidget()
        if now is not None and now.id in self.strips:
            self.select(now.id)
            if now.id != MASTER:
                self._scroll.ensureWidgetVisible(now, 20, 0)
            if focused is not None and now.inserts.isAncestorOf(focused):
                now.inserts.ensureWidgetVisible(focused, 0, 2)
