# SPDX-License-Identifier: GPL-3.0-or-later
"""The track view: every track against time, the time line above, the names at the left."""

import math
import time

from PyQt6.QtCore import QEasingCurve, QPoint, QSize, Qt, QVariantAnimation, pyqtSignal
from PyQt6.QtGui import QKeyEvent, QWheelEvent
from PyQt6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QScrollBar, QWidget

from ipc.desk.meters import Meters
from ipc.desk.requests import Locate, SetLoop
from ipc.desk.state import DeskState, Notice
from ui.controls.buttons import Button
from ui.desk import Desk
from ui.theme.theme import Theme
from ui.tracks.contents import Contents
from ui.tracks.faults import Faults
from ui.tracks.grid import Metre
from ui.tracks.headers import WIDTH as HEADER_WIDTH
from ui.tracks.headers import Headers
from ui.tracks.lanes import Lanes
from ui.tracks.playhead import Playhead
from ui.tracks.ruler import HEIGHT as RULER_HEIGHT
from ui.tracks.ruler import Ruler
from ui.tracks.viewport import NORMAL_ROW, Viewport

_KEY_ZOOM = 1.4
_LEAST_S = 20.0  # of a song that is shown, so that an empty one has a time line
_STEADY_S = 0.25  # between two places of the playhead, for who wants little motion
_FOLLOW_AT, _FOLLOW_TO = 0.92, 0.08  # of the width: where the view turns the page, and to where

Key = Qt.Key


