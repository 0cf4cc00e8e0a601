# SPDX-License-Identifier: GPL-3.0-or-later
"""A song that is worked on while it plays: the host that plays it, its device, its versions.

Every edit makes a new version of the song, and the host is made to play that (host/mix_change.py);
so undo and redo are nothing but other versions. Faders and parameters, which move all the time,
go straight to the engine.

All methods but `play`, `locate`, `view` and `open_window` may wait for plugins, and are
called by one thread.
"""

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import groupby
from math import isclose
from pathlib import Path

import msgspec

from host.config import HostConfig
from host.desk.called import with_name
from host.desk.edits import NO_SLOT, edited, name_of, new_slot_id, title_of
from host.desk.history import History, Version, parameters_of, programs_of
from host.desk.presets import load_preset, save_preset
from host.device import NULL_DEVICE, AudioDevice
from host.events import HostEvent, HostEventKind
from host.host import Host
from host.midi_input import MidiInput
from host.mix_change import is_same_plugin
from host.permission_file import load_permissions, rule_of, save_rule
from host.permissions import PermissionRules, PluginRule, rule_id
from host.session.folder import Playing
from host.session.recovery import Recovered
from host.session.session import Session
from host.song import DAY_S, MASTER, LoopRange, Slot, Song, Track, with_slots
from host.song_file import load_song, save_song
from host.song_routing import check_routing
from host.store.database import Database
from host.trust.settings import TrustSettings
from ipc.desk.requests import AnyEdit
from ipc.desk.state import TwoSets
from ipc.errors import InputError, IsoboothError
from ipc.status import SlotStatus
from ipc.text import one_line

UNTITLED = "Untitled"
_MOST_TITLE = 200
# What goes straight to the engine when nothing else of a song has changed.
_FADERS = {"gain_db": 0.0, "pan": 0.0, "mute": False}


@dataclass(frozen=True)
class DeskSettings:
    """How it is played. `device`: None is the default device, "null" none."""

    device: str | None = None
    block_frames: int = 128
    permissions: PermissionRules = field(default_factory=PermissionRules)
    trust: TrustSettings = field(default_factory=TrustSettings)


