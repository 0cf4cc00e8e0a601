# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks a worker one thing about a plugin, and makes an answer of whatever becomes of that."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from host.backtrace.brief import crash_place, hang_place
from host.backtrace.explain import evidence_of_hang
from host.backtrace.frames import Backtrace, StackEvidence
from host.crash_explainer import evidence_of_end
from host.crash_report import Action, CrashReport, FaultKind
from host.engine_module import capture_stacks
from host.scan.evidence import LookedAt, report_of
from host.scan.patience import Patience, StandsStill, TooSlow, rig_thread
from host.scan.reading import finite, status_of_end
from host.scan.settings import ProbeSettings
from host.scan.verdict import PHASES, Outcome, PhaseResult, Status
from ipc.aside import aside
from ipc.connection import RequestFailed, RequestTimeout
from ipc.errors import ProtocolError, WorkerError
from ipc.messages import Request
from ipc.output_tail import last_line
from ipc.permissions import Permissions
from ipc.text import one_line
from ipc.worker_process import WorkerDied, WorkerExit, WorkerProcess

_CAPTURE_S = 0.1  # a thread that takes longer to stop is stuck in the kernel
_EXPLAIN_S = 15.0
_FRAMES_SHOWN = 16
# A worker may announce what it likes.
_MOST_PHASES, _MOST_PHASE_LETTERS = 64, 40
_STDERR_SHOWN = 2000


@dataclass
class Answer:
    """What came of a request: a reply, or a verdict without. `end`: that the worker ended over it,
    which is yet to be explained."""

    phases: list[PhaseResult] = field(default_factory=list)
    denials: list[str] = field(default_factory=list)
    reply: Any = None
    status: Status = Status.OK
    detail: str = ""
    no_such_plugin: bool = False  # there is none to fail
    not_carried: bool = False  # the host's limits, not its own
    report: CrashReport | None = None
    end: End | None = None
    name: str = ""  # the plugin's, where it did not come to say it
    is_listing: bool = False  # it was asked what it holds
    is_slow: bool = False  # it was ended, and did not hang
    place: str = ""  # of a crash: the instruction, where that is the plugin's
    deep: Answer | None = None  # of a deep probe that ended it, where a plain one went well

    @property
    def is_fine(self) -> bool:
        return self.reply is not None


@dataclass(frozen=True)
class End:
    """How a worker ended, and what it could still tell of it."""

    exit: WorkerExit
    evidence: StackEvidence | str | None
    phase: str
    hung: bool
    breach: str = ""  # it did not die: it was ended for what it sent
    spins: bool | None = None  # of a hang, where that was looked at
    slow: str = ""  # it did not hang: how far it got


@dataclass
class _Times:
    """When which phase began, on the host's clock: all that is left of one that did not end."""

    began: list[tuple[str, float]] = field(default_factory=list)

    def note(self, phase: str) -> None:
        if not self.began or phase != self.phase:
            if len(self.began) == _MOST_PHASES:  # the last one matters most
                self.began.pop()
            self.began.append((one_line(phase, _MOST_PHASE_LETTERS), time.monotonic()))

    def results(self, last: PhaseResult | None) -> list[PhaseResult]:
        """All phases; the last one as told."""
        if not self.began:  # it did not come to say one
            return [] if last is None else [last]
        ends = [*(start for _, start in self.began[1:]), time.monotonic()]
        made = [
            PhaseResult(phase=name, outcome=Outcome.OK, ms=round((end - start) * 1000, 3))
            for (name, start), end in zip(self.began, ends, strict=True)
        ]
        if last is not None:
            ms = made.pop().ms if made else last.ms
            made.append(msgspec.structs.replace(last, ms=ms))
        return made

    @property
    def phase(self) -> str:
        """The last one."""
        return self.began[-1][0] if self.began else "load"


