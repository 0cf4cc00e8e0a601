# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker: one plugin, one process, one control socket.

The main thread serves the host's requests one by one, and everything a plugin wants called on
its main thread is called there. Audio runs on a native thread of its own (sandbox/native/
block_loop.hpp), which needs nothing of this. A worker never cleans up: at its end the kernel does,
because a plugin's destructors are its least tested code.
"""

import contextlib
import functools
import gc
import os
import socket
import sys
import traceback
from typing import NoReturn

import msgspec

from ipc.channel import Channel, MalformedMessage
from ipc.errors import IsoboothError, NoSuchPlugin, ProtocolError, WorkerError
from ipc.handshake import check_versions, own_welcome
from ipc.messages import (
    Describe,
    Description,
    Failed,
    GetParameters,
    Hello,
    Inspect,
    Load,
    Message,
    ParameterFromText,
    Parameters,
    ParameterText,
    Progress,
    SavedState,
    SaveState,
    Stop,
    Stopped,
    Text,
    Value,
    WorkerRequest,
)
from sandbox._native import rearm_crash_handler, start_guard
from sandbox.backends import open_plugin
from sandbox.backends.plugin import LoadedPlugin
from sandbox.confine import confine
from sandbox.inspection import inspect
from sandbox.loading import LoadedSlot, Phases, bounded, load
from sandbox.lockdown import separate

_IDLE_PERIOD_S = 0.05
_OFFLINE_IDLE_PERIOD_S = 0.002  # the next block waits for it
_MAX_TEXT = 4096
_MAX_MESSAGE = 8192

# Exit codes of a worker that ends by itself. Plugins may exit with any code.
EXIT_STOPPED = 0
EXIT_PROTOCOL = 70
EXIT_PLUGIN = 71  # the plugin cannot go on, as it is loaded


def run(control_fd: int, output_fd: int, crash_fd: int) -> NoReturn:
    """The life of a worker, from the fork to its end."""
    code = EXIT_PROTOCOL
    try:
        channel: Channel[WorkerRequest] = Channel(
            separate(control_fd, output_fd, crash_fd), WorkerRequest
        )
        gc.enable()
        _Worker(channel).serve()
    except EOFError:
        code = EXIT_STOPPED  # the host has closed its end
    except BaseException:
        _print_traceback()
    finally:
        os._exit(code)


class _Worker:
    def __init__(self, channel: Channel[WorkerRequest]) -> None:
        self._channel = channel
        self._greeted = False
        self._locked_down = False
        self._slot: LoadedSlot | None = None
        self._offline = False
        self._kept: list[object] = []  # never destroyed: a reply must not die of a destructor

    def serve(self) -> NoReturn:
        while True:
            self._idle_until_request()
            try:
                number, request = self._channel.receive()
            except MalformedMessage as error:
                self._channel.close_descriptors()
                self._send(error.number, Failed(phase="protocol", message=str(error)))
                continue
            except ProtocolError as error:
                self._send(0, Failed(phase="protocol", message=str(error)))
                raise
            self._send(number, self._answer(number, request))
            self._channel.close_descriptors()
            if isinstance(request, Stop):
                os._exit(EXIT_STOPPED)

    def _idle_until_request(self) -> None:
        """Gives the plugin its turns on this thread, if its format needs any: many workers that
        wake up for nothing would disturb the audio threads."""
        if self._slot is None or type(self._slot.plugin).idle is LoadedPlugin.idle:
            return
        period_s = _OFFLINE_IDLE_PERIOD_S if self._offline else _IDLE_PERIOD_S
        while not self._channel.wait(period_s):
            try:
                self._slot.plugin.idle()
            except WorkerError as error:
                # A new worker loads it as it is now; the host starts one when this one ends.
                with contextlib.suppress(OSError):
                    print(error, file=sys.stderr, flush=True)
                os._exit(EXIT_PLUGIN)

    def _send(self, number: int, message: Message) -> None:
        try:
            self._channel.send(number, message)
        except ProtocolError as error:  # too large
            self._channel.send(number, Failed(phase="reply", message=str(error)))
        except ConnectionError:
            raise EOFError from None

    def _answer(self, number: int, request: Message) -> Message:
        phases = Phases(lambda name: self._send(number, Progress(phase=name)))
        try:
            if not self._greeted and not isinstance(request, Hello):
                raise ProtocolError("the first message must be a hello")
            return self._do(request, phases)
        except IsoboothError as error:
            return _failed(phases, str(error), isinstance(error, NoSuchPlugin))
        except EOFError:
            raise
        except Exception as error:
            # Bindings raise RuntimeError and ValueError with one good line; anything else is
            # a mistake of ours or the backend's, and its traceback goes where reports find it.
            if not isinstance(error, RuntimeError | ValueError):
                _print_traceback()
                return _failed(phases, f"{type(error).__name__}: {error}")
            return _failed(phases, str(error))

    def _do(self, request: Message, phases: Phases) -> Message:
        match request:
            case Hello():
                check_versions(request, "the host")
                self._greeted = True
                return own_welcome()
            case Load():
                return self._load(request, phases)
            case Describe():
                return self._describe(request, phases)
            case Inspect():
                return inspect()
            case Stop():
                return Stopped()
        plugin = self._plugin()
        match request:
            case SaveState():
                return self._save(plugin, phases)
            case GetParameters():
                return Parameters(values=_values(plugin))
            case ParameterText(index=index, value=value):
                return Text(text=plugin.parameter_text(index, value)[:_MAX_TEXT])
            case ParameterFromText(index=index, text=text):
                return Value(value=bounded(plugin.parameter_from_text(index, text)))
        raise ProtocolError(f"nothing is done for {type(request).__name__}")

    def _load(self, request: Load, phases: Phases) -> Message:
        if self._locked_down:
            raise WorkerError("a worker loads one plugin in its life; this one has done so")
        self._offline = request.offline
        before = functools.partial(self._before_plugin, request)
        self._slot, loaded = load(request, phases, before, self._after_plugin)
        return loaded

    def _describe(self, request: Describe, phases: Phases) -> Message:
        if self._locked_down:
            raise WorkerError("a worker loads one plugin in its life; this one has done so")
        self._before_plugin(request)
        with phases("load"):
            plugin = open_plugin(
                request.plugin, sample_rate=request.sample_rate, max_frames=request.max_frames
            )
            self._after_plugin(plugin)
        with phases("describe"):
            description = plugin.description
        # Only here: saving takes time, and some plugins die of it, which is no reason not to play.
        with phases("save"):
            state_bytes = len(plugin.get_state())
        return Description(plugin=msgspec.structs.replace(description, state_bytes=state_bytes))

    def _before_plugin(self, request: Load | Describe) -> None:
        self._locked_down = True
        confine(request.plugin, request.permissions, self._watcher())
        # Not before: a thread started earlier would keep the rights that were given up. Until
        # now the main thread alone has noticed the host's end, and no plugin could hold it up.
        start_guard(self._channel.fileno())

    def _watcher(self) -> socket.socket | None:
        """Where the host waits to be told of denials; None if it does not."""
        descriptors = self._channel.take_descriptors()
        for more in descriptors[1:]:
            os.close(more)
        return socket.socket(fileno=descriptors[0]) if descriptors else None

    def _after_plugin(self, plugin: LoadedPlugin) -> None:
        self._kept.append(plugin)
        rearm_crash_handler()  # many plugins catch crashes themselves, only to show a window

    def _save(self, plugin: LoadedPlugin, phases: Phases) -> SavedState:
        assert self._slot is not None
        with phases("save"):
            # Before the capture: an edit that comes in between is in the state, and will be
            # replayed, which does no harm; the other way round it would be lost.
            applied_edit = self._slot.loop.applied_edit
            data = plugin.get_state()
        return SavedState(data=data, applied_edit=applied_edit)

    def _plugin(self) -> LoadedPlugin:
        if self._slot is None:
            raise WorkerError("no plugin is loaded in this worker")
        return self._slot.plugin


def _values(plugin: LoadedPlugin) -> list[float]:
    return [bounded(value) for value in plugin.get_parameters()]


def _failed(phases: Phases, message: str, no_such_plugin: bool = False) -> Failed:
    text = " ".join(message.split())[:_MAX_MESSAGE]
    return Failed(phase=phases.current, message=text, no_such_plugin=no_such_plugin)


def _print_traceback() -> None:
    with contextlib.suppress(OSError):  # the pipe to the host is full
        traceback.print_exc()