class Desk:
    """Use as a context manager; `open_song` first."""

    def __init__(self, database: Database | None, settings: DeskSettings) -> None:
        self.settings = settings
        self.database = database
        self.history = History(Song(name=UNTITLED))
        self.path = ""
        self.revision = 0  # of tracks and slots
        self.device_problem = ""
        self.events_before: list[HostEvent] = []  # of the hosts before this one
        self.sets: dict[tuple[str, str], TwoSets] = {}  # by slot and plugin: what is compared
        self._host: Host | None = None
        self._device: AudioDevice | None = None
        self._midi: MidiInput | None = None
        self._ports: dict[str, list[str]] = {}  # that it listens to
        self._session: Session | None = None

    def __enter__(self) -> "Desk":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Whatever went wrong, or a second Ctrl-C: what was not saved can be resumed."""
        self.close(keep=kind is not None and self.history.is_modified)

    @property
    def host(self) -> Host:
        if self._host is None:
            raise InputError("no song is open")
        return self._host

    @property
    def device(self) -> AudioDevice | None:
        return self._device

    @property
    def song(self) -> Song:
        """As it plays, with the last known states of plugins."""
        return self.history.current.song

    # ------------------------------------------------------------------ files

    def open_file(self, path: str) -> None:
        """Raises InputError if it is no song; the one that plays goes on then."""
        song = load_song(Path(path))
        self._begin(song, str(Path(path).absolute()), None, 0, False)
        self.sets.clear()

    def new_song(self) -> None:
        self._begin(Song(name=UNTITLED), "", None, 0, False)
        self.sets.clear()

    def resume(self, recovered: Recovered) -> None:
        """Goes on with what a killed host has left; it is modified until it is saved."""
        path = recovered.folder.about.song
        self._begin(
            recovered.song,
            path if path.startswith("/") else "",
            recovered,
            recovered.position_frames,
            False,
        )
        # `isobooth play --loop` repeats all of a song, and leaves the song's own loop alone.
        if recovered.is_loop_known and not recovered.folder.about.playing.loop:
            self._take_loop(recovered.loop)
        for slot, journal in recovered.journals.items():
            self.history.complete(self.history.current.with_edits(slot, journal.edits))
        self.history.forget_saved()

    def save(self, path: str) -> str:
        """Writes the song, with every plugin's state, and returns where. Raises InputError."""
        target = path or self.path
        if not target:
            raise InputError("this song has no file yet: say where to save it")
        self._capture(slot for _, slot in self.song.slots())
        song = self.song
        if song.name == UNTITLED and not self.path:
            song = msgspec.structs.replace(song, name=Path(target).stem)
        save_song(song, target)
        self.path = str(Path(target).absolute())
        self.history.complete(replace(self.history.current, song=load_song(self.path)))
        self.history.saved()
        if self._session is not None:
            with contextlib.suppress(IsoboothError):  # a disk that is full has said so already
                self._session.rename(self.path)
        return self.path

    @property
    def session_id(self) -> str | None:
        """Of what is kept of this song on disk while it plays."""
        return self._session.id if self._session is not None else None

    def close(self, keep: bool = False) -> None:
        """Stops everything. `keep`: the session can be resumed, else nothing is left of it. Safe to
        call twice."""
        if keep and self._session is not None:
            self._session.keep()
        self._end_host()

    # ------------------------------------------------------------------ edits

    def change(self, edits: tuple[AnyEdit, ...], gesture: int) -> None:
        """All of them or none, as one step. Raises InputError."""
        if not edits:
            return
        old = self.history.current
        first = edits[0]
        name = name_of(first, with_name(self.host, old.song, getattr(first, "slot", None)))
        song = old.song
        for edit in edits:
            song = edited(edit, song)
        check_routing(song, "song")
        if self._capture(_leaving(old.song, song)):
            old = self.history.current
            song = old.song
            for edit in edits:
                song = edited(edit, song)
        values, programs = parameters_of(edits), programs_of(edits)
        for slot, program in programs.items():
            self.host.check_program(slot, program)
        self._keep_states(programs)
        old = self.history.current
        # A program sets whatever it likes: what cannot be asked could not be undone.
        before = {
            key: value
            for slot in programs
            if slot not in old.states
            for key, value in self._all_values(slot)
        }
        before |= self._values_now(key for key in values if key not in {**before, **old.values})
        if before:
            self.history.complete(old.with_values(before))
            old = self.history.current
        # Another plugin may have the id of one that is gone.
        known = {slot.id for _, slot in song.slots()}
        kept = {
            key: value
            for key, value in old.values.items()
            if key[0] in known and key[0] not in programs
        }
        chosen = {slot: one for slot, one in old.programs.items() if slot in known}
        new = Version(song, {**kept, **values}, {**chosen, **programs})
        self._become(old, new)
        self.history.add(new, name, gesture)

    def undo(self) -> None:
        self._capture_leaving(self.history.before())
        self._keep_states(_with_other_programs(self.history.current, self.history.before()))
        before = self.history.before()
        if before is None:
            raise InputError("there is nothing to undo")
        self._become(self.history.current, before)
        self.history.undo()

    def redo(self) -> None:
        self._capture_leaving(self.history.after())
        self._keep_states(_with_other_programs(self.history.current, self.history.after()))
        after = self.history.after()
        if after is None:
            raise InputError("there is nothing to redo")
        self._become(self.history.current, after)
        self.history.redo()

    # ------------------------------------------------------------------ transport

    def play(self, playing: bool) -> None:
        self.host.play(playing)

    def locate(self, frame: int) -> None:
        self.host.locate(frame)

    def set_loop(self, start_frame: int, end_frame: int) -> None:
        """A step like any edit. Raises InputError if it is too short, or beyond what a song may
        be."""
        if end_frame > DAY_S * self.host.config.sample_rate:
            raise InputError("a loop ends within a day from the song's beginning")
        self.host.set_loop(start_frame, end_frame)
        before = self.loop
        after = (start_frame, end_frame) if start_frame < end_frame else None
        if before != after:
            self.history.add(self._with_loop(after), "the loop", 0)

    @property
    def loop(self) -> tuple[int, int] | None:
        """Frames, the end excluded."""
        return self._loop_of(self.song)

    def _loop_of(self, song: Song) -> tuple[int, int] | None:
        return song.loop.frames(self.host.config.sample_rate) if song.loop is not None else None

    def _with_loop(self, frames: tuple[int, int] | None) -> Version:
        rate, current = self.host.config.sample_rate, self.history.current
        loop = None
        if frames is not None:
            loop = LoopRange(start_s=frames[0] / rate, end_s=frames[1] / rate)
        song = msgspec.structs.replace(current.song, loop=loop)
        return replace(current, song=song, states={})

    def _take_loop(self, frames: tuple[int, int] | None) -> None:
        """What a killed host has left plays it already, or must."""
        self.history.complete(self._with_loop(frames))
        self._play_loop(self.song)

    def _play_loop(self, song: Song) -> None:
        """One that is too short for the blocks that are played is kept, and not played."""
        try:
            self.host.set_loop(*(self._loop_of(song) or (0, 0)))
        except InputError:
            self.host.set_loop(0, 0)

    def set_device(self, device: str | None, sample_rate: int, block_frames: int) -> None:
        """Plays on there, from where it is. Raises InputError or MachineError if it cannot be
        played on; the null clock drives until another one is chosen. Where there was no device
        before and none was asked for, a rate or a block size is had all the same."""
        host = self.host
        same = (sample_rate, block_frames) == (host.config.sample_rate, host.config.block_frames)
        told = "" if same or device != self.settings.device else self.device_problem
        self.settings = replace(self.settings, device=device, block_frames=block_frames)
        if same:
            self._end_device()
            self._begin_device(host)
        else:
            self._capture(slot for _, slot in self.song.slots())
            current = self.history.current
            song = msgspec.structs.replace(current.song, sample_rate=sample_rate)
            seconds = host.engine.position_frames / host.config.sample_rate
            was_playing = host.engine.playing
            history = self.history
            try:
                self._begin(song, self.path, None, round(seconds * sample_rate), was_playing)
            finally:
                if self._host is not host:
                    history.at_rate(sample_rate)
                    self.history = history
        if self.device_problem and self.device_problem != told:
            raise InputError(self.device_problem)

    # ------------------------------------------------------------------ slots

    def restart_slot(self, slot_id: str, snapshot: int) -> None:
        """With its last state, or an older one; also a plugin that was given up."""
        self.host.restart_slot(slot_id, snapshot)

    def save_preset(self, slot_id: str, name: str) -> None:
        """The plugin as it is now. Raises InputError or MachineError."""
        save_preset(self.host.capture_slot(slot_id), name)

    def load_preset(self, slot_id: str, name: str) -> str:
        """In a slot that takes this one's place; returns its id. Raises InputError."""
        old = self._slot(slot_id)
        preset = load_preset(old.plugin, name)
        new = msgspec.structs.replace(
            old,
            id=new_slot_id(self.song, old.plugin),
            state=preset.state,
            program=None,
            parameters=preset.parameters,
        )
        self._capture([old])
        before, title = self.history.current, self._title(slot_id)
        after = replace(before, song=with_slots(before.song, {slot_id: new}), states={})
        self._become(before, after)
        self.history.add(after, f"preset {name} of {title}", 0)
        return new.id

    # ------------------------------------------------------------------ plugins' own windows

    def allow_windows(self, slot_id: str) -> None:
        """Its plugin may open windows from now on, also in later sessions. Raises InputError or
        MachineError."""
        self._permit_display(self._slot(slot_id).plugin, True)

    def forbid_windows(self, slot_id: str) -> None:
        """Its plugin may open none any more. It is loaded anew, as it is, wherever it plays: a
        process that once had the screen keeps it. Raises InputError or MachineError."""
        plugin = self._slot(slot_id).plugin
        if not self.host.may_open_windows(plugin):
            return
        self._permit_display(plugin, False)
        lost = (SlotStatus.QUARANTINED, SlotStatus.FAILED)  # they play nowhere
        statuses = {report.id: report.status for report in self.host.slots()}
        for _, slot in self.song.slots():
            if slot.plugin == plugin and statuses.get(slot.id) not in (None, *lost):
                self.host.restart_slot(slot.id, as_it_is=True)
        if self.host.may_open_windows(plugin):  # its profile is an open one
            raise InputError("it may do everything; `isobooth permissions` changes that")

    def _permit_display(self, plugin: str, permitted: bool) -> None:
        """From now on, and in later sessions."""
        only = rule_id(plugin)
        save_rule(replace(rule_of(only, load_permissions()), display=permitted))
        before = self.settings.permissions
        rules = replace(before, rules=(*before.rules, PluginRule(id=only, display=permitted)))
        self.settings = replace(self.settings, permissions=rules)
        self.host.permit(rules)

    def open_window(self, slot_id: str, above: int = 0) -> None:
        """Called "PLUGIN – TRACK". Raises InputError, MachineError or WorkerError."""
        slot = self._slot(slot_id)
        holders = (track.label for track in self.song.tracks if slot in track.chain)
        track = next(holders, "Master")
        description = self.host.description(slot_id)
        name = slot.name or (description.name if description is not None else slot.label)
        self.host.open_window(slot_id, one_line(f"{name} – {track}", _MOST_TITLE), above)

    def follow_windows(self) -> None:
        """What was changed in plugins' own windows can be undone from now on, a gesture at once. It
        is heard and kept already."""
        slots = {slot.id for _, slot in self.song.slots()}
        changes = (one for one in self.host.take_window_changes() if one.slot in slots)
        for gesture, together in groupby(changes, lambda one: one.gesture):
            known = self.history.current.values
            before: dict[tuple[str, int], float] = {}
            after: dict[tuple[str, int], float] = {}
            for change in together:
                key = change.slot, change.parameter
                before.setdefault(key, known.get(key, change.before))
                after[key] = change.value
            # Some editors tell what they are shown, which is no step, and must not end redo.
            changed = {k: v for k, v in after.items() if not isclose(v, before[k], abs_tol=1e-6)}
            if not changed:
                continue
            self.history.know({key: before[key] for key in changed if key not in known})
            current = self.history.current
            new = replace(current, values={**current.values, **changed}, states={})
            name = f"a parameter of {self._title(next(iter(changed))[0])}"
            self.history.add(new, name, -gesture)  # below 0, where no window's own gestures are

    def _title(self, slot_id: str) -> str:
        return title_of(with_name(self.host, self.song, slot_id), slot_id)

    def _slot(self, slot_id: str) -> Slot:
        for _, slot in self.song.slots():
            if slot.id == slot_id:
                return slot
        raise InputError(NO_SLOT)

    # ------------------------------------------------------------------ inside: versions

    def _become(self, old: Version, new: Version) -> None:
        host = self.host
        if old.song.loop != new.song.loop:
            self._play_loop(new.song)
        if _without_faders(old.song) == _without_faders(new.song):
            self._move_faders(old.song, new.song)
        else:
            host.change(new.song, wait=False)
            self._hear_midi(new.song)
        if _places(old.song) != _places(new.song):
            self.revision += 1
        known = {slot.id for _, slot in new.song.slots()}
        # Those that are made anew are loaded with the states that they had.
        others = _with_other_programs(old, new) & known
        others -= {slot.id for slot in _leaving(new.song, old.song)}
        for slot in others & set(new.states):
            host.restore_slot(slot, new.states[slot])
        for slot in others & set(new.programs) - set(new.states):
            host.set_program(slot, new.programs[slot])
        for (slot, parameter), value in new.values.items():
            is_set = old.values.get((slot, parameter)) == value and slot not in others
            if slot in known and not is_set:
                host.set_parameter(slot, parameter, value)

    def _move_faders(self, old: Song, new: Song) -> None:
        host = self.host
        for before, after in zip(old.tracks, new.tracks, strict=True):
            if before.gain_db != after.gain_db:
                host.set_gain(after.id, after.gain_db)
            if before.pan != after.pan:
                host.set_pan(after.id, after.pan)
            if before.mute != after.mute:
                host.set_mute(after.id, after.mute)
        if old.master.gain_db != new.master.gain_db:
            host.set_gain(MASTER, new.master.gain_db)
        slots = zip(old.slots(), new.slots(), strict=True)
        for (_, before_slot), (_, after_slot) in slots:
            if before_slot.bypassed != after_slot.bypassed:
                host.set_bypass(after_slot.id, after_slot.bypassed)

    def _capture_leaving(self, version: Version | None) -> None:
        if version is not None:
            self._capture(_leaving(self.song, version.song))

    def _capture(self, slots: Iterable[Slot]) -> bool:
        """What plays becomes known with these plugins' states. Whether there are any."""
        captured = [self.host.capture_slot(slot.id) for slot in slots]
        self.history.complete(self.history.current.with_slots(captured))
        return bool(captured)

    def _keep_states(self, slots: Iterable[str]) -> None:
        """Of plugins that are given another program."""
        here = {slot.id for _, slot in self.song.slots()}
        captured = {slot: self.host.capture_slot(slot) for slot in slots if slot in here}
        states = {
            slot: one.state
            for slot, one in captured.items()
            if one.state and one.program is None and not one.parameters
        }
        current = self.history.current
        # One that cannot say just now is loaded anew, with the state that it went back to.
        kept = {slot: state for slot, state in current.states.items() if slot not in states}
        if captured:
            self.history.complete(replace(current, states={**kept, **states}))

    def _all_values(self, slot: str) -> list[tuple[tuple[str, int], float]]:
        """Of all parameters of its plugin, as it says. Raises WorkerError."""
        return [((slot, i), value) for i, value in enumerate(self.host.parameters(slot))]

    def _values_now(self, keys: Iterable[tuple[str, int]]) -> dict[tuple[str, int], float]:
        """As the plugins say; what they do not say cannot be undone."""
        values: dict[tuple[str, int], float] = {}
        by_slot: dict[str, list[float]] = {}
        for slot, parameter in keys:
            if slot not in by_slot:
                by_slot[slot] = []
                with contextlib.suppress(IsoboothError):
                    by_slot[slot] = self.host.parameters(slot)
            if parameter < len(by_slot[slot]):
                values[slot, parameter] = by_slot[slot][parameter]
        return values

    # ------------------------------------------------------------------ inside: the host

    def _begin(
        self, song: Song, path: str, resumes: Recovered | None, position: int, playing: bool
    ) -> None:
        """Another host plays this song. Raises IsoboothError, and the one before plays on, if the
        song's files cannot be read."""
        config = HostConfig(
            sample_rate=song.sample_rate,
            block_frames=self.settings.block_frames,
            permissions=self.settings.permissions,
            trust=self.settings.trust,
        )
        about = Playing(
            sample_rate=song.sample_rate,
            block_frames=self.settings.block_frames,
            device=self.settings.device,
        )
        session = Session(path or song.name, about, resumes=resumes)
        host = Host(config, self.database, session=session)
        try:
            host.load(song)
        except BaseException:
            host.close()
            raise
        before, self._host = self._host, host
        self._session, self.path = session, path
        self.history = History(song)
        if song.loop is not None:
            self._play_loop(song)
        self.revision += 1
        try:
            self._let_go(before)
        finally:
            host.start(playing=playing, position_frames=position)
            self._begin_device(host)
            self._hear_midi(song)

    def _begin_device(self, host: Host) -> None:
        """A device that cannot be used is no reason not to work on a song."""
        self.device_problem = ""
        if self.settings.device is not None and self.settings.device.casefold() == NULL_DEVICE:
            return
        device = AudioDevice(host, self.settings.device, _input_channels(self.song))
        try:
            device.open()
            device.start()
        except IsoboothError as error:
            device.close()
            self.device_problem = str(error)
            host.events.add(HostEventKind.DEVICE, f"{error}; nothing is heard")
            return
        self._device = device

    def _end_device(self) -> None:
        if self._device is not None:
            self._device.close()
            self._device = None

    def _hear_midi(self, song: Song) -> None:
        """Ports that stay are not touched: keys may be held on them."""
        ports = _midi_ports(song)
        if ports == self._ports:
            return
        self._end_midi()
        if not ports:
            return
        try:
            self._midi, self._ports = MidiInput(self.host, ports), ports
        except IsoboothError as error:
            self.host.events.add(HostEventKind.DEVICE, f"{error}; its tracks hear nothing")

    def _end_midi(self) -> None:
        self._ports = {}
        if self._midi is not None:
            self._midi.close()
            self._midi = None

    def _end_host(self) -> None:
        host, self._host = self._host, None
        self._let_go(host)

    def _let_go(self, host: Host | None) -> None:
        self._end_midi()
        self._end_device()
        if host is not None:
            host.close()
            self.events_before += host.events_since(0)


