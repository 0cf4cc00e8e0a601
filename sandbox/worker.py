# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker: one process with one control socket, and one plugin, or a group of them.

The main thread serves the host's requests one by one, and everything a plugin wants called on
its main thread is called there. Audio runs on a native thread of its own (sandbox/native/
block_loop.hpp), which needs nothing of this. A worker never cleans up: at its end the kernel does,
because a plugin's destructors are its least tested code.
"""

from __future__ import annotations

import contextlib
import gc
import os
import socket
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NoReturn

import msgspec

from ipc.channel import Channel, MalformedMessage
from ipc.errors import (
    IsoboothError,
    NoEditor,
    NoSuchPlugin,
    NotCarried,
    ProtocolError,
    WorkerError,
)
from ipc.handshake import check_versions, own_welcome
from ipc.messages import (
    EXIT_MEMBER,
    MAX_LINE,
    MAX_LISTED,
    SHARED_IDLE_NAME,
    Advance,
    CloseWindow,
    Describe,
    Description,
    Failed,
    Gather,
    Gathered,
    GetParameters,
    Hello,
    Inspect,
    ListPlugins,
    Load,
    Message,
    Mount,
    NamePlugin,
    OpenWindow,
    ParameterFromText,
    Parameters,
    ParameterText,
    Perform,
    Performed,
    PluginList,
    PluginName,
    Probe,
    ProgramSet,
    Progress,
    SavedState,
    SaveState,
    SetProgram,
    Stop,
    Stopped,
    Text,
    Value,
    Visit,
    Visited,
    WindowClosed,
    WindowOpened,
    WorkerRequest,
    member_thread_name,
)
from ipc.permissions import Permissions
from ipc.processes import set_process_name
from ipc.text import one_line
from sandbox._native import ChainPorts, rearm_crash_handler, start_guard
from sandbox.backends import contents, name_of, open_plugin
from sandbox.backends.plugin import LoadedPlugin
from sandbox.confine import confine
from sandbox.inspection import inspect
from sandbox.loading import LoadedSlot, Phases, attach, bounded, load
from sandbox.lockdown import PROCESS_NAME, limit_realtime, separate
from sandbox.own_window import OwnWindow
from sandbox.probing import probe

if TYPE_CHECKING:
    from sandbox.rig import Rig

_IDLE_PERIOD_S = 0.05
_WAITED_FOR_PERIOD_S = 0.002  # offline, of those for whose turns a block may wait
_WINDOW_PERIOD_S = 1 / 60
_MAX_TEXT = 4096
_MAX_MESSAGE = 8192

# Exit codes of a worker that ends by itself. Plugins may exit with any code.
EXIT_STOPPED = 0
EXIT_PROTOCOL = 70
EXIT_PLUGIN = 71  # the plugin cannot go on, as it is loaded; of a group, EXIT_MEMBER and more


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


_Asked = SaveState | SetProgram | GetParameters | ParameterText | ParameterFromText


class _Worker:
    def __init__(self, channel: Channel[WorkerRequest]) -> None:
        self._channel = channel
        self._greeted = False
        self._locked_down = False
        self._is_group = False
        self._is_visitor = False
        self._disk_is_watched = False
        self._rig: Rig | None = None
        self._places: dict[int, ChainPorts] = {}  # of members that are not loaded yet
        self._slots: dict[int, LoadedSlot] = {}  # by member
        self._windows: dict[int, OwnWindow] = {}  # that are open, by member
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
        wake up for nothing would disturb the audio threads. One whose window is open has them as
        often as a screen is drawn."""
        idlers = self._idlers()
        waited_for = self._offline and any(p.blocks_wait_for_turns for _, p in idlers)
        idle_period_s = _WAITED_FOR_PERIOD_S if waited_for else _IDLE_PERIOD_S
        idle_at = time.monotonic() + idle_period_s
        while idlers or self._windows:
            period_s = _WINDOW_PERIOD_S if self._windows else idle_period_s
            if self._channel.wait(period_s):
                return
            for member in list(self._windows):
                with self._turn_of(member, member_thread_name(member)):
                    self._turn_window(member)
            if self._windows and time.monotonic() < idle_at:
                continue
            idle_at = time.monotonic() + idle_period_s
            for member, plugin in idlers:
                name = SHARED_IDLE_NAME if plugin.idles_for_all else member_thread_name(member)
                if plugin.idles_for_all or member not in self._windows:
                    with self._turn_of(member, name):
                        plugin.idle()

    def _turn_window(self, member: int) -> None:
        for news in self._windows[member].turn(member):
            if news.is_closed:
                del self._windows[member]
            self._send(0, news)

    @contextlib.contextmanager
    def _turn_of(self, member: int, name: str) -> Iterator[None]:
        try:
            with self._named(name):
                yield
        except WorkerError as error:
            # A new worker loads it as it is now; the host starts one when this one ends.
            with contextlib.suppress(OSError):
                print(error, file=sys.stderr, flush=True)
            os._exit(EXIT_MEMBER + member if self._is_group else EXIT_PLUGIN)

    def _idlers(self) -> list[tuple[int, LoadedPlugin]]:
        """Whose turns they are, with their member numbers; of those that idle for all, one."""
        idlers = []
        is_shared = False
        for member, slot in self._slots.items():
            plugin = slot.plugin
            if type(plugin).idle is LoadedPlugin.idle or (plugin.idles_for_all and is_shared):
                continue
            is_shared |= plugin.idles_for_all
            idlers.append((member, plugin))
        return idlers

    @contextlib.contextmanager
    def _named(self, name: str) -> Iterator[None]:
        """Of a group, the main thread's name tells the host whose code it runs."""
        if not self._is_group:
            yield
            return
        set_process_name(name)
        try:
            yield
        finally:
            set_process_name(PROCESS_NAME)

    def _on_behalf_of(self, member: int) -> contextlib.AbstractContextManager[None]:
        return self._named(member_thread_name(member))

    def _send(self, number: int, message: Message) -> None:
        try:
            self._channel.send(number, message)
        except ProtocolError as error:  # too large
            self._channel.send(number, Failed(phase="reply", message=str(error)))
        except ConnectionError:
            raise EOFError from None

    def _answer(self, number: int, request: Message) -> Message:
        phases = Phases(
            lambda name: self._send(number, Progress(phase=name)),
            lambda done, frames: self._send(number, Advance(done=done, frames=frames)),
        )
        try:
            if not self._greeted and not isinstance(request, Hello):
                raise ProtocolError("the first message must be a hello")
            return self._do(request, phases)
        except IsoboothError as error:
            return _failed(phases, error)
        except EOFError:
            raise
        except Exception as error:
            # Bindings raise RuntimeError and ValueError with one good line; anything else is
            # a mistake of ours or the backend's, and its traceback goes where reports find it.
            if not isinstance(error, RuntimeError | ValueError):
                _print_traceback()
                return _failed(phases, error, f"{type(error).__name__}: {error}")
            return _failed(phases, error)

    def _do(self, request: Message, phases: Phases) -> Message:
        match request:
            case Hello():
                check_versions(request, "the host")
                self._greeted = True
                return own_welcome()
            case Gather():
                return self._gather(request, phases)
            case Load():
                with self._on_behalf_of(request.member):
                    return self._load(request, phases)
            case Describe():
                return self._describe(request, phases)
            case Visit():
                return self._visit(request, phases)
            case ListPlugins() | NamePlugin() | Probe():
                return self._look(request, phases)
            case Mount():
                return self._mount(request, phases)
            case Perform():
                return self._perform(request, phases)
            case Inspect():
                return inspect()
            case Stop():
                return Stopped()
        if isinstance(request, _Asked):
            with self._on_behalf_of(request.member):
                return self._ask(self._slot(request.member), request, phases)
        if isinstance(request, OpenWindow | CloseWindow):
            with self._on_behalf_of(request.member), phases("window"):
                return self._show_window(request)
        raise ProtocolError(f"nothing is done for {type(request).__name__}")

    def _ask(
        self,
        slot: LoadedSlot,
        request: _Asked,
        phases: Phases,
    ) -> Message:
        plugin = slot.plugin
        match request:
            case SaveState():
                return _save(slot, phases)
            case SetProgram(index=index):
                with phases("restore"):
                    plugin.set_program(index)
                return ProgramSet()
            case GetParameters():
                return Parameters(values=_values(plugin))
            case ParameterText(index=index, value=value):
                return Text(text=plugin.parameter_text(index, value)[:_MAX_TEXT])
            case ParameterFromText(index=index, text=text):
                return Value(value=bounded(plugin.parameter_from_text(index, text)))

    def _show_window(self, request: OpenWindow | CloseWindow) -> Message:
        plugin = self._slot(request.member).plugin
        window = self._windows.get(request.member)
        if isinstance(request, CloseWindow):
            if window is not None:
                del self._windows[request.member]
                window.close()
            return WindowClosed()
        if window is None:
            window = OwnWindow(plugin, request.title, request.above)
            self._windows[request.member] = window
            rearm_crash_handler()  # toolkits catch crashes, too
        window.to_front()
        return WindowOpened()

    def _gather(self, request: Gather, phases: Phases) -> Message:
        self._refuse_second()
        with phases("attach"):
            places = [attach(m.geometry, m.segments, m.record) for m in request.members]
        with phases("lock_down"):
            plugins = [member.plugin for member in request.members]
            self._lock_down(plugins, request.permissions, request.realtime)
        self._is_group = True
        self._places = dict(enumerate(places))
        return Gathered()

    def _load(self, request: Load, phases: Phases) -> Message:
        self._offline = request.offline
        if self._is_group:
            place = self._places.pop(request.member, None)
            if place is None:
                raise WorkerError(f"its group has no place {request.member}, or not any more")
        else:
            self._refuse_second()
            with phases("attach"):
                place = attach(request.geometry, request.segments, request.record)
            with phases("lock_down"):
                self._lock_down([request.plugin], request.permissions, request.priority > 0)
        slot, loaded = load(request, phases, place, self._after_plugin)
        self._slots[request.member] = slot
        return loaded

    def _describe(self, request: Describe, phases: Phases) -> Message:
        self._refuse_second()
        self._lock_down([request.plugin], request.permissions, realtime=False)
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

    def _visit(self, request: Visit, phases: Phases) -> Message:
        self._refuse_second()
        with phases("lock_down"):
            self._lock_down(request.plugins, request.permissions, realtime=False)
        self._is_visitor = True
        return Visited()

    def _look(self, request: ListPlugins | NamePlugin | Probe, phases: Phases) -> Message:
        if not self._is_visitor:
            raise WorkerError("a worker looks at plugins only after a visit")
        if isinstance(request, Probe):
            return probe(request, phases, rearm_crash_handler)
        if isinstance(request, NamePlugin):
            return PluginName(name=one_line(name_of(request.plugin), MAX_LINE))
        with phases("load"):
            listed = contents(request.format, request.path)
            rearm_crash_handler()
        return PluginList(plugins=listed[:MAX_LISTED])

    def _mount(self, request: Mount, phases: Phases) -> Message:
        if not self._is_visitor or self._rig is not None:
            raise WorkerError("a worker mounts one plugin in its life, after a visit")
        from sandbox.rig import mount  # imports numpy

        self._rig, mounted = mount(request, phases, rearm_crash_handler, self._disk_is_watched)
        return mounted

    def _perform(self, request: Perform, phases: Phases) -> Message:
        if self._rig is None:
            raise WorkerError("no plugin is on the rig")
        self._rig.announce, self._rig.advance = phases.announce, phases.advance
        return Performed(results=[self._rig.perform(call) for call in request.calls])

    def _refuse_second(self) -> None:
        if self._locked_down:
            raise WorkerError("a worker loads one plugin in its life; this one has done so")

    def _lock_down(self, plugins: Sequence[str], permissions: Permissions, realtime: bool) -> None:
        """The last thing before the first line of a plugin's code. `realtime`: an audio thread
        will have a priority."""
        self._locked_down = True
        if realtime:
            limit_realtime()
        self._disk_is_watched = confine(plugins, permissions, self._watcher())
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

    def _slot(self, member: int) -> LoadedSlot:
        if member not in self._slots:
            raise WorkerError("no plugin is loaded in this worker")
        return self._slots[member]


def _save(slot: LoadedSlot, phases: Phases) -> SavedState:
    with phases("save"):
        # Before the capture: an edit that comes in between is in the state, and will be
        # replayed, which does no harm; the other way round it would be lost.
        applied_edit = slot.loop.applied_edit
        data = slot.plugin.get_state()
    return SavedState(data=data, applied_edit=applied_edit)


def _values(plugin: LoadedPlugin) -> list[float]:
    return [bounded(value) for value in plugin.get_parameters()]


def _failed(phases: Phases, error: Exception, message: str = "") -> Failed:
    return Failed(
        phase=phases.current,
        message=" ".join((message or str(error)).split())[:_MAX_MESSAGE],
        no_such_plugin=isinstance(error, NoSuchPlugin),
        no_editor=isinstance(error, NoEditor),
        not_carried=isinstance(error, NotCarried),
    )


def _print_traceback() -> None:
    with contextlib.suppress(OSError):  # the pipe to the host is full
        traceback.print_exc()
