# SPDX-License-Identifier: GPL-3.0-or-later
"""One plugin slot's life: loaded, watched, restarted with its state, quarantined.

Everything here runs on the control thread's asyncio loop. The audio thread needs none of it to
keep the mix on time; this decides what becomes of a plugin that failed it.
"""

import asyncio
import contextlib
import time

import msgspec

from host.chain_host import ChainHost
from host.crash_report import FaultKind, Phase
from host.denials import SlotDenials
from host.engine_module import PluginSlot
from host.events import HostEventKind
from host.journal import Journal
from host.next_blocks import next_blocks
from host.poison import PoisonWatch
from host.slot_context import SlotContext
from host.slot_controls import SlotControls
from host.slot_faults import SlotFaults
from host.slot_loading import load_request
from host.slot_state import SlotState
from host.slot_watch import (
    MAX_LATENCY_FRAMES,
    LatencyWatch,
    Lateness,
    LatenessWatch,
    hangs,
    longest_rubbish,
    rubbish,
)
from host.song import Slot
from host.store.blacklist import BlacklistEntry
from host.tenure import Tenure
from host.trust.settings import Policy
from ipc._native import monotonic_ns
from ipc.aside import aside
from ipc.connection import RequestFailed, RequestTimeout
from ipc.description import PluginDescription
from ipc.errors import IsoboothError, MachineError, ProtocolError, WorkerError
from ipc.messages import GetParameters, Loaded
from ipc.processes import is_thread_of
from ipc.status import SlotStatus
from ipc.worker_process import WorkerDied, WorkerExit, WorkerProcess

_KILLED_S = 3.0  # a killed worker ends within milliseconds
_BEFORE_PLUGIN = ("attach", "lock_down")  # steps of a load that are no plugin's doing
_HASH_S = 60.0  # of a plugin with gigabytes of samples in its bundle
_LOOK_UP_S = 8.0  # a little more than the database waits for others

_PLAYING = (SlotStatus.ACTIVE, SlotStatus.LATE, SlotStatus.BYPASSED)
_GIVEN_UP = (SlotStatus.QUARANTINED, SlotStatus.FAILED)


