# SPDX-License-Identifier: GPL-3.0-or-later
"""The host, as programs use it: load a song, play or render it, steer it, ask how it is doing.

Owns the engine, the control thread with its asyncio loop, and the clock or device that drives the
engine. Every method may be called from any one thread; they hand their work to the control thread
and return when it is done.
"""

import gc
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from host.config import HostConfig
from host.control import Control
from host.engine_module import Driver, Engine, Watchdog, give_memory_back
from host.events import EventLog, HostEvent, HostEventKind
from host.media import TrackMedia, is_same_media, load_media
from host.mix import Mix
from host.permissions import PermissionRules
from host.placement import Placement
from host.preview import Heard, Previews
from host.realtime import may_run_realtime
from host.session.ledger import AnyEntry, Bypass, Gain, Loop, Mute, Pan
from host.session.session import Session
from host.slot_supervisor import SlotSupervisor
from host.slot_window import WindowChange, WindowStatus
from host.song import SILENCE_DB, Slot, Song
from host.store.blacklist import Blacklist
from host.store.conduct_store import ConductStore
from host.store.crash_store import CrashStore
from host.store.database import Database
from host.store.trust_store import TrustStore
from host.supervisor import Supervisor
from host.trust.gate import TrustGate
from ipc.description import PluginDescription
from ipc.errors import InputError, IsoboothError
from ipc.status import SlotStatus
from ipc.worker_process import WorkerMemory


@dataclass(frozen=True)
class SlotReport:
    """How a slot is doing; the keys of a render's JSON report."""

    id: str
    plugin: str
    status: SlotStatus
    reason: str
    restarts: int
    bypassed_blocks: int
    processed_blocks: int
    missed_blocks: int
    repaired_samples: int
    crashes: tuple[str, ...]  # report ids
    denials: tuple[str, ...]  # what it tried that its permissions do not allow
    latency_frames: int
    last_restart_s: float | None
    shares_with: tuple[str, ...]  # slots in the same process
    rejected: tuple[str, ...]  # what it did not take of the song's program and parameters


