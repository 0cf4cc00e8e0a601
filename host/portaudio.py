# SPDX-License-Identifier: GPL-3.0-or-later
"""PortAudio, held at arm's length: listing devices, opening a stream with a native callback.

Audio drivers are other people's code inside the host. One that hangs, or whose device is gone,
must not take the mix with it, so every call has a time limit, and an instance of the library that
cannot be closed is left behind: a private copy of the library takes its place. The known case:
when a JACK server has gone, PortAudio 19.6 waits ten minutes for it in Pa_AbortStream, and
Pa_CloseStream and Pa_Terminate then abort the process by an assertion.
"""

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from host.portaudio_library import WITHOUT, load_library, private_copy
from ipc.errors import MachineError

T = TypeVar("T")

JACK = "JACK"

# PortAudio's names are long for a line.
_SHORT_APIS = {"JACK Audio Connection Kit": JACK}

_SCAN_LIMIT_S = 15.0  # ALSA asks every card and plugin
_OPEN_LIMIT_S = 5.0
_CLOSE_LIMIT_S = 2.0
_LAST_LIMIT_S = 0.2  # once the user wants to leave
# A JACK server that answered this short a time ago is taken to be there.
_FRESH_S = 0.2

# PortAudio's error codes.
_INVALID_CHANNELS = -9998
_INVALID_RATE = -9997
_DEVICE_UNAVAILABLE = -9985
_HOST_ERROR = -9999

# The library is one a process, and so is its list of devices.
_owner = threading.Lock()
# What must never be freed: libraries whose threads still run, streams, and what their callback
# reads.
_left_behind: list[object] = []


class Stuck(Exception):
    """A driver did not come back in time. Its thread is left waiting."""


@dataclass(frozen=True)
class DeviceInfo:
    """A device as PortAudio lists it."""

    index: int
    name: str
    api: str
    inputs: int
    outputs: int
    sample_rate: float  # what it runs at, or runs best at
    is_default: bool

    @property
    def label(self) -> str:
        return f"{self.name} ({self.api})"


class Stream:
    """An open stream. Made by `PortAudio.open`."""

    def __init__(self, owner: "PortAudio", raw: Any, device: DeviceInfo, keep: object) -> None:
        self.device = device
        self._owner = owner
        self._raw = raw
        self._keep = keep

    @property
    def active(self) -> bool:
        """False once the driver has given the device up."""
        return self._raw is not None and bool(self._raw.active)

    @property
    def output_latency_s(self) -> float:
        """From the callback to the loudspeaker, as the driver says."""
        if self._raw is None:
            return 0.0
        latency = self._raw.latency
        return float(latency[1] if isinstance(latency, tuple) else latency)

    def start(self) -> None:
        """Raises MachineError."""
        try:
            self._owner.within(_OPEN_LIMIT_S, self._raw.start)
        except Stuck:
            self.leave_behind()
            raise MachineError(
                f"{self.device.label}: does not start within {_OPEN_LIMIT_S:g} s; is its sound "
                f"server stopped?"
            ) from None
        except self._owner.error as error:
            raise self._owner.explained(error, self.device, 0.0) from None

    def close(self, healthy: bool, limit_s: float = _CLOSE_LIMIT_S) -> None:
        """`healthy`: it was calling until now. The callback must be forgotten by the driver."""
        raw = self._raw
        if raw is None:
            return
        if not healthy and self.device.api == JACK:
            self.leave_behind()
            return

        def stop_and_close() -> None:
            # Closing what has not been stopped cancels its thread, which may be anywhere.
            with contextlib.suppress(self._owner.error):
                raw.stop()
            raw.close()

        try:
            self._owner.within(limit_s, stop_and_close)
            self._raw = None
        except Stuck:
            self.leave_behind()
        except self._owner.error:
            self._raw = None  # it was closed, with complaints

    def leave_behind(self) -> None:
        if self._raw is not None:
            _left_behind.append((self._raw, self._keep))
            self._raw = None
            self._owner.leave_behind()


