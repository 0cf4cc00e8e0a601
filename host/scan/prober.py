# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs plugins in workers to find out what they are: many in one worker, as long as all goes well.

A worker costs more than most plugins take, so plugins share one. A failure in it proves nothing:
an earlier plugin may have broken what a later one fell over. So whatever fails is run again alone,
and only that is believed.
"""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec

from host.backtrace.explain import evidence_of_hang
from host.backtrace.frames import Backtrace, StackEvidence
from host.crash_explainer import evidence_of_end
from host.crash_report import CrashReport, FaultKind
from host.engine_module import capture_stacks
from host.permissions import PermissionRules
from host.scan.evidence import LookedAt, report_of
from host.scan.reading import described, status_of_end
from host.scan.settings import ProbeSettings
from host.scan.verdict import Outcome, PhaseResult, ScannedPlugin, Status
from ipc.aside import aside
from ipc.connection import RequestFailed, RequestTimeout
from ipc.errors import ProtocolError, WorkerError
from ipc.launcher import Launcher
from ipc.messages import ListedPlugin, ListPlugins, Message, Probe, Request, Visit
from ipc.output_tail import last_line
from ipc.permissions import Permissions
from ipc.worker_process import WorkerDied, WorkerExit, WorkerProcess

R = TypeVar("R", bound=Message)

_VISIT_S = 20.0
_CAPTURE_S = 0.1  # a thread that takes longer to stop is stuck in the kernel
_EXPLAIN_S = 15.0
# In a shared worker, where a time-out proves nothing, more is not worth waiting for.
_SHARED_LIMIT_S = 5.0
# What plugins leave behind in a shared worker adds up.
_PLUGINS_PER_WORKER = 32
_LOAD_PHASES = ("load", "create", "activate")
_FRAMES_SHOWN = 16
_STDERR_SHOWN = 2000


class ProbeJob(msgspec.Struct, frozen=True, kw_only=True):
    """A file or bundle whose plugins are to be probed, but for those in `done`. `plugins`: which it
    holds, or a part of them, where that is known; else it is asked."""

    format: str
    path: str
    plugins: list[ListedPlugin] = []
    done: list[str] = []

    @property
    def whole(self) -> str:
        """The file as such, in the place of a plugin's id."""
        return f"{self.format}:{self.path}"


@dataclass
class _Answer:
    """What came of a request: a reply, or how it ended without."""

    phases: list[PhaseResult]
    denials: list[str]
    reply: Any = None
    status: Status = Status.OK
    detail: str = ""
    report: CrashReport | None = None

    @property
    def is_fine(self) -> bool:
        return self.reply is not None


@dataclass
class _Times:
    """When which phase began, on the host's clock: all that is left of one that did not end."""

    began: list[tuple[str, float]] = field(default_factory=list)

    def note(self, phase: str) -> None:
        self.began.append((phase, time.monotonic()))

    def results(self, last: PhaseResult | None) -> list[PhaseResult]:
        """All phases; the last one as told."""
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
    def last(self) -> str:
        return self.began[-1][0] if self.began else "load"


class Listener(Protocol):
    """Who follows a prober."""

    def starting(self, what: str) -> None:
        """A file or plugin is next."""

    def tell(self, job: ProbeJob, result: ScannedPlugin) -> None:
        """Of a plugin, or of a file that did not come to say what it holds."""

    def finished(self, job: ProbeJob, plugins: Sequence[str]) -> None:
        """All results of the job have been told; these are the ids of what it holds."""