class Host:
    """Use as a context manager: leaving it leaves no process, segment or semaphore behind."""

    def __init__(
        self,
        config: HostConfig | None = None,
        database: Database | None = None,
        control: Control | None = None,
        session: Session | None = None,
    ) -> None:
        """`database`: where crash reports and the blacklist are kept; None: nowhere. `control`:
        shared with other hosts and left open; None: a control thread and launcher of its own.
        `session`: keeps the song and all edits on disk until the host is closed; an exception that
        leaves the `with` block leaves it there, to be resumed."""
        config = config or HostConfig()
        realtime = (
            config.realtime and not config.offline and may_run_realtime(config.audio_priority)
        )
        if not config.offline:
            gc.collect()
            # Of the host before this one: a program that plays song after song would grow by some
            # MiB a song, for all that is freed, because small things settle in between.
            give_memory_back()
        self.config = config
        self.realtime = realtime
        self.engine = Engine(
            float(config.sample_rate),
            config.engine_frames,
            deadline_fraction=config.deadline_fraction,
            offline=config.offline,
            hang_limit_s=config.offline_hang_limit_s,
            capture_s=config.capture_s,
            batch=config.batch,
        )
        self.events = EventLog(lambda: self.engine.position_frames, lambda: self.engine.playing)
        self._offline_core = Placement(config.pin_workers).core_for_audio(config.offline)
        self._watchdog: Watchdog | None = None
        self.driver: Driver | None = None
        if not config.offline:
            self._watchdog = Watchdog(self.engine, config.watchdog_priority if realtime else 0)
            self.driver = Driver(
                self.engine,
                config.audio_priority if realtime else 0,
                Placement(config.pin_workers).core_for_audio(realtime),
                config.prewake,
            )
        self._control = control or Control()
        self._owns_control = control is None
        self._supervisor = Supervisor(
            # Workers must never outrank a host that was refused.
            replace(config, realtime=realtime),
            self.engine,
            self._control.launcher,
            CrashStore(database) if database is not None else None,
            Blacklist(database) if database is not None else None,
            self.events,
            self._watchdog,
            session,
            TrustGate(TrustStore(database), config.trust) if database is not None else None,
            ConductStore(database) if database is not None else None,
        )
        self._session = session
        self._may_open_windows: dict[str, bool] = {}  # by plugin, as far as it was asked
        self._closed = False

    def __enter__(self) -> "Host":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # Ctrl-C is how a user ends a session.
        self._close(in_order=kind is None or not issubclass(kind, Exception))

    # ------------------------------------------------------------------ song and transport

    def load(self, song: Song) -> None:
        """Loads a song, once a host. Raises InputError, MachineError; plugins that cannot be
        loaded are reported by their slots."""
        if self._supervisor.mix is not None:
            raise InputError("this host has a song already; start another host for another song")
        self.engine.set_tempo(song.tempo)
        self.engine.set_signature(*song.time_signature)
        mix = self._supervisor.new_mix(song)
        mix.load()  # on the caller's thread: decoding a long file would hold up the control thread
        self._control.run(self._supervisor.start(mix))
        self._begin_session(song)

    def change(self, song: Song, wait: bool = True) -> None:
        """Another version of the song takes the place of the one that plays, which is not stopped
        for it: what both have goes on (host/mix_change.py). `wait`: until its new plugins are
        loaded or have failed. Raises InputError or MachineError, and changes nothing, if it cannot
        be."""
        if song.sample_rate != self.mix.song.sample_rate:
            raise InputError("a song that plays keeps its sample rate")
        before = {track.id: track for track in self.mix.song.tracks}
        media = {
            track.id: load_media(song, track, self.config.sample_rate)
            for track in song.tracks
            if not is_same_media(self.mix.song, before.get(track.id), song, track)
        }
        self._control.run(self._supervisor.change(song, media, wait))
        tempo, signature = song.tempo, song.time_signature
        self._control.call(lambda: self._send("tempo", lambda: self.engine.set_tempo(tempo)))
        self._control.call(
            lambda: self._send("signature", lambda: self.engine.set_signature(*signature))
        )

    def start(self, playing: bool = True, position_frames: int = 0) -> None:
        """Starts the clock: the mix runs from here on, playing or not."""
        self._control.call(lambda: self._transport(playing, position_frames))
        if self.driver is not None:
            self.driver.start()

    def stop(self) -> None:
        """Stops the clock; blocks are rendered no longer."""
        if self.driver is not None:
            self.driver.stop()  # first: the clock would take the device's place
            self.driver.no_device()

    def play(self, playing: bool = True) -> None:
        self._control.call(lambda: self._send("play", lambda: self.engine.play(playing)))

    def locate(self, frame: int) -> None:
        self._control.call(lambda: self._send("locate", lambda: self.engine.locate(frame)))

    def set_loop(self, start_frame: int, end_frame: int) -> None:
        """Loops [start, end), at least one engine block of it; an empty range ends looping."""
        least = self.config.engine_frames
        if 0 < end_frame - start_frame < least:
            raise InputError(
                f"a loop of {end_frame - start_frame} frames is too short: with this block size it "
                f"needs at least {least} frames"
            )
        self._control.call(
            lambda: self._send("loop", lambda: self.engine.set_loop(start_frame, end_frame))
        )
        self._keep(Loop(max(0, start_frame), max(0, end_frame)))

    def render(self, blocks: int) -> NDArray[np.float32]:
        """Offline: the next `blocks` engine blocks, (2, blocks * config.engine_frames) float32."""
        return self.engine.render(blocks, self._offline_core)

    def render_cut(self, blocks: int) -> NDArray[np.float32]:
        """Offline: an engine block that is cut to `blocks` of the plugins', 1 to config.batch:
        (2, blocks * config.block_frames) float32. Chains that are pipelined cannot be cut."""
        return self.engine.render(1, self._offline_core, blocks * self.config.block_frames)

    def settle_denials(self) -> None:
        """Waits until all that plugins were denied so far is in their reports and in the events."""
        self._control.run(self._supervisor.settle_denials())

    def check_output(self, slot: str, blocks: int) -> int | None:
        """Offline: stops the plugin if NaN, Inf or a runaway level lasted as long as the policy
        allows live, or for all of `blocks` where those are fewer. Returns the block in which that
        began; None if it did not."""
        return self._control.call(lambda: self.mix.slot(slot).check_output_so_far(blocks))

    # ------------------------------------------------------------------ steering

    @property
    def mix(self) -> Mix:
        if self._supervisor.mix is None:
            raise InputError("no song is loaded")
        return self._supervisor.mix

    def set_gain(self, track: str, gain_db: float) -> None:
        self._control.call(lambda: self.mix.set_gain(track, gain_db))
        self._keep(Gain(track, max(SILENCE_DB, gain_db)))

    def set_pan(self, track: str, pan: float) -> None:
        self._control.call(lambda: self.mix.set_pan(track, pan))
        self._keep(Pan(track, pan))

    def set_mute(self, track: str, mute: bool) -> None:
        self._control.call(lambda: self.mix.set_mute(track, mute))
        self._keep(Mute(track, mute))

    def set_parameter(self, slot: str, parameter: int, value: float) -> None:
        """`value` normalized 0..1. The edit is kept across crashes from this call on."""
        if not 0.0 <= value <= 1.0:
            raise InputError(f"{slot}: a parameter's value lies between 0 and 1, not {value}")
        self._control.call(lambda: self.mix.slot(slot).set_parameter(parameter, value))

    def set_program(self, slot: str, index: int) -> None:
        """One of its plugin's own programs; kept across crashes from this call on. Raises
        InputError if it has no such."""
        self._control.run(self.mix.slot(slot).set_program(index))

    def check_program(self, slot: str, index: int) -> None:
        """Raises InputError if its plugin has no such program."""
        self.mix.slot(slot).check_program(index)

    def automate(self, slot: str, parameter: int, value: float, offset: int = 0) -> None:
        """`value` at this frame of the next block; not an edit: forgotten when the plugin fails."""
        self._control.call(
            lambda: self.engine.set_parameter(
                self.mix.slot(slot).native, parameter, value, 0, offset
            )
        )

    def set_bypass(self, slot: str, bypassed: bool) -> None:
        self._control.call(lambda: self.mix.slot(slot).set_bypass(bypassed))
        self._keep(Bypass(slot, bypassed))

    def restart_slot(self, slot: str, snapshot: int = 0, as_it_is: bool = False) -> None:
        """Loads its plugin anew, even if that was given up or is blacklisted (it is not any more
        then). `snapshot`: with an older good state; 0 is the newest. `as_it_is`: with the state
        that it has now."""
        supervisor = self.mix.slot(slot)
        blacklist = self._supervisor.blacklist
        entry = blacklist.is_blacklisted(supervisor.spec.plugin) if blacklist is not None else None
        if blacklist is not None and entry is not None:
            blacklist.remove(entry.id)
        self._control.run(supervisor.restart(snapshot, as_it_is))

    def restore_slot(self, slot: str, state: bytes) -> None:
        """Loads its plugin anew with a state that it once had (`capture_slot`); edits made since
        are forgotten."""
        self._control.run(self.mix.slot(slot).restore(state))

    def quarantine_slot(self, slot: str) -> None:
        """Its plugin is not heard any more, and not tried again until `restart_slot`."""
        self._control.call(lambda: self.mix.slot(slot).quarantine("the user has put it there"))

    def fail_slot(self, slot: str, reason: str) -> None:
        """The slot goes on without its plugin, as its policy for misses says, for as long as this
        host lives."""

        def fail() -> None:
            supervisor = self.mix.slot(slot)
            if supervisor.status not in (SlotStatus.FAILED, SlotStatus.QUARANTINED):
                supervisor.fail(reason)

        self._control.call(fail)

    def send_midi(self, track: str, message: bytes) -> bool:
        """A live MIDI message, now; from one thread (a MIDI port's). False if too many wait. One
        for a track that was just taken away is heard by nobody."""
        try:
            strip = self.mix.strip(track)
        except InputError:
            return True
        return self.engine.live_midi(strip.native, message)

    def capture_slot(self, slot: str) -> Slot:
        """The slot as a song keeps it, as it is now: with the plugin's state and every edit made
        before this call. Of a plugin that cannot say, the last good state and the edits since."""
        return self._control.run(self.mix.slot(slot).capture())

    # ------------------------------------------------------------------ beside the song

    def preview(
        self, name: str, media: TrackMedia, check: Callable[[], None] = lambda: None
    ) -> None:
        """It is heard over the mix from its start, whether the song plays or not, until its end;
        another one is faded out for it. `name`: to tell it by. `check`: called when it is about to
        begin, raises if it is not wanted any more. Raises MachineError, and what `check` does."""
        self._control.run(self._previews.start(name, media, check))

    def stop_preview(self) -> None:
        """Fades it out, and returns when nothing of it is left."""
        self._control.run(self._previews.stop())

    @property
    def previewed(self) -> Heard | None:
        """None: nothing is heard over the mix."""
        return self._previews.heard

    @property
    def _previews(self) -> Previews:
        if self._supervisor.previews is None:
            raise InputError("no song is loaded")
        return self._supervisor.previews

    # ------------------------------------------------------------------ plugins' own windows

    def permit(self, permissions: PermissionRules) -> None:
        """What plugins may do that are loaded from now on."""
        self._control.call(lambda: self._supervisor.permit(permissions))
        self._may_open_windows = {}  # a new one: another thread may just be filling the old one

    def may_open_windows(self, plugin: str) -> bool:
        """Whether the plugin with this id is permitted the display."""
        known = self._may_open_windows
        if plugin not in known:  # windows ask twenty times a second, and rules are many
            known[plugin] = self._supervisor.permissions.of(plugin).display
        return known[plugin]

    def open_window(self, slot: str, title: str, above: int = 0) -> None:
        """Opens the plugin's own window, or brings it to the front; a plugin that may show one, and
        could not when it was loaded, is loaded anew, as it is. `above`: the number of a window of
        X11 that it shall stay above of. Raises InputError, MachineError or WorkerError."""
        self._control.run(self.mix.slot(slot).window.open(title, above))

    def close_window(self, slot: str) -> None:
        """Does nothing where none is open. Raises WorkerError."""
        self._control.run(self.mix.slot(slot).window.close())

    def window_status(self, slot: str) -> WindowStatus:
        """`none`: the plugin has none, as far as is known."""
        return self.mix.slot(slot).window.status

    def waits_for_window(self, slot: str) -> bool:
        """Whether it cannot be asked just now, because another plugin in its process is opening its
        own window."""
        mix = self.mix
        others = set(mix.slot(slot).shares_with)
        return any(one.window.status == "opening" for one in mix.slots() if one.spec.id in others)

    @property
    def has_window_changes(self) -> bool:
        """Whether `take_window_changes` would return some."""
        return self._supervisor.has_window_changes

    def take_window_changes(self) -> list[WindowChange]:
        """What users have changed in plugins' own windows since this was last called. It is heard
        and kept already."""
        return self._supervisor.take_window_changes()

    # ------------------------------------------------------------------ asking

    def slots(self) -> list[SlotReport]:
        """Counts are in blocks of `config.block_frames`."""
        return [_report(slot) for slot in self._supervisor.slots()]

    def description(self, slot: str) -> PluginDescription | None:
        """What its plugin says of itself; None: it was never loaded."""
        return self.mix.slot(slot).description

    def supervisor_of(self, slot: str) -> SlotSupervisor:
        """For tests and tools: the slot's supervisor. Touch it on the control thread only."""
        return self.mix.slot(slot)

    def worker_pid(self, slot: str) -> int | None:
        worker = self.mix.slot(slot).worker
        return worker.pid if worker is not None else None

    def standby_pid(self, slot: str) -> int | None:
        """Of the worker that would play if the one that does failed now; None: there is none."""
        standby = self.mix.slot(slot).standby
        if standby is None or not standby.is_ready or standby.tenure is None:
            return None
        return standby.tenure.worker.pid

    def worker_memory(self, slot: str) -> WorkerMemory | None:
        """None while the slot has no worker."""
        worker = self.mix.slot(slot).worker
        return worker.memory() if worker is not None else None

    def parameters(self, slot: str) -> list[float]:
        """All parameters' values, as the plugin says. Raises WorkerError."""
        return self._control.run(self.mix.slot(slot).parameters())

    def value_text(self, slot: str, parameter: int, value: float) -> str:
        """The plugin's words for a value. Raises WorkerError."""
        return self._control.run(self.mix.slot(slot).value_text(parameter, value))

    def snapshot_count(self, slot: str) -> int:
        """How many good states it could be restarted with."""
        journal = self.mix.slot(slot).journal
        return sum(snapshot.good or snapshot.recovered for snapshot in journal.snapshots)

    def events_since(self, index: int) -> list[HostEvent]:
        return self.events.since(index)

    @property
    def watchdog_stops(self) -> int:
        """How often a stuck plugin was stopped for the length of a block."""
        return self._watchdog.stops if self._watchdog is not None else 0

    @property
    def watchdog_fetches(self) -> int:
        """How often the audio thread was taken to another core, because it waited on its own
        behind somebody else. At normal priority only."""
        return self._watchdog.fetches if self._watchdog is not None else 0

    @property
    def watchdog_demotions(self) -> int:
        return self._watchdog.demotions if self._watchdog is not None else 0

    # ------------------------------------------------------------------ end

    def interrupt(self) -> None:
        """Kills every worker, so that a `load` or `render` of another thread returns soon; only
        `close` makes sense afterwards. Returns at once; may be called again."""
        if not self._closed:
            self._control.post(self._supervisor.kill_workers)

    def close(self) -> None:
        """Stops everything. Safe to call twice."""
        self._close(in_order=True)

    # ------------------------------------------------------------------ inside

    def _close(self, in_order: bool) -> None:
        """`in_order`: there is nothing to resume."""
        if self._closed:
            return
        self._closed = True
        self.stop()
        try:
            self._control.run(self._supervisor.close())
        finally:
            if self._session is not None:
                self._session.end(in_order)
            if self._owns_control:
                self._control.close()
            if self._watchdog is not None:
                self._watchdog.stop()

    def _begin_session(self, song: Song) -> None:
        """A disk that cannot keep it is no reason not to play."""
        if self._session is None:
            return
        try:
            self._session.begin(song, lambda: self.engine.position_frames, self._notice)
        except IsoboothError as error:
            self._notice(f"this session cannot be resumed if the host is killed: {error}")

    def _notice(self, text: str) -> None:
        self.events.add(HostEventKind.NOTICE, text)

    def _keep(self, entry: AnyEntry) -> None:
        if self._session is not None:
            self._session.put(entry)

    def _send(self, key: str, command: Callable[[], bool]) -> None:
        self._supervisor.commands.send(("transport", key), command)

    def _transport(self, playing: bool, position_frames: int) -> None:
        self._send("locate", lambda: self.engine.locate(position_frames))
        self._send("play", lambda: self.engine.play(playing))


def _report(slot: SlotSupervisor) -> SlotReport:
    native = slot.native
    return SlotReport(
        id=slot.spec.id,
        plugin=slot.spec.plugin,
        status=slot.status,
        reason=slot.reason,
        restarts=slot.restarts,
        bypassed_blocks=native.bypassed_blocks,
        processed_blocks=native.processed_blocks,
        missed_blocks=native.missed_blocks,
        repaired_samples=native.repaired_samples,
        crashes=tuple(slot.reports),
        denials=slot.denials.all,
        latency_frames=slot.latency_frames,
        last_restart_s=slot.last_restart_s,
        shares_with=tuple(slot.shares_with),
        rejected=tuple(slot.rejected_parameters),
    )
