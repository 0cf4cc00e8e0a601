# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs checks on plugins: several at a time, those that take times alone."""

import hashlib
import os
import platform
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

from host.crash_report import utc_now
from host.plugin_id import PluginId
from host.stress.call_log import CallLog, LogEnd, LogTooLarge, write_log
from host.stress.check import Check, Subject
from host.stress.death import PluginDied, PluginMissing, PluginNotCarried, PluginRefused
from host.stress.rig import open_rig
from host.stress.verdict import (
    BAD,
    CREATION,
    CheckResult,
    Finding,
    PluginResult,
    RunInfo,
    StressReport,
    Verdict,
    settle,
    worst,
)
from host.stress.workshop import Workshop
from host.version import isobooth_version
from ipc.description import PluginDescription
from ipc.errors import WorkerError
from ipc.text import one_line

_POLL_S = 0.1


class Watcher(Protocol):
    """Who follows a run; called from several threads, one at a time."""

    def starting(self, plugin: PluginResult, check: str) -> None: ...

    def finished(self, plugin: PluginResult, check: CheckResult) -> None: ...

    def finished_plugin(self, plugin: PluginResult) -> None:
        """All its checks are done."""


class Silent:
    """Nobody follows it."""

    def starting(self, plugin: PluginResult, check: str) -> None: ...

    def finished(self, plugin: PluginResult, check: CheckResult) -> None: ...

    def finished_plugin(self, plugin: PluginResult) -> None: ...


@dataclass(frozen=True, kw_only=True)
class StressOptions:
    """What to run and how. `only` and `skip`: names of checks; `only` counts whatever its level.
    `logs`: the folder for logs of calls; None: none are kept."""

    level: int = 5
    only: frozenset[str] = frozenset()
    skip: frozenset[str] = frozenset()
    seed: int = 1
    jobs: int = 1
    timeout_s: float = 30.0
    reruns: int = 2  # of a check that was not passed, to tell what happens now and then
    logs: Path | None = None


