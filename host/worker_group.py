# SPDX-License-Identifier: GPL-3.0-or-later
"""One process that plays several slots, each on an audio thread of its own.

To its slot, a member is what a worker is. But a process ends as a whole: of all members, one or a
few have ended it (host/group_blame.py finds out which), and the others are taken along without
blame. A member that never played leaves without ending anything.
"""

import asyncio
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar, cast

import msgspec

from host.chain_host import ChainHost
from host.crash_report import FaultKind, Phase
from ipc.connection import RequestFailed, RequestTimeout
from ipc.denial import Denial
from ipc.errors import MachineError
from ipc.messages import (
    SHARED_IDLE_NAME,
    ChainGeometry,
    CloseWindow,
    Gather,
    GetParameters,
    Load,
    Member,
    Message,
    OpenWindow,
    ParameterFromText,
    ParameterText,
    Request,
    SaveState,
    SetProgram,
    WindowNews,
    member_thread_name,
)
from ipc.permissions import PROFILES, Permissions, default_memory_mb, machine_memory_mb
from ipc.worker_process import (
    WorkerDied,
    WorkerExit,
    WorkerMemory,
    WorkerProcess,
)

R = TypeVar("R", bound=Message)

_GATHER_S = 10.0
_MOST_MEMORY = 3  # quarters of the machine's


@dataclass(frozen=True)
class Place:
    """Where a slot's plugin plays: what a process must be given before any plugin's code runs."""

    slot: str  # its id
    label: str
    plugin: str
    chain: ChainHost
    record: int
    permissions: Permissions


