# SPDX-License-Identifier: GPL-3.0-or-later
"""How a plugin on a rig can fail whoever asks it for something."""

from host.crash_report import CrashReport
from host.scan.asking import Answer
from host.scan.verdict import Outcome, PhaseResult, Status
from host.stress.call_log import CallLog, LogEnd
from host.stress.verdict import OtherThread, Verdict
from ipc.errors import InputError, WorkerError


class PluginRefused(WorkerError):
    """It said no to being created."""


class PluginNotCarried(PluginRefused):
    """The host cannot carry it. No verdict on a plugin, which may be all right."""


class PluginMissing(PluginRefused):
    """There is none: its id is misspelled, or no longer in its file. Wrong usage, and no verdict on
    a plugin."""

    exit_code = InputError.exit_code


class PluginDied(WorkerError):
    """It crashed, ended its process, or was ended: it did not come back, or took too long (which
    is a failure, not a hang). `place`: the instruction of a crash, where that is the plugin's."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.detail)
        self.is_slow = answer.is_slow
        self.verdict = Verdict.HANG if answer.status is Status.HUNG else Verdict.CRASH
        if self.is_slow:
            self.verdict = Verdict.FAIL
        self.place = answer.place
        self.log: CallLog | None = None  # of its creation, where it did not survive that
        self.status = answer.status
        self.report: CrashReport | None = answer.report
        self._last = answer.phases[-1] if answer.phases else None

    @property
    def last(self) -> PhaseResult:
        """What it was doing, with signal, backtrace and last words."""
        return self._last or PhaseResult(phase="load", outcome=Outcome.FAILED, ms=0.0)

    @property
    def other_threads(self) -> list[OtherThread]:
        """Of a hang: what the others of its process were doing."""
        trace = self.report.backtrace if self.report is not None else None
        if trace is None:
            return []
        return [
            OtherThread(
                name=thread.name,
                stack=[str(frame) for frame in thread.frames] or [thread.note or "unknown"],
            )
            for thread in trace.threads[1:]
        ]

    @property
    def end(self) -> LogEnd:
        """For a log."""
        return LogEnd(
            verdict=self.verdict,
            message=str(self),
            signal=self.last.signal,
            signature=self.signature,
        )

    @property
    def signature(self) -> str:
        """The same for the same cause; empty where nothing is known of it."""
        if self.is_slow:
            return ""  # wherever it was just then
        return (self.report.signature or "") if self.report else ""

    @property
    def call(self) -> int | None:
        """The number of the call that it died of, counted from its creation."""
        word, _, rest = self.last.phase.partition(" ")
        number = rest.partition(" ")[0]
        return int(number) if word == "call" and number.isascii() and number.isdigit() else None
