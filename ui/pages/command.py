# SPDX-License-Identifier: GPL-3.0-or-later
"""A command of this Isobooth, run beside the window: a scan, a stress run, a replay.

It is followed while it runs, it can be cancelled, and it never outlives the window: cancelling asks
it to stop, so that it leaves nothing behind, and only one that does not listen is killed.
"""

import contextlib
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from PyQt6.QtCore import QCoreApplication, QObject, QProcess, QTimer, pyqtSignal

# The gentlest first. A scan frees itself from a hung plugin within a second.
_ESCALATION = ((signal.SIGINT, 6000), (signal.SIGTERM, 3000), (signal.SIGKILL, 1000))  # then ms
_MOST_LINE_BYTES = 1_000_000
_MOST_OUTPUT_BYTES = 16_000_000


@dataclass(frozen=True)
class Ended:
    """`code`: None if a signal ended it, or it could not be started. `problem`: the last line that
    it said to people, such as why it failed."""

    code: int | None
    cancelled: bool
    output: bytes
    problem: str


class Command(QObject):
    """One at a time; `start` it as often as wanted."""

    told = pyqtSignal(object)  # an event of `--progress json`
    wrote = pyqtSignal(str)  # a line, on standard output
    said = pyqtSignal(str)  # a line for people, on standard error
    ended = pyqtSignal(object)  # Ended

    def __init__(self, events: Any = None, parent: QObject | None = None) -> None:
        """`events`: a union of structs, tagged "event"; others are passed over."""
        super().__init__(parent)
        self._decoder = None if events is None else msgspec.json.Decoder(events)
        self._process: QProcess | None = None
        self._cancelled = False
        self._is_closed = False
        self._stage = 0  # of the escalation
        self._output = bytearray()
        self._lines = {True: b"", False: b""}  # not ended yet, by "is standard error"
        self._problem = ""
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.timeout.connect(self._press)
        application = QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.close)

    @property
    def is_running(self) -> bool:
        return self._process is not None

    @property
    def is_cancelled(self) -> bool:
        return self._cancelled

    @property
    def pid(self) -> int:
        """0 while none runs."""
        return 0 if self._process is None else self._process.processId()

    def start(self, command: Sequence[str], *words: str) -> None:
        """`command` begins it (DeskState.command), `words` follow. Nothing if one runs already,
        or the window goes."""
        if self._process is not None or self._is_closed:
            return
        self._cancelled, self._stage, self._problem = False, 0, ""
        self._output.clear()
        self._lines = {True: b"", False: b""}
        process = self._process = QProcess(self)
        process.setStandardInputFile(QProcess.nullDevice())
        process.readyReadStandardOutput.connect(self._read_output)
        process.readyReadStandardError.connect(self._read_error)
        process.finished.connect(self._on_finished)
        process.errorOccurred.connect(self._on_error)
        if not command:
            QTimer.singleShot(0, lambda: self._end(None, "the host has not said how"))
            return
        process.start(command[0], [*command[1:], *words])

    def cancel(self) -> None:
        """It ends by itself, soon; `ended` says when."""
        if self._process is not None and not self._cancelled:
            self._cancelled = True
            self._press()

    def close(self) -> None:
        """When the window goes: waits some seconds at most until it has ended."""
        self._is_closed = True
        process = self._process
        if process is None:
            return
        process.blockSignals(True)
        for number, wait_ms in _ESCALATION[self._stage :]:
            self._send(number)
            if process.waitForFinished(wait_ms):
                break
        self._patience.stop()
        self._process = None
        process.deleteLater()

    # ------------------------------------------------------------------ the end

    def _press(self) -> None:
        """The next signal, unless it has ended."""
        if self._process is None or self._stage >= len(_ESCALATION):
            return
        number, wait_ms = _ESCALATION[self._stage]
        self._stage += 1
        self._send(number)
        self._patience.start(wait_ms)

    def _send(self, number: int) -> None:
        # The process is not reaped before `finished`: its number is still its own.
        pid = self.pid
        if pid > 0:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart and self._process is not None:
            self._end(None, f"it cannot be started: {self._process.errorString()}")

    def _on_finished(self, code: int, status: QProcess.ExitStatus) -> None:
        self._read_output()
        self._read_error()
        for is_error, rest in self._lines.items():
            if rest:
                self._take(rest, is_error)
        crashed = status == QProcess.ExitStatus.CrashExit
        self._end(None if crashed else code, self._problem)

    def _end(self, code: int | None, problem: str) -> None:
        process, self._process = self._process, None
        self._patience.stop()
        if process is not None:
            process.deleteLater()
            self.ended.emit(Ended(code, self._cancelled, bytes(self._output), problem))

    # ------------------------------------------------------------------ what it writes

    def _read_output(self) -> None:
        if self._process is not None:
            data = self._process.readAllStandardOutput().data()
            self._output += data[: max(0, _MOST_OUTPUT_BYTES - len(self._output))]
            self._split(data, is_error=False)

    def _read_error(self) -> None:
        if self._process is not None:
            self._split(self._process.readAllStandardError().data(), is_error=True)

    def _split(self, data: bytes, *, is_error: bool) -> None:
        *lines, rest = (self._lines[is_error] + data).split(b"\n")
        self._lines[is_error] = rest[-_MOST_LINE_BYTES:]
        for line in lines:
            self._take(line, is_error)

    def _take(self, line: bytes, is_error: bool) -> None:
        if not is_error:
            self.wrote.emit(line.decode(errors="replace"))
        elif self._decoder is not None and line.startswith(b"{"):
            with contextlib.suppress(msgspec.DecodeError):  # of another version: not for us
                self.told.emit(self._decoder.decode(line))
        elif text := line.decode(errors="replace").strip():
            self._problem = text.removeprefix("isobooth: ")
            self.said.emit(self._problem)
