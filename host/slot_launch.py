# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings one worker up for a slot: a record, a process, the plugin with what it must be told.

What becomes of the slot is its caller's business: it is the same start for the worker that plays
and for one that stands by.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass

from host.chain_host import ChainHost
from host.crash_report import FaultKind
from host.engine_module import PluginSlot
from host.journal import Journal
from host.slot_context import SlotContext
from host.slot_loading import load_request
from host.song import Slot
from host.tenure import Tenure
from host.worker_group import GroupMember, Place
from ipc.aside import aside
from ipc.connection import RequestFailed, RequestTimeout
from ipc.errors import IsoboothError, MachineError
from ipc.messages import Loaded
from ipc.processes import is_thread_of
from ipc.worker_process import WorkerDied, WorkerProcess

_RESOLVE_S = 2.0
_BEFORE_PLUGIN = ("attach", "lock_down")  # steps of a load that are no plugin's doing


@dataclass(frozen=True)
class Launched:
    """The new worker's tenure, whatever became of it, and one of: the worker's answer; why there
    will be none that the plugin is to blame for; neither, if it was condemned or died."""

    tenure: Tenure | None
    loaded: Loaded | None = None
    problem: str = ""
    may_pass: bool = False  # the problem: a neighbour may be writing over what they share
    refused: str = ""  # the worker's words where it said no to loading the plugin

    @property
    def is_state_refused(self) -> bool:
        return (
            self.tenure is not None
            and self.loaded is not None
            and self.loaded.state_used < 0
            and self.tenure.restore.state is not None
        )


@dataclass(frozen=True)
class SlotLauncher:
    spec: Slot
    native: PluginSlot
    journal: Journal
    context: SlotContext

    async def launch(
        self,
        chain: ChainHost,
        seat: int,
        stands_by: bool,
        was_loaded: bool,
        on_start: Callable[[Tenure], None],
    ) -> Launched:
        """`on_start` is called as soon as there is a process. `was_loaded`: by another worker, so
        that a plugin that is not there is a fault."""
        spec, context, label = self.spec, self.context, self.spec.label
        record = chain.lease()
        if record is None:
            problem = f"{chain.name}: no record is free; too many workers will not die"
            return Launched(None, problem=problem)
        try:
            worker = await self._worker(chain, record, stands_by)
        except (IsoboothError, OSError) as error:  # no process, no descriptor: not its doing
            chain.pool.release(record)
            return Launched(None, problem=f"{label}: no worker could be started: {error}")
        restore = self.journal.next_restore()
        tenure = Tenure(
            worker,
            context.explainer,
            chain,
            record,
            seat,
            restore,
            self.native.processed_blocks,
            self.journal.last_edit,
        )
        on_start(tenure)
        request = load_request(
            spec, context.config, context.permissions, chain, record, restore, stands_by
        )
        try:
            loaded = await worker.request(request, context.config.faults.load_limit_s)
        except WorkerDied:
            return Launched(tenure)
        except RequestTimeout:
            restoring = worker.phase == "restore"
            tenure.condemn(FaultKind.RESTORE_FAILED if restoring else FaultKind.LOAD_TIMEOUT)
            return Launched(tenure)
        except RequestFailed as error:
            refused = str(error)
            if error.phase in _BEFORE_PLUGIN:
                problem = f"{label}: no worker could be prepared: {error}"
                may_pass = not context.config.offline
                return Launched(tenure, problem=problem, may_pass=may_pass, refused=refused)
            if error.no_such_plugin and not was_loaded:
                return Launched(tenure, problem=refused, refused=refused)
            tenure.condemn(FaultKind.LOAD_FAILED)
            return Launched(tenure, refused=refused)
        except MachineError as error:
            return Launched(tenure, problem=f"{label}: no worker could be prepared: {error}")
        except IsoboothError:
            worker.kill()
            return Launched(tenure)
        if not is_thread_of(loaded.thread_id, worker.pid):
            tenure.condemn(FaultKind.LOAD_FAILED)
            worker.kill()  # with all that are in it: it lies
            return Launched(tenure, refused="its worker names a thread that is not its own")
        if isinstance(worker, GroupMember):
            worker.thread_id = loaded.thread_id
            worker.path = await _resolved(loaded.description.path)
        return Launched(tenure, loaded)

    async def _worker(
        self, chain: ChainHost, record: int, stands_by: bool
    ) -> WorkerProcess | GroupMember:
        spec, context = self.spec, self.context
        if stands_by:
            return await context.launcher.spawn()
        permissions = context.permissions.of(spec.plugin)
        place = Place(spec.id, spec.label, spec.plugin, chain, record, permissions)
        return await context.workers.worker_for(place)


async def _resolved(path: str) -> str:
    """What a file is called in a memory map; empty where nobody can say in time."""
    try:
        return await aside(lambda: os.path.realpath(path), _RESOLVE_S) if path else ""
    except (OSError, ValueError, TimeoutError):
        return ""
