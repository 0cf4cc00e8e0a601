# SPDX-License-Identifier: GPL-3.0-or-later
"""The tracks against time: what each plays, where its plugins failed, where the song is.

64 of them scroll smoothly because a wave is painted once (ui/tracks/tiles.py) and only what has
changed is painted again: sixty times a second that is the playhead, a strip of five pixels.
"""

import math
import os

from PyQt6.QtCore import QPointF, QRect, QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent, QWheelEvent
from PyQt6.QtWidgets import QWidget

from ipc.desk.state import DeskState, TrackState
from ui.theme.theme import Theme
from ui.tracks.contents import Contents
from ui.tracks.faults import LIGHTS, Faults
from ui.tracks.grid import Metre, lines
from ui.tracks.markers import SIZE as MARKER_SIZE
from ui.tracks.markers import Marker
from ui.tracks.tiles import WIDTH as TILE_WIDTH
from ui.tracks.tiles import Tiles
from ui.tracks.viewport import Viewport
from ui.tracks.waveform import Notes

_LINE_PX = 12.0  # at least, from line to line
_CLIP_TOP = 15  # where its name stands
_PAD = 3
_NOTCH = 120.0
_ZOOM = 1.2  # of one step of the wheel
_QUIET = 0.4  # opacity of what is muted
_MARKER_GAP = MARKER_SIZE + 14.0


