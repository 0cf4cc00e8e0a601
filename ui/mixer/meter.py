# SPDX-License-Identifier: GPL-3.0-or-later
"""A stereo meter with held peaks and clip lights.

There may be 64 of them, painted 60 times a second: what it looks like when it is lit and when it
is dark is painted once, each frame copies parts of both, and only where something has moved.
"""

from collections.abc import Sequence

from PyQt6.QtCore import QRect, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPixmap, QResizeEvent
from PyQt6.QtWidgets import QSizePolicy, QWidget

from ui.mixer.fader import CAP_HEIGHT
from ui.mixer.taper import SILENCE_DB, height_of
from ui.theme.theme import Theme

_BAR_WIDTH = 6
_GAP = 2
_CLIP_HEIGHT = 7
_MID_DB, _HIGH_DB = -12.0, 0.0  # from where it is yellow, red


class Meter(QWidget):
    """As high as the fader beside it. A click puts the clip lights out."""

    put_out = pyqtSignal()

    def __init__(self, theme: Theme, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._levels: tuple[Sequence[float], Sequence[float]] = ((0.0, 0.0), (0.0, 0.0))
        self._bars = [0, 0]  # pixels, from below
        self._peaks = [0, 0]
        self._clipped = [False, False]
        self._pictures: tuple[QPixmap, QPixmap] | None = None
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(name)
        self.setToolTip("Level. The red light: it was too loud; a click puts it out.")
        theme.changed.connect(self._forget_picture)

    def sizeHint(self) -> QSize:
        return QSize(2 * _BAR_WIDTH + _GAP, 200)

    def show_level(
        self,
        levels: Sequence[float],
        peaks: Sequence[float],
        clipped: Sequence[bool],
    ) -> None:
        """Left and right: heights from 0 to 1 (ui/mixer/taper.py)."""
        self._levels = levels, peaks
        travel = self._travel
        for side in (0, 1):
            bar, peak = round(levels[side] * travel), round(peaks[side] * travel)
            if bar != self._bars[side]:
                self._update_between(side, self._bars[side], bar)
                self._bars[side] = bar
            if peak != self._peaks[side]:
                self._update_between(side, self._peaks[side], peak)
                self._peaks[side] = peak
            if clipped[side] != self._clipped[side]:
                self._clipped[side] = clipped[side]
                self.update(self._x(side), 0, _BAR_WIDTH, _CLIP_HEIGHT)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        self._forget_picture()
        self.show_level(*self._levels, tuple(self._clipped))

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        self.put_out.emit()

    # ------------------------------------------------------------------ painting

    @property
    def _travel(self) -> int:
        return max(1, self.height() - CAP_HEIGHT)

    @property
    def _floor(self) -> int:
        """Where silence stands: where the fader's cap has its middle at its lower end."""
        return self.height() - CAP_HEIGHT // 2

    @staticmethod
    def _x(side: int) -> int:
        return side * (_BAR_WIDTH + _GAP)

    def _update_between(self, side: int, one: int, other: int) -> None:
        low, high = min(one, other), max(one, other)
        # A held peak is two pixels high.
        self.update(self._x(side), self._floor - high - 2, _BAR_WIDTH, high - low + 4)

    def _forget_picture(self) -> None:
        self._pictures = None
        self.update()

    def _picture(self, lit: bool) -> QPixmap:
        """The whole meter without peaks and clips: as bright as can be, or dark."""
        if self._pictures is None:
            self._pictures = self._paint_picture(False), self._paint_picture(True)
        return self._pictures[lit]

    def _paint_picture(self, lit: bool) -> QPixmap:
        ratio, colour = self.devicePixelRatioF(), self._theme.colour
        picture = QPixmap(round(self.width() * ratio), round(self.height() * ratio))
        picture.setDevicePixelRatio(ratio)
        picture.fill(colour("raised"))
        painter = QPainter(picture)
        for side in (0, 1):
            x, top, floor = self._x(side), self._floor - self._travel, self._floor
            painter.fillRect(x, 0, _BAR_WIDTH, _CLIP_HEIGHT, colour("meter_off"))
            if not lit:
                painter.fillRect(x, top, _BAR_WIDTH, self._travel, colour("meter_off"))
                continue
            for part, db in (("high", _HIGH_DB), ("mid", _MID_DB), ("low", SILENCE_DB)):
                end = floor - round(self._travel * height_of(db))
                painter.fillRect(x, top, _BAR_WIDTH, end - top, colour(f"meter_{part}"))
                top = end
        painter.end()
        return picture

    def paintEvent(self, event: QPaintEvent | None) -> None:
        assert event is not None
        painter, damaged = QPainter(self), event.rect()
        self._copy(painter, damaged, lit=False)
        for side in (0, 1):
            x, bar, peak = self._x(side), self._bars[side], self._peaks[side]
            if not damaged.intersects(QRect(x, 0, _BAR_WIDTH, self.height())):
                continue
            lit = QRect(x, self._floor - bar, _BAR_WIDTH, bar) & damaged
            if not lit.isEmpty():
                self._copy(painter, lit, lit=True)
            if peak > 1:
                painter.fillRect(x, self._floor - peak, _BAR_WIDTH, 2, self._theme.colour("peak"))
            if self._clipped[side]:
                painter.fillRect(x, 0, _BAR_WIDTH, _CLIP_HEIGHT, self._theme.colour("meter_high"))
        painter.end()

    def _copy(self, painter: QPainter, part: QRect, *, lit: bool) -> None:
        """A part of the picture to its place."""
        ratio, place = self.devicePixelRatioF(), QRectF(part)
        source = QRectF(
            place.x() * ratio, place.y() * ratio, place.width() * ratio, place.height() * ratio
        )
        painter.drawPixmap(place, self._picture(lit), source)
