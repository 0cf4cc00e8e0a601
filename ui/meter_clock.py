# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at the host's meters sixty times a second, and shows them to whoever asks for it."""

import time
from collections.abc import Callable

from PyQt6.QtCore import QObject, Qt, QTimer

from ipc.desk.meters import MeterReader, Meters
from ipc.desk.state import DeskState
from ipc.errors import MachineError
from ui.desk import Desk

_PERIOD_MS = 16

Show = Callable[[Meters, float], None]  # the meters, and how many seconds after the last look


class MeterClock(QObject):
    """Follows the state to another host's meters. Rests while there are none."""

    def __init__(self, desk: Desk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._shows: list[Show] = []
        self._reader: MeterReader | None = None
        self._name = ""
        self._last_s = 0.0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(_PERIOD_MS)
        self._timer.timeout.connect(self.look)
        desk.shown.connect(self._on_shown)
        desk.lost.connect(self.close)

    def call(self, show: Show) -> None:
        """At every look."""
        self._shows.append(show)

    def close(self, _: str = "") -> None:
        """What was read last stays shown. Safe to call twice."""
        self._timer.stop()
        self._name = ""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _on_shown(self, state: DeskState) -> None:
        if state.meters == self._name:
            return
        self.close()
        if not state.meters:
            return
        try:
            self._reader = MeterReader(state.meters)
        except MachineError:
            return  # the host has just ended: the link says so
        self._name = state.meters
        self._last_s = time.monotonic()
        self._timer.start()

    def look(self) -> None:
        """Now; the timer does so by itself."""
        if self._reader is None:
            return
        now_s = time.monotonic()
        elapsed_s, self._last_s = now_s - self._last_s, now_s
        meters = self._reader.read()
        for show in self._shows:
            show(meters, elapsed_s)
