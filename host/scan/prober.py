# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs plugins in workers to find out what they are: many in one worker, as long as all goes well.

A worker costs more than most plugins take, so plugins share one. A failure in it proves nothing:
an earlier plugin may have broken what a later one fell over. So whatever fails is run again alone,
and only that is believed.
"""

import asyncio
import contextlib
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import msgspec

from host.permissions import PermissionRules
from host.plugin_id import PluginFormat
from host.scan.asking import Answer, ask, explained
from host.scan.reading import described, with_deep_end
from host.scan.settings import ProbeSettings
from host.scan.verdict import ScannedPlugin, Status, static_verdict
from ipc.connection import RequestFailed
from ipc.errors import ProtocolError, WorkerError
from ipc.launcher import Launcher
from ipc.messages import ListedPlugin, ListPlugins, NamePlugin, Probe, Probed, Request, Visit
from ipc.permissions import Permissions
from ipc.worker_process import WorkerProcess

_VISIT_S = 20.0
# In a shared worker, where a time-out proves nothing, more is not worth waiting for.
_SHARED_LIMIT_S = 5.0
# A deep probe plays 22 seconds of sound, and asks for thousands of texts.
_DEEP_TIMES = 6
# What plugins leave behind in a shared worker adds up.
_PLUGINS_PER_WORKER = 32
_LOAD_PHASES = ("load", "create", "activate")
# A file may say that it holds thousands, each of which takes its time to hang.
_MOST_DEADLY = 20
_GIVEN_UP = f"not tried: {_MOST_DEADLY} plugins of this file have crashed or hung"


class ProbeJob(msgspec.Struct, frozen=True, kw_only=True):
    """A file or bundle whose plugins are to be probed, but for those in `done`. `plugins`: which it
    holds, or a part of them, where that is known; else it is asked."""

    format: str
    path: str
    name: str = ""  # of the first plugin, as far as its files tell
    plugins: list[ListedPlugin] = []
    done: list[str] = []

    @property
    def whole(self) -> str:
        """The file as such, in the place of a plugin's id."""
        return f"{self.format}:{self.path}"


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
        # Ends that are being explained while the next plugins are probed.
        self._explaining: list[asyncio.Task[None]] = []
        # Shared workers that have done their part, and end while the next ones work.
        self._ending: set[asyncio.Task[None]] = set()

    async def list_bundles(self, paths: Sequence[str]) -> dict[str, list[ListedPlugin] | str]:
        """What LV2 bundles hold, by their own words; none of their code runs. Of a bundle whose
        words cannot be read, what is wrong with them."""
        found: dict[str, list[ListedPlugin] | str] = {}
        worker = None
        try:
            for path in paths:
                try:
                    if worker is None or not worker.alive:
                        worker = await self._visitor([f"lv2:{path}"], self._permissions(""), paths)
                    request = ListPlugins(format="lv2", path=path)
                    found[path] = (await worker.request(request, _VISIT_S)).plugins
                except RequestFailed as error:
                    found[path] = str(error)
                except (WorkerError, ProtocolError) as error:
                    if worker is not None:
                        worker.kill()
                        with contextlib.suppress(WorkerError):
                            await worker.stop()
                    found[path] = f"its texts cannot be read: {error}"
        finally:
            if worker is not None:
                with contextlib.suppress(WorkerError):
                    await worker.stop()
        return found

    async def probe(self, jobs: Sequence[ProbeJob], listener: Listener) -> None:
        """Probes the plugins of all `jobs`, which are of one format."""
        visits = _visits(jobs)
        unfinished: list[tuple[ProbeJob, list[str]]] = []
        try:
            for job in jobs:
                plugins = job.plugins or await self._list(job, visits, listener)
                deadly = 0
                for plugin in plugins:
                    if plugin.problem:
                        listener.tell(job, _static(job, plugin, Status.BROKEN, plugin.problem))
                    elif deadly >= _MOST_DEADLY:
                        listener.tell(job, _static(job, plugin, Status.FAILED, _GIVEN_UP))
                    elif plugin.id not in job.done:
                        listener.starting(plugin.id)
                        deadly += await self._probe(job, plugin, visits, listener)
                held = [plugin.id for plugin in plugins] or [job.whole]
                if self._explaining:
                    unfinished.append((job, held))
                else:
                    listener.finished(job, held)
            await asyncio.gather(*self._explaining)
        finally:
            for task in self._explaining:
                task.cancel()
            await asyncio.gather(*self._explaining, return_exceptions=True)
            self._explaining.clear()
            self._drop_shared()
        for job, held in unfinished:
            listener.finished(job, held)

    # -- one file, one plugin ---------------------------------------------------------------------

    async def _list(
        self, job: ProbeJob, visits: Sequence[str], listener: Listener
    ) -> Sequence[ListedPlugin]:
        """What the file holds; where it does not come to say that, the file itself is told of."""
        listener.starting(job.whole)
        request = ListPlugins(format=job.format, path=job.path)
        answer = await self._ask(job.whole, job, request, visits)
        answer.is_listing = True
        if answer.is_fine:
            own = {each.id: each for each in answer.reply.plugins if _is_of(each, job)}
            if own:
                return list(own.values())
            answer.status, answer.detail = Status.NO_ENTRY, "it holds no plugin"
        await self._tell(job, job.whole, job.name or Path(job.path).stem, answer, listener)
        return []

    async def _probe(
        self, job: ProbeJob, plugin: ListedPlugin, visits: Sequence[str], listener: Listener
    ) -> bool:
        """Whether it ended its worker."""
        request = Probe(
            plugin=plugin.id,
            sample_rate=self._settings.sample_rate,
            max_frames=self._settings.max_frames,
            deep=self._settings.deep,
        )
        answer = await self._ask(plugin.id, job, request, visits)
        if answer.end is not None and answer.end.phase == "deep":
            # It works, but for what few hosts do: so it is asked again without that.
            plain = msgspec.structs.replace(request, deep=False)
            answer = replace(await self._ask(plugin.id, job, plain, visits), deep=answer)
        await self._tell(job, plugin.id, plugin.name or answer.name, answer, listener)
        return answer.end is not None

    async def _tell(
        self, job: ProbeJob, plugin: str, name: str, answer: Answer, listener: Listener
    ) -> None:
        async def tell() -> None:
            rules = self._permissions(plugin)
            told = await explained(answer, plugin, job.path, self._settings, rules)
            result = _verdict(plugin, name, job, told)
            if answer.deep is not None:
                ended = await explained(answer.deep, plugin, job.path, self._settings, rules)
                result = with_deep_end(result, ended.detail, ended.phases[-1], ended.report)
            listener.tell(job, result)

        if answer.end is None and answer.deep is None:
            await tell()
        else:
            self._aside(tell())

    def _aside(self, work: Coroutine[Any, Any, None]) -> None:
        self._explaining.append(asyncio.create_task(work))

    async def _ask(
        self, plugin: str, job: ProbeJob, request: Request[Any], visits: Sequence[str]
    ) -> Answer:
        """In the shared worker, and again alone if that does not go well."""
        permissions = self._permissions(plugin)
        if not self._settings.alone and permissions == self._permissions(""):
            answer = await self._ask_shared(request, visits)
            if answer is not None and answer.is_fine:
                return answer
        name = ""
        if isinstance(request, Probe) and job.format == PluginFormat.LV2:
            name = await self._name_of(plugin, permissions, job)
        worker = None
        try:
            worker = await self._visitor([plugin], permissions, [job.path])
            answer = await ask(worker, request, self._limit_of(request), believed=True)
            answer.name = name
            return answer
        except (WorkerError, ProtocolError) as error:  # none of its code has run
            return Answer(status=Status.FAILED, detail=f"it cannot be prepared: {error}", name=name)
        finally:
            if worker is not None:
                with contextlib.suppress(WorkerError):
                    await worker.stop()

    async def _name_of(self, plugin: str, permissions: Permissions, job: ProbeJob) -> str:
        """Before its code runs: it may not come to say it."""
        worker = None
        try:
            worker = await self._visitor([plugin], permissions, [job.path])
            return (await worker.request(NamePlugin(plugin=plugin), _VISIT_S)).name
        except (WorkerError, ProtocolError):
            return ""
        finally:
            if worker is not None:
                worker.kill()
                with contextlib.suppress(WorkerError):
                    await worker.stop()

    def _limit_of(self, request: Request[Any]) -> float:
        is_deep = isinstance(request, Probe) and request.deep
        return self._settings.timeout_s * (_DEEP_TIMES if is_deep else 1)

    async def _ask_shared(self, request: Request[Any], visits: Sequence[str]) -> Answer | None:
        """None if there is no worker to be had for all of them."""
        if self._shared is None or not self._shared.alive or self._probed >= _PLUGINS_PER_WORKER:
            self._drop_shared()
            try:
                self._shared = await self._visitor(visits, self._permissions(""), [])
            except (WorkerError, ProtocolError):
                return None
            self._probed = 0
        self._probed += isinstance(request, Probe)
        limit_s = self._limit_of(request)
        if not self._settings.deep:
            limit_s = min(limit_s, _SHARED_LIMIT_S)
        return await ask(self._shared, request, limit_s, believed=False)

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

    def _drop_shared(self) -> None:
        worker, self._shared = self._shared, None
        if worker is None:
            return

        async def end() -> None:
            with contextlib.suppress(WorkerError):
                await worker.stop()

        task = asyncio.create_task(end())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def close(self) -> None:
        """Returns when all its workers have ended."""
        self._drop_shared()
        await asyncio.gather(*self._ending)