async def ask(
    worker: WorkerProcess, request: Request[Any], limit: float | Patience, *, believed: bool
) -> Answer:
    """`limit`: seconds, or patience with one that gets on. `believed`: a failure is the plugin's;
    else nobody needs to know more than that it failed. The worker has ended if `end` is set."""
    times, denials = _Times(), dict[str, None]()
    patience = limit if isinstance(limit, Patience) else None

    def note(phase: str) -> None:
        times.note(phase)
        if patience is not None:
            patience.note_phase()

    worker.on_phase = note
    if patience is not None:
        worker.on_advance = patience.note_advance
    worker.forget_denials()
    worker.on_denial = lambda denial: denials.setdefault(denial.what)
    evidence: StackEvidence | str | None = None
    hung, breach = False, ""
    spins: bool | None = None
    slow = ""
    try:
        if isinstance(limit, Patience):
            reply = await limit.request(worker, request)
        else:
            reply = await worker.request(request, limit)
        await worker.settle_denials()
        return Answer(_phases_of(reply, times), list(denials), reply)
    except RequestFailed as error:
        await worker.settle_denials()
        failed = PhaseResult(phase=times.phase, outcome=Outcome.FAILED, ms=0.0, message=str(error))
        return Answer(
            times.results(failed),
            list(denials),
            status=Status.FAILED,
            detail=str(error),
            no_such_plugin=error.no_such_plugin,
            not_carried=error.not_carried,
        )
    except (RequestTimeout, StandsStill, TooSlow) as error:
        hung = True
        spins = error.spins if isinstance(error, StandsStill) else None
        slow = str(error) if isinstance(error, TooSlow) else ""
        if believed:
            with contextlib.suppress(TimeoutError):
                evidence = await aside(lambda: _stacks_of(worker), _EXPLAIN_S)
    except WorkerDied:
        pass
    except (WorkerError, ProtocolError) as error:
        breach = str(error)
    worker.kill()
    try:
        exit = await worker.stop()
    except WorkerError as error:  # not even by a SIGKILL
        stuck = PhaseResult(phase=times.phase, outcome=Outcome.HUNG, ms=0.0, message=str(error))
        return Answer(times.results(stuck), list(denials), status=Status.HUNG, detail=str(error))
    last = PhaseResult(phase=times.phase, outcome=Outcome.HUNG if hung else Outcome.CRASHED, ms=0.0)
    return Answer(
        times.results(last),
        list(denials),
        status=Status.HUNG if hung else Status.CRASHED,
        end=End(exit, evidence or evidence_of_end(exit), times.phase, hung, breach, spins, slow),
    )


async def explained(
    answer: Answer,
    plugin: str,
    path: str,
    settings: ProbeSettings,
    permissions: Permissions,
    looker: str = "scan",
    *,
    unwinds: bool = True,
) -> Answer:
    """With the reason of its worker's end, and a crash report, which says that `looker` looked at
    the plugin. Takes some tenths of a second, unless nothing is unwound."""
    end = answer.end
    if end is None:
        return answer
    exit = end.exit
    looked_at = LookedAt(
        plugin=plugin,
        path=Path(path),
        sample_rate=settings.sample_rate,
        max_frames=settings.max_frames,
        looker=looker,
        action=Action.GIVEN_UP,
    )
    if end.hung:
        plays = end.phase == "process" or end.phase.startswith("call ")
        kind = FaultKind.HANG if plays else FaultKind.LOAD_TIMEOUT
    else:
        kind = FaultKind.EXIT if exit.signal is None or exit.called_exit else FaultKind.CRASH
    evidence = end.evidence if unwinds else None
    try:
        report = await aside(
            lambda: report_of(looked_at, kind, exit, evidence, answer.denials), _EXPLAIN_S
        )
    except TimeoutError:
        report = report_of(looked_at, kind, exit, None, answer.denials)
    status, how = status_of_end(exit, end.hung, end.breach, settings.timeout_s, permissions)
    if end.slow:
        how = f"is too slow ({end.slow}) and was stopped"
    elif end.spins is not None:
        doing = hang_place(report.backtrace, spins=end.spins)
        how = f"did not come back within {settings.timeout_s:g} s, {doing}, and was stopped"
    ended = msgspec.structs.replace(
        answer.phases[-1],
        message=how,
        signal=(exit.signal_name or "") if not end.hung else "",
        exit_code=exit.exit_code,
        backtrace=_lines_of(report.backtrace),
        stderr=exit.stderr_tail[-_STDERR_SHOWN:],
    )
    words = last_line(exit.stderr_tail)
    said = f"; its last words: {words}" if words != "none" else ""
    return replace(
        answer,
        phases=[*answer.phases[:-1], ended],
        status=status,
        detail=f"{how} during {end.phase}{said}",
        report=report,
        end=None,
        is_slow=bool(end.slow),
        place=crash_place(exit.evidence) if exit.evidence is not None and not end.hung else "",
    )


def _phases_of(reply: Any, times: _Times) -> list[PhaseResult]:
    measured: dict[str, float] | None = getattr(reply, "phases_ms", None)
    if measured is None:
        return times.results(None)
    return [
        PhaseResult(phase=name, outcome=Outcome.OK, ms=round(finite(ms), 3))
        for name, ms in measured.items()
        if name in PHASES
    ]


def _stacks_of(worker: WorkerProcess) -> StackEvidence | str:
    return evidence_of_hang(capture_stacks(worker.pid, rig_thread(worker.pid), _CAPTURE_S))


def _lines_of(trace: Backtrace | None) -> list[str]:
    if trace is None or not trace.threads:
        return []
    return [str(frame) for frame in trace.threads[0].frames[:_FRAMES_SHOWN]]