class SlotSupervisor:
    """Keeps one slot's plugin running, or says why it does not."""

    def __init__(
        self, spec: Slot, native: PluginSlot, chain: ChainHost, context: SlotContext
    ) -> None:
        self.spec = spec
        self.native = native
        self.chain = chain
        self.status = SlotStatus.RESTARTING
        self.reason = ""  # why it is not active, for people
        self.restarts = 0
        self.description: PluginDescription | None = None
        self.tail_s = 0.0
        self.last_restart_s: float | None = None
        session = context.session
        self.journal = Journal(spec.state) if session is None else session.journal_of(spec)
        self.rejected_parameters: list[str] = []
        # The worker's words where it said no to loading the plugin, or to the song's own state;
        # empty if it did not.
        self.refused = ""
        self.state_refused = ""
        self.was_loaded = False  # by some worker
        self.denials = SlotDenials(spec, context.events, context.engine)
        self._context = context
        self._policy = context.config.faults
        self._controls = SlotControls(context.engine, native, context.commands)
        self._state = SlotState(self.journal, native, context.engine, context.config)
        self._lateness = LatenessWatch(native, self._policy)
        self._latency = LatencyWatch()
        self._poison = PoisonWatch()
        self._faults = SlotFaults(context, self._log)
        self._tenure: Tenure | None = None
        self._bypassed = spec.bypassed  # by the user
        self._closing = False
        self._launching = False
        self._died_ns = 0
        self._last_edit_s = 0.0
        self._restart: asyncio.Task[None] | None = None
        self._saving: asyncio.Task[None] | None = None
        self._verifying: asyncio.Task[None] | None = None
        self._reaping: set[asyncio.Task[None]] = set()

    @property
    def worker(self) -> WorkerProcess | None:
        return self._tenure.worker if self._tenure is not None else None

    @property
    def record(self) -> int | None:
        """The chain's record that its worker plays on; None while it has no worker."""
        return self._tenure.record if self._tenure is not None else None

    @property
    def reports(self) -> list[str]:
        """Ids of its crash reports."""
        return self._faults.reports

    @property
    def latency_frames(self) -> int:
        return self._latency.frames

    # ------------------------------------------------------------------ start and stop

    async def start(self) -> None:
        """Loads the plugin. Afterwards the status says how it went."""
        entry = await self._blacklisted()
        self._state.postpone(time.monotonic())
        if entry is None:
            await self._launch()
            return
        self._give_up(SlotStatus.QUARANTINED, f"blacklisted: {entry.reason}")
        self._log(
            HostEventKind.QUARANTINED,
            f"{self.spec.label} stays bypassed: {self.spec.plugin} is blacklisted "
            f"({entry.reason}); `isobooth blacklist remove {entry.id}` lifts it",
        )

    async def _blacklisted(self) -> BlacklistEntry | None:
        """A list that cannot be read keeps no plugin from playing: it is sandboxed either way."""
        blacklist = self._context.blacklist
        if blacklist is None or self._context.config.ignore_blacklist:
            return None
        problem = "the data folder does not answer"
        try:
            return await aside(lambda: blacklist.is_blacklisted(self.spec.plugin), _LOOK_UP_S)
        except TimeoutError:
            pass
        except MachineError as error:
            problem = str(error)
        self._notice(f"it is loaded although the blacklist cannot be read: {problem}")
        return None

    def end(self) -> None:
        """Kills the worker and makes nothing of it; only `close` makes sense afterwards."""
        self._closing = True
        self._set(SlotStatus.FAILED, "its host ends")
        if self._tenure is not None:
            self._tenure.worker.kill()

    async def close(self) -> None:
        """Stops the worker and waits until all that it started is gone."""
        self._closing = True
        for task in (self._restart, self._saving, self._verifying):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, IsoboothError):
                    await task
        if self._tenure is not None:
            try:
                await self._tenure.worker.stop()
            except WorkerError as error:
                self._notice(str(error))
        while self._reaping:
            await asyncio.gather(*self._reaping)

    # ------------------------------------------------------------------ steering and asking

    def set_parameter(self, index: int, value: float) -> None:
        """An edit by the user: journalled, then sent; it survives a crash a moment later."""
        self._last_edit_s = time.monotonic()
        self._controls.edit(self.journal.edit(index, value))

    def set_bypass(self, bypassed: bool) -> None:
        self._bypassed = bypassed
        self._lateness.forget()
        self._send_bypass()
        if self.status in _PLAYING:
            self._show_bypass()

    def fail(self, reason: str) -> None:
        """It is not heard any more; its policy for misses says what is heard instead."""
        self._give_up(SlotStatus.FAILED, reason)
        if self._tenure is not None:
            self._tenure.dismiss()
        self._log(HostEventKind.FAILED, reason)

    async def parameters(self) -> list[float]:
        """All parameters' values, normalized, as the plugin says. Raises WorkerError."""
        if self.worker is None:
            raise WorkerError(f"{self.spec.label} is {self.status}: nobody to ask")
        return (await self.worker.request(GetParameters(), self._policy.save_limit_s)).values

    async def capture(self) -> Slot:
        """The slot as a song keeps it, as it is now: with the plugin's state, or the last good one
        if the plugin cannot say, and every edit made before this call."""
        slot = None
        if self._tenure is not None and self.status in _PLAYING:
            runs = self.status is not SlotStatus.BYPASSED
            with contextlib.suppress(WorkerError, ProtocolError):
                slot = await self._state.capture(self.spec, self._tenure, runs)
        slot = slot or self._state.last_known(self.spec)
        return msgspec.structs.replace(slot, bypassed=self._bypassed)

    # ------------------------------------------------------------------ loading

    async def _launch(self) -> None:
        """Brings a worker up, another one if that is dismissed; on failure the fault is reported
        and dealt with."""
        self._launching = True
        try:
            if not await self._is_trusted():
                return
            while True:
                tenure = await self._try_to_launch()
                if tenure is None or not self._is_replaced(tenure):
                    return
                await asyncio.wait([tenure.worker.exited], timeout=_KILLED_S)
                if self._closing or self.status in _GIVEN_UP:
                    return
                if tenure.worker.alive:
                    self.fail(f"{self.spec.label}: its worker does not end even when it is killed")
                    return
        finally:
            self._launching = False

    async def _is_trusted(self) -> bool:
        """Files that are not those that were trusted are told of before they are loaded."""
        gate = self._context.trust
        if gate is None:
            return True
        try:
            admission = await aside(lambda: gate.admit(self.spec.plugin), _HASH_S)
        except (TimeoutError, IsoboothError) as error:
            why = str(error) or "its files, or the data folder, do not answer"
            if gate.policy is not Policy.WARN:
                self.fail(f"{self.spec.label}: not loaded, because it cannot be verified: {why}")
                return False
            self._notice(f"it is loaded although its files cannot be verified: {why}")
            return True
        if not admission.allowed:
            self.fail(f"{self.spec.label} {admission.told}")
        elif admission.told:
            self._notice(f"it {admission.told}")
        return admission.allowed

    async def _verify_loaded(self, tenure: Tenure, path: str) -> None:
        """Looks once more: where an id does not say the files, and for those that were replaced
        between the look and the load."""
        gate = self._context.trust
        if gate is None:
            return
        try:
            admission = await aside(lambda: gate.loaded(self.spec.plugin, path), _HASH_S)
        except (TimeoutError, IsoboothError):
            return  # told before the load
        if not admission.allowed and self._tenure is tenure:
            self.fail(f"{self.spec.label} {admission.told}")
        elif admission.told:
            self._notice(f"it {admission.told}")

    async def _try_to_launch(self) -> Tenure | None:
        """The new worker's tenure, whatever became of it; None if there is none."""
        chain = self.chain
        record = chain.lease()
        if record is None:
            self.fail(f"{chain.name}: no record is free; too many workers will not die")
            return None
        try:
            worker = await self._context.launcher.spawn()
        except (IsoboothError, OSError) as error:  # no process, no descriptor: not its doing
            chain.pool.release(record)
            self.fail(f"{self.spec.label}: no worker could be started: {error}")
            return None
        restore = self.journal.next_restore()
        tenure = Tenure(
            worker, self._context.explainer, chain, record, restore, self.native.processed_blocks
        )
        self._tenure = tenure
        worker.exited.add_done_callback(lambda done: self._on_exit(tenure, done))
        worker.on_denial = self.denials.add
        worker.on_missing = self._context.tell_missing
        request = load_request(self.spec, self._context.config, chain, record, restore)
        try:
            loaded = await worker.request(request, self._policy.load_limit_s)
        except WorkerDied:
            pass  # _on_exit has it
        except RequestTimeout:
            restoring = worker.phase == "restore"
            tenure.condemn(FaultKind.RESTORE_FAILED if restoring else FaultKind.LOAD_TIMEOUT)
        except RequestFailed as error:
            self.refused = str(error)
            if error.phase in _BEFORE_PLUGIN:
                self.fail(f"{self.spec.label}: no worker could be prepared: {error}")
            elif error.no_such_plugin and not self.was_loaded:
                self.fail(self.refused)
            else:
                tenure.condemn(FaultKind.LOAD_FAILED)
        except MachineError as error:
            self.fail(f"{self.spec.label}: no worker could be prepared: {error}")
        except IsoboothError:
            worker.kill()
        else:
            if not is_thread_of(loaded.thread_id, worker.pid):
                self.refused = "its worker names a thread that is not its own"
                tenure.condemn(FaultKind.LOAD_FAILED)
            elif loaded.state_used < 0 and restore.state is not None:
                self._state_refused(tenure, loaded)
            else:
                self._begin(tenure, loaded)
        return tenure

    def _is_replaced(self, tenure: Tenure) -> bool:
        """Another worker shall take its place; its end is no fault."""
        return tenure.is_dismissed or tenure.chain is not self.chain

    def _state_refused(self, tenure: Tenure, loaded: Loaded) -> None:
        """A plugin that does not take its state is loaded anew with the one before."""
        if tenure.restore.is_first:
            self.state_refused = "; ".join(loaded.state_errors)
        self.journal.reject(tenure.restore)
        has_another = self.journal.next_restore().state is not None
        then = "the one before is tried" if has_another else "it is loaded without"
        for line in loaded.state_errors:
            self._notice(f"{line}; {then}")
        tenure.dismiss()

    def _begin(self, tenure: Tenure, loaded: Loaded) -> None:
        """The worker is ready: from the next block on it is heard."""
        if tenure.chain is not self.chain or self.status in _GIVEN_UP:  # meanwhile
            tenure.dismiss()
        if not tenure.worker.alive or self._closing or tenure.is_dismissed:
            return
        native, restarted = self.native, self.was_loaded
        self.was_loaded = True
        self.refused = ""
        self.description = loaded.description
        self.tail_s = loaded.tail_s
        self.rejected_parameters = loaded.parameters_rejected
        for line in (*loaded.state_errors, *loaded.parameters_rejected):
            self._notice(line)
        tenure.thread_id = loaded.thread_id
        tenure.processed_before = native.processed_blocks
        self._state.restarted(tenure, loaded.applied_edit)
        self._controls.set_policy(self.spec.on_miss, loaded)
        self._take_latency(loaded.latency_frames)
        native.set_worker(
            loaded.thread_id,
            self._context.config.worker_priority if loaded.realtime else 0,
            tenure.worker.pid,
        )
        self._controls.attach(tenure.record, restarted)
        self._lateness.restart()
        self._show_bypass()
        self._send_bypass()
        self._verifying = asyncio.get_running_loop().create_task(
            self._verify_loaded(tenure, self.spec.plugin_id.path or loaded.description.path)
        )
        if restarted:
            self.restarts += 1
            self.last_restart_s = (monotonic_ns() - self._died_ns) / 1e9
            self._log(
                HostEventKind.RECOVERED,
                f"{self.spec.label} is back after {self.last_restart_s * 1000:.0f} ms",
            )

    # ------------------------------------------------------------------ the end of a worker

    def _on_exit(self, tenure: Tenure, done: "asyncio.Future[WorkerExit]") -> None:
        if done.cancelled():
            return
        exit = done.result()
        self._died_ns = monotonic_ns()
        tenure.chain.retire(tenure.record)
        self.native.set_worker(0, 0)
        self._controls.detach()
        reaping = asyncio.get_running_loop().create_task(self._give_back(tenure))
        self._reaping.add(reaping)
        reaping.add_done_callback(self._reaping.discard)
        if self._tenure is tenure:
            self._tenure = None
        if self._closing:
            return  # ended by the host: no reason to distrust its newest snapshot
        self.journal.instance_lost()
        if self.status in _GIVEN_UP:
            return
        if self._is_replaced(tenure):
            if not self._launching:
                self._restart_in(0.0)
        elif tenure.chain.is_damaged:
            # Whoever did it: a worker that ends of it is not to blame.
            self._set(SlotStatus.RESTARTING, "the memory of its chain was damaged")
            self._context.mix.chain_damaged(tenure.chain)
        else:
            kind, _ = tenure.fault_of(exit)
            died_of_it = exit.phase == "restore" and kind is not FaultKind.KILLED
            if died_of_it and tenure.restore.state is not None:
                self.journal.reject(tenure.restore)
            self._on_fault(tenure, exit)

    async def _give_back(self, tenure: Tenure) -> None:
        """The record, once the audio thread has left the block in which the worker ended and the
        one that it picks up later: what was delivered before is still heard."""
        chain, record = tenure.chain, tenure.record
        if not await tenure.worker.reaped:
            chain.pool.condemn(record)
            return
        await next_blocks(
            self._context.engine,
            2,
            patient=self._context.config.offline,
            given_up=lambda: self._closing,
        )
        if chain.lost(record):
            chain.pool.condemn(record)
        else:
            chain.release(record)

    def move(self, chain: ChainHost) -> None:
        """Its plugin plays on in another chain, which replaces a damaged one."""
        self.chain = chain
        if self.status in _GIVEN_UP or self._closing:
            return
        self._controls.detach()
        self._set(SlotStatus.RESTARTING, "the memory of its chain was damaged")
        if self._tenure is not None:
            self._tenure.dismiss()
        elif not self._launching and (self._restart is None or self._restart.done()):
            self._restart_in(0.0)

    # ------------------------------------------------------------------ faults

    def _on_fault(self, tenure: Tenure, exit: WorkerExit) -> None:
        dropped = self._drop_poison(tenure, exit)
        sentence = self._faults.judge(self, tenure, exit, dropped)
        if sentence.status is SlotStatus.FAILED:
            self.fail(sentence.reason)
        elif sentence.status is SlotStatus.QUARANTINED:
            self._give_up(SlotStatus.QUARANTINED, sentence.reason)
        else:
            self._set(SlotStatus.RESTARTING, sentence.reason)
            self._restart_in(sentence.back_off_s)

    def _drop_poison(self, tenure: Tenure, exit: WorkerExit) -> list[str]:
        """What the plugin has died of twice is not given to it a third time. Says what."""
        dropped = []
        for suspect in self._poison.judge(tenure, exit, self.native):
            if suspect.kind != "parameter" or self.journal.poison(suspect.index) is not None:
                self._controls.forget(suspect)
                dropped.append(str(suspect))
        if dropped:
            self._log(
                HostEventKind.POISON,
                f"{self.spec.label} died again of {', '.join(dropped)}; it is not given that any "
                f"more, until it is sent or edited anew",
            )
        return dropped

    def quarantine(self, reason: str) -> None:
        """It is not tried again in this session, however it does now."""
        if self._closing or self.status in _GIVEN_UP:
            return
        self._give_up(SlotStatus.QUARANTINED, reason)
        if self._tenure is not None:
            self._tenure.dismiss()

    def _restart_in(self, delay_s: float) -> None:
        async def restart() -> None:
            if delay_s > 0:
                await asyncio.sleep(delay_s)
            if self.status not in _GIVEN_UP:
                try:
                    await self._launch()
                except Exception as error:  # ours, not the plugin's: nobody awaits this task
                    self.fail(
                        f"{self.spec.label}: it could not be started again: "
                        f"{type(error).__name__}: {error}"
                    )

        self._restart = asyncio.get_running_loop().create_task(restart())

    def _give_up(self, status: SlotStatus, reason: str) -> None:
        self._set(status, reason)
        self._send_bypass()

    # ------------------------------------------------------------------ watching

    def tick(self, now: float, stalled: bool) -> None:
        """Looks at the counters. `stalled`: the control thread itself was late, so is time."""
        tenure = self._tenure
        if tenure is None or self.status not in _PLAYING:
            return
        if tenure.chain.lost(tenure.record):
            self._notice("it truncated its shared memory; its worker is stopped")
            tenure.condemn(FaultKind.CRASH, Phase.PROCESS)
            return
        if not stalled and hangs(tenure, self.native, self._policy):
            tenure.condemn(FaultKind.HANG, Phase.PROCESS)
        if tenure.was_heard(self.native):
            wrong = rubbish(self.native, self._policy)
            if wrong is not None:
                self._reject_output(wrong)
            if self.native.reported_latency_frames >= 0:
                self._take_latency(self.native.reported_latency_frames)
        self._check_lateness(now)
        self.journal.survive(self.native.processed_blocks, self._policy.snapshot_good_blocks)
        if self._saving is None and self._state.is_due(tenure, now, self._last_edit_s):
            self._saving = asyncio.get_running_loop().create_task(self._save(tenure))

    def check_output_so_far(self, blocks: int) -> int | None:
        """Offline, at any time: stops a plugin that sent rubbish for long, or for all of the
        `blocks` that there are. Returns the block in which that began."""
        found = longest_rubbish(self.native, self._policy, blocks)
        if found is None:
            return None
        kind, block = found
        self._reject_output(kind)
        return block

    def _reject_output(self, kind: FaultKind) -> None:
        self._controls.set_bypass(True, self._bypassed)
        if self._tenure is not None:
            self._tenure.condemn(kind, Phase.PROCESS)

    def _check_lateness(self, now: float) -> None:
        match self._lateness.check(now, self._bypassed):
            case Lateness.HELD:
                self._send_bypass()
                self._show_bypass()
                self._log(
                    HostEventKind.HELD,
                    f"{self.spec.label} missed {self._lateness.misses} deadlines in a row and is "
                    f"held bypassed for {self._policy.hold_s:g} s; a larger --block or "
                    f"--pipelined gives it more time",
                )
            case Lateness.RELEASED:
                self._send_bypass()
                self._show_bypass()
                self._log(HostEventKind.RELEASED, f"{self.spec.label} is tried again")
            case Lateness.LATE if self.status is SlotStatus.ACTIVE:
                misses = self._lateness.misses
                self._set(SlotStatus.LATE, f"missed {misses} deadlines in a row")
            case Lateness.ON_TIME if self.status is SlotStatus.LATE:
                self._set(SlotStatus.ACTIVE, "")

    def _take_latency(self, reported: int) -> None:
        if self._latency.is_news(reported):
            self._notice(
                f"it reports a latency of {reported} frames; beyond {MAX_LATENCY_FRAMES} it is not "
                f"compensated"
            )
        if self._latency.take(reported):
            self._controls.set_latency(self._latency.frames)
            self._context.mix.latency_changed()

    async def _save(self, tenure: Tenure) -> None:
        try:
            await self._state.snapshot(tenure)
        except RequestTimeout:
            tenure.condemn(FaultKind.HANG, Phase.SAVE)
        except WorkerDied:
            pass  # _on_exit has it
        except (WorkerError, ProtocolError) as error:
            self._notice(f"its state could not be saved: {error}; an older one is kept")
        finally:
            self._saving = None

    # ------------------------------------------------------------------ small things

    def _set(self, status: SlotStatus, reason: str) -> None:
        self.status, self.reason = status, reason

    def _show_bypass(self) -> None:
        if self._bypassed:
            self._set(SlotStatus.BYPASSED, "by the user")
        elif self._lateness.is_held:
            self._set(SlotStatus.BYPASSED, "missed too many deadlines in a row")
        else:
            self._set(SlotStatus.ACTIVE, "")

    def _send_bypass(self) -> None:
        out = self._bypassed or self._lateness.is_held or self.status in _GIVEN_UP
        self._controls.set_bypass(out, self._bypassed)

    def _notice(self, text: str) -> None:
        self._log(HostEventKind.NOTICE, f"{self.spec.label}: {text}")

    def _log(self, kind: HostEventKind, text: str, report: str | None = None) -> None:
        block = self._context.engine.block_count
        self._context.events.add(kind, text, slot=self.spec.id, report=report, block=block)
