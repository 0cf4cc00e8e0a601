# SPDX-License-Identifier: GPL-3.0-or-later
"""What a desk answers to each request of a window."""

import contextlib
import time
from collections.abc import Sequence
from functools import singledispatchmethod

from host.desk.advice import in_the_window
from host.desk.desk import Desk
from host.desk.last_device import LastDevice, keep_device
from host.desk.library import Library
from host.desk.overview import overview
from host.desk.presets import (
    delete_preset,
    deleted_preset,
    preset_names,
    rename_preset,
    restore_preset,
)
from host.desk.titles import Titles
from host.device import list_devices
from host.events import HostEvent
from host.portaudio import DeviceInfo
from ipc.desk.requests import (
    AllowWindows,
    AskCatalogue,
    AskCrashes,
    AskDevices,
    AskOverview,
    AskSlot,
    AskText,
    Catalogue,
    Change,
    CloseOwnWindow,
    Crashes,
    CrashText,
    DeletePreset,
    Details,
    Devices,
    Done,
    ForbidWindows,
    Forgive,
    KeepSets,
    LoadPreset,
    Locate,
    OpenOwnWindow,
    OpenSong,
    Overview,
    Play,
    QuarantineSlot,
    Redo,
    RenamePreset,
    RestartSlot,
    RestorePreset,
    Save,
    SavePreset,
    SetDevice,
    SetLoop,
    ShowCrash,
    Undo,
    ValueText,
)
from ipc.desk.state import DeskState, DeviceChoice, Notice, SlotDetails, told
from ipc.errors import InputError, IsoboothError, MachineError, WorkerError
from ipc.messages import Message

_MOST_TEXTS = 20_000
_RATES = (44100, 48000, 88200, 96000, 176400, 192000)


