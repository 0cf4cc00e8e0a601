# SPDX-License-Identifier: GPL-3.0-or-later
"""The audio device that drives a host: chosen by name, watched, taken up again when it returns.

The device's thread calls the engine's native driver; no Python runs there. When it stops calling
(unplugged, its sound server gone), the driver's null clock goes on with the mix, and a thread of
this module tells the user and looks for the device until it is back.
"""

import threading
import time
from collections.abc import Sequence
from enum import StrEnum

from host.events import HostEventKind
from host.host import Host
from host.portaudio import JACK, DeviceInfo, PortAudio, Stream
from host.portaudio_library import WITHOUT
from ipc.errors import InputError, IsoboothError, MachineError

NULL_DEVICE = "null"

_POLL_S = 0.05
_FIRST_CALL_S = 2.0  # a sound server that wakes its device up takes a moment
# A stream that is silent but not given up by its driver. JACK's must not be closed meanwhile: it
# hangs for as long as the server does.
_SILENT_S = 5.0
# Looking for a device asks every driver; the first look comes soon, for a server that restarts.
_FIRST_LOOK_S = 0.3
_LONGEST_LOOK_S = 3.0
_CLOSE_S = 0.5
_MOST_INPUTS = 64  # that the engine takes


class DeviceState(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    PLAYING = "playing"
    SILENT = "silent"  # its stream is there and does not call
    GONE = "gone"


def list_devices() -> list[DeviceInfo]:
    """What PortAudio can open now. Raises MachineError."""
    with PortAudio() as portaudio:
        return portaudio.devices()


def choose_device(devices: Sequence[DeviceInfo], choice: str | None) -> DeviceInfo:
    """The output device of that index, name, or part of a name; the default for None.

    Raises InputError, naming what there is, or MachineError if there is nothing.
    """
    outputs = [device for device in devices if device.outputs > 0]
    if not outputs:
        raise MachineError(
            f"there is no audio output device: connect one, or start JACK or PipeWire; {WITHOUT}"
        )
    if choice is None:
        return next((device for device in outputs if device.is_default), outputs[0])
    wanted = choice.strip().casefold()
    for found in (
        [device for device in outputs if str(device.index) == wanted],
        [device for device in outputs if wanted in (_fold(device.name), _fold(device.label))],
        [device for device in outputs if wanted in _fold(device.label) and not wanted.isdigit()],
    ):
        if len(found) == 1 or (found and len({device.label for device in found}) == 1):
            return found[0]
        if found:
            raise InputError(
                f"the device '{choice}' is not clear; give the number or the whole name of one of "
                f"{_listed(found)}"
            )
    raise InputError(f"there is no output device '{choice}'; choose one of {_listed(outputs)}")


def _fold(text: str) -> str:
    return text.strip().casefold()


def _listed(devices: Sequence[DeviceInfo]) -> str:
    return ", ".join(f"{device.label} (number {device.index})" for device in devices)


def _channels(count: int) -> str:
    return "1 input channel" if count == 1 else f"{count} input channels"


class AudioDevice:
    """Drives a host from a device, as long as it is there. Use as a context manager, inside the
    host's: it must be closed first. It is opened, started and closed once; another one plays
    again."""

    def __init__(self, host: Host, choice: str | None = None, inputs: int = 0) -> None:
        """`inputs`: how many of the device's input channels the song listens to; what the device
        does not have is silent."""
        if host.driver is None:
            raise InputError("an offline host has no device")
        self.state = DeviceState.CLOSED
        self.losses = 0
        self._host = host
        self._driver = host.driver
        self._choice = choice
        self._inputs = inputs
        self._closing = threading.Event()  # for good
        self._hurry = threading.Event()  # what the watcher waits for is given up
        self._portaudio = PortAudio(self._hurry)
        self._driving = threading.Lock()  # who drives is not decided behind a close
        self._stream: Stream | None = None
        self._user_data = 0
        self._device: DeviceInfo | None = None
        self._watcher: threading.Thread | None = None
        self._since = 0.0  # of the state
        self._lost_at = 0.0
        self._next_look = 0.0
        self._look_pause_s = _FIRST_LOOK_S
        self._told: set[str] = set()

    def __enter__(self) -> "AudioDevice":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def device(self) -> DeviceInfo:
        """The device, present or not, once it was opened."""
        if self._device is None:
            raise InputError("the device has not been opened")
        return self._device

    @property
    def latency_s(self) -> float:
        """From the engine's block to the loudspeaker, as far as the driver knows."""
        stream = self._stream
        latency = stream.output_latency_s if stream is not None else 0.0
        return latency + self._driver.queue_latency_frames / self._host.config.sample_rate

    def open(self) -> DeviceInfo:
        """Finds and opens the device. Raises InputError or MachineError, in one line."""
        self._check_open()
        devices = self._portaudio.devices()
        self._device = choose_device(devices, self._choice)
        self._open(self._device, devices)
        self._enter(DeviceState.OPEN)
        return self._device

    def start(self) -> bool:
        """The device drives from here on; False if it has not called within two seconds (the
        null clock, if it was started, drives until it does). Raises MachineError."""
        self._check_open()
        if self._stream is None:
            raise InputError("open the device before starting it")
        calling = self._start()
        self._enter(DeviceState.PLAYING if calling else DeviceState.SILENT)
        self._watcher = threading.Thread(target=self._watch, name="isb-device", daemon=True)
        self._watcher.start()
        return calling

    def close(self) -> None:
        """Lets the device go, within about a second whatever its driver does. Call it twice if
        you like."""
        self._closing.set()
        if self._watcher is not None:
            self._hurry.set()
            self._watcher.join(_CLOSE_S)
            if not self._watcher.is_alive():
                self._hurry.clear()  # what follows has limits of its own
            self._watcher = None
        with self._driving:
            healthy = self._driver.device_alive or self.state is DeviceState.OPEN
            self._driver.no_device()
        if self._stream is not None:
            # A driver ends within a few of its periods.
            periods_s = 4 * self._driver.device_frames / self._host.config.sample_rate
            self._stream.close(healthy and self._is_active(), _CLOSE_S + periods_s)
            self._stream = None
        self._portaudio.close(_CLOSE_S)
        self.state = DeviceState.CLOSED

    # ------------------------------------------------------------------ opening

    def _open(self, device: DeviceInfo, devices: Sequence[DeviceInfo]) -> None:
        source = self._source(device, devices)
        inputs = min(self._inputs, source.inputs, _MOST_INPUTS) if source is not None else 0
        outputs = min(2, device.outputs)
        self._user_data = self._driver.add_stream(inputs, outputs)
        self._stream = self._portaudio.open(
            device,
            sample_rate=float(self._host.config.sample_rate),
            block_frames=self._host.config.block_frames,
            inputs=inputs,
            outputs=outputs,
            callback=self._driver.callback_address,
            user_data=self._user_data,
            keep=self._driver,
            input_device=source,
        )
        if inputs < self._inputs:
            self._tell_once(
                f"the song listens to {_channels(self._inputs)}, but {device.label} gives "
                f"{inputs or 'none'}: the others are silent"
            )

    def _source(self, device: DeviceInfo, devices: Sequence[DeviceInfo]) -> DeviceInfo | None:
        """Where live input comes from: the device itself, else another of the same driver."""
        if self._inputs == 0 or device.inputs > 0:
            return device
        others = [other for other in devices if other.api == device.api and other.inputs > 0]
        return next((other for other in others if other.inputs >= self._inputs), None)

    def _start(self) -> bool:
        stream = self._stream
        assert stream is not None
        before = self._driver.callbacks
        try:
            with self._driving:
                self._check_open()
                self._driver.expect_device(self._user_data)
            stream.start()
        except IsoboothError:
            self._driver.no_device()
            stream.close(healthy=False)
            self._stream = None
            raise
        until = time.monotonic() + _FIRST_CALL_S
        while self._driver.callbacks == before and time.monotonic() < until:
            if self._closing.wait(0.005):
                break
        return self._driver.callbacks > before

    def _check_open(self) -> None:
        if self._closing.is_set():
            raise InputError("this device has been closed: make another one to play again")

    def _is_active(self) -> bool:
        return self._stream is not None and self._stream.active

    # ------------------------------------------------------------------ watching

    def _watch(self) -> None:
        while not self._closing.wait(_POLL_S):
            match self.state:
                case DeviceState.PLAYING:
                    if not self._is_active():
                        self._lose()
                    elif not self._driver.device_alive:
                        self._enter(DeviceState.SILENT)
                        self._lost_at = time.monotonic()
                        self._tell(f"{self.device.label} has stopped calling; the mix goes on")
                case DeviceState.SILENT:
                    self._look_at_silent()
                case DeviceState.GONE if time.monotonic() >= self._next_look:
                    self._look_for_it()

    def _look_at_silent(self) -> None:
        if self._driver.device_alive:
            self._enter(DeviceState.PLAYING)
            self._tell(f"{self.device.label} calls again")
        elif not self._is_active() or (
            self.device.api != JACK and time.monotonic() - self._since > _SILENT_S
        ):
            self._lose()

    def _lose(self) -> None:
        """The stream is dead: the null clock drives, and the device is looked for."""
        self._driver.device_lost()
        if self.state is DeviceState.PLAYING:
            self._lost_at = time.monotonic()
        self._tell(
            f"{self.device.label} is gone; the mix goes on, and plays on it again when it is back"
        )
        self.losses += 1
        self._enter(DeviceState.GONE)
        self._look_pause_s = _FIRST_LOOK_S
        self._next_look = time.monotonic() + self._look_pause_s
        if self._stream is not None:
            self._stream.close(healthy=False)
            self._stream = None

    def _look_for_it(self) -> None:
        try:
            self._take_up()
        except IsoboothError as error:
            if not self._closing.is_set():
                self._tell_once(str(error))
        if self.state is DeviceState.GONE:
            self._look_pause_s = min(2 * self._look_pause_s, _LONGEST_LOOK_S)
            self._next_look = time.monotonic() + self._look_pause_s

    def _take_up(self) -> None:
        """Plays on the device if it is there again, with whatever number it has now."""
        wanted = self.device
        devices = self._portaudio.devices()
        same = [d for d in devices if (d.name, d.api) == (wanted.name, wanted.api) and d.outputs]
        if not same:
            self._portaudio.let_go()
            return
        try:
            self._open(same[0], devices)
            calling = self._start()
        except IsoboothError:
            self._portaudio.let_go()
            raise
        self._device = same[0]
        self._enter(DeviceState.PLAYING if calling else DeviceState.SILENT)
        self._tell(f"{wanted.label} is back after {time.monotonic() - self._lost_at:.1f} s")

    # ------------------------------------------------------------------ small things

    def _enter(self, state: DeviceState) -> None:
        if self._closing.is_set():
            return  # a close has the last word
        self.state = state
        self._since = time.monotonic()

    def _tell_once(self, text: str) -> None:
        """What stays true each time the device is looked for is said once."""
        if text not in self._told:
            self._told.add(text)
            self._tell(text)

    def _tell(self, text: str) -> None:
        self._host.events.add(HostEventKind.DEVICE, text, block=self._host.engine.block_count)