class Lanes(QWidget):
    """Wheel: up and down; with Shift sideways; with Ctrl nearer; with Ctrl and Shift taller."""

    report_wanted = pyqtSignal(str)
    chosen = pyqtSignal(str)  # track
    dragged_away = pyqtSignal()  # the user has moved the view sideways
    resized = pyqtSignal(int, int)

    def __init__(
        self,
        viewport: Viewport,
        contents: Contents,
        faults: Faults,
        theme: Theme,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._viewport = viewport
        self._contents = contents
        self._faults = faults
        self._theme = theme
        self._tiles = Tiles()
        self._rows: tuple[TrackState, ...] = ()
        self._metre = Metre()
        self._loop: tuple[int, int] | None = None
        self._playhead = 0.0
        self._selected = ""
        self._markers: list[Marker] = []
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAccessibleName("Tracks against time")
        self.setMinimumSize(120, 60)
        viewport.changed.connect(self._on_view)
        contents.arrived.connect(self._on_content)
        theme.changed.connect(self._on_theme)

    @property
    def markers(self) -> list[Marker]:
        """Those in view, from above and from left to right."""
        return [marker for marker in self._markers if not marker.isHidden()]

    # ------------------------------------------------------------------ what is shown

    def show_state(self, state: DeskState, metre: Metre) -> None:
        rows = (*state.tracks, state.master)
        if rows != self._rows or metre != self._metre:
            self._rows, self._metre = rows, metre
            self.place_markers()
            self.update()
        self.show_loop(state.transport.loop)

    def show_loop(self, loop: tuple[int, int] | None) -> None:
        if loop != self._loop:
            self._loop = loop
            self.update()

    def show_selected(self, track: str) -> None:
        if track != self._selected:
            self._selected = track
            self.update()

    def show_playhead(self, frame: float) -> None:
        before, after = self._viewport.x_of(self._playhead), self._viewport.x_of(frame)
        self._playhead = frame
        if round(before * 2) != round(after * 2):
            for x in (before, after):
                self.update(QRect(math.floor(x) - 2, 0, 5, self.height()))

    def show_faults(self) -> None:
        self.place_markers()
        self.update()

    def place_markers(self) -> None:
        """Makes as many as there are in view, and none more."""
        viewport, used = self._viewport, 0
        for row in viewport.visible_rows():
            if row >= len(self._rows):
                break
            for cluster in self._faults.clusters(
                self._rows[row].id,
                viewport.first_frame,
                viewport.frames_per_px,
                viewport.width_px,
                _MARKER_GAP,
            ):
                if used == len(self._markers):
                    marker = Marker(self._theme, self)
                    marker.report_wanted.connect(self.report_wanted)
                    self._markers.append(marker)
                marker = self._markers[used]
                marker.show_cluster(cluster, self._metre.sample_rate)
                bottom = viewport.y_of(row) + viewport.row_height - MARKER_SIZE - _PAD - 1
                left = round(cluster.x) - MARKER_SIZE // 2
                # One at the song's begin is seen whole, too.
                marker.move(max(0, left) if cluster.x >= 0.0 else left, bottom)
                marker.show()
                used += 1
        for marker in self._markers[used:]:
            marker.hide()

    def _on_view(self) -> None:
        self.place_markers()
        self.update()

    def _on_content(self, track: str) -> None:
        for row in self._viewport.visible_rows():
            if row < len(self._rows) and self._rows[row].id == track:
                self.update(
                    QRect(0, self._viewport.y_of(row), self.width(), self._viewport.row_height)
                )

    def _on_theme(self) -> None:
        self._tiles.forget()
        self.update()

    # ------------------------------------------------------------------ mouse

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        assert event is not None
        self.turn(event, event.position().x())

    def turn(self, event: QWheelEvent, x: float) -> None:
        """The wheel, wherever on the panel; `x` is what is zoomed about."""
        event.accept()
        turned = event.angleDelta()
        modifiers, viewport = event.modifiers(), self._viewport
        has_shift = bool(modifiers & Qt.KeyboardModifier.ShiftModifier)
        steps = (turned.y() or turned.x()) / _NOTCH
        if modifiers & Qt.KeyboardModifier.ControlModifier:
            if has_shift:
                viewport.show(row_height=round(viewport.row_height * _ZOOM**steps))
            else:
                viewport.zoom(_ZOOM**steps, x)
            return
        pixels = event.pixelDelta()
        sideways = pixels.x() or turned.x() / _NOTCH * 90
        down = pixels.y() or turned.y() / _NOTCH * 90
        if has_shift:
            sideways, down = sideways or down, 0
        if sideways:
            viewport.show(first_frame=viewport.first_frame - sideways * viewport.frames_per_px)
            self.dragged_away.emit()
        if down:
            viewport.show(top_px=round(viewport.top_px - down))

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        assert event is not None
        row = (event.pos().y() + self._viewport.top_px) // self._viewport.row_height
        if row < len(self._rows):
            self.chosen.emit(self._rows[row].id)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        self.resized.emit(self.width(), self.height())

    # ------------------------------------------------------------------ painting

    def paintEvent(self, event: QPaintEvent | None) -> None:
        assert event is not None
        theme, viewport, damaged = self._theme, self._viewport, event.rect()
        painter = QPainter(self)
        painter.fillRect(damaged, theme.colour("well"))
        rows = viewport.visible_rows(damaged.top(), damaged.bottom() + 1)
        shown = [(row, self._rows[row]) for row in rows if row < len(self._rows)]
        for row, track in shown:
            self._paint_ground(painter, row, track, damaged)
        self._paint_grid(painter, damaged)
        for row, track in shown:
            self._paint_clip(painter, row, track, damaged)
            self._paint_outages(painter, row, track, damaged)
        self._paint_loop(painter, damaged)
        self._paint_playhead(painter)
        painter.end()

    def _box(self, row: int) -> QRect:
        viewport = self._viewport
        return QRect(0, viewport.y_of(row), self.width(), viewport.row_height)

    def _paint_ground(self, painter: QPainter, row: int, track: TrackState, damaged: QRect) -> None:
        box = self._box(row).intersected(damaged)
        is_selected = track.id == self._selected
        painter.fillRect(box, self._theme.colour("raised" if is_selected else "panel"))

    def _paint_grid(self, painter: QPainter, damaged: QRect) -> None:
        theme, viewport, metre = self._theme, self._viewport, self._metre
        first, last = viewport.frame_at(damaged.left() - 1), viewport.frame_at(damaged.right() + 1)
        step = metre.step_frames(_LINE_PX * viewport.frames_per_px)
        # Where the lines are bars already, every fourth of them stands out.
        strong = metre.bar_frames if step < metre.bar_frames else step * 4
        bottom = min(damaged.bottom(), viewport.y_of(len(self._rows)) - 1)
        for frame in lines(first, last, step):
            x = round(viewport.x_of(frame))
            multiple = frame / strong
            is_strong = abs(multiple - round(multiple)) < 1e-6
            colour = theme.colour("line_soft", 0.9 if is_strong else 0.4)
            painter.fillRect(QRect(x, damaged.top(), 1, bottom - damaged.top() + 1), colour)
        for row in range(len(self._rows)):
            y = viewport.y_of(row) + viewport.row_height - 1
            if damaged.top() <= y <= damaged.bottom():
                painter.fillRect(QRect(damaged.left(), y, damaged.width(), 1), theme.colour("line"))

    def _paint_clip(self, painter: QPainter, row: int, track: TrackState, damaged: QRect) -> None:
        if track.end_frame <= track.start_frame:
            return
        theme, viewport = self._theme, self._viewport
        left, right = viewport.x_of(track.start_frame), viewport.x_of(track.end_frame)
        if right < damaged.left() - 2 or left > damaged.right() + 2:
            return
        row_box = self._box(row)
        colour = theme.track_colour(track.colour, row)
        painter.save()
        painter.setClipRect(row_box.intersected(damaged))
        painter.setOpacity(_QUIET if track.mute or track.silenced else 1.0)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        # No wider than the screen: a pen loses its precision far outside of it.
        near, far = max(left, -20.0), min(right, self.width() + 20.0)
        height = row_box.height() - 2 * _PAD - 1
        clip = QRectF(near, row_box.top() + _PAD, max(3.0, far - near), height)
        is_dark = theme.name == "dark"
        painter.setPen(QPen(_with_alpha(colour, 0.55), 1.0))
        painter.setBrush(_with_alpha(colour, 0.15 if is_dark else 0.22))
        painter.drawRoundedRect(clip.adjusted(0.5, 0.5, -0.5, -0.5), 4.0, 4.0)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        self._paint_content(painter, track, clip, colour, damaged)
        self._paint_name(painter, track, clip)
        painter.restore()

    def _paint_content(
        self, painter: QPainter, track: TrackState, clip: QRectF, colour: QColor, damaged: QRect
    ) -> None:
        viewport, ratio = self._viewport, self.devicePixelRatioF()
        has_name = clip.height() >= 3 * _CLIP_TOP
        top = clip.top() + (_CLIP_TOP if has_name else 3)
        height = int(clip.bottom() - top - 3)
        if height < 4:
            return
        span = TILE_WIDTH * viewport.frames_per_px
        low = max(damaged.left() - 1, clip.left())
        high = min(damaged.right() + 2, clip.right())
        first = math.floor(max(0.0, viewport.first_frame + low * viewport.frames_per_px) / span)
        last = math.floor(max(0.0, viewport.first_frame + high * viewport.frames_per_px) / span)
        content, version = self._contents.content(
            track, viewport.frames_per_px / ratio, first * span, (last + 1) * span
        )
        if content is None:
            return
        lit = _ink(colour, self._theme.name == "dark", isinstance(content, Notes))
        for number in range(first, last + 1):
            tile = self._tiles.tile(
                content, version, number, viewport.frames_per_px, height, lit, ratio
            )
            # On whole pixels of the device, where its own pixels are sharp.
            x = round(viewport.x_of(number * span) * ratio) / ratio
            painter.drawPixmap(QPointF(x, top), tile)

    def _paint_name(self, painter: QPainter, track: TrackState, clip: QRectF) -> None:
        """It stays in view while its clip is."""
        if clip.height() < 3 * _CLIP_TOP or not track.file:
            return
        left = max(clip.left(), 0.0) + 6
        room = clip.right() - left - 6
        if room < 24:
            return
        painter.setFont(self._theme.font("tiny", bold=True))
        painter.setPen(self._theme.colour("text_dim"))
        text = painter.fontMetrics().elidedText(
            os.path.basename(track.file), Qt.TextElideMode.ElideRight, int(room)
        )
        painter.drawText(
            QRectF(left, clip.top() + 1, room, _CLIP_TOP), Qt.AlignmentFlag.AlignVCenter, text
        )

    def _paint_outages(
        self, painter: QPainter, row: int, track: TrackState, damaged: QRect
    ) -> None:
        theme, viewport, box = self._theme, self._viewport, self._box(row)
        for outage in self._faults.outages(track.id):
            left, right = viewport.x_of(outage.start_frame), viewport.x_of(outage.end_frame)
            if right >= damaged.left() - 2 and left <= damaged.right() + 2:
                wash = QRectF(left, box.top(), max(1.5, right - left), box.height() - 1)
                painter.fillRect(wash, theme.colour("failed", 0.22))
        for mark in self._faults.marks(track.id):
            x = viewport.x_of(mark.frame)
            if damaged.left() - 2 <= x <= damaged.right() + 2:
                colour = theme.colour(LIGHTS[mark.notice.kind].value, 0.75)
                painter.fillRect(QRectF(x - 0.5, box.top(), 1.0, box.height() - 1), colour)

    def _paint_loop(self, painter: QPainter, damaged: QRect) -> None:
        if self._loop is None:
            return
        theme = self._theme
        start, end = (self._viewport.x_of(frame) for frame in self._loop)
        wash = QRectF(start, 0.0, end - start, self.height()).intersected(QRectF(damaged))
        painter.fillRect(wash, theme.colour("accent", 0.07))
        for x in (start, end):
            painter.fillRect(QRectF(x - 0.5, 0.0, 1.0, self.height()), theme.colour("accent", 0.6))

    def _paint_playhead(self, painter: QPainter) -> None:
        x = self._viewport.x_of(self._playhead)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(QRectF(x - 0.75, 0.0, 1.5, self.height()), self._theme.colour("accent"))


def _with_alpha(colour: QColor, alpha: float) -> QColor:
    changed = QColor(colour)
    changed.setAlphaF(alpha)
    return changed


def _ink(colour: QColor, is_dark: bool, is_fine: bool) -> QColor:
    """What a wave is drawn in: the track's colour, as it stands out from its own wash. `is_fine`:
    thin lines need more of that."""
    if is_dark:
        return colour.lighter(125 if is_fine else 112)
    hue, saturation, lightness, _ = colour.getHslF()
    deep = min(lightness or 0.0, 0.36 if is_fine else 0.42)
    return QColor.fromHslF(max(0.0, hue or 0.0), min(1.0, (saturation or 0.0) * 1.15), deep)
