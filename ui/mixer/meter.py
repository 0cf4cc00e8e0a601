# SPDX-License-Identifier: GPL-3.0-or-later
"""A stereo meter with held peaks and clip lights.

There may be 64 of them, painted 60 times a second: the lit bar is painted once into a picture, of
which each frame shows a part, and only where something has moved.
"""

from collections.abc import Sequence

from PyQt6.QtCore import QRect, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPixmap, QResizeEvent
from PyQt6.QtWidgets import QSizePolicy, QWidget

from ui.mixer.fader import CAP_HEIGHT
from ui.mixer.taper import height_of
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
        self._bars = [0, 0]  # pixels, from below
        self._peaks = [0, 0]
        self._clipped = [False, False]
        self._lit: QPixmap | None = None
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
        self._lit = None
        self.update()

    def _picture(self) -> QPixmap:
        """The bar, all of it lit."""
        if self._lit is None:
            ratio = self.devicePixelRatioF()
            self._lit = QPixmap(round(_BAR_WIDTH * ratio), round(self._travel * ratio))
            self._lit.setDevicePixelRatio(ratio)
            painter = QPainter(self._lit)
            top = 0
            for colour, below_db in (("high", _HIGH_DB), ("mid", _MID_DB), ("low", -200.0)):
                end = round(self._travel * (1.0 - height_of(below_db)))
                painter.fillRect(
                    0, top, _BAR_WIDTH, end - top, self._theme.colour(f"meter_{colour}")
                )
                top = end
            painter.end()
        return self._lit

    def paintEvent(self, event: QPaintEvent | None) -> None:
        assert event is not None
        painter, theme, damaged = QPainter(self), self._theme, event.rect()
        painter.fillRect(damaged, theme.colour("raised"))
        top, floor = self._floor - self._travel, self._floor
        off, ratio = theme.colour("meter_off"), self.devicePixelRatioF()
        for side in (0, 1):
            x, bar, peak = self._x(side), self._bars[side], self._peaks[side]
            lit = theme.colour("meter_high") if self._clipped[side] else off
            painter.fillRect(x, 0, _BAR_WIDTH, _CLIP_HEIGHT, lit)
            painter.fillRect(x, top, _BAR_WIDTH, self._travel - bar, off)
            if bar:
                from_above = self._travel - bar
                source = QRect(
                    0,
                    round(from_above * ratio),
                    round(_BAR_WIDTH * ratio),
                    round(bar * ratio),
                )
                painter.drawPixmap(QRect(x, floor - bar, _BAR_WIDTH, bar), self._picture(), source)
            if peak > 1:
                painter.fillRect(x, floor - peak, _BAR_WIDTH, 2, theme.colour("peak"))
        painter.end()
