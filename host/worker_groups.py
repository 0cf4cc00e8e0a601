# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a slot's plugin runs: in a process of its own, or in one with others.

Who shares is settled before the first plugin is loaded (host/grouping.py), and anew when the song's
grouping is changed (host/regroup.py). A process must know all
its members before any of them is loaded, so those of a group wait for each other, for a while. One
that has ended its process, or may have, is moved out: from then on it runs alone.
"""

import asyncio
import contextlib
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from host.config import FaultPolicy
from host.engine_module import Engine
from host.events import EventLog, HostEventKind
from host.fault_history import FaultHistory
from host.group_blame import blamed
from host.worker_group import GroupMember, Place, WorkerGroup
from ipc.errors import WorkerError
from ipc.launcher import Launcher
from ipc.worker_process import WorkerExit, WorkerProcess

# How long members wait for each other: at first their files are looked at, later they all come at
# once. Who is late makes a group of its own, or runs alone.
_FIRST_S, _AGAIN_S = 10.0, 1.0


@dataclass
class _Gathering:
    places: list[Place] = field(default_factory=list)
    is_over: asyncio.Event = field(default_factory=asyncio.Event)
    forming: asyncio.Task[WorkerGroup] | None = None
    limit: asyncio.TimerHandle | None = None


class WorkerGroups:
    """Belongs to the control thread's loop; `close` it when all slots are closed, or close."""

    def __init__(
        self,
        launcher: Launcher,
        engine: Engine,
        policy: FaultPolicy,
        events: EventLog,
        realtime: bool,
    ) -> None:
        self._launcher = launcher
        self._engine = engine
        self._policy = policy
        self._events = events
        self._realtime = realtime
        self._keys: dict[str, str] = {}  # of slots that share, what those that share have in common
        self._gatherings: dict[str, _Gathering] = {}
        self._groups: list[WorkerGroup] = []
        self._alone: set[str] = set()  # slots that could share, and came at another time
        self._formed: set[str] = set()  # keys whose slots come at once, or late
        self._forming: set[asyncio.Task[WorkerGroup]] = set()
        self._kills: dict[str, FaultHistory] = {}  # of processes by somebody else, by key

    def assign(self, keys: Mapping[str, str], heard: Collection[str] = ()) -> None:
        """Slots of the same key share a process, from their next start on. `heard`: keys of slots
        that are silent while they wait, which is not for long."""
        for key in list(self._gatherings):
            self._finish(key)  # whoever waits for others may wait in vain
        self._keys = dict(keys)
        self._alone.clear()
        self._formed = set(heard)

    async def worker_for(self, place: Place) -> WorkerProcess | GroupMember:
        """A process for the slot's plugin, or a part of one. Raises as Launcher.spawn does."""
        key = self._keys.get(place.slot)
        if key is None:
            return await self._launcher.spawn()
        self._alone.discard(place.slot)
        gathering = self._join(key, place)
        try:
            await gathering.is_over.wait()
        except asyncio.CancelledError:
            if not gathering.is_over.is_set():
                gathering.places.remove(place)
            raise
        if len(gathering.places) == 1:
            self._alone.add(place.slot)
            return await self._launcher.spawn()
        if gathering.forming is None:
            gathering.forming = asyncio.get_running_loop().create_task(self._form(gathering.places))
            self._forming.add(gathering.forming)
            gathering.forming.add_done_callback(self._forming.discard)
        group = await asyncio.shield(gathering.forming)
        return next(member for member in group.members if member.place is place)

    def move_out(self, slot: str) -> None:
        """From its next start on it runs alone, if there is one."""
        key = self._keys.pop(slot, None)
        if key is not None:
            self._look(key)

    async def close(self) -> None:
        """Stops what no slot has stopped."""
        while self._forming or self._groups:
            if self._forming:
                await asyncio.wait(set(self._forming))
            for group in list(self._groups):
                with contextlib.suppress(WorkerError):  # its slots have said it
                    await group.stop(1.0)
                self._forget(group)

    # -- inside ---------------------------------------------------------------------------------

    def _join(self, key: str, place: Place) -> _Gathering:
        gathering = self._gatherings.get(key)
        if gathering is None:
            gathering = self._gatherings[key] = _Gathering()
            limit_s = _AGAIN_S if key in self._formed else _FIRST_S
            gathering.limit = asyncio.get_running_loop().call_later(limit_s, self._finish, key)
        gathering.places.append(place)
        self._look(key)
        return gathering

    def _look(self, key: str) -> None:
        """Is everybody here who may come?"""
        gathering = self._gatherings.get(key)
        if gathering is None:
            return
        # Those of a process that the host has just ended come too.
        lasting = [group for group in self._groups if not group.is_ended_on_purpose]
        elsewhere = {m.place.slot for group in lasting for m in group.present} | self._alone
        here = {place.slot for place in gathering.places}
        may_come = {slot for slot, of in self._keys.items() if of == key} - elsewhere
        if may_come <= here:
            self._finish(key)

    def _finish(self, key: str) -> None:
        gathering = self._gatherings.pop(key)
        assert gathering.limit is not None
        gathering.limit.cancel()
        self._formed.add(key)
        gathering.is_over.set()

    async def _form(self, places: list[Place]) -> WorkerGroup:
        group = WorkerGroup(await self._launcher.spawn(), places, self._realtime, self._ended)
        self._groups.append(group)
        return group

    def _ended(self, group: WorkerGroup, exit: WorkerExit) -> None:
        self._forget(group)
        if not group.present:
            return
        guilty = blamed(group, exit)
        if any(m.place.chain.is_damaged and not m.is_accused for m in guilty):
            guilty = []  # whoever wrecked it: who falls over that is not to blame
        outside = exit.is_outside_kill and not any(member.is_accused for member in guilty)
        if outside:
            guilty = group.present[:1]  # who reports it
        for member in group.present:
            member.is_taken_along = member not in guilty
            member.suspects = tuple(m.place.label for m in guilty if m is not member)
        if not outside:
            self._move_out(group, guilty)
        elif self._is_killed_again(group):
            for member in group.present:
                self.move_out(member.place.slot)
            self._notice("a process with several plugins was killed twice; each runs alone now")

    def _is_killed_again(self, group: WorkerGroup) -> bool:
        """Whoever kills it, out of memory perhaps, may mean one of them."""
        slot = group.present[0].place.slot
        history = self._kills.setdefault(self._keys.get(slot, slot), FaultHistory(self._policy))
        history.add(time.monotonic(), own=False)
        return history.is_repeated

    def _move_out(self, group: WorkerGroup, guilty: list[GroupMember]) -> None:
        for member in guilty:
            self.move_out(member.place.slot)
        if len(guilty) > 1:
            who = ", ".join(member.place.label for member in guilty)
            text = f"one of {who} ended the process that they shared; each runs alone now"
            self._notice(text, tuple(member.place.slot for member in guilty))
        elif guilty and (others := guilty[0].neighbours):
            labels = ", ".join(place.label for place in others)
            text = f"{guilty[0].place.label} shared a process with {labels}"
            names = (guilty[0].place.slot, *(place.slot for place in others))
            self._notice(f"{text}; they are restarted without it", names)

    def _notice(self, text: str, names: tuple[str, ...] = ()) -> None:
        """When the slots have said what became of their own."""
        block = self._engine.block_count
        asyncio.get_running_loop().call_later(
            0.0, lambda: self._events.add(HostEventKind.NOTICE, text, block=block, names=names)
        )

    def _forget(self, group: WorkerGroup) -> None:
        if group in self._groups:
            self._groups.remove(group)