class TrackView(QWidget):
    """`show_meters` is called sixty times a second (ui/meter_clock.py)."""

    report_wanted = pyqtSignal(str)  # the id of a crash report
    selected = pyqtSignal(str)  # track; the user has clicked it

    def __init__(self, desk: Desk, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("tracks")
        self.setAccessibleName("Tracks")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._desk = desk
        self._theme = theme
        self._selected = ""
        self._host_pid = 0
        self._has_fitted = False
        self._shown_s = 0.0  # when the playhead was drawn last
        self._playhead = Playhead()
        self.viewport = Viewport(self)
        self.faults = Faults()
        contents = Contents(desk, self)
        self._contents = contents
        self.ruler = Ruler(self.viewport, theme)
        self.headers = Headers(desk, self.viewport, theme)
        self.lanes = Lanes(self.viewport, contents, self.faults, theme)
        self.follow = _button(theme, "Follow the playhead", "mdi6.page-next-outline", "F", True)
        self.follow.setChecked(True)
        self.nearer = _button(theme, "Zoom in", "mdi6.magnify-plus-outline", "+")
        self.farther = _button(theme, "Zoom out", "mdi6.magnify-minus-outline", "−")
        self.fit = _button(theme, "Show the whole song", "mdi6.arrow-expand-horizontal", "0")
        self._across = QScrollBar(Qt.Orientation.Horizontal)
        self._down = QScrollBar(Qt.Orientation.Vertical)
        self._page = QVariantAnimation(self)
        self._page.setEasingCurve(QEasingCurve.Type.OutCubic)
        self._page.valueChanged.connect(lambda frame: self.viewport.show(first_frame=frame))
        self._lay_out()
        self._connect()
        self._dress()
        self.show_state(desk.state)

    def sizeHint(self) -> QSize:
        return QSize(960, RULER_HEIGHT + 5 * NORMAL_ROW)

    def _lay_out(self) -> None:
        corner = QFrame()
        corner.setObjectName("corner")
        corner.setFixedSize(HEADER_WIDTH, RULER_HEIGHT)
        tools = QHBoxLayout(corner)
        tools.setContentsMargins(8, 0, 8, 1)
        tools.setSpacing(2)
        tools.addWidget(self.follow)
        tools.addStretch(1)
        for button in (self.farther, self.nearer, self.fit):
            tools.addWidget(button)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(0)
        grid.addWidget(corner, 0, 0)
        grid.addWidget(self.ruler, 0, 1)
        grid.addWidget(self.headers, 1, 0)
        grid.addWidget(self.lanes, 1, 1)
        grid.addWidget(self._down, 1, 2)
        grid.addWidget(self._across, 2, 1)
        grid.setColumnStretch(1, 1)
        grid.setRowStretch(1, 1)

    def _connect(self) -> None:
        desk, viewport = self._desk, self.viewport
        desk.shown.connect(self.show_state)
        desk.happened.connect(self.show_notices)
        self._theme.changed.connect(self._on_theme)
        self.ruler.located.connect(lambda frame: desk.ask(Locate(frame)))
        self.ruler.loop_chosen.connect(self._choose_loop)
        self.ruler.song_loop_wanted.connect(
            lambda: self._choose_loop(0, desk.state.transport.length_frames)
        )
        self.lanes.report_wanted.connect(self.report_wanted)
        self.lanes.chosen.connect(self._choose)
        self.headers.chosen.connect(self._choose)
        self.lanes.resized.connect(self._on_resized)
        self.lanes.dragged_away.connect(self._stop_following)
        self.nearer.clicked.connect(lambda: self._zoom(_KEY_ZOOM))
        self.farther.clicked.connect(lambda: self._zoom(1 / _KEY_ZOOM))
        self.fit.clicked.connect(viewport.fit)
        self.headers.focused.connect(self.reveal)
        viewport.changed.connect(self._show_bars)
        self._across.sliderMoved.connect(self._stop_following)
        self._across.valueChanged.connect(
            lambda px: viewport.show(first_frame=px * viewport.frames_per_px)
        )
        self._down.valueChanged.connect(lambda px: viewport.show(top_px=px))

    # ------------------------------------------------------------------ what is shown

    @property
    def playhead_frame(self) -> float:
        return self._playhead.frame

    def show_state(self, state: DeskState) -> None:
        transport, rate = state.transport, state.device.sample_rate
        beats, unit = transport.time_signature
        metre = Metre(rate, transport.tempo, beats, unit)
        ends = [track.end_frame for track in state.tracks]
        loop_end = transport.loop[1] if transport.loop is not None else 0
        length = max(transport.length_frames, loop_end, round(_LEAST_S * rate), *ends, 0)
        self._contents.show_state(state)
        if self.faults.show_state(state):
            self.lanes.show_faults()
        self.viewport.take_content(len(state.tracks) + 1, length)
        if not self._has_fitted and transport.length_frames:
            self._has_fitted = True
            self.viewport.fit()
        self.ruler.show_metre(metre)
        self.ruler.show_loop(transport.loop)
        self.headers.show_state(state)
        self.lanes.show_state(state, metre)

    def show_notices(self, notices: tuple[Notice, ...]) -> None:
        if self._desk.host_pid != self._host_pid:
            self._host_pid = self._desk.host_pid
            self.faults.show_other_host()
        if self.faults.take(notices, self._desk.state):
            self.lanes.show_faults()

    def show_meters(self, meters: Meters, elapsed_s: float = 1 / 60) -> None:
        state = self._desk.state
        before = self._playhead.frame
        frame = self._playhead.take(
            meters, elapsed_s, state.device.sample_rate, state.transport.loop
        )
        self._show_reach(frame)
        if self._theme.reduced_motion and self._playhead.is_playing:
            now = time.monotonic()
            is_jump = abs(frame - before) > state.device.sample_rate * _STEADY_S
            if now - self._shown_s < _STEADY_S and not is_jump:
                return
            self._shown_s = now
        self.ruler.show_playhead(frame)
        self.lanes.show_playhead(frame)
        # It stands still where nothing plays, unless somebody has located.
        if self.follow.isChecked() and frame != before:
            self._keep_in_view(frame)

    def _show_reach(self, frame: float) -> None:
        """A song is played on behind its end, and what fails there is marked there."""
        viewport, last = self.viewport, max(frame, self.faults.last_frame)
        step = _LEAST_S * self._desk.state.device.sample_rate
        is_behind = last > viewport.length_frames
        viewport.take_reach(math.ceil(last / step) * round(step) if is_behind else 0)

    def select(self, track: str) -> None:
        """Marks it; nothing is emitted."""
        self._selected = track
        self.headers.show_selected(track)
        self.lanes.show_selected(track)

    def track_at(self, point: QPoint) -> str:
        """Whose name or lane is there; "" if none is."""
        if point.y() < self.lanes.y():
            return ""
        viewport = self.viewport
        row = (point.y() - self.lanes.y() + viewport.top_px) // viewport.row_height
        order = [one.id for one in (*self._desk.state.tracks, self._desk.state.master)]
        return order[row] if row < len(order) else ""

    def reveal(self, track: str) -> None:
        """Scrolls to its row."""
        order = [one.id for one in (*self._desk.state.tracks, self._desk.state.master)]
        if track in order:
            y, viewport = self.viewport.y_of(order.index(track)), self.viewport
            if y < 0:
                viewport.show(top_px=viewport.top_px + y)
            elif y + viewport.row_height > viewport.height_px:
                viewport.show(top_px=viewport.top_px + y + viewport.row_height - viewport.height_px)

    # ------------------------------------------------------------------ the view

    def _keep_in_view(self, frame: float) -> None:
        viewport = self.viewport
        x = viewport.x_of(frame)
        if 0 <= x <= viewport.width_px * _FOLLOW_AT:
            return
        if self._page.state() == QVariantAnimation.State.Running:
            return
        target = frame - viewport.width_px * _FOLLOW_TO * viewport.frames_per_px
        target = min(viewport.scroll_frames, max(0.0, target))
        duration = self._theme.motion_ms("slow")
        if duration == 0 or not self.isVisible():
            viewport.show(first_frame=target)
        elif abs(target - viewport.first_frame) >= viewport.frames_per_px:
            self._page.setDuration(duration)
            self._page.setStartValue(viewport.first_frame)
            self._page.setEndValue(target)
            self._page.start()

    def _stop_following(self) -> None:
        """Who looks elsewhere while it plays does not want to be taken back."""
        self._page.stop()
        if self._playhead.is_playing:
            self.follow.setChecked(False)

    def _zoom(self, factor: float) -> None:
        """About the playhead if that is in view."""
        viewport = self.viewport
        x = viewport.x_of(self._playhead.frame)
        self._page.stop()
        viewport.zoom(factor, x if 0 <= x <= viewport.width_px else viewport.width_px / 2)

    def _on_resized(self, width: int, height: int) -> None:
        self.viewport.take_size(width, height)
        self._show_bars()

    def _show_bars(self) -> None:
        viewport = self.viewport
        for bar, most, value, page in (
            (
                self._across,
                viewport.scroll_frames / viewport.frames_per_px,
                viewport.first_frame / viewport.frames_per_px,
                viewport.width_px,
            ),
            (self._down, viewport.scroll_px, viewport.top_px, viewport.height_px),
        ):
            bar.blockSignals(True)
            bar.setRange(0, round(most))
            bar.setPageStep(page)
            bar.setSingleStep(40)
            bar.setValue(round(value))
            bar.blockSignals(False)
        self._down.setVisible(viewport.scroll_px > 0)

    # ------------------------------------------------------------------ what the user does

    def _choose(self, track: str) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        self.select(track)
        self.selected.emit(track)

    def _choose_loop(self, start: int, end: int) -> None:
        self._desk.ask(SetLoop(start, end), None, lambda _: self.show_state(self._desk.state))

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        assert event is not None
        viewport, key = self.viewport, event.key()
        across = viewport.width_px * viewport.frames_per_px / 8
        if key in (Key.Key_Plus, Key.Key_Equal):
            self._zoom(_KEY_ZOOM)
        elif key == Key.Key_Minus:
            self._zoom(1 / _KEY_ZOOM)
        elif key == Key.Key_0:
            viewport.fit()
        elif key == Key.Key_F:
            self.follow.toggle()
        elif key in (Key.Key_Left, Key.Key_Right):
            step = across if key == Key.Key_Right else -across
            self._stop_following()
            viewport.show(first_frame=viewport.first_frame + step)
        elif key in (Key.Key_Up, Key.Key_Down):
            step_px = viewport.row_height if key == Key.Key_Down else -viewport.row_height
            viewport.show(top_px=viewport.top_px + step_px)
        elif key in (Key.Key_PageUp, Key.Key_PageDown):
            page = viewport.height_px if key == Key.Key_PageDown else -viewport.height_px
            viewport.show(top_px=viewport.top_px + page)
        else:
            event.ignore()

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Over the names and the ruler it does what it does over the lanes."""
        assert event is not None
        self.lanes.turn(event, max(0.0, event.position().x() - self.lanes.x()))

    # ------------------------------------------------------------------ the look

    def _on_theme(self) -> None:
        self._dress()
        self.show_state(self._desk.state)

    def _dress(self) -> None:
        colours, radius = self._theme.colours, self._theme.tokens.radius
        self.setStyleSheet(f"""
            #tracks {{ background: {colours.panel}; }}
            #corner {{ background: {colours.raised}; border-bottom: 1px solid {colours.line}; }}
            #corner QToolButton:checked {{
                background: {colours.selection}; border: 1px solid {colours.accent};
            }}
            Header QToolButton {{
                padding: 0; font-size: {self._theme.tokens.type.small}px; font-weight: 600;
                border-radius: {radius.small}px;
            }}
            Header QToolButton:checked {{ color: {colours.on_lit}; }}
            Header QToolButton#mute:checked {{ background: {colours.mute}; }}
            Header QToolButton#solo:checked {{ background: {colours.solo}; }}
        """)


def _button(theme: Theme, name: str, icon: str, key: str, checkable: bool = False) -> Button:
    button = Button(
        theme,
        name,
        icon=icon,
        tip=f"{name} ({key})",
        checkable=checkable,
        checked_colour="accent",
    )
    button.setProperty("flat", True)
    button.setFixedSize(28, 26)
    return button
