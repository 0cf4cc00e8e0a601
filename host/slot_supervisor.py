# SPDX-License-Identifier: GPL-3.0-or-later
"""One plugin slot's life: loaded, watched, restarted with its state, quarantined.

Everything here runs on the control thread's asyncio loop. The audio thread needs none of it to
keep the mix on time; this decides what becomes of a plugin that failed it.
"""

import asyncio
import contextlib
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from host.chain_host import ChainHost
from host.commands import CommandQueue
from host.config import HostConfig
from host.crash_report import FaultKind, Phase
from host.engine_module import Engine, PluginSlot, Watchdog
from host.events import EventLog, HostEventKind
from host.fault_report import FaultNews, make_report, phase_of
from host.journal import Journal
from host.song import Slot
from host.stall import StallWatch
from host.store.blacklist import Blacklist
from host.store.crash_store import CrashStore
from ipc._native import monotonic_ns
from ipc.connection import RequestFailed, RequestTimeout
from ipc.description import PluginDescription
from ipc.errors import IsoboothError, ProtocolError, WorkerError
from ipc.launcher import Launcher
from ipc.messages import ChainGeometry, GetParameters, Load, Loaded, SaveState
from ipc.status import SlotStatus
from ipc.worker_process import WorkerDied, WorkerExit, WorkerProcess

_PAUSE_S = 0.005
_CLOCK_STANDS_S = 0.5  # no block takes that long

# What a mix can be delayed by for one plugin: 1.4 s at 48 kHz. The transport remembers as much.
MAX_LATENCY_FRAMES = 65536


class Mix(Protocol):
    """What a slot asks of the mix it belongs to."""

    def latency_changed(self) -> None: ...