@dataclass
class StressRun:
    """`run` it once; it raises PluginMissing before any check where one of the plugins does not
    exist. `auditor`: a workshop for checks that audit. `stop` raises what ends it; what
    has been found until then is in `report`. `judge` may change a result before it counts.
    """

    plugins: Sequence[str]
    checks: Sequence[type[Check]]
    options: StressOptions
    workshop: Workshop
    auditor: Workshop | None = None
    watcher: Watcher = field(default_factory=Silent)
    stop: Callable[[], None] = lambda: None
    judge: Callable[[PluginResult, CheckResult], None] = lambda plugin, check: None

    def __post_init__(self) -> None:
        self._ending = False
        self._taken: set[str] = set()  # plugins whose checks were done elsewhere
        self._lock = threading.Lock()
        self._about: dict[str, PluginDescription] = {}
        self.reruns: dict[str, dict[str, list[CheckResult]]] = {}  # by plugin and check
        self.report = StressReport(
            run=RunInfo(
                started_at=utc_now(),
                level=self.options.level,
                seed=self.options.seed,
                jobs=self.options.jobs,
                timeout_s=self.options.timeout_s,
                isobooth=isobooth_version(),
                machine=f"{platform.machine()}, {os.cpu_count()} cores, {platform.release()}",
            ),
            plugins=[PluginResult(plugin=plugin) for plugin in dict.fromkeys(self.plugins)],
        )

    def run(self) -> StressReport:
        began = time.monotonic()
        wanted = chosen(self.checks, self.options)
        self._left = {plugin.plugin: len(wanted) for plugin in self.report.plugins}
        for plugin in self.report.plugins:
            plugin.planned = len(wanted)
        try:
            with ThreadPoolExecutor(self.options.jobs, "isb-stress") as pool:
                here = [one for one in self.report.plugins if one.plugin not in self._taken]
                self._all(pool, [partial(self._describe, each) for each in here])
                for timed in (False, True):
                    tasks = [
                        partial(self._check, plugin, check)
                        for plugin in here
                        for check in wanted
                        if check.is_timed is timed
                    ]
                    self._all(pool, tasks, one_by_one=timed)
        except BaseException:
            self.report.run.interrupted = True
            raise
        finally:
            self._sum_up(wanted, time.monotonic() - began)
        return self.report

    def take(
        self, plugin: PluginResult, done: PluginResult, reruns: dict[str, list[CheckResult]]
    ) -> None:
        """The checks of one of its plugins, which were done elsewhere, and what came of those that
        were run again; nobody has judged them yet."""
        for name in ("name", "vendor", "version", "format", "path"):
            setattr(plugin, name, getattr(done, name))
        with self._lock:
            self._taken.add(plugin.plugin)
            for check in done.checks:
                self.judge(plugin, check)
                check.reruns = []
                for again in reruns.get(check.check, []) if check.verdict in BAD else []:
                    self.judge(plugin, again)
                    check.reruns.append(again.verdict)
                plugin.checks.append(check)
                self.watcher.finished(plugin, check)
            self.watcher.finished_plugin(plugin)

    def _all(
        self,
        pool: ThreadPoolExecutor,
        tasks: Sequence[Callable[[], None]],
        *,
        one_by_one: bool = False,
    ) -> None:
        """Returns when all are done; raises what `stop` raises, when those that run have ended."""
        left = list(tasks)
        running: set[Future[None]] = set()
        most = 1 if one_by_one else self.options.jobs
        try:
            while left or running:
                while left and len(running) < most:
                    running.add(pool.submit(left.pop(0)))
                done, running = wait(running, timeout=_POLL_S, return_when=FIRST_COMPLETED)
                for future in done:
                    future.result()
                self.stop()
        except BaseException:
            self._ending = True
            while running:
                for workshop in filter(None, (self.workshop, self.auditor)):
                    workshop.interrupt()  # they wait for plugins
                _, running = wait(running, timeout=_POLL_S)
            raise

    def _stop(self) -> None:
        if self._ending:
            raise _Ended

    def _describe(self, result: PluginResult) -> None:
        """Creates it once, to learn what it is; the first check tells if that cannot be done."""
        began = time.monotonic()
        try:
            with open_rig(self.workshop, result.plugin) as rig:
                about = rig.description
                result.name, result.vendor, result.version = about.name, about.vendor, about.version
                result.path = about.path
                self._about[result.plugin] = about
        except PluginMissing as error:
            if not self._taken:
                raise  # before anybody waits for checks
            lacks = CheckResult(check=CREATION, verdict=Verdict.ERROR, message=str(error))
            self._add(result, lacks)
        except WorkerError as error:
            if self._ending:
                return
            blank = CheckResult(check=CREATION, verdict=Verdict.FAIL)
            failed = _failed(blank, error)
            failed.seconds = round(time.monotonic() - began, 3)
            self._add(result, failed)
        result.format = PluginId.parse(result.plugin).format.value

    def _check(self, result: PluginResult, check: type[Check]) -> None:
        about = self._about.get(result.plugin)
        if about is None:
            return self._add(result, _skipped(check, "it cannot be created"))
        if PluginId.parse(result.plugin).format not in check.formats:
            return self._add(result, _skipped(check, f"not for {result.format}"))
        reason = check().unfit(about)
        if reason:
            return self._add(result, _skipped(check, reason))
        with self._lock:
            self.watcher.starting(result, check.name)
        try:
            found, log = self._ask(result.plugin, about, check)
            with self._lock:
                self.judge(result, found)
            if found.verdict in BAD and not check.is_timed:
                for _ in range(self.options.reruns):
                    again = self._ask(result.plugin, about, check)[0]
                    with self._lock:
                        self.judge(result, again)
                        done = self.reruns.setdefault(result.plugin, {})
                        done.setdefault(check.name, []).append(again)
                    found.reruns.append(again.verdict)
        except _Ended:
            return None
        if self._ending:
            return None
        try:
            told = found.verdict in (*BAD, Verdict.WARN)
            if log is not None and told and self.options.logs is not None:
                log.check, log.level = check.name, self.options.level
                _keep(
                    log, found, self.options.logs / f"{_file_name(result.plugin)}.{check.name}.json"
                )
        finally:
            self._add(result, found)  # known, even if the disk is full
        return None

    def _ask(
        self, plugin: str, about: PluginDescription, check: type[Check]
    ) -> tuple[CheckResult, CallLog | None]:
        subject = Subject(
            plugin=plugin,
            description=about,
            level=self.options.level,
            seed=self.options.seed,
            workshop=self._workshop_for(check),
            stop=self._stop,
        )
        began = time.monotonic()
        made = CheckResult(check=check.name, verdict=Verdict.PASS)
        log: CallLog | None = None
        try:
            check().run(subject)
        except WorkerError as error:
            made = _failed(made, error, subject.doing)
            log = subject.log
        except _Ended:
            raise
        except Exception as error:  # what a check did not expect must not end the others
            made.verdict = Verdict.ERROR
            made.message = one_line(f"the check itself failed: {type(error).__name__}: {error}")
        if made.verdict is Verdict.PASS:
            made.verdict = worst([Verdict.PASS, *(each.verdict for each in subject.findings)])
            log = subject.blamed_log or subject.warned_log
            if log is not None and log.end is None:
                worst_one = max(subject.findings, key=lambda one: list(Verdict).index(one.verdict))
                log.end = LogEnd(verdict=made.verdict, message=worst_one.message)
        made.findings = [*made.findings, *subject.findings]
        made.figures, made.plots = subject.figures, subject.plots
        made.pictures = subject.pictures
        made.seconds = round(time.monotonic() - began, 3)
        if not made.message and made.findings:
            worst_one = max(made.findings, key=lambda one: list(Verdict).index(one.verdict))
            made.message = worst_one.message
        return made, log

    def _workshop_for(self, check: type[Check]) -> Workshop:
        if not check.needs_audit:
            return self.workshop
        if self.auditor is None:
            raise WorkerError("there is nobody who sees what is called inside process()")
        return self.auditor

    def _add(self, result: PluginResult, found: CheckResult) -> None:
        with self._lock:
            result.checks.append(found)
            self.watcher.finished(result, found)
            self._left[result.plugin] -= found.check != CREATION
            if self._left[result.plugin] == 0:
                self.watcher.finished_plugin(result)

    def _sum_up(self, wanted: Sequence[type[Check]], seconds: float) -> None:
        order = {check.name: place for place, check in enumerate(wanted)}
        for plugin in self.report.plugins:
            plugin.checks.sort(key=lambda one: order.get(one.check, -1))
            plugin.seconds = round(sum(check.seconds for check in plugin.checks), 3)
        settle(self.report)
        self.report.run.seconds = round(seconds, 3)


