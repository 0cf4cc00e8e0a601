# SPDX-License-Identifier: GPL-3.0-or-later
"""What a desk answers to each request of a window."""

import time
from collections.abc import Sequence
from functools import singledispatchmethod

from host.desk.desk import Desk
from host.desk.overview import overview
from host.device import list_devices
from host.events import HostEvent
from host.portaudio import DeviceInfo
from ipc.desk.requests import (
    AskDevices,
    AskOverview,
    Change,
    Devices,
    Done,
    Locate,
    OpenSong,
    Overview,
    Play,
    Redo,
    RestartSlot,
    Save,
    SetDevice,
    SetLoop,
    Undo,
)
from ipc.desk.state import DeviceChoice, Notice
from ipc.errors import InputError, MachineError
from ipc.messages import Message

_RATES = (44100, 48000, 88200, 96000, 176400, 192000)


class Answers:
    """`to` may wait for plugins and files. Raises IsoboothError if it cannot be done."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._clock_s = time.time() - time.monotonic()

    def notices(self, since: int) -> tuple[Notice, ...]:
        """The log from entry `since` on."""
        desk = self._desk
        events: Sequence[HostEvent] = [*desk.events_before, *desk.host.events_since(0)][since:]
        return tuple(self._notice(since + i, event) for i, event in enumerate(events))

    def _notice(self, number: int, event: HostEvent) -> Notice:
        return Notice(
            number=number,
            kind=str(event.kind),
            text=event.text,
            slot=event.slot,
            report=event.report,
            time_s=self._clock_s + event.time_ns / 1e9,
            song_frame=event.song_frame,
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
        self._desk.set_device(request.device or None, request.sample_rate, request.block_frames)
        return Done()

    @to.register
    def _(self, request: RestartSlot) -> Message:
        self._desk.restart_slot(request.slot, request.snapshot)
        return Done()

    @to.register
    def _(self, request: AskOverview) -> Overview:
        return overview(self._desk, request.track, request.buckets)

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


def _choice(device: DeviceInfo) -> DeviceChoice:
    return DeviceChoice(device=device.name, label=device.label, sample_rates=_RATES)
