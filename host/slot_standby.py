# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps a second worker ready for a slot: it is fed with the same as the first, a block behind, and
plays from the next block on when that one fails.

The audio thread decides who plays (host/native/chain.cpp); here whoever does not is prepared,
watched and replaced. A standby that fails costs a report and some back-off, in the end the standby,
but never the plugin that plays.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Protocol

from host.config import ChainMode, FaultPolicy, HostConfig
from host.crash_report import FaultKind, Phase
from host.engine_module import PluginSlot
from host.slot_launch import Launched
from host.slot_watch import hangs
from host.song import Slot
from host.tenure import Tenure
from ipc.errors import WorkerError
from ipc.worker_process import WorkerExit

# Until there is another one where nobody is to blame: the machine may be too busy for two.
_AGAIN_S = 0.5


def keeps_standby(spec: Slot, config: HostConfig, mode: ChainMode) -> bool:
    """Whether a slot in a chain of this mode is given one. Offline there is time to begin again; a
    pipelined chain is heard as a whole or not at all, so that one slot's standby saves nothing."""
    return spec.standby and not config.offline and mode != "pipelined"


class Owner(Protocol):
    """What a standby needs of its slot."""

    async def launch_standby(self, on_start: Callable[[Tenure], None]) -> Launched: ...
    def standby_is_ready(self, launched: Launched) -> None:
        """It stands by from the next block on."""

    def standby_failed(self, tenure: Tenure, exit: WorkerExit) -> float | None:
        """How long to wait before another one is prepared, s; None: there will be none."""

    def is_out_of_step(self, tenure: Tenure) -> bool: ...
    def standby_given_up(self, reason: str) -> None: ...
    def note_of_standby(self, text: str) -> None: ...


class SlotStandby:
    def __init__(self, owner: Owner, native: PluginSlot, policy: FaultPolicy) -> None:
        self.tenure: Tenure | None = None
        self.is_given_up = False
        self._is_seated = False
        self._owner = owner
        self._native = native
        self._policy = policy
        self._wanted = False
        self._task: asyncio.Task[None] | None = None

    @property
    def is_ready(self) -> bool:
        """It can take over."""
        tenure = self.tenure
        return (
            self._is_seated
            and tenure is not None
            and tenure.worker.alive
            and not tenure.is_dismissed
        )

    # ------------------------------------------------------------------ preparing

    def prepare(self, delay_s: float = 0.0) -> None:
        """Has one made ready, if there is none."""
        self._wanted = True
        if self.is_given_up or self.tenure is not None:
            return
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._prepare(delay_s))

    async def settled(self) -> None:
        """Until it is ready, or it is known why not."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _prepare(self, delay_s: float) -> None:
        try:
            if delay_s > 0:
                await asyncio.sleep(delay_s)
            if not self._wanted:
                return
            launched = await self._owner.launch_standby(self._started)
            tenure = launched.tenure
            if launched.problem:
                self.give_up(launched.problem)
            elif tenure is None or launched.loaded is None or not tenure.worker.alive:
                return  # its end says the rest
            elif tenure.is_dismissed or tenure is not self.tenure:
                return
            else:
                self._owner.standby_is_ready(launched)
                self._is_seated = True
        except Exception as error:  # ours, not the plugin's: nobody awaits this task
            self.give_up(f"{type(error).__name__}: {error}")

    def _started(self, tenure: Tenure) -> None:
        self.tenure = tenure

    # ------------------------------------------------------------------ changing parts

    def release(self) -> Tenure | None:
        """It plays from now on; whoever played is gone."""
        tenure, self.tenure, self._is_seated = self.tenure, None, False
        return tenure

    def exchange(self, tenure: Tenure) -> Tenure | None:
        """It plays from now on; whoever played stands by."""
        before, self.tenure = self.tenure, tenure
        return before

    # ------------------------------------------------------------------ the end

    def lost(self, tenure: Tenure, exit: WorkerExit, no_fault: bool) -> None:
        """Its worker has ended. `no_fault`: of something that nobody is blamed for."""
        was_ready = self._is_seated
        self.tenure, self._is_seated = None, False
        if not self._wanted or self.is_given_up:
            return
        if no_fault or tenure.is_dismissed:
            self._prepare_again(_AGAIN_S if was_ready else 0.0)
            return
        back_off_s = self._owner.standby_failed(tenure, exit)
        if back_off_s is None:
            self.give_up("it failed too often")
        else:
            self._prepare_again(back_off_s)

    def _prepare_again(self, delay_s: float) -> None:
        """From the end of a worker: the task that launched it may not have looked yet."""
        self._task = asyncio.get_running_loop().create_task(self._prepare(delay_s))

    def give_up(self, reason: str) -> None:
        if self.is_given_up:
            return
        self.is_given_up = True
        if self.tenure is not None:
            self.tenure.dismiss()
        self._owner.standby_given_up(reason)

    def dismiss(self) -> None:
        """None is wanted until the next `prepare`."""
        self._wanted = False
        if self.tenure is not None:
            self.tenure.dismiss()

    async def close(self) -> None:
        self._wanted = False
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self.tenure is not None:
            try:
                await self.tenure.worker.stop()
            except WorkerError as error:
                self._owner.note_of_standby(str(error))

    # ------------------------------------------------------------------ watching

    def tick(self, stalled: bool) -> None:
        """As of the worker that plays, of one that nobody hears."""
        tenure = self.tenure
        if tenure is None or not self.is_ready:
            return
        if tenure.chain.lost(tenure.record):
            tenure.condemn(FaultKind.CRASH, Phase.PROCESS)
        elif self._owner.is_out_of_step(tenure):
            self._owner.note_of_standby("was too far behind; another one is prepared")
            tenure.dismiss()
        elif not stalled and hangs(tenure, self._native, self._policy):
            tenure.condemn(FaultKind.HANG, Phase.PROCESS)
