# SPDX-License-Identifier: GPL-3.0-or-later
"""Where rigs are made: warm launchers on an asyncio loop in a thread, for callers in any other.

One launcher for each format that is warmed: what a worker is made of depends on its plugin alone,
and not on the others of a run. Else a wild pointer would meet another heap when it is replayed.
"""

import asyncio
import contextlib
import threading
from collections.abc import Coroutine, Mapping
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any, Self, TypeVar

import msgspec

import ipc
from host.permissions import PermissionRules
from host.plugin_id import PluginFormat, PluginId
from host.scan.asking import Answer, ask, explained
from host.scan.patience import Patience
from host.scan.settings import ProbeSettings
from host.scan.verdict import Status
from host.stress.death import PluginDied, PluginMissing, PluginNotCarried, PluginRefused
from ipc.connection import RequestFailed
from ipc.errors import WorkerError
from ipc.launcher import Launcher
from ipc.messages import RIG, Request, Visit
from ipc.permissions import Permissions
from ipc.sweep import sweep_dead_hosts
from ipc.worker_process import WorkerProcess

T = TypeVar("T")

_VISIT_S = 20.0
_WARM_FORMATS = (PluginFormat.VST3, PluginFormat.LV2)
# What malloc gives is filled with it, so that a plugin that reads memory which it has not written
# reads the same each time.
_PERTURBED = {"MALLOC_PERTURB_": "165"}
_AUDIT_LIBRARY = Path(ipc.__file__).resolve().parents[1] / "sandbox" / "libisobooth_audit.so"


class Workshop:
    """Use as a context manager: at its end all its workers have ended. `timeout_s`: for so long a
    plugin may stand still. `audits`: its workers see what plugins allocate and lock, and can let
    allocations fail. Raises MachineError where no worker can be started."""

    def __init__(
        self,
        rules: PermissionRules | None = None,
        *,
        timeout_s: float = 30.0,
        memory_mb: int | None = None,
        audits: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.timeout_s = timeout_s
        self.audits = audits
        self._rules = rules or PermissionRules()
        self._memory_mb = memory_mb or ProbeSettings().memory_mb
        preloaded = {"LD_PRELOAD": str(_AUDIT_LIBRARY)} if audits else {}
        self._environment = {**_PERTURBED, **preloaded, **(environment or {})}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="isb-workshop", daemon=True)
        # By the format that they are warm for; "": for all others. None: closed, or not open yet.
        self._launchers: dict[str, Launcher] | None = None
        self._starting = asyncio.Lock()

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self.wait(self._start())
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.wait(self._stop())
        finally:
            self._end()

    def interrupt(self) -> None:
        """From any thread: kills all workers, so that whoever waits for one gets its end."""
        self._loop.call_soon_threadsafe(self._kill_all)

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs it on the loop."""
        try:
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        except RuntimeError:  # the loop is closed
            work.close()
            raise WorkerError("the workshop has been closed") from None
        try:
            return future.result()
        except CancelledError:
            raise WorkerError("the workshop has been closed") from None

    # -- on the loop ------------------------------------------------------------------------------

    async def visitor(
        self,
        plugin: str,
        memory_mb: int | None = None,
        *,
        offline: bool = False,
        reach: tuple[str, ...] = (),
        disk_watched: bool = False,
    ) -> WorkerProcess:
        """A worker that may do what this plugin may, and nothing else; but that it may connect to
        the sockets that `reach` names, and where `offline`, has no network whatever is allowed.
        With `disk_watched` its disk can be made full or slow."""
        plugin_format = PluginId.parse(plugin).format
        launcher = await self._launcher(plugin_format if plugin_format in _WARM_FORMATS else "")
        worker = await launcher.spawn()
        permissions = msgspec.structs.replace(
            self.permissions(plugin, memory_mb), reach=reach, disk_watched=disk_watched
        )
        if offline:
            permissions = msgspec.structs.replace(permissions, network=False)
        try:
            await worker.request(Visit(plugins=[plugin], permissions=permissions), _VISIT_S)
        except RequestFailed as error:
            worker.kill()
            refused = PluginMissing if error.no_such_plugin else PluginRefused
            raise refused(str(error)) from None
        except BaseException:
            worker.kill()
            raise
        return worker

    async def ask(
        self,
        worker: WorkerProcess,
        plugin: str,
        request: Request[Any],
        limit_s: float,
        most_s: float,
        memory_mb: int | None = None,
        *,
        unwinds: bool = True,
    ) -> Answer:
        """`limit_s`: for so long it may stand still; `most_s`: what it may take altogether. Raises
        PluginDied, PluginRefused where it says no to its creation, PluginMissing where there is
        none."""
        answer = await ask(worker, request, Patience(limit_s, most_s), believed=True)
        if answer.is_fine:
            return answer
        if answer.end is None and answer.status is Status.FAILED:
            if answer.not_carried:
                raise PluginNotCarried(answer.detail)
            raise (PluginMissing if answer.no_such_plugin else PluginRefused)(answer.detail)
        settings = ProbeSettings(timeout_s=limit_s)
        rules = self.permissions(plugin, memory_mb)
        path = PluginId.parse(plugin).target
        raise PluginDied(
            await explained(answer, plugin, path, settings, rules, "stress", unwinds=unwinds)
        )

    def permissions(self, plugin: str, memory_mb: int | None = None) -> Permissions:
        made = self._rules.of(plugin)
        if memory_mb is not None or made.memory_mb is None:
            made = msgspec.structs.replace(made, memory_mb=memory_mb or self._memory_mb)
        return made

    async def _start(self) -> None:
        sweep_dead_hosts()
        self._launchers = {}
        await self._launcher("")

    async def _launcher(self, warm_format: str) -> Launcher:
        async with self._starting:
            if self._launchers is None:
                raise WorkerError("the workshop has been closed")
            if warm_format in self._launchers:
                return self._launchers[warm_format]
            launcher = Launcher(self._environment, repeatable=True)
            try:
                await launcher.start()
                await launcher.warm(RIG)
                if warm_format:
                    await launcher.warm(warm_format)
            except BaseException:
                await launcher.close()
                raise
            self._launchers[warm_format] = launcher
            return launcher

    async def _stop(self) -> None:
        async with self._starting:  # one that is being started
            launchers, self._launchers = self._launchers or {}, None
        await asyncio.gather(*(one.__aexit__() for one in launchers.values()))

    def _kill_all(self) -> None:
        for launcher in (self._launchers or {}).values():
            for worker in launcher.workers:
                worker.kill()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        with contextlib.suppress(RuntimeError):
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()