class GroupMember:
    """One slot's part of a process. `exited` gets its result when the member or the process has
    ended; `reaped` when nothing of the process is left."""

    def __init__(self, group: "WorkerGroup", number: int, place: Place) -> None:
        loop = asyncio.get_running_loop()
        self.number = number
        self.place = place
        self.pid = group.process.pid
        self.exited: asyncio.Future[WorkerExit] = loop.create_future()
        self.reaped: asyncio.Future[bool] = loop.create_future()
        self.on_denial: Callable[[Denial], None] = lambda denial: None
        self.on_missing: Callable[[list[str]], None] = lambda missing: None
        self.on_window: Callable[[WindowNews], None] = lambda news: None
        self.thread_id = 0  # of its audio thread, once it is loaded
        self.path = ""  # of its plugin's file, once it is loaded
        self.is_accused = False  # its slot has given it up for a fault
        # Gives it up: what its slot does when a neighbour's request shows that this one hangs.
        self.condemn: Callable[[FaultKind, Phase | None], None] = lambda kind, phase: None
        # Once the process has ended: this one did nothing. If not, the others that may have.
        self.is_taken_along = False
        self.suspects: tuple[str, ...] = ()
        self._group = group
        self._is_loaded = False

    @property
    def phase(self) -> str:
        if self.is_asked:
            return self._group.process.phase
        return "process" if self._is_loaded else "idle"

    @property
    def alive(self) -> bool:
        return not self.exited.done()

    @property
    def shows_windows(self) -> bool:
        return self._group.process.shows_windows

    @property
    def is_asked(self) -> bool:
        """The process works on a request of this one, or will when it is through with another's."""
        return self in self._group.asked

    @property
    def neighbours(self) -> list[Place]:
        """Of the others that are in the process, now or at its end."""
        return [member.place for member in self._group.present if member is not self]

    async def settle_denials(self) -> None:
        await self._group.process.settle_denials()

    async def request(self, message: Request[R], timeout_s: float) -> R:
        """As of a WorkerProcess. The time that others' requests take does not count."""
        try:
            if isinstance(message, Load):
                await self._group.gathered()
            async with self._group.turn:
                if not self.alive:  # it has left meanwhile
                    raise WorkerDied(self.exited.result())
                reply = await self._group.ask(self, self._mine(message), timeout_s)
        except WorkerDied:
            await asyncio.shield(self.exited)
            raise
        if isinstance(message, Load):
            self._is_loaded = True
        return reply

    def hanging(self) -> "list[GroupMember]":
        """Whose code the main thread is in while this one waits for it in vain."""
        return self._group.served() or [self]

    def kill(self) -> None:
        """Ends the process, with all members."""
        self._group.process.kill()

    def dismiss(self, has_played: bool) -> None:
        """Ends it without blame. One that never played leaves, and the others go on: what it has in
        memory stays there until the process ends."""
        if has_played or self.is_asked:
            self._group.is_ended_on_purpose = True
            self.kill()
        elif self.alive:
            self._group.leave(self)

    async def stop(self, timeout_s: float = 1.0) -> WorkerExit:
        """Ends the process: nobody stops one member alone. Raises as WorkerProcess.stop does."""
        return await self._group.stop(timeout_s)

    def stderr_tail(self) -> str:
        return self._group.process.stderr_tail()

    def memory(self) -> WorkerMemory | None:
        """Its share of the process."""
        whole, sharers = self._group.process.memory(), max(1, len(self._group.present))
        if whole is None:
            return None
        return WorkerMemory(whole.rss // sharers, whole.pss // sharers, whole.private // sharers)

    def _mine(self, message: Request[R]) -> Request[R]:
        kinds = (
            *(Load, SaveState, SetProgram, GetParameters, ParameterText, ParameterFromText),
            *(OpenWindow, CloseWindow),
        )
        if isinstance(message, kinds):
            return cast(Request[R], msgspec.structs.replace(message, member=self.number))
        return message


class WorkerGroup:
    """The process, and those in it. `on_end` is called when it has ended, before the members'
    slots are told."""

    def __init__(
        self,
        process: WorkerProcess,
        places: Sequence[Place],
        realtime: bool,
        on_end: "Callable[[WorkerGroup, WorkerExit], None]",
    ) -> None:
        self.process = process
        self.turn = asyncio.Lock()
        self.members = [GroupMember(self, n, place) for n, place in enumerate(places)]
        self.present = list(self.members)
        self.is_ended_on_purpose = False
        # Whose requests have not been answered, the oldest first: they are served in turn, and one
        # that timed out is still being served.
        self.asked: list[GroupMember] = []
        self._realtime = realtime
        self._on_end = on_end
        self._gathering: asyncio.Task[None] | None = None
        self._stopping: asyncio.Task[WorkerExit] | None = None
        process.on_denial = self._tell_denial
        process.on_missing = self._tell_missing
        process.on_window = self._tell_window
        process.exited.add_done_callback(self._ended)
        process.reaped.add_done_callback(self._reaped)

    async def gathered(self) -> None:
        """Once all that the members need is attached and their rights are given up. Raises as
        WorkerProcess.request does."""
        if self._gathering is None:
            self._gathering = asyncio.get_running_loop().create_task(self._gather())
        await asyncio.shield(self._gathering)

    async def _gather(self) -> None:
        request = Gather(
            members=[_member(member.place) for member in self.members],
            realtime=self._realtime,
            permissions=joint_permissions([m.place.permissions for m in self.members]),
        )
        async with self.turn:
            try:
                await self.process.request(request, _GATHER_S)
            except RequestTimeout as error:  # no plugin's code has run
                raise MachineError(str(error)) from None

    async def ask(self, member: GroupMember, message: Request[R], timeout_s: float) -> R:
        """In its turn."""
        self.asked.append(member)
        try:
            reply = await self.process.request(message, timeout_s)
        except (RequestTimeout, WorkerDied):
            raise  # it is still being served, or was at the end
        except RequestFailed:
            self._answered(member)
            raise
        except BaseException:
            self.asked.remove(member)
            raise
        self._answered(member)
        return reply

    def _answered(self, member: GroupMember) -> None:
        del self.asked[: self.asked.index(member) + 1]

    def served(self) -> list[GroupMember]:
        """Whose code the main thread is in, as its name says; several where it is one of theirs."""
        try:
            with open(f"/proc/{self.process.pid}/comm", encoding="utf-8", errors="replace") as file:
                return self.named(file.read().strip())
        except OSError:
            return []

    def named(self, thread_name: str) -> list[GroupMember]:
        """Whom the main thread serves when it is called that."""
        if thread_name == SHARED_IDLE_NAME:
            return list(self.members)
        return [m for m in self.members if member_thread_name(m.number) == thread_name]

    def leave(self, member: GroupMember) -> None:
        self.present.remove(member)
        member.exited.set_result(_left(self.process))
        if not self.present:
            self.process.kill()

    async def stop(self, timeout_s: float) -> WorkerExit:
        self.is_ended_on_purpose = True
        if self._stopping is None:
            self._stopping = asyncio.get_running_loop().create_task(self.process.stop(timeout_s))
        return await asyncio.shield(self._stopping)

    def member_of_thread(self, thread: int) -> GroupMember | None:
        """Who runs on it: of the main thread, who is asked something."""
        if thread == self.process.pid:
            return self.asked[0] if self.asked else None
        return next((m for m in self.members if 0 < m.thread_id == thread), None)

    def _tell_denial(self, denial: Denial) -> None:
        known = self.member_of_thread(denial.thread)
        if known is not None:
            known.on_denial(denial)
            return
        alone = len(self.members) == 1
        for member in self.members:
            member.on_denial(msgspec.structs.replace(denial, is_uncertain=not alone))

    def _tell_window(self, news: WindowNews) -> None:
        if news.member < len(self.members):
            self.members[news.member].on_window(news)

    def _tell_missing(self, missing: list[str]) -> None:
        self.members[0].on_missing(missing)  # the same for all

    def _ended(self, done: "asyncio.Future[WorkerExit]") -> None:
        if done.cancelled():
            for member in self.present:
                member.exited.cancel()
            return
        exit = done.result()
        try:
            self._on_end(self, exit)
        except Exception:  # ours: whoever it was, the members must hear of their end
            traceback.print_exc()
        for member in self.present:
            snapshot = None if member.is_taken_along else exit.snapshot
            member.exited.set_result(replace(exit, phase=member.phase, snapshot=snapshot))

    def _reaped(self, done: "asyncio.Future[bool]") -> None:
        for member in self.members:
            member.reaped.set_result(done.result())


def joint_permissions(each: Sequence[Permissions]) -> Permissions:
    """What plugins may do in one process: read and write what any of them may, have the memory of
    all, but not the machine's, and nothing else that one of them may not."""
    memory_mb = sum(one.memory_mb or default_memory_mb() for one in each)
    return Permissions(
        profile=min((one.profile for one in each), key=PROFILES.index),
        read=tuple(dict.fromkeys(path for one in each for path in one.read)),
        write=tuple(dict.fromkeys(path for one in each for path in one.write)),
        network=all(one.network for one in each),
        display=all(one.display for one in each),
        memory_mb=max(default_memory_mb(), min(memory_mb, _MOST_MEMORY * machine_memory_mb() // 4)),
    )


def _left(process: WorkerProcess) -> WorkerExit:
    """The end of one member of a process that goes on."""
    return WorkerExit(
        pid=process.pid,
        signal=None,
        exit_code=None,
        phase="idle",
        killed_by_host=True,
        uptime_s=time.monotonic() - process.started_monotonic,
        user_s=0.0,
        system_s=0.0,
        max_rss_bytes=0,
        last_pss_bytes=None,
        stderr_tail=process.stderr_tail(),
    )


def _member(place: Place) -> Member:
    shape = place.chain.geometry
    return Member(
        plugin=place.plugin,
        geometry=ChainGeometry(
            records=shape.records, max_frames=shape.max_frames, sample_rate=shape.sample_rate
        ),
        segments=place.chain.segments.names,
        record=place.record,
    )