@dataclass
class SlotContext:
    """What all slots of a host share."""

    config: HostConfig
    engine: Engine
    commands: CommandQueue
    launcher: Launcher
    watchdog: Watchdog | None
    crashes: CrashStore | None
    blacklist: Blacklist | None
    events: EventLog
    mix: Mix
    song_name: str | None = None


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
        self.reports: list[str] = []
        self.description: PluginDescription | None = None
        self.latency_frames = 0
        self.tail_s = 0.0
        self.worker: WorkerProcess | None = None
        self.last_restart_s: float | None = None
        self.journal = Journal(spec.state)
        self.rejected_parameters: list[str] = []
        self._context = context
        self._record: int | None = None
        self._faults: deque[float] = deque()
        self._bypassed = spec.bypassed
        self._kill_kind: FaultKind | None = None
        self._kill_phase: Phase | None = None
        self._died_ns = 0
        self._closing = False
        self._restart: asyncio.Task[None] | None = None
        self._saving: asyncio.Task[None] | None = None
        self._reaping: set[asyncio.Task[None]] = set()
        self._last_snapshot = time.monotonic()
        self._last_edit = 0.0
        self._snapshot_edit = 0
        self._held_until = 0.0
        self._missed_before = 0  # misses that count no longer: it was held since
        self._loaded_once = False
        self._refused = ""
        self._refused_latency = 0
        self._processed_at_start = 0
        self._stall: StallWatch | None = None
        self._thread_id = 0
        self._restore = self.journal.next_restore()
        self._given_up: WorkerProcess | None = None  # its end is no fault

    @property
    def refused(self) -> str:
        """The worker's words where it said no to loading the plugin; empty if it did not."""
        return self._refused

    # ------------------------------------------------------------------ start and stop

    async def start(self) -> None:
        """Loads the plugin. Afterwards the status says how it went."""
        entry = None
        if self._context.blacklist is not None and not self._context.config.ignore_blacklist:
            entry = self._context.blacklist.is_blacklisted(self.spec.plugin)
        if entry is not None:
            self._set(SlotStatus.QUARANTINED, f"blacklisted: {entry.reason}")
            self._send_bypass(True)
            self._log(
                HostEventKind.QUARANTINED,
                f"{self.spec.label} stays bypassed: {self.spec.plugin} is blacklisted "
                f"({entry.reason}); `isobooth blacklist remove {entry.id}` lifts it",
            )
            return
        await self._launch()

    def give_up(self) -> None:
        """Kills the worker and makes nothing of it; only `close` makes sense afterwards."""
        self._closing = True
        self._set(SlotStatus.FAILED, "its host ends")
        if self.worker is not None:
            self.worker.kill()

    async def close(self) -> None:
        """Stops the worker and waits until all that it started is gone."""
        self._closing = True
        for task in (self._restart, self._saving):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, IsoboothError):
                    await task
        if self.worker is not None:
            try:
                await self.worker.stop()
            except WorkerError as error:
                self._log(HostEventKind.NOTICE, f"{self.spec.label}: {error}")
        while self._reaping:
            await asyncio.gather(*self._reaping)

    @property
    def record(self) -> int | None:
        """The chain's record that its worker plays on; None while it has no worker."""
        return self._record

    # ------------------------------------------------------------------ edits

    def set_parameter(self, index: int, value: float) -> None:
        """An edit by the user: journalled, then sent; it survives a crash a moment later."""
        edit = self.journal.edit(index, value)
        self._last_edit = time.monotonic()
        engine, native = self._context.engine, self.native
        self._context.commands.send(
            (id(native), "parameter", index),
            lambda: engine.set_parameter(native, index, value, edit.number),
        )

    def set_bypass(self, bypassed: bool) -> None:
        self._bypassed = bypassed
        self._missed_before = self.native.missed_blocks
        self._send_bypass(self.status in (SlotStatus.QUARANTINED, SlotStatus.FAILED))
        if self.status in (SlotStatus.ACTIVE, SlotStatus.LATE, SlotStatus.BYPASSED):
            self._show_bypass()

    def _show_bypass(self) -> None:
        if self._bypassed:
            self._set(SlotStatus.BYPASSED, "by the user")
        elif self._held_until:
            self._set(SlotStatus.BYPASSED, "missed too many deadlines in a row")
        else:
            self._set(SlotStatus.ACTIVE, "")

    # ------------------------------------------------------------------ loading

    async def _launch(self) -> None:
        """Brings a worker up; on failure the fault is reported and dealt with."""
        record = self.chain.pool.lease()
        if record is None:
            self._fail(f"{self.chain.name}: no record is free; too many workers will not die")
            return
        try:
            worker = await self._context.launcher.spawn()
        except (
            IsoboothError,
            OSError,
        ) as error:  # no process, no descriptor: not the plugin's doing
            self.chain.pool.release(record)
            self._fail(f"{self.spec.label}: no worker could be started: {error}")
            return
        try:
            self.worker, self._record = worker, record
            worker.exited.add_done_callback(lambda done: self._on_exit(worker, record, done))
            loaded = await worker.request(
                self._load_request(record), self._context.config.faults.load_limit_s
            )
        except WorkerDied:
            return  # _on_exit has it
        except RequestTimeout:
            restoring = worker.phase == "restore"
            self._kill_kind = FaultKind.RESTORE_FAILED if restoring else FaultKind.LOAD_TIMEOUT
            worker.kill()
        except RequestFailed as error:
            self._kill_kind = FaultKind.LOAD_FAILED
            self._refused = str(error)
            worker.kill()
        except IsoboothError:
            worker.kill()
        else:
            if loaded.state_used < 0 and self._restore.state is not None:
                self._state_refused(worker, loaded)
            else:
                self._go(worker, record, loaded)

    def _state_refused(self, worker: WorkerProcess, loaded: Loaded) -> None:
        """A plugin that does not take its state is loaded anew with the one before."""
        for line in loaded.state_errors:
            self._log(HostEventKind.NOTICE, f"{self.spec.label}: {line}; the one before is tried")
        self.journal.reject(self._restore)
        self._given_up = worker
        worker.kill()

    def _load_request(self, record: int) -> Load:
        config = self._context.config
        geometry = self.chain.geometry
        restore = self._restore = self.journal.next_restore()
        return Load(
            plugin=self.spec.plugin,
            sample_rate=float(config.sample_rate),
            max_frames=config.block_frames,
            sidechain=self.spec.sidechain is not None,
            offline=config.offline,
            geometry=ChainGeometry(
                records=geometry.records,
                max_frames=geometry.max_frames,
                sample_rate=geometry.sample_rate,
            ),
            segments=self.chain.segments.names,
            record=record,
            states=[] if restore.state is None else [restore.state],
            program=self.spec.program if restore.is_first else None,
            parameters=dict(self.spec.parameters) if restore.is_first else {},
            edits=[(e.number, e.parameter, e.value) for e in restore.edits],
            priority=config.worker_priority if config.realtime and not config.offline else 0,
            cpu=self.chain.cpu,
            warm_up_blocks=0 if config.offline else config.warm_up_blocks,
        )

    def _go(self, worker: WorkerProcess, record: int, loaded: Loaded) -> None:
        """The worker is ready: from the next block on it is heard."""
        if not worker.alive or self._closing:
            return
        context, native = self._context, self.native
        restarted = self._loaded_once
        self._loaded_once = True
        self._refused = ""
        self._processed_at_start = native.processed_blocks
        self.description = loaded.description
        self.tail_s = loaded.tail_s
        self.rejected_parameters = loaded.parameters_rejected
        for line in (*loaded.state_errors, *loaded.parameters_rejected):
            self._log(HostEventKind.NOTICE, f"{self.spec.label}: {line}")
        self._snapshot_edit = self._applied(loaded.applied_edit)
        self._thread_id = loaded.thread_id
        engine = context.engine
        self._command(
            "policy",
            lambda: engine.set_policy(
                native,
                self.spec.on_miss.value,
                loaded.description.in_channels == 0,
                loaded.accepts_midi,
                loaded.produces_midi,
            ),
        )
        self._take_latency(loaded.latency_frames)
        native.set_worker(
            loaded.thread_id, context.config.worker_priority if loaded.realtime else 0
        )
        self._command("attach", lambda: engine.attach(native, record, restarted))
        self._held_until = 0.0
        self._missed_before = native.missed_blocks
        self._send_bypass()
        if restarted:
            self.restarts += 1
            self.last_restart_s = (monotonic_ns() - self._died_ns) / 1e9
            self._log(
                HostEventKind.RECOVERED,
                f"{self.spec.label} is back after {self.last_restart_s * 1000:.0f} ms",
            )
        self._show_bypass()

    # ------------------------------------------------------------------ the end of a worker

    def _on_exit(
        self, worker: WorkerProcess, record: int, done: "asyncio.Future[WorkerExit]"
    ) -> None:
        if done.cancelled():
            return
        exit = done.result()
        self._died_ns = monotonic_ns()
        self.chain.retire(record)
        engine, native = self._context.engine, self.native
        native.set_worker(0, 0)
        self._command("attach", lambda: engine.detach(native))
        reaping = asyncio.get_running_loop().create_task(self._give_back(worker, record))
        self._reaping.add(reaping)
        reaping.add_done_callback(self._reaping.discard)
        if self.worker is worker:
            self.worker, self._record = None, None
        self.journal.instance_lost()
        if self._closing:
            return
        if self._given_up is worker:
            self._given_up = None
            self._restart = asyncio.get_running_loop().create_task(self._launch())
            return
        if exit.phase == "restore" and self._restore.state is not None:
            self.journal.reject(self._restore)
        self._on_fault(self._kind_of(exit), exit)

    async def _give_back(self, worker: WorkerProcess, record: int) -> None:
        if not await worker.reaped:
            self.chain.pool.condemn(record)
            return
        await self._read_to_the_end()
        if self.chain.lost(record):
            self.chain.pool.condemn(record)
        else:
            self.chain.release(record)

    async def _read_to_the_end(self) -> None:
        """Waits until the audio thread has left the block in which the worker ended, and the one
        that it picks up later: what the worker delivered before its end is still heard, and a
        record is cleared for the next."""
        engine = self._context.engine
        seen, since = engine.block_count, time.monotonic()
        until = seen + 2
        while engine.block_count < until and not self._closing:
            await asyncio.sleep(_PAUSE_S)
            if engine.block_count != seen:
                seen, since = engine.block_count, time.monotonic()
            elif time.monotonic() - since > _CLOCK_STANDS_S and not self._context.config.offline:
                return

    def _kind_of(self, exit: WorkerExit) -> FaultKind:
        kind, self._kill_kind = self._kill_kind, None
        if kind is not None:
            return kind
        return FaultKind.CRASH if exit.signal is not None else FaultKind.EXIT

    def _on_fault(self, kind: FaultKind, exit: WorkerExit) -> None:
        now = time.monotonic()
        policy = self._context.config.faults
        self._faults.append(now)
        while self._faults and now - self._faults[0] > policy.crash_window_s:
            self._faults.popleft()
        # A plugin that says no when asked to load says so again: trying once more is no help.
        hopeless = kind is FaultKind.LOAD_FAILED and not self._loaded_once
        quarantine = len(self._faults) >= policy.crash_limit and not self._context.config.offline
        if hopeless or self._context.config.offline:
            action = "bypassed"
        else:
            action = "quarantined" if quarantine else "restarted"
        report_id = self._report(kind, exit, action)
        how = exit.signal_name or (
            f"exit code {exit.exit_code}" if exit.exit_code is not None else "its worker's end"
        )
        what = {
            FaultKind.HANG: "hung and was stopped",
            FaultKind.NONFINITE: "kept sending NaN or Inf",
            FaultKind.RUNAWAY: "kept sending a runaway level",
            FaultKind.LOAD_FAILED: self._refused or "could not be loaded",
            FaultKind.LOAD_TIMEOUT: "did not load in time",
        }.get(kind, f"ended with {how}" + ("" if exit.phase == "process" else f" ({exit.phase})"))
        self._log(HostEventKind.FAULT, f"{self.spec.label} {what}", report=report_id)
        if hopeless or self._context.config.offline:
            self._fail(f"{self.spec.label} {what}" if not self._refused else self._refused)
        elif quarantine:
            self._quarantine(report_id)
        else:
            self._set(SlotStatus.RESTARTING, what)
            self._restart = asyncio.get_running_loop().create_task(
                self._restart_after(self._back_off())
            )

    def _back_off(self) -> float:
        policy = self._context.config.faults
        earlier = len(self._faults) - 1
        if earlier <= 0:
            return policy.first_restart_s
        return float(min(policy.longest_restart_s, policy.next_restart_s * 2 ** (earlier - 1)))

    async def _restart_after(self, delay_s: float) -> None:
        if delay_s > 0:
            await asyncio.sleep(delay_s)
        await self._launch()

    def _quarantine(self, report_id: str | None) -> None:
        count = len(self._faults)
        window = self._context.config.faults.crash_window_s
        self._set(SlotStatus.QUARANTINED, f"failed {count} times in {window:.0f} s")
        self._send_bypass(True)
        if self._context.blacklist is not None:
            with contextlib.suppress(IsoboothError):
                self._context.blacklist.add(
                    self.spec.plugin,
                    self._file(),
                    f"failed {count} times in {window:.0f} s",
                    [report_id] if report_id else [],
                )
        self._log(
            HostEventKind.QUARANTINED,
            f"{self.spec.label} failed {count} times in {window:.0f} s and stays bypassed; it is "
            f"blacklisted until its file changes or `isobooth blacklist remove` lifts it",
            report=report_id,
        )

    def _fail(self, reason: str) -> None:
        self._set(SlotStatus.FAILED, reason)
        self._send_bypass(True)
        self._log(HostEventKind.FAILED, reason)

    def _report(self, kind: FaultKind, exit: WorkerExit, action: str) -> str | None:
        phase, self._kill_phase = self._kill_phase or phase_of(exit), None
        if self._context.crashes is None:
            return None
        news = FaultNews(
            kind=kind,
            phase=phase,
            action=action,
            exit=exit,
        )
        report = make_report(news, self, self._context)
        try:
            report_id = self._context.crashes.add(report)
        except IsoboothError as error:
            self._log(HostEventKind.NOTICE, f"a crash report could not be kept: {error}")
            return None
        self.reports.append(report_id)
        return report_id

    def _file(self) -> Path | None:
        path = self.description.path if self.description is not None else None
        return Path(path) if path else None

    # ------------------------------------------------------------------ watching

    def tick(self, now: float, stalled: bool) -> None:
        """Looks at the counters. `stalled`: the control thread itself was late, so is time."""
        if self.worker is None or self.status not in (
            SlotStatus.ACTIVE,
            SlotStatus.LATE,
            SlotStatus.BYPASSED,
        ):
            return
        if self._record is not None and self.chain.lost(self._record):
            self._log(
                HostEventKind.NOTICE,
                f"{self.spec.label} truncated its shared memory; its worker is stopped",
            )
            self._kill(FaultKind.CRASH)
            return
        if not stalled:
            self._check_hang()
        self._check_output()
        self._check_lateness(now)
        self._check_latency()
        policy = self._context.config.faults
        self.journal.survive(self.native.processed_blocks, policy.snapshot_good_blocks)
        self._check_snapshot(now)

    def _kill(self, kind: FaultKind, phase: Phase = Phase.PROCESS) -> None:
        """`phase`: what it was given up for; it may have been asked for its state meanwhile."""
        if self._kill_kind is None and self.worker is not None:
            self._kill_kind, self._kill_phase = kind, phase
            self.worker.kill()

    def _check_hang(self) -> None:
        since = self.native.stuck_since_ns
        stuck = since != 0 and self.worker is not None and self._is_stuck()
        # Asked again: it may have come back, and be in a block, since the first question.
        if self.worker is None or not stuck or self.native.stuck_since_ns != since:
            self._stall = None
            return
        if self._stall is None or self._stall.since_ns != since:
            self._stall = StallWatch(self.worker.pid, self._thread_id, since)
        limit = self._context.config.faults.hang_limit_s
        stuck_s = (monotonic_ns() - since) / 1e9
        # However starved: what has not come back after three times the limit is not coming.
        if stuck_s > limit and (stuck_s > 3 * limit or not self._stall.starved(limit)):
            self._kill(FaultKind.HANG)

    def _is_stuck(self) -> bool:
        """Asks the relay itself: a slot that is not asked to run, because the clock stands or it
        is bypassed, is not seen to come back by the audio thread."""
        chain = self.chain.native
        return chain is not None and self._record is not None and chain.is_stuck(self._record)

    def _heard_since_start(self) -> bool:
        """Before this worker's first block the counters tell of the one before it."""
        return self.native.processed_blocks != self._processed_at_start

    def _check_output(self) -> None:
        policy = self._context.config.faults
        if not self._heard_since_start():
            return
        if self.native.nonfinite_in_a_row >= policy.nonfinite_blocks:
            self._send_bypass(True)
            self._kill(FaultKind.NONFINITE)
        elif self.native.overlevel_in_a_row >= policy.overlevel_blocks:
            self._send_bypass(True)
            self._kill(FaultKind.RUNAWAY)

    def _check_lateness(self, now: float) -> None:
        """Lateness never counts as a fault: it is shown, and if it lasts, the slot is held."""
        policy = self._context.config.faults
        if self._held_until:
            if now >= self._held_until and not self._bypassed:
                self._held_until = 0.0
                self._missed_before = self.native.missed_blocks
                self._send_bypass()
                self._show_bypass()
                self._log(HostEventKind.RELEASED, f"{self.spec.label} is tried again")
            return
        if self._bypassed:
            return
        misses = min(self.native.misses_in_a_row, self.native.missed_blocks - self._missed_before)
        if misses >= policy.hold_blocks:
            self._held_until = now + policy.hold_s
            self._send_bypass()
            self._show_bypass()
            self._log(
                HostEventKind.HELD,
                f"{self.spec.label} missed {misses} deadlines in a row and is held bypassed for "
                f"{policy.hold_s:g} s; a larger --block or --pipelined gives it more time",
            )
        elif misses >= policy.late_blocks and self.status is SlotStatus.ACTIVE:
            self._set(SlotStatus.LATE, f"missed {misses} deadlines in a row")
        elif misses == 0 and self.status is SlotStatus.LATE:
            self._set(SlotStatus.ACTIVE, "")

    def _check_latency(self) -> None:
        if self._record is None or not self._heard_since_start():
            return
        latency = self.native.reported_latency_frames
        if latency >= 0:
            self._take_latency(latency)

    def _take_latency(self, reported: int) -> None:
        """Compensates what the plugin reports; not what no mix can be delayed by."""
        latency = reported if reported <= MAX_LATENCY_FRAMES else 0
        if reported > MAX_LATENCY_FRAMES and self._refused_latency != reported:
            self._refused_latency = reported
            self._log(
                HostEventKind.NOTICE,
                f"{self.spec.label} reports a latency of {reported} frames; beyond "
                f"{MAX_LATENCY_FRAMES} it is not compensated",
            )
        if latency == self.latency_frames:
            return
        self.latency_frames = latency
        engine, native = self._context.engine, self.native
        self._command("latency", lambda: engine.set_latency(native, latency))
        self._context.mix.latency_changed()

    # ------------------------------------------------------------------ snapshots

    def _check_snapshot(self, now: float) -> None:
        policy = self._context.config.faults
        if self._saving is not None or self._context.config.offline:
            return
        edited = self.journal.has_edits_after(self._snapshot_edit)
        due = now - self._last_snapshot > policy.snapshot_interval_s
        if due or (
            edited
            and now - self._last_edit > policy.snapshot_after_edit_s
            and now - self._last_snapshot > policy.snapshot_after_edit_s
        ):
            self._last_snapshot = now
            self._saving = asyncio.get_running_loop().create_task(self._save())

    async def _save(self) -> None:
        worker = self.worker
        try:
            if worker is None:
                return
            saved = await worker.request(SaveState(), self._context.config.faults.save_limit_s)
            if self.worker is not worker:
                return
            # A worker counts only what it was told itself; what was restored holds the rest.
            self._snapshot_edit = self._applied(saved.applied_edit)
            self.journal.add_snapshot(saved.data, self._snapshot_edit, self.native.processed_blocks)
        except RequestTimeout:
            self._kill(FaultKind.HANG, Phase.SAVE)
        except WorkerDied:
            pass  # _on_exit has it
        except (WorkerError, ProtocolError) as error:
            self._log(
                HostEventKind.NOTICE,
                f"{self.spec.label}: its state could not be saved: {error}; an older one is kept",
            )
        finally:
            self._saving = None

    async def parameters(self) -> list[float]:
        """All parameters' values, normalized, as the plugin says. Raises WorkerError."""
        if self.worker is None:
            raise WorkerError(f"{self.spec.label} is {self.status}: nobody to ask")
        limit = self._context.config.faults.save_limit_s
        return (await self.worker.request(GetParameters(), limit)).values

    async def capture(self) -> bytes:
        """The plugin's state now, for saving the song; the last good one if it cannot say."""
        if self.worker is not None and self.status in (
            SlotStatus.ACTIVE,
            SlotStatus.LATE,
            SlotStatus.BYPASSED,
        ):
            with contextlib.suppress(WorkerError, ProtocolError):
                limit = self._context.config.faults.save_limit_s
                return (await self.worker.request(SaveState(), limit)).data
        state = self.journal.state_for_report()
        if state is None:
            raise WorkerError(f"{self.spec.label}: no state is known of {self.spec.plugin}")
        return state

    # ------------------------------------------------------------------ small things

    def _applied(self, reported: int) -> int:
        """The last edit that the worker holds: what was restored, and what it says it was given
        since, which cannot be more than there were."""
        return min(max(reported, self._restore.applied_edit), self.journal.last_edit)

    def _set(self, status: SlotStatus, reason: str) -> None:
        self.status, self.reason = status, reason

    def _send_bypass(self, out: bool = False) -> None:
        """`out`: it must not be heard, whatever the user wants."""
        engine, native, by_user = self._context.engine, self.native, self._bypassed
        bypassed = by_user or out or self._held_until > 0
        self._command("bypass", lambda: engine.set_bypass(native, bypassed, by_user))

    def _command(self, what: str, command: "CommandCall") -> None:
        self._context.commands.send((id(self.native), what), command)

    def _log(self, kind: HostEventKind, text: str, report: str | None = None) -> None:
        self._context.events.add(
            kind,
            text,
            slot=self.spec.id,
            report=report,
            block=self._context.engine.block_count,
        )


class CommandCall(Protocol):
    def __call__(self) -> bool: ...