class Prober:
    """One worker at a time. Belongs to one asyncio loop. The launcher's LV2_PATH says which bundles
    are known."""

    def __init__(self, launcher: Launcher, settings: ProbeSettings, rules: PermissionRules) -> None:
        self._launcher = launcher
        self._settings = settings
        self._rules = rules
        self._shared: WorkerProcess | None = None
        self._probed = 0  # by the shared worker

    async def list_bundles(self, paths: Sequence[str]) -> dict[str, list[ListedPlugin]]:
        """What LV2 bundles hold, by their own words; none of their code runs. A bundle that cannot
        be read is said to hold nothing."""
        if not paths:
            return {}
        found: dict[str, list[ListedPlugin]] = {}
        worker = None
        try:
            for path in paths:
                if worker is None or not worker.alive:
                    worker = await self._visitor([f"lv2:{path}"], self._permissions(""), paths)
                try:
                    request = ListPlugins(format="lv2", path=path)
                    found[path] = (await worker.request(request, _VISIT_S)).plugins
                except (WorkerError, ProtocolError):  # a text that our own reader dies of
                    worker.kill()
                    await asyncio.shield(worker.reaped)
                    found[path] = []
        finally:
            if worker is not None:
                await worker.stop()
        return found

    async def probe(self, jobs: Sequence[ProbeJob], listener: Listener) -> None:
        """Probes the plugins of all `jobs`, which are of one format."""
        visits = _visits(jobs)
        try:
            for job in jobs:
                plugins = job.plugins or await self._list(job, visits, listener)
                for plugin in plugins:
                    if plugin.id in job.done:
                        continue
                    listener.starting(plugin.id)
                    listener.tell(job, await self._probe(job, plugin, visits))
                listener.finished(job, [plugin.id for plugin in plugins] or [job.whole])
        finally:
            await self._drop_shared()

    # -- one file, one plugin ---------------------------------------------------------------------

    async def _list(
        self, job: ProbeJob, visits: Sequence[str], listener: Listener
    ) -> Sequence[ListedPlugin]:
        """What the file holds; where it does not come to say that, the file itself, of which the
        verdict is told."""
        listener.starting(job.whole)
        request = ListPlugins(format=job.format, path=job.path)
        answer = await self._ask(job.whole, job, request, visits)
        if answer.is_fine and answer.reply.plugins:
            listed: Sequence[ListedPlugin] = answer.reply.plugins
            return listed
        if answer.is_fine:
            answer.status, answer.detail = Status.NO_ENTRY, "it holds no plugin"
        listener.tell(job, _verdict(job.whole, job, answer))
        return []

    async def _probe(
        self, job: ProbeJob, plugin: ListedPlugin, visits: Sequence[str]
    ) -> ScannedPlugin:
        request = Probe(
            plugin=plugin.id,
            sample_rate=self._settings.sample_rate,
            max_frames=self._settings.max_frames,
            deep=self._settings.deep,
        )
        answer = await self._ask(plugin.id, job, request, visits)
        result = _verdict(plugin.id, job, answer)
        if not answer.is_fine:
            result.name = plugin.name
            return result
        result = described(result, answer.reply)
        result.name = result.name or plugin.name
        return result

    async def _ask(
        self, plugin: str, job: ProbeJob, request: Request[Any], visits: Sequence[str]
    ) -> _Answer:
        """In the shared worker, and again alone if that does not go well."""
        permissions = self._permissions(plugin)
        if not self._settings.alone and permissions == self._permissions(""):
            answer = await self._ask_shared(plugin, job, request, visits)
            if answer is not None and answer.is_fine:
                return answer
        worker = await self._visitor([plugin], permissions, [job.path])
        try:
            return await self._ask_worker(worker, plugin, job, request, alone=True)
        finally:
            await worker.stop()

    async def _ask_shared(
        self, plugin: str, job: ProbeJob, request: Request[Any], visits: Sequence[str]
    ) -> _Answer | None:
        """None if there is no worker to be had for all of them."""
        if self._shared is None or not self._shared.alive or self._probed >= _PLUGINS_PER_WORKER:
            await self._drop_shared()
            try:
                self._shared = await self._visitor(visits, self._permissions(""), [])
            except WorkerError:
                return None
            self._probed = 0
        self._probed += isinstance(request, Probe)
        return await self._ask_worker(self._shared, plugin, job, request, alone=False)

    # -- workers ----------------------------------------------------------------------------------

    def _permissions(self, plugin: str) -> Permissions:
        made = self._rules.of(plugin)
        if made.memory_mb is None:
            made = msgspec.structs.replace(made, memory_mb=self._settings.memory_mb)
        return made

    async def _visitor(
        self, plugins: Sequence[str], permissions: Permissions, paths: Sequence[str]
    ) -> WorkerProcess:
        worker = await self._launcher.spawn()
        reads = tuple(dict.fromkeys((*permissions.read, *paths)))
        allowed = msgspec.structs.replace(permissions, read=reads)
        try:
            await worker.request(Visit(plugins=list(plugins), permissions=allowed), _VISIT_S)
        except BaseException:
            worker.kill()
            raise
        return worker

    async def _drop_shared(self) -> None:
        worker, self._shared = self._shared, None
        if worker is not None:
            with contextlib.suppress(WorkerError):
                await worker.stop()

    async def _ask_worker(
        self,
        worker: WorkerProcess,
        plugin: str,
        job: ProbeJob,
        request: Request[Any],
        *,
        alone: bool,
    ) -> _Answer:
        times, denials = _Times(), dict[str, None]()
        worker.on_phase = times.note
        worker.on_denial = lambda denial: denials.setdefault(denial.what)
        limit_s = self._settings.timeout_s if alone else self._shared_limit_s
        evidence: StackEvidence | str | None = None
        try:
            reply = await worker.request(request, limit_s)
        except RequestFailed as error:
            failed = PhaseResult(
                phase=times.last, outcome=Outcome.FAILED, ms=0.0, message=str(error)
            )
            return _Answer(
                times.results(failed), list(denials), status=Status.FAILED, detail=str(error)
            )
        except RequestTimeout:
            hung = True
            if alone:
                with contextlib.suppress(TimeoutError):
                    evidence = await aside(lambda: _stacks_of(worker), _EXPLAIN_S)
            worker.kill()
        except (WorkerDied, WorkerError, ProtocolError):
            hung = False
            worker.kill()
        else:
            return _Answer(_phases_of(reply, times), list(denials), reply)
        exit = await worker.exited
        await asyncio.shield(worker.reaped)
        if not alone:
            return _Answer([], [], status=Status.CRASHED)  # not believed
        return await self._explained(
            plugin, job, exit, evidence or evidence_of_end(exit), times, list(denials), hung
        )

    @property
    def _shared_limit_s(self) -> float:
        limit_s = self._settings.timeout_s
        return limit_s if self._settings.deep else min(limit_s, _SHARED_LIMIT_S)

    async def _explained(
        self,
        plugin: str,
        job: ProbeJob,
        exit: WorkerExit,
        evidence: StackEvidence | str | None,
        times: _Times,
        denials: list[str],
        hung: bool,
    ) -> _Answer:
        settings = self._settings
        looked_at = LookedAt(
            plugin=plugin,
            path=Path(job.path),
            sample_rate=settings.sample_rate,
            max_frames=settings.max_frames,
            looker="scan",
            action="given up",
        )
        if hung:
            kind = FaultKind.HANG if times.last == "process" else FaultKind.LOAD_TIMEOUT
        else:
            kind = FaultKind.EXIT if exit.signal is None or exit.called_exit else FaultKind.CRASH
        try:
            report = await aside(
                lambda: report_of(looked_at, kind, exit, evidence, denials), _EXPLAIN_S
            )
        except TimeoutError:
            report = report_of(looked_at, kind, exit, None, denials)
        status, detail = status_of_end(exit, hung, settings.timeout_s, self._permissions(plugin))
        ended = PhaseResult(
            phase=times.last,
            outcome=Outcome.HUNG if hung else Outcome.CRASHED,
            ms=0.0,
            message=detail,
            signal=(exit.signal_name or "") if not hung else "",
            exit_code=exit.exit_code,
            backtrace=_lines_of(report.backtrace),
            stderr=exit.stderr_tail[-_STDERR_SHOWN:],
        )
        words = last_line(exit.stderr_tail)
        detail = f"{detail} during {times.last}" + (
            f"; its last words: {words}" if words != "none" else ""
        )
        return _Answer(times.results(ended), denials, status=status, detail=detail, report=report)


