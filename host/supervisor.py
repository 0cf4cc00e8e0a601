# SPDX-License-Identifier: GPL-3.0-or-later
"""The control thread's work: starts the mix, looks after it, takes it down.

All coroutines of this class run on one asyncio loop. Nothing here is in the way of the audio
thread: it may be late by a second and the mix plays on.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping

from host.commands import CommandQueue
from host.conduct import Conduct
from host.conduct_keeper import ConductKeeper
from host.config import HostConfig
from host.crash_explainer import CrashExplainer
from host.engine_module import Engine, Watchdog
from host.events import EventLog, HostEventKind
from host.fault_archive import FaultArchive
from host.grouping import group_keys
from host.media import TrackMedia
from host.mix import Mix, raise_first
from host.mix_change import MixChange
from host.permissions import PermissionRules
from host.plugin_id import PluginFormat
from host.preview import Previews
from host.regroup import regroup
from host.session.session import Session
from host.slot_context import SlotContext
from host.slot_supervisor import SlotSupervisor
from host.slot_window import WindowChange
from host.song import Grouping, Song
from host.store.blacklist import Blacklist
from host.store.conduct_store import ConductStore
from host.store.crash_store import CrashStore
from host.trust.gate import TrustGate
from host.worker_groups import WorkerGroups
from ipc.errors import IsoboothError, WorkerError
from ipc.launcher import Launcher
from ipc.sweep import sweep_dead_hosts

_TICK_S = 0.01
# The control thread itself was not scheduled for this long: clocks of others prove nothing.
_STALL_S = 0.25
_LOOK_UP_S = 8.0


class Supervisor:
    def __init__(
        self,
        config: HostConfig,
        engine: Engine,
        launcher: Launcher,
        crashes: CrashStore | None,
        blacklist: Blacklist | None,
        events: EventLog,
        watchdog: Watchdog | None,
        session: Session | None = None,
        trust: TrustGate | None = None,
        conduct: ConductStore | None = None,
    ) -> None:
        self._trust = trust
        self.config = config
        self.engine = engine
        self.events = events
        self.commands = CommandQueue()
        self.launcher = launcher
        self.mix: Mix | None = None
        self.previews: Previews | None = None
        self.permissions = config.permissions
        self._blacklist = blacklist
        self._workers = WorkerGroups(
            launcher,
            engine,
            config.faults,
            events,
            realtime=config.realtime and not config.offline and config.worker_priority > 0,
        )
        self._archive = FaultArchive(crashes, blacklist) if crashes and blacklist else None
        self._conduct = (
            ConductKeeper(conduct, self._archive, config) if conduct and self._archive else None
        )
        self._conduct_store = conduct
        self._explainer = CrashExplainer()
        self._watchdog = watchdog
        self._session = session
        self._told: set[str] = set()
        self._context: SlotContext | None = None
        self._changing = asyncio.Lock()
        self._ticker: asyncio.Task[None] | None = None
        self._starting: asyncio.Task[object] | None = None
        self._closing = False

    def new_mix(self, song: Song) -> Mix:
        """The song, its media not yet read."""
        return Mix(song, self.config, self.engine, self.commands, self.events)

    async def start(self, mix: Mix) -> None:
        """Loads the plugins of a mix whose media are read. Raises InputError or MachineError;
        plugins that fail say so in their status instead."""
        self._starting = asyncio.current_task()
        swept = sweep_dead_hosts()
        if swept:
            self.events.add(HostEventKind.NOTICE, str(swept))
        self.mix = mix
        await self.launcher.start()
        for plugin_format in self._formats(mix.song):
            with contextlib.suppress(WorkerError):  # the workers will say what is missing
                await self.launcher.warm(plugin_format)
        self._context = context = SlotContext(
            config=self.config,
            engine=self.engine,
            commands=self.commands,
            launcher=self.launcher,
            workers=self._workers,
            watchdog=self._watchdog,
            archive=self._archive,
            explainer=self._explainer,
            conduct=self._conduct,
            blacklist=self._blacklist,
            trust=self._trust,
            events=self.events,
            mix=mix,
            permissions=self.permissions,
            session=self._session,
            song_name=mix.song.name or None,
        )
        self.previews = Previews(mix, context)
        self._workers.assign(await self._groups(mix, context))
        if not self._closing:
            await mix.start(context)
        for note in mix.notes:
            self.events.add(HostEventKind.NOTICE, note)
        if not self.config.offline and not mix.is_locked():
            self.events.add(
                HostEventKind.NOTICE,
                "the plugins' shared memory could not be locked in RAM: a block may be late when "
                "memory runs short; raise the memlock limit (`isobooth doctor` says how)",
            )
        if not self._closing:
            self._ticker = asyncio.create_task(self._tick_forever())

    async def _groups(self, mix: Mix, context: SlotContext) -> dict[str, str]:
        """Which slots share a process; none where it is not known what may."""
        grouping = self.config.grouping or mix.song.grouping
        if grouping is Grouping.PLUGIN:
            return {}
        known: dict[str, Conduct] = {}
        store = self._conduct_store
        if store is not None:
            plugins = {slot.plugin for _, slot in mix.song.slots()}
            try:
                known = await context.look_up(lambda: store.of(plugins), _LOOK_UP_S)
            except (IsoboothError, TimeoutError) as error:
                self.events.add(
                    HostEventKind.NOTICE,
                    f"every plugin runs in a process of its own: how they have behaved cannot be "
                    f"looked up: {str(error) or 'the data folder does not answer'}",
                )
                return {}
        return group_keys(grouping, mix.groupable(), known, self.permissions)

    async def change(self, song: Song, media: Mapping[str, TrackMedia], wait: bool) -> None:
        """Another song takes the place of the one that plays, without stopping it. `wait`: until
        its new plugins are loaded or have failed. Raises InputError or MachineError if it cannot
        be, and then nothing has changed."""
        mix, context = self.mix, self._context
        assert mix is not None and context is not None
        known_notes = len(mix.notes)
        async with self._changing:
            regroups = song.grouping != mix.song.grouping
            change = MixChange(mix, song, media, context)
            await change.apply()
            if regroups:
                await regroup(mix, context, await self._groups(mix, context))
        if wait:
            starts = [slot.starting for slot in change.made if slot.starting is not None]
            await asyncio.gather(*starts)
        for note in mix.notes[known_notes:]:
            self.events.add(HostEventKind.NOTICE, note, block=self.engine.block_count)

    def permit(self, permissions: PermissionRules) -> None:
        """For the plugins that are loaded from now on. Those that may do something else than before
        are loaded alone: their neighbours must not be given it by a restart of their process."""
        before, self.permissions = self.permissions, permissions
        if self._context is not None:
            self._context.permissions = permissions
        for slot in self.slots():
            if permissions.of(slot.spec.plugin) != before.of(slot.spec.plugin):
                self._workers.move_out(slot.spec.id)

    @property
    def has_window_changes(self) -> bool:
        return any(slot.window.changes for slot in self.slots())

    def take_window_changes(self) -> list[WindowChange]:
        """What was changed in plugins' own windows since this was last called, gesture by gesture.
        From any one thread."""
        waiting = [slot.window.changes for slot in self.slots()]
        taken = [changes.popleft() for changes in waiting for _ in range(len(changes))]
        return sorted(taken, key=lambda change: change.gesture)

    async def close(self) -> None:
        """Stops every worker, frees the chains, waits for crash reports to be written. The engine
        must be stopped."""
        self._closing = True
        await self._end_start()
        async with self._changing:
            pass  # what it begins is ended below
        if self._ticker is not None:
            self._ticker.cancel()
            await asyncio.wait([self._ticker])
        if self.mix is None:
            await self._explainer.close()
            return
        try:
            if self.previews is not None:
                await self.previews.close()
            ends = [*(slot.close() for slot in self.mix.slots()), self._workers.close()]
            raise_first(await asyncio.gather(*ends, return_exceptions=True))
        finally:
            self.engine.clear()
            self.mix.close()
            await self._explainer.close()
            if self._conduct is not None:
                self._conduct.close(self.mix.slots(), self.engine.block_count)
            if self._archive is not None and not await self._archive.close():
                self.events.add(
                    HostEventKind.NOTICE,
                    "the last crash reports are not written yet: the data folder does not answer",
                )

    async def _end_start(self) -> None:
        """Ends a start that nobody waits for any more (Ctrl-C): it must not go on behind a close,
        and starts no new worker once the old ones are dead."""
        while self._starting is not None and not self._starting.done():
            self.kill_workers()
            await asyncio.wait([self._starting], timeout=_TICK_S)

    async def settle_denials(self) -> None:
        """Waits until all that plugins were denied so far has been told; for a bounded time."""
        tenures = [tenure for slot in self.slots() for tenure in slot.seats.all()]
        await asyncio.gather(*(tenure.worker.settle_denials() for tenure in tenures))

    def kill_workers(self) -> None:
        """For the end only: nothing is reported or restarted."""
        for slot in self.slots():
            slot.end()

    @property
    def blacklist(self) -> Blacklist | None:
        return self._blacklist

    def slots(self) -> list[SlotSupervisor]:
        return list(self.mix.slots()) if self.mix is not None else []

    @staticmethod
    def _formats(song: Song) -> list[str]:
        """Formats worth preparing in the launcher, in the order they are first needed."""
        formats = dict.fromkeys(slot.plugin_id.format for _, slot in song.slots())
        ours = (PluginFormat.BUILTIN, PluginFormat.FAULT)
        return [f.value for f in formats if f not in ours]

    async def _tick_forever(self) -> None:
        before = time.monotonic()
        calm_since = before
        while True:
            await asyncio.sleep(_TICK_S)
            now = time.monotonic()
            if now - before > _STALL_S:
                calm_since = now
            before = now
            stalled = now - calm_since < _STALL_S
            assert self.mix is not None and self.previews is not None
            self._guarded("commands", self.commands.flush)
            for slot in [*self.mix.slots(), *self.previews.slots]:
                self._guarded(slot.spec.label, slot.tick, now, stalled)
            self._guarded("the plan", self.mix.tick, now)
            self._guarded("the preview", self.previews.tick)

    def _guarded(self, what: str, work: Callable[..., None], *arguments: object) -> None:
        """Supervision of the others goes on whatever happens here."""
        try:
            work(*arguments)
        except Exception as error:
            text = f"{what}: supervision failed once: {type(error).__name__}: {error}"
            if text not in self._told:
                self._told.add(text)
                self.events.add(HostEventKind.NOTICE, text)