def _visits(jobs: Sequence[ProbeJob]) -> list[str]:
    """Whom a shared worker is confined for: of each bundle one plugin, of each file itself."""
    return list(dict.fromkeys(job.plugins[0].id if job.plugins else job.whole for job in jobs))


def _is_of(plugin: ListedPlugin, job: ProbeJob) -> bool:
    """A worker may say anything."""
    return plugin.id == job.whole or plugin.id.startswith(f"{job.whole}#")


def _static(job: ProbeJob, plugin: ListedPlugin, status: Status, detail: str) -> ScannedPlugin:
    name = plugin.name or plugin.id.rpartition("/")[2]
    return static_verdict(plugin.id, job.format, job.path, name, status, detail)


def _verdict(plugin: str, name: str, job: ProbeJob, answer: Answer) -> ScannedPlugin:
    result = ScannedPlugin(
        id=plugin,
        status=answer.status,
        detail=answer.detail,
        format=job.format,
        path=job.path,
        phases=answer.phases,
        name=name,
        load_ms=round(sum(p.ms for p in answer.phases if p.phase in _LOAD_PHASES), 3),
        denials=answer.denials,
        signature=answer.report.signature if answer.report else None,
        crash=answer.report,
        is_file=plugin == job.whole and not isinstance(answer.reply, Probed) and answer.is_listing,
    )
    if not isinstance(answer.reply, Probed):
        return result
    result = described(result, answer.reply)
    result.name = result.name or name
    return result