def _with_other_programs(old: Version, new: Version | None) -> set[str]:
    """Slots for which another program is chosen in `new`, or none, or for the first time."""
    if new is None:
        return set()
    return {
        slot
        for slot in {*old.programs, *new.programs}
        if old.programs.get(slot) != new.programs.get(slot)
    }


def _leaving(old: Song, new: Song) -> list[Slot]:
    """Slots whose plugins do not go on: gone, or made anew elsewhere."""

    def places(song: Song) -> dict[str, tuple[str, Slot]]:
        chains = [*((track.id, track.chain) for track in song.tracks), (MASTER, song.master.chain)]
        return {slot.id: (strip, slot) for strip, chain in chains for slot in chain}

    after = places(new)
    return [
        slot
        for slot_id, (strip, slot) in places(old).items()
        if slot_id not in after
        or after[slot_id][0] != strip
        or not is_same_plugin(slot, after[slot_id][1])
    ]


def _without_faders(song: Song) -> Song:
    replaced = msgspec.structs.replace
    bypassed = {slot.id: replaced(slot, bypassed=False) for _, slot in song.slots()}
    song = with_slots(song, bypassed)
    tracks = tuple(replaced(track, **_FADERS) for track in song.tracks)
    return replaced(song, tracks=tracks, master=replaced(song.master, gain_db=0.0), loop=None)


def _places(song: Song) -> list[tuple[str, list[str]]]:
    chains: list[tuple[str, list[str]]] = [
        (track.id, [slot.id for slot in track.chain]) for track in song.tracks
    ]
    return [*chains, (MASTER, [slot.id for slot in song.master.chain])]


def _input_channels(song: Song) -> int:
    inputs = [track.input for track in song.tracks if track.input is not None]
    return max((channel for one in inputs for channel in one.channels), default=0)


def _midi_ports(song: Song) -> dict[str, list[str]]:
    ports: dict[str, list[str]] = {}
    for track in song.tracks:
        if track.input is not None and track.input.midi is not None:
            ports.setdefault(track.input.midi, []).append(track.id)
    return ports


def sources_of(track: Track) -> str:
    """What a track is, from what it plays: audio, midi, live or empty."""
    if track.audio is not None:
        return "audio"
    if track.midi is not None:
        return "midi"
    return "live" if track.input is not None else "empty"
