# SPDX-License-Identifier: GPL-3.0-or-later
"""One plugin slot's life: loaded, watched, restarted with its state, quarantined.

Everything here runs on the control thread's asyncio loop. The audio thread needs none of it to
keep the mix on time; this decides what becomes of a plugin that failed it.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable

import msgspec

from host.chain_host import ChainHost
from host.crash_report import FaultKind, Phase
from host.denials import SlotDenials
from host.engine_module import PluginSlot
from host.events import HostEventKind
from host.journal import PROGRAM, Journal
from host.next_blocks import next_blocks
from host.poison import PoisonWatch
from host.slot_admission import SlotAdmission
from host.slot_context import SlotContext
from host.slot_controls import SlotControls
from host.slot_faults import SlotFaults
from host.slot_health import SlotHealth
from host.slot_launch import Launched, SlotLauncher
from host.slot_seats import SlotSeats
from host.slot_standby import SlotStandby, keeps_standby
from host.slot_standing import SlotStanding
from host.slot_state import SlotState
from host.slot_watch import longest_rubbish
from host.slot_window import SlotWindow
from host.song import Slot
from host.tenure import Tenure
from host.worker_group import GroupMember
from ipc._native import monotonic_ns
from ipc.connection import RequestTimeout
from ipc.description import PluginDescription
from ipc.errors import InputError, IsoboothError, ProtocolError, WorkerError
from ipc.messages import GetParameters, Loaded, ParameterText, SetProgram
from ipc.status import SlotStatus
from ipc.worker_process import WorkerDied, WorkerExit, WorkerProcess

_KILLED_S = 3.0  # a killed worker ends within milliseconds
_LOOK_S = 0.02
# The command ring is drained by the next block, and the slot is given its events by one more.
_BLOCKS_UNTIL_APPLIED = 3
_UNPREPARED, _UNPREPARED_S = 20, 0.05


class SlotSupervisor:
    """Keeps one slot's plugin running, or says why it does not."""

    def __init__(
        self, spec: Slot, native: PluginSlot, chain: ChainHost, context: SlotContext
    ) -> None:
        self.spec = spec
        self.native = native
        self.chain = chain
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
        self.joins = False  # others were playing when it was made: it is faded in
        self.denials = SlotDenials(spec, context.events, context.engine)
        self._context = context
        self._policy = context.config.faults
        engine = context.engine
        self._controls = SlotControls(engine, native, context.commands)
        self._standing = SlotStanding(
            spec, native, self._controls, self._policy, context.events, engine
        )
        self._health = SlotHealth(spec, native, self._controls, self._standing, context)
        self._state = SlotState(self.journal, native, engine, context.config)
        self.window = SlotWindow(self, context)
        self._poison = PoisonWatch()
        self._faults = SlotFaults(context, self._standing.log)
        self._admission = SlotAdmission(spec, context, self._standing.notice)
        self._launcher = SlotLauncher(spec, native, self.journal, context)
        priority = context.config.worker_priority
        self.seats = SlotSeats(spec, native, engine, self._controls, self._standing, priority)
        if keeps_standby(spec, context.config, chain.mode):
            self.seats.standby = SlotStandby(self, native, self._policy)
        self._closing = False
        self._launching = False
        self._admitting = True  # until it is known whether it may be loaded
        self._was_taken_along = False  # by a neighbour, the last time that its worker ended
        self._unprepared = 0  # workers in a row that could not even attach the shared memory
        self._died_ns = 0
        self._last_edit_s = 0.0
        self._starting: asyncio.Task[None] | None = None
        self._restart: asyncio.Task[None] | None = None
        self._saving: asyncio.Task[None] | None = None
        self._verifying: set[asyncio.Task[None]] = set()
        self._reaping: set[asyncio.Task[None]] = set()

    @property
    def status(self) -> SlotStatus:
        return self._standing.status

    @property
    def reason(self) -> str:
        """Why it is not active, for people."""
        return self._standing.reason

    @property
    def standby(self) -> SlotStandby | None:
        """None: the slot keeps none."""
        return self.seats.standby

    @property
    def worker(self) -> WorkerProcess | GroupMember | None:
        return self.seats.playing.worker if self.seats.playing is not None else None

    @property
    def record(self) -> int | None:
        """The chain's record that its worker plays on; None while it has no worker."""
        return self.seats.playing.record if self.seats.playing is not None else None

    @property
    def reports(self) -> list[str]:
        """Ids of its crash reports."""
        return self._faults.reports

    @property
    def latency_frames(self) -> int:
        return self._health.latency_frames

    @property
    def shares_with(self) -> list[str]:
        """Ids of the slots that are played by the same process."""
        playing = self.seats.playing
        return [place.slot for place in playing.neighbours] if playing is not None else []

    @property
    def coming_back(self) -> "asyncio.Task[None] | None":
        """While it is loaded anew because a neighbour ended its process."""
        is_pending = self._restart is not None and not self._restart.done()
        return self._restart if is_pending and self._was_taken_along else None

    @property
    def is_away(self) -> bool:
        """It has lost its worker, and another one is not begun: who knows when."""
        return self.was_loaded and self.worker is None and self.coming_back is None

    # ------------------------------------------------------------------ start and stop

    async def start(self) -> None:
        """Loads the plugin. Afterwards the status says how it went."""
        try:
            entry = await self._admission.blacklisted()
        finally:
            self._admitting = False
        self._state.postpone(time.monotonic())
        if entry is None:
            if self.spec.standby and self.standby is None and not self._context.config.offline:
                self._standing.notice("it has no standby, because its track is pipelined")
            await self._launch()
            if self.standby is not None:
                await self.standby.settled()
            return
        self._give_up(SlotStatus.QUARANTINED, f"blacklisted: {entry.reason}")
        self._standing.log(
            HostEventKind.QUARANTINED,
            f"{self.spec.label} stays bypassed: {self.spec.plugin} is blacklisted "
            f"({entry.reason}); `isobooth blacklist remove {entry.id}` lifts it",
        )

    def start_soon(self) -> "asyncio.Task[None]":
        """The same, while others play."""
        self.joins = True
        self._starting = asyncio.get_running_loop().create_task(self._start_late())
        return self._starting

    async def _start_late(self) -> None:
        try:
            await self.start()
        except Exception as error:  # ours, not the plugin's: nobody awaits this task
            self.fail(f"{self.spec.label}: it was not loaded: {type(error).__name__}: {error}")
        self._context.mix.latency_changed()

    @property
    def starting(self) -> "asyncio.Task[None] | None":
        """While it is loaded for the first time, beside others that play."""
        return self._starting

    def end(self) -> None:
        """Kills the worker and makes nothing of it; only `close` makes sense afterwards."""
        self._closing = True
        self._standing.set(SlotStatus.FAILED, "its host ends")
        if self.standby is not None:
            self.standby.dismiss()
        self._context.workers.move_out(self.spec.id)  # nobody needs to wait for it
        if self.seats.playing is not None:
            self.seats.playing.dismiss()

    async def close(self) -> None:
        """Stops the worker and waits until all that it started is gone."""
        self._closing = True
        self._context.workers.move_out(self.spec.id)
        for task in (self._restart, self._saving, *self._verifying):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, IsoboothError):
                    await task
        while self._starting is not None and not self._starting.done():
            self._context.workers.move_out(self.spec.id)
            if self.seats.playing is not None:
                self.seats.playing.dismiss()
            await asyncio.wait([self._starting], timeout=_LOOK_S)
        if self.standby is not None:
            await self.standby.close()
        if self.seats.playing is not None:
            try:
                await self.seats.playing.worker.stop()
            except WorkerError as error:
                self._standing.notice(str(error))
        while self._reaping:
            await asyncio.gather(*self._reaping)

    # ------------------------------------------------------------------ steering and asking

    def set_parameter(self, index: int, value: float) -> None:
        """An edit by the user: journalled, then sent; it survives a crash a moment later."""
        self._last_edit_s = time.monotonic()
        self._controls.edit(self.journal.edit(index, value))

    async def set_program(self, index: int) -> None:
        """One of the plugin's own; an edit like any other, and set when this returns. A plugin that
        cannot be told just now, or has a standby to tell too, is loaded anew with it. Raises
        InputError if it has no such."""
        self.check_program(index)
        await self.window.settled()  # or it would wait in the worker, and be taken for a hang
        # Parameters that were set before must not be heard after it.
        await next_blocks(self._context.engine, _BLOCKS_UNTIL_APPLIED)
        self._last_edit_s = time.monotonic()
        edit = self.journal.edit(PROGRAM, float(index))
        tenure = self.seats.playing
        if tenure is None or not self._standing.is_playing or self.standby is not None:
            if not self._standing.is_given_up and not self._closing:
                self._load_anew("another program is chosen")
            return
        tenure.program, tenure.program_is_set = edit, False
        try:
            await tenure.worker.request(SetProgram(index), self._policy.save_limit_s)
            tenure.program_is_set = tenure.program is edit
        except RequestTimeout:
            tenure.condemn(FaultKind.HANG, Phase.RESTORE)
        except WorkerDied:
            pass  # _on_exit has it; the next worker is given it
        except (WorkerError, ProtocolError) as error:
            self._standing.notice(f"its program could not be set: {error}")

    def check_program(self, index: int) -> None:
        """Raises InputError if the plugin has no such program; one that was never loaded may."""
        if self.description is None:
            return
        names = self.description.programs
        if not 0 <= index < len(names):
            has = f"{len(names)} programs" if names else "no programs"
            raise InputError(f"{self.spec.label}: it has {has}, none with the number {index}")

    def edited_in_window(self, parameter: int, value: float, is_heard: bool) -> None:
        """The same, made in the plugin's own window; `is_heard`: what plays has the value."""
        self._last_edit_s = time.monotonic()
        edit = self.journal.edit(parameter, value)
        if not is_heard or self.standby is not None:
            self._controls.edit(edit)

    def set_bypass(self, bypassed: bool) -> None:
        self._standing.bypassed = bypassed
        self._standing.lateness.forget()
        self._standing.tell_bypass()
        if self._standing.is_playing:
            self._standing.set_playing()

    def take_spec(self, spec: Slot) -> None:
        """The song says something else of it now, which does not change how it is loaded."""
        self.spec = spec
        if spec.bypassed != self._standing.bypassed:
            self.set_bypass(spec.bypassed)

    async def playing_tenure(self, with_display: bool) -> Tenure:
        """Whoever plays; `with_display`: loaded anew, as it is, where it could show no window.
        Raises WorkerError."""
        tenure = self._seated()
        if tenure.worker.shows_windows or not with_display:
            return tenure
        try:
            await self._state.snapshot(tenure)
        except RequestTimeout:
            tenure.condemn(FaultKind.HANG, Phase.SAVE)
            raise
        self.journal.vouch()
        await self._context.mix.keep_states(self.shares_with)
        # What it may do from now on, its neighbours may not.
        self._context.workers.move_out(self.spec.id)
        self._load_anew("it is given the display")
        deadline = time.monotonic() + 2 * self._policy.load_limit_s
        while self.seats.playing in (None, tenure) or not self._standing.is_playing:
            if self._standing.is_given_up or self._closing or time.monotonic() > deadline:
                break
            await asyncio.sleep(_LOOK_S)
        return self._seated()

    def _seated(self) -> Tenure:
        tenure = self.seats.playing
        if tenure is None or tenure.seated_in is None or not self._standing.is_playing:
            raise WorkerError(f"{self.spec.label} is {self.status}: {self.reason}")
        return tenure

    def fade_out(self) -> None:
        """It will be taken away: until then its input is heard instead."""
        self._controls.set_bypass(True, True)

    def fail(self, reason: str) -> None:
        """It is not heard any more; its policy for misses says what is heard instead."""
        if self._closing:
            return
        self._give_up(SlotStatus.FAILED, reason)
        self.seats.dismiss_all()
        is_named = reason.startswith(self.spec.label)
        told = reason if is_named else f"{self.spec.label}: {reason}"
        self._standing.log(HostEventKind.FAILED, told)

    async def parameters(self) -> list[float]:
        """All parameters' values, normalized, as the plugin says, or as far as they are known while
        its window opens. Raises WorkerError."""
        if self.window.status == "opening":
            return self.window.values_meanwhile()
        if self.worker is None:
            raise WorkerError(f"{self.spec.label} is {self.status}: nobody to ask")
        return (await self.worker.request(GetParameters(), self._policy.save_limit_s)).values

    async def value_text(self, parameter: int, value: float) -> str:
        """The plugin's words for a normalized value. Raises WorkerError, also while its window
        opens."""
        if self.window.status == "opening":
            raise WorkerError(f"{self.spec.label}: its window is being opened")
        if self.worker is None:
            raise WorkerError(f"{self.spec.label} is {self.status}: nobody to ask")
        asked = ParameterText(parameter, value)
        return (await self.worker.request(asked, self._policy.save_limit_s)).text

    async def capture(self) -> Slot:
        """The slot as a song keeps it, as it is now: with the plugin's state, or the last good one
        if the plugin cannot say, and every edit made before this call."""
        slot = None
        if self.seats.playing is not None and self._standing.is_playing:
            runs = self.status is not SlotStatus.BYPASSED
            with contextlib.suppress(WorkerError, ProtocolError):
                slot = await self._state.capture(self.spec, self.seats.playing, runs)
        slot = slot or self._state.last_known(self.spec)
        return msgspec.structs.replace(slot, bypassed=self._standing.bypassed)

    # ------------------------------------------------------------------ loading

    async def _launch(self) -> None:
        """Brings a worker up, another one if that is dismissed; on failure the fault is reported
        and dealt with."""
        self._launching = True
        self._unprepared = 0
        try:
            doubt = await self._admission.why_not_trusted()
            if doubt:
                self.fail(doubt)
                return
            while True:
                tenure = await self._try_to_launch()
                if tenure is None or not self._is_replaced(tenure):
                    return
                await asyncio.wait([tenure.worker.exited], timeout=_KILLED_S)
                if self._closing or self._standing.is_given_up:
                    return
                if tenure.worker.alive:
                    self.fail(f"{self.spec.label}: its worker does not end even when it is killed")
                    return
                if self._unprepared:
                    await asyncio.sleep(min(self._unprepared * _UNPREPARED_S, 10 * _UNPREPARED_S))
        finally:
            self._launching = False

    def _verify(self, tenure: Tenure, description: PluginDescription) -> None:
        path = self.spec.plugin_id.path or description.path
        task = asyncio.get_running_loop().create_task(self._verify_loaded(tenure, path))
        self._verifying.add(task)
        task.add_done_callback(self._verifying.discard)

    async def _verify_loaded(self, tenure: Tenure, path: str) -> None:
        problem = await self._admission.verify_loaded(path)
        if not problem:
            return
        if self.seats.playing is tenure:
            self.fail(f"{self.spec.label} {problem}")
        elif self.standby is not None and self.standby.tenure is tenure:
            self.standby.give_up(f"it {problem}")

    async def _try_to_launch(self) -> Tenure | None:
        """The new worker's tenure, whatever became of it; None if there is none."""

        def started(tenure: Tenure) -> None:
            self.seats.playing = tenure
            self._watch(tenure)

        launched = await self._launcher.launch(
            self.chain, self.native.playing, False, self.was_loaded, started
        )
        self.refused = launched.refused or self.refused
        if launched.problem and launched.may_pass and self._unprepared < _UNPREPARED:
            assert launched.tenure is not None
            self._unprepared += 1
            self._standing.set(SlotStatus.RESTARTING, launched.problem)
            launched.tenure.dismiss()
        elif launched.problem:
            self.fail(launched.problem)
        elif launched.tenure is not None and launched.loaded is not None:
            if launched.is_state_refused:
                self._state_refused(launched.tenure, launched.loaded)
            else:
                self._begin(launched.tenure, launched.loaded)
        return launched.tenure

    def _watch(self, tenure: Tenure) -> None:
        worker = tenure.worker
        worker.exited.add_done_callback(lambda done: self._on_exit(tenure, done))
        worker.on_denial = self.denials.add
        worker.on_missing = self._context.tell_missing
        self.window.watch(tenure)

    def _is_replaced(self, tenure: Tenure) -> bool:
        """Another worker shall take its place; its end is no fault."""
        return tenure.is_dismissed or tenure.is_taken_along or tenure.chain is not self.chain

    def _state_refused(self, tenure: Tenure, loaded: Loaded) -> None:
        """A plugin that does not take its state is loaded anew with the one before."""
        if tenure.restore.is_first:
            self.state_refused = "; ".join(loaded.state_errors)
        self.journal.reject(tenure.restore)
        has_another = self.journal.next_restore().state is not None
        then = "the one before is tried" if has_another else "it is loaded without"
        for line in loaded.state_errors:
            self._standing.notice(f"{line}; {then}")
        tenure.dismiss()

    def _begin(self, tenure: Tenure, loaded: Loaded) -> None:
        """The worker is ready: from the next block on it is heard."""
        if tenure.chain is not self.chain or self._standing.is_given_up:  # meanwhile
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
            self._standing.notice(line)
        self.seats.seat(tenure, loaded, restarted or self.joins, stands_by=False)
        tenure.processed_before = native.processed_blocks
        self._state.restarted(tenure, loaded.applied_edit)
        self._controls.set_policy(self.spec.on_miss, loaded)
        self._health.take_latency(loaded.latency_frames)
        self._standing.lateness.restart()
        self._standing.set_playing()
        self._standing.tell_bypass()
        self._verify(tenure, loaded.description)
        if restarted:
            self.restarts += 1
            self.last_restart_s = (monotonic_ns() - self._died_ns) / 1e9
            self._standing.log(
                HostEventKind.RECOVERED,
                f"{self.spec.label} is back after {self.last_restart_s * 1000:.0f} ms",
            )
        if self.standby is not None:
            self.standby.prepare()

    # ------------------------------------------------------------------ the end of a worker

    def _on_exit(self, tenure: Tenure, done: "asyncio.Future[WorkerExit]") -> None:
        if done.cancelled():
            return
        exit = done.result()
        died_ns = monotonic_ns()
        self.window.lost(tenure, self._closing or self._is_replaced(tenure))
        tenure.chain.retire(tenure.record)
        self.seats.leave(tenure)
        reaping = asyncio.get_running_loop().create_task(self._give_back(tenure))
        self._reaping.add(reaping)
        reaping.add_done_callback(self._reaping.discard)
        self.seats.see_who_plays()
        if self.standby is not None and tenure is self.standby.tenure:
            self.standby.lost(tenure, exit, tenure.chain.is_damaged)
            return
        self._died_ns = died_ns
        self._was_taken_along = tenure.is_taken_along
        if self.seats.playing is tenure:
            self.seats.playing = None
        if self._closing:
            return  # ended by the host: no reason to distrust its newest snapshot
        self.journal.instance_lost()
        if self._standing.is_given_up:
            return
        if tenure.chain is self.chain and tenure.chain.is_damaged:
            # Whoever did it: a worker that ends of it is not to blame.
            self._standing.set(SlotStatus.RESTARTING, "the memory of its chain was damaged")
            self._context.mix.chain_damaged(tenure.chain)
        elif self._is_replaced(tenure):
            if tenure.is_taken_along:
                self._standing.set(SlotStatus.RESTARTING, "a plugin of the same process ended it")
            if not self._launching and not self.seats.let_standby_play("is replaced"):
                self._restart_in(0.0)
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

    async def restart(self, snapshot: int = 0, as_it_is: bool = False) -> None:
        """The user wants it loaded anew, even if it was given up; `snapshot`: with an older good
        state, 0 is the newest, or `as_it_is`. Whoever shares its process goes on from where it
        is."""
        kept = [*self.shares_with, self.spec.id] if as_it_is else self.shares_with
        await self._context.mix.keep_states(kept)
        if self._closing:
            return
        if snapshot > 0:
            self.journal.go_back(snapshot)
            if self._context.session is not None:
                self._context.session.rewrite_slot(self.spec.id)
        self._faults.forget()
        self._standing.lateness.forget()
        self._load_anew("the user restarts it")
        self._standing.tell_bypass()

    async def restore(self, state: bytes) -> None:
        """Loads it anew with a state that it once had; one that was given up stays so, and has it
        when it is tried again."""
        await self._context.mix.keep_states(self.shares_with)
        if self._closing:
            return
        # Nothing waits from here on: whoever plays yet must not add a state of his.
        self.journal.go_back_to(state, self.native.processed_blocks)
        if self._context.session is not None:
            self._context.session.rewrite_slot(self.spec.id)
        if not self.is_given_up:
            self._load_anew("it goes back to an earlier state")

    def move(self, chain: ChainHost, why: str) -> None:
        """Its plugin plays on in another chain, in a worker of its own."""
        self.chain = chain
        if not self._standing.is_given_up and not self._closing:
            self._load_anew(why)

    @property
    def is_given_up(self) -> bool:
        """It is not tried again by itself."""
        return self._standing.is_given_up

    def regroup(self) -> None:
        """It is loaded anew, with its state, in a process with others or without."""
        if not self.is_given_up and not self._closing:
            self._load_anew("it shares its process with others than before")
        self._standing.tell_bypass()

    def _load_anew(self, why: str) -> None:
        for tenure in self.seats.all():
            if tenure.seated_in is not None:
                self._controls.detach(tenure.seat)
        self._standing.set(SlotStatus.RESTARTING, why)
        playing = self.seats.playing
        self.seats.dismiss_all()
        if (
            playing is None
            and not self._launching
            and not self._admitting
            and (self._restart is None or self._restart.done())
        ):
            self._died_ns = monotonic_ns()
            self._restart_in(0.0)

    # ------------------------------------------------------------------ faults

    def _on_fault(self, tenure: Tenure, exit: WorkerExit) -> None:
        dropped = self._drop_poison(tenure, exit)
        sentence = self._faults.judge(self, tenure, exit, dropped)
        if sentence.status is SlotStatus.FAILED:
            self.fail(sentence.reason)
        elif sentence.status is SlotStatus.QUARANTINED:
            self._give_up(SlotStatus.QUARANTINED, sentence.reason)
            self.seats.dismiss_all()
        else:
            if self.seats.let_standby_play(sentence.reason, sentence.back_off_s):
                return
            self._standing.set(SlotStatus.RESTARTING, sentence.reason)
            self._restart_in(sentence.back_off_s)

    def _drop_poison(self, tenure: Tenure, exit: WorkerExit) -> list[str]:
        """What the plugin has died of twice is not given to it a third time. Says what."""
        dropped: list[str] = []
        if tenure.fault_of(exit)[1] is Phase.WINDOW:
            return dropped  # whatever it was given, its window has ended it
        for suspect in self._poison.judge(tenure, exit, self.native):
            if suspect.kind == "midi" or self.journal.poison(suspect.index) is not None:
                self._controls.forget(suspect)
                dropped.append(str(suspect))
        if dropped:
            self._standing.log(
                HostEventKind.POISON,
                f"{self.spec.label} died again of {', '.join(dropped)}; it is not given that any "
                f"more, until it is sent or edited anew",
            )
        return dropped

    def quarantine(self, reason: str) -> None:
        """It is not tried again in this session, however it does now."""
        if self._closing or self._standing.is_given_up:
            return
        self._give_up(SlotStatus.QUARANTINED, reason)
        self.seats.dismiss_all()

    def _restart_in(self, delay_s: float) -> None:
        async def restart() -> None:
            if delay_s > 0:
                await asyncio.sleep(delay_s)
            if not self._standing.is_given_up:
                try:
                    await self._launch()
                except Exception as error:  # ours, not the plugin's: nobody awaits this task
                    self.fail(
                        f"{self.spec.label}: it could not be started again: "
                        f"{type(error).__name__}: {error}"
                    )

        self._restart = asyncio.get_running_loop().create_task(restart())

    def _give_up(self, status: SlotStatus, reason: str) -> None:
        self._standing.set(status, reason)
        self._context.workers.move_out(self.spec.id)
        self._standing.tell_bypass()

    # ------------------------------------------------------------------ watching

    def tick(self, now: float, stalled: bool) -> None:
        """Looks at the counters. `stalled`: the control thread itself was late, so is time."""
        self.window.tick()
        self.seats.see_who_plays()
        if self.standby is not None:
            self.standby.tick(stalled)
        tenure = self.seats.playing
        if tenure is None or not self._standing.is_playing or self._health.is_lost(tenure):
            return
        if self.is_out_of_step(tenure):
            tenure.dismiss()
            return
        wrong = self._health.check(tenure, now, stalled)
        if wrong is not None:
            self.seats.reject(wrong)
        self.journal.survive(self.native.processed_blocks, self._policy.snapshot_good_blocks)
        if self._saving is not None or self.window.status == "opening":
            return  # it would wait for what takes longer than a plugin may take to save
        if self._state.is_due(tenure, now, self._last_edit_s):
            self._saving = asyncio.get_running_loop().create_task(self._save(tenure))

    def check_output_so_far(self, blocks: int) -> int | None:
        """Offline, at any time: stops a plugin that sent rubbish for long, or for all of the
        `blocks` that there are. Returns the block in which that began."""
        found = longest_rubbish(self.native, self._policy, blocks)
        if found is None:
            return None
        kind, block = found
        self.seats.reject(kind)
        return block

    async def _save(self, tenure: Tenure) -> None:
        try:
            await self._snapshot(tenure)
        finally:
            self._saving = None

    async def keep_state(self) -> None:
        """Before the host ends its worker without blame: the next one goes on from here."""
        tenure = self.seats.playing
        if tenure is None or not self._standing.is_playing:
            return
        await self._snapshot(tenure)
        if tenure.worker.alive:
            self.journal.vouch()

    async def _snapshot(self, tenure: Tenure) -> None:
        """Or says why there is none; a plugin that hangs is given up."""
        try:
            await self._state.snapshot(tenure)
        except RequestTimeout:
            phase = Phase.WINDOW if tenure.has_window else Phase.SAVE
            tenure.condemn(FaultKind.HANG, phase)
        except WorkerDied:
            pass  # _on_exit has it
        except (WorkerError, ProtocolError) as error:
            self._standing.notice(f"its state could not be saved: {error}; an older one is kept")

    # ------------------------------------------------------------------ standby

    async def launch_standby(self, on_start: Callable[[Tenure], None]) -> Launched:
        def started(tenure: Tenure) -> None:
            on_start(tenure)
            self._watch(tenure)

        doubt = await self._admission.why_not_trusted()
        if doubt:
            return Launched(None, problem=doubt)
        playing = self.seats.playing
        if playing is None or playing.seated_in is None:
            return Launched(None)  # there will be another call when somebody plays
        launched = await self._launcher.launch(
            self.chain, 1 - playing.seat, True, self.was_loaded, started
        )
        if launched.tenure is not None and launched.loaded is not None:
            if launched.is_state_refused:
                self._state_refused(launched.tenure, launched.loaded)
            elif launched.tenure.chain is not self.chain or self.seats.playing is None:
                launched.tenure.dismiss()
        return launched

    def standby_is_ready(self, launched: Launched) -> None:
        tenure, loaded = launched.tenure, launched.loaded
        assert tenure is not None and loaded is not None
        was_playing = self._context.engine.block_count > 0
        self.seats.seat(tenure, loaded, was_playing, stands_by=True)
        self._verify(tenure, loaded.description)
        for edit in self.journal.made_after(tenure.last_edit):  # while it was loaded
            self._controls.edit(edit)
        if self._standing.stands_in:
            self._standing.log(HostEventKind.RECOVERED, f"{self.spec.label} has a standby again")
        self._standing.stands_in = ""
        if self.status is SlotStatus.STANDBY:
            self._standing.set_playing()

    def standby_failed(self, tenure: Tenure, exit: WorkerExit) -> float | None:
        if exit.phase == "restore" and tenure.restore.state is not None:
            kind, _ = tenure.fault_of(exit)
            if kind is not FaultKind.KILLED:
                self.journal.reject(tenure.restore)
        return self._faults.judge_standby(self, tenure, exit, self._drop_poison(tenure, exit))

    def standby_given_up(self, reason: str) -> None:
        self._standing.stands_in = ""
        if self.status is SlotStatus.STANDBY:
            self._standing.set_playing()
        self._standing.notice(f"it plays on without a standby: {reason}")

    def is_out_of_step(self, tenure: Tenure) -> bool:
        return self.seats.is_out_of_step(tenure)

    def note_of_standby(self, text: str) -> None:
        self._standing.notice(f"its standby {text}")
