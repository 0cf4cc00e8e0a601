# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the loop begins and ends: typed as bars or as times."""

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QWidget

from ipc.desk.state import TransportState
from ui.theme.theme import Theme
from ui.transport.place_field import PlaceField, no_place
from ui.transport.position import bars_text, frame_of

_NONE = "–"
_WIDEST = "000.0.0"


class LoopFields(QWidget):
    """Emits `chosen` when another range was typed, `refused` when that is no place in the song."""

    chosen = pyqtSignal(int, int)  # frames
    refused = pyqtSignal(str)  # why, for people

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.start = PlaceField(theme, "Start of the loop", _WIDEST)
        self.end = PlaceField(theme, "End of the loop", _WIDEST)
        self._loop: tuple[int, int] | None = None
        self._metre = (48000, 120.0, 4)  # sample rate, beats a minute, beats of a bar
        self._length = 0
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        row.addWidget(self.start)
        row.addWidget(QLabel(_NONE))
        row.addWidget(self.end)
        self.start.typed.connect(lambda text: self._choose(text, None))
        self.end.typed.connect(lambda text: self._choose(None, text))

    def show_transport(self, transport: TransportState, sample_rate: int) -> None:
        beats, unit = transport.time_signature
        self._metre = (sample_rate, transport.tempo * unit / 4, beats)
        self._loop, self._length = transport.loop, transport.length_frames
        places = (_NONE, _NONE)
        if self._loop is not None:
            places = (
                bars_text(self._loop[0], *self._metre),
                bars_text(self._loop[1], *self._metre),
            )
        self.start.show_text(places[0])
        self.end.show_text(places[1])

    def _choose(self, start: str | None, end: str | None) -> None:
        """Where there is no loop yet, the other end is the song's, or a bar away."""
        rate, tempo, beats = self._metre
        bar = round(beats * 60.0 / tempo * rate)
        if start is not None:
            first = self._frame_of(start)
            if first is None:
                return
            last = self._loop[1] if self._loop is not None else self._length
            self.chosen.emit(first, last if last > first else first + bar)
        elif end is not None:
            last_typed = self._frame_of(end)
            if last_typed is None:
                return
            if last_typed == 0:
                self.refused.emit("A loop cannot end where the song begins")
                return
            first = self._loop[0] if self._loop is not None else 0
            self.chosen.emit(first if first < last_typed else max(0, last_typed - bar), last_typed)

    def _frame_of(self, text: str) -> int | None:
        frame = frame_of(text, *self._metre)
        if frame is None:
            self.refused.emit(no_place(text))
        return frame