class _Ended(Exception):
    """The run is over."""


def chosen(checks: Sequence[type[Check]], options: StressOptions) -> list[type[Check]]:
    """Those that are to be run, in order."""
    if options.only:
        some = [check for check in checks if check.name in options.only]
    else:
        some = [check for check in checks if check.level <= options.level]
    return [check for check in some if check.name not in options.skip]


def _skipped(check: type[Check], why: str) -> CheckResult:
    return CheckResult(check=check.name, verdict=Verdict.SKIP, message=why)


def _failed(result: CheckResult, error: WorkerError, doing: str = "") -> CheckResult:
    if isinstance(error, PluginDied):
        last = error.last
        result.verdict = error.verdict
        result.signal, result.signature = last.signal, error.signature
        result.backtrace, result.stderr = list(last.backtrace), last.stderr
        result.threads = error.other_threads
    elif isinstance(error, PluginRefused) and not isinstance(error, PluginNotCarried):
        result.verdict = Verdict.FAIL
    else:
        result.verdict = Verdict.ERROR
    result.message = f"{doing}: {error}" if doing else str(error)
    key = str(error)
    if isinstance(error, PluginDied):
        key = "too slow" if error.is_slow else error.signature
    result.findings = [
        Finding(verdict=result.verdict, message=result.message, key=key, stack=result.backtrace)
    ]
    return result


def _keep(log: CallLog, found: CheckResult, path: Path) -> None:
    """Raises InputError or MachineError."""
    try:
        write_log(log, path)
        found.log = str(path)
    except LogTooLarge as error:
        found.stderr = f"{found.stderr}\n{error}".strip()


def _file_name(plugin: str) -> str:
    kept = "".join(letter if letter.isalnum() or letter in "-." else "_" for letter in plugin)
    mark = hashlib.blake2b(plugin.encode(errors="replace"), digest_size=3).hexdigest()
    return f"{kept[-120:].strip('_.')}-{mark}"