def _visits(jobs: Sequence[ProbeJob]) -> list[str]:
    """Whom a shared worker is confined for: of each bundle one plugin, of each file itself."""
    return list(dict.fromkeys(job.plugins[0].id if job.plugins else job.whole for job in jobs))


def _phases_of(reply: Any, times: _Times) -> list[PhaseResult]:
    measured: dict[str, float] | None = getattr(reply, "phases_ms", None)
    if measured is None:
        return times.results(None)
    return [
        PhaseResult(phase=name, outcome=Outcome.OK, ms=round(ms, 3))
        for name, ms in measured.items()
    ]


def _verdict(plugin: str, job: ProbeJob, answer: _Answer) -> ScannedPlugin:
    return ScannedPlugin(
        id=plugin,
        status=answer.status,
        detail=answer.detail,
        format=job.format,
        path=job.path,
        phases=answer.phases,
        load_ms=round(sum(p.ms for p in answer.phases if p.phase in _LOAD_PHASES), 3),
        denials=answer.denials,
        signature=answer.report.signature if answer.report else None,
        crash=answer.report,
    )


def _stacks_of(worker: WorkerProcess) -> StackEvidence | str:
    return evidence_of_hang(capture_stacks(worker.pid, 0, _CAPTURE_S))


def _lines_of(trace: Backtrace | None) -> list[str]:
    if trace is None or not trace.threads:
        return []
    return [str(frame) for frame in trace.threads[0].frames[:_FRAMES_SHOWN]]
