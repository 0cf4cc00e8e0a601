# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts a host anew with what the dead one has kept of the song, and joins it.

It is nobody's child: like the one before, it plays on if this window ends.
"""

import contextlib
import os
import signal
import time

from PyQt6.QtCore import QObject, QProcess, QTimer, pyqtSignal

from ipc.desk.places import desk_sockets
from ui.desk import Desk
from ui.link import Link

_LOOK_MS = 100
# A host that has plugins to load is there before they are; it reads the song's files first.
_LIMIT_S = 60.0


class Revival(QObject):
    """`begin` it when the host was lost; one at a time."""

    joined = pyqtSignal()
    failed = pyqtSignal(str)  # why, for people

    def __init__(self, desk: Desk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._pid = 0
        self._deadline = 0.0
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK_MS)
        self._timer.timeout.connect(self._look)

    @property
    def is_running(self) -> bool:
        return self._timer.isActive()

    def begin(self) -> None:
        if self.is_running:
            return
        program, *arguments = self._desk.state.restart or ("",)
        if not program:
            self.failed.emit("this host did not say how it is started again")
            return
        process = QProcess()
        process.setProgram(program)
        process.setArguments(arguments)
        started, self._pid = process.startDetached()
        if not started:
            self.failed.emit(f"{program} cannot be started: {process.errorString()}")
            return
        self._deadline = time.monotonic() + _LIMIT_S
        self._timer.start()

    def cancel(self) -> None:
        """The host that was started is not waited for any more, and ends; it keeps the song."""
        if self.is_running:
            self._timer.stop()
            with contextlib.suppress(OSError):
                os.kill(self._pid, signal.SIGTERM)

    def _look(self) -> None:
        for path in desk_sockets():
            if path.parent.name.startswith(f"isobooth-{self._pid}-"):
                self._timer.stop()
                link = Link(self._desk)
                self._desk.follow(link)
                link.open(str(path))
                self.joined.emit()
                return
        if not os.path.exists(f"/proc/{self._pid}"):
            self._give_up("the new host has ended at once; the terminal says why")
        elif time.monotonic() > self._deadline:
            self._give_up(f"the new host does not answer within {_LIMIT_S:g} s")

    def _give_up(self, why: str) -> None:
        self._timer.stop()
        self.failed.emit(why)