class Answers:
    """`to` may wait for plugins and files. Raises IsoboothError if it cannot be done."""

    def __init__(self, desk: Desk, library: Library) -> None:
        self._desk = desk
        self._library = library
        self._texts: dict[tuple[str, int, float], str] = {}  # by slot, parameter and value
        self._clock_s = time.time() - time.monotonic()
        self._notices: list[Notice] = []
        self._titles = Titles(desk)
        self._names: list[tuple[str, list[tuple[str, str]]]] = []  # of tracks, and of their slots

    def notices(self, since: int) -> tuple[Notice, ...]:
        """The log from entry `since` on."""
        desk, known = self._desk, len(self._notices)
        events: Sequence[HostEvent] = [*desk.events_before, *desk.host.events_since(0)][known:]
        if events:
            self._titles.look()
        self._notices += [self._notice(known + i, event) for i, event in enumerate(events)]
        return tuple(self._notices[since:])

    def look(self, state: DeskState) -> None:
        """To be called when the state has changed: what happened to a slot may be told when it has
        gone."""
        names = [
            (track.name, [(slot.id, slot.name) for slot in track.slots])
            for track in (*state.tracks, state.master)
        ]
        if names != self._names:
            self._titles.look()
            self._names = names

    def in_words(self, request: Message, error: IsoboothError) -> str:
        """Why it could not be done, with slots' titles in the places of their ids."""
        return in_the_window(self._named(request, error))

    def _named(self, request: Message, error: IsoboothError) -> str:
        slot = getattr(request, "slot", None)
        if not isinstance(slot, str):
            return self._titles.named(str(error), self._slots_of(request))
        text, title = self._titles.named(str(error), [slot]), self._titles.of(slot)
        is_nameless = isinstance(error, WorkerError) and title not in text
        return f"{title}: {text}" if is_nameless else text

    def _slots_of(self, request: Message) -> set[str]:
        if isinstance(request, Change):
            slots = {getattr(edit, "slot", None) for edit in request.edits}
            return {slot for slot in slots if isinstance(slot, str)}
        if isinstance(request, Undo | Redo):
            return {slot.id for _, slot in self._desk.song.slots()}
        return set()

    def _notice(self, number: int, event: HostEvent) -> Notice:
        about = (event.slot, *event.names) if event.slot is not None else event.names
        return Notice(
            number=number,
            kind=str(event.kind),
            text=told(in_the_window(self._titles.named(event.text, about))),
            slot=event.slot,
            report=event.report,
            time_s=self._clock_s + event.time_ns / 1e9,
            song_frame=event.song_frame,
            playing=event.playing,
        )

    # ------------------------------------------------------------------ one for each request

    @singledispatchmethod
    def to(self, request: Message) -> Message:
        raise InputError(f"this host does not know the request {type(request).__name__}")

    @to.register
    def _(self, request: Change) -> Message:
        self._desk.change(request.edits, request.gesture)
        return Done()

    @to.register
    def _(self, request: Undo) -> Message:
        self._desk.undo()
        return Done()

    @to.register
    def _(self, request: Redo) -> Message:
        self._desk.redo()
        return Done()

    @to.register
    def _(self, request: Save) -> Message:
        return Done(self._desk.save(request.path))

    @to.register
    def _(self, request: OpenSong) -> Message:
        if request.path:
            self._desk.open_file(request.path)
        else:
            self._desk.new_song()
        return Done()

    @to.register
    def _(self, request: Play) -> Message:
        self._desk.play(request.playing)
        return Done()

    @to.register
    def _(self, request: Locate) -> Message:
        self._desk.locate(request.frame)
        return Done()

    @to.register
    def _(self, request: SetLoop) -> Message:
        self._desk.set_loop(request.start_frame, request.end_frame)
        return Done()

    @to.register
    def _(self, request: SetDevice) -> Message:
        device, block = request.device or None, request.block_frames
        self._desk.set_device(device, request.sample_rate, block)
        keep_device(LastDevice(device=device, block_frames=block))
        return Done()

    @to.register
    def _(self, request: RestartSlot) -> Message:
        self._desk.restart_slot(request.slot, request.snapshot)
        return Done()

    @to.register
    def _(self, request: QuarantineSlot) -> Message:
        self._desk.host.quarantine_slot(request.slot)
        return Done()

    @to.register
    def _(self, request: AskSlot) -> Message:
        return Details(self._details(request.slot, request.with_description))

    @to.register
    def _(self, request: AskText) -> Message:
        plugin = self._plugin_of(request.slot)
        return ValueText(self._text(plugin, request.slot, request.parameter, request.value))

    @to.register
    def _(self, request: SavePreset) -> Message:
        self._desk.save_preset(request.slot, request.name)
        return Done()

    @to.register
    def _(self, request: LoadPreset) -> Message:
        return Done(self._desk.load_preset(request.slot, request.name))

    @to.register
    def _(self, request: RenamePreset) -> Message:
        rename_preset(self._known_plugin(request.slot), request.name, request.new_name)
        return Done()

    @to.register
    def _(self, request: DeletePreset) -> Message:
        delete_preset(self._known_plugin(request.slot), request.name)
        return Done()

    @to.register
    def _(self, request: RestorePreset) -> Message:
        return Done(restore_preset(self._known_plugin(request.slot)))

    @to.register
    def _(self, request: KeepSets) -> Message:
        self._desk.sets[request.slot, self._known_plugin(request.slot)] = request.sets
        return Done()

    @to.register
    def _(self, request: AllowWindows) -> Message:
        self._desk.allow_windows(request.slot)
        return Done()

    @to.register
    def _(self, request: ForbidWindows) -> Message:
        self._desk.forbid_windows(request.slot)
        return Done()

    @to.register
    def _(self, request: OpenOwnWindow) -> Message:
        self._desk.open_window(request.slot, request.above)
        return Done()

    @to.register
    def _(self, request: CloseOwnWindow) -> Message:
        self._desk.host.close_window(request.slot)
        return Done()

    @to.register
    def _(self, request: AskCatalogue) -> Message:
        return Catalogue(self._library.plugins())

    @to.register
    def _(self, request: AskCrashes) -> Message:
        return Crashes(self._library.crashes())

    @to.register
    def _(self, request: ShowCrash) -> Message:
        return CrashText(self._library.crash(request.id))

    @to.register
    def _(self, request: Forgive) -> Message:
        return Done(self._library.forgive(request.plugin))

    @to.register
    def _(self, request: AskOverview) -> Overview:
        return overview(self._desk, request)

    @to.register
    def _(self, request: AskDevices) -> Devices:
        try:
            devices = [device for device in list_devices() if device.outputs > 0]
        except MachineError:
            devices = []
        found = tuple(_choice(device) for device in devices)
        return Devices(
            (*found, DeviceChoice(device="null", label="No device", sample_rates=_RATES))
        )

    # ------------------------------------------------------------------ a slot's parameters

    def _details(self, slot: str, with_description: bool) -> SlotDetails:
        host = self._desk.host
        description = host.description(slot)
        values: tuple[float, ...] = ()
        with contextlib.suppress(WorkerError):  # it has none just now
            if not host.waits_for_window(slot):
                values = tuple(host.parameters(slot))
        plugin = self._plugin_of(slot)
        texts: list[str] = []
        with contextlib.suppress(WorkerError):  # one that hangs is not asked again for each
            for index, value in enumerate(values):
                texts.append(self._text(plugin, slot, index, value))
        for index in range(len(texts), len(values)):
            texts.append(self._texts.get(_text_key(plugin, slot, index, values[index]), ""))
        return SlotDetails(
            slot=slot,
            description=description if with_description else None,
            values=values,
            texts=tuple(texts),
            presets=preset_names(plugin),
            program=self._desk.history.current.programs.get(slot),
            deleted_preset=deleted_preset(plugin),
            sets=self._desk.sets.get((slot, plugin)),
            snapshots=host.snapshot_count(slot),
        )

    def _known_plugin(self, slot: str) -> str:
        plugin = self._plugin_of(slot)
        if not plugin:
            raise InputError("this plugin is not in the song any more")
        return plugin

    def _plugin_of(self, slot: str) -> str:
        return next((one.plugin for _, one in self._desk.song.slots() if one.id == slot), "")

    def _text(self, plugin: str, slot: str, parameter: int, value: float) -> str:
        """Asked of the plugin once: most values stay as they are while an editor looks. Raises
        WorkerError."""
        key = _text_key(plugin, slot, parameter, value)
        if key not in self._texts:
            if self._desk.host.waits_for_window(slot):
                raise WorkerError("a plugin in its process is opening its window")
            text = told(self._desk.host.value_text(slot, parameter, value))
            if len(self._texts) >= _MOST_TEXTS:
                self._texts.clear()
            self._texts[key] = text
        return self._texts[key]


def _text_key(plugin: str, slot: str, parameter: int, value: float) -> tuple[str, int, float]:
    return f"{slot} {plugin}", parameter, value


def _choice(device: DeviceInfo) -> DeviceChoice:
    return DeviceChoice(device=device.name, label=device.label, sample_rates=_RATES)