class PortAudio:
    """The library; one object a process at a time. Call it from one thread at a time."""

    def __init__(self, stop_waiting: threading.Event | None = None) -> None:
        """`stop_waiting`: once set, calls that hang are left behind at once. Raises MachineError
        without the library."""
        if not _owner.acquire(blocking=False):
            raise MachineError("another host of this process uses the audio devices already")
        try:
            self._sd: Any = load_library()
        except BaseException:
            _owner.release()
            raise
        self.error: type[Exception] = self._sd.PortAudioError
        self._stop_waiting = stop_waiting or threading.Event()
        self._initialized_at = time.monotonic() if self._sd._initialized else 0.0
        self._unusable = ""
        self._closed = False

    def __enter__(self) -> "PortAudio":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ------------------------------------------------------------------ devices

    def devices(self) -> list[DeviceInfo]:
        """What there is now. Raises MachineError."""
        self.let_go()
        try:
            self.within(_SCAN_LIMIT_S, self._initialize)
            return self.within(_SCAN_LIMIT_S, self._list)
        except Stuck:
            self.leave_behind()
            raise MachineError(
                f"the audio drivers do not say within {_SCAN_LIMIT_S:g} s which devices there "
                f"are; is a sound server stopped? {WITHOUT}"
            ) from None
        except self.error as error:
            raise MachineError(f"PortAudio cannot be used: {error}; {WITHOUT}") from None

    def open(
        self,
        device: DeviceInfo,
        *,
        sample_rate: float,
        block_frames: int,
        inputs: int,
        outputs: int,
        callback: int,
        user_data: int,
        keep: object,
        input_device: DeviceInfo | None = None,
    ) -> Stream:
        """A stream of interleaved float32 that calls the C function at `callback`, not started.

        `device` is one that `devices` listed last; `keep` owns what `user_data` points to.
        Raises MachineError.
        """
        sd = self._sd
        ffi = sd._ffi
        duplex = inputs > 0
        source = (input_device or device).index

        def make() -> Any:
            return sd._StreamBase(
                kind="duplex" if duplex else "output",
                samplerate=sample_rate,
                # JACK's own block comes as it is: the engine divides the period's time better
                # than PortAudio's adapter.
                blocksize=0 if device.api == JACK else block_frames,
                device=(source, device.index) if duplex else device.index,
                channels=(inputs, outputs) if duplex else outputs,
                dtype="float32",
                latency="low",
                callback=ffi.cast("PaStreamCallback*", callback),
                userdata=ffi.cast("void*", user_data),
            )

        try:
            return Stream(self, self.within(_OPEN_LIMIT_S, make), device, keep)
        except Stuck:
            _left_behind.append(keep)
            self.leave_behind()
            raise MachineError(
                f"{device.label}: does not open within {_OPEN_LIMIT_S:g} s; is its sound server "
                f"stopped?"
            ) from None
        except (self.error, ValueError) as error:
            raise self.explained(error, device, sample_rate) from None

    def let_go(self, limit_s: float = _CLOSE_LIMIT_S) -> None:
        """Ends the library's hold on all drivers. No stream may be open."""
        sd = self._sd
        if not sd._initialized or self._unusable:
            return
        try:
            if not self.within(limit_s, self._may_terminate):
                self.leave_behind()
                return
            while sd._initialized:
                self.within(limit_s, sd._terminate)
        except Stuck:
            self.leave_behind()
        except self.error:
            sd._initialized = 0

    def close(self, limit_s: float = _CLOSE_LIMIT_S) -> None:
        """Lets go, and lets others use the library. Safe to call twice."""
        if not self._closed:
            self._closed = True
            self.let_go(limit_s)
            _owner.release()

    # ------------------------------------------------------------------ for streams

    def within(self, limit_s: float, call: Callable[[], T]) -> T:
        """The call's result or exception; Stuck if it does not come back in time, MachineError
        if no call can be made any more in this process."""
        if self._unusable:
            raise MachineError(self._unusable)
        done = threading.Event()
        results: list[T] = []
        errors: list[BaseException] = []

        def run() -> None:
            try:
                results.append(call())
            except BaseException as error:
                errors.append(error)
            done.set()

        thread = threading.Thread(target=run, name="isb-portaudio", daemon=True)
        thread.start()
        until = time.monotonic() + limit_s
        while not done.wait(0.02):
            now = time.monotonic()
            if self._stop_waiting.is_set():
                until = min(until, now + _LAST_LIMIT_S)
            if now > until:
                raise Stuck
        thread.join()
        if errors:
            raise errors[0]
        return results[0]

    def explained(self, error: Exception, device: DeviceInfo, sample_rate: float) -> MachineError:
        """What a person can do about PortAudio's error."""
        code = error.args[1] if len(error.args) > 1 else 0
        if code == _INVALID_RATE:
            return MachineError(
                f"{device.label}: does not run at {sample_rate:g} Hz; use `--rate "
                f"{device.sample_rate:g}`, or set the device to {sample_rate:g} Hz"
            )
        if code == _INVALID_CHANNELS:
            return MachineError(
                f"{device.label}: does not have that many channels; it has {device.inputs} "
                f"inputs and {device.outputs} outputs"
            )
        why = str(error.args[0]) if error.args else str(error)
        if code == _HOST_ERROR and len(error.args) > 2:
            why = f"{why}: {error.args[2][2]}"
        if code == _DEVICE_UNAVAILABLE:
            why = "another program uses it, or it was just unplugged"
        return MachineError(f"{device.label}: cannot be used: {why}; {WITHOUT}")

    def leave_behind(self) -> None:
        """Never touches this instance of the library again; the next call uses a fresh one."""
        sd = self._sd
        _left_behind.append(sd._lib)
        sd._initialized = 0
        try:
            sd._lib = private_copy(sd)
        except OSError as error:
            self._unusable = (
                f"PortAudio does not let go of a device that is gone, and no other copy of it can "
                f"be loaded ({error}): start isobooth again to use a device"
            )

    # ------------------------------------------------------------------ inside

    def _initialize(self) -> None:
        self._sd._initialize()  # keeps the drivers' chatter off stderr
        self._initialized_at = time.monotonic()

    def _list(self) -> list[DeviceInfo]:
        sd = self._sd
        apis = [str(api["name"]) for api in sd.query_hostapis()]
        default = sd._lib.Pa_GetDefaultOutputDevice()
        return [
            DeviceInfo(
                index=index,
                name=str(device["name"]),
                api=_SHORT_APIS.get(apis[device["hostapi"]], apis[device["hostapi"]]),
                inputs=int(device["max_input_channels"]),
                outputs=int(device["max_output_channels"]),
                sample_rate=float(device["default_samplerate"]),
                is_default=index == default,
            )
            for index, device in enumerate(sd.query_devices())
        ]

    def _may_terminate(self) -> bool:
        """Whether Pa_Terminate is safe: not if a JACK server that it knows has gone."""
        if time.monotonic() - self._initialized_at < _FRESH_S:
            return True
        devices = [device for device in self._list() if device.api == JACK]
        if not devices:
            return all(_SHORT_APIS.get(api["name"]) != JACK for api in self._sd.query_hostapis())
        device = devices[0]
        # Opening registers a port, which a dead server refuses.
        kind = "output" if device.outputs else "input"
        try:
            probe = self._sd._StreamBase(
                kind=kind,
                device=device.index,
                channels=1,
                dtype="float32",
                samplerate=device.sample_rate,
            )
            probe.close()
        except self.error:
            return False
        return True
