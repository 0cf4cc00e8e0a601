# SPDX-License-Identifier: GPL-3.0-or-later
"""Serves a desk to windows, over a socket that only this user can reach.

One thread does what may wait for plugins, request by request. The transport has another, so that
"stop" never waits behind a plugin that is asked for its state, and so have previews, which read
files; to end one is the transport's. Windows come and go, and may send anything: one that breaks
the protocol loses its connection and nothing else.
"""

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from host.desk.answers import Answers
from host.desk.desk import Desk
from host.desk.library import Library
from host.desk.preview import PreviewAnswers
from host.desk.view import Meters, desk_state
from host.events import HostEventKind
from ipc.channel import FrameReader, MalformedMessage, MessageDecoder, encode_frame
from ipc.desk.places import SOCKET_NAME
from ipc.desk.requests import (
    DESK_PROTOCOL,
    AnyRequest,
    Attach,
    CloseOwnWindow,
    Done,
    Happened,
    Locate,
    OpenOwnWindow,
    OpenSong,
    Play,
    Preview,
    Quit,
    Save,
    SetDevice,
    Shown,
    StopPreview,
)
from ipc.desk.state import DeskState, Notice, told
from ipc.errors import InputError, IsoboothError, ProtocolError
from ipc.messages import LARGE_FRAME_BYTES, Failed, Message, Request
from ipc.names import new_private_folder

_METERS_S = 1 / 60
_LOOK_S = 0.05  # for what has changed by itself
_READ_BYTES = 65536
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_BUSY: dict[type[Message], str] = {
    OpenSong: "opening the song",
    Save: "saving the song",
    SetDevice: "changing the device",
}
# A window that does not read what it is told is cut off.
_MOST_UNSENT_BYTES = 64 * 1024 * 1024


class DeskServer:
    """`run` serves until a window says quit, or `stop` is called."""

    def __init__(
        self,
        desk: Desk,
        library: Library,
        command: Sequence[str] = (),
        restart: Callable[[], Sequence[str]] | None = None,
    ) -> None:
        """The socket is there from now on. `command`: of this Isobooth; `restart`: what, behind it
        and followed by the id of a session, goes on with that when this process was killed. Raises
        OSError or MachineError."""
        self._command = tuple(command)
        self._restart = restart
        self.desk = desk
        self._folder = new_private_folder()
        self.path = os.path.join(self._folder, SOCKET_NAME)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self._socket.bind(self.path)
        self._socket.listen(16)  # who comes before it serves waits
        self._meters = Meters()
        self._answers = Answers(desk, library)
        self._previews = PreviewAnswers(desk)
        self._work = ThreadPoolExecutor(1, "isb-desk")
        self._transport = ThreadPoolExecutor(1, "isb-transport")
        self._listening = ThreadPoolExecutor(1, "isb-preview")
        # A plugin may take seconds to open its first one.
        self._own_windows = ThreadPoolExecutor(2, "isb-windows")
        self._following: asyncio.Future[None] | None = None
        self._windows: set[_Window] = set()
        self._meetings: set[asyncio.Task[None]] = set()
        self._state: DeskState | None = None
        self._busy = ""
        self.was_asked_to_quit = False
        self._told = 0
        self._said: set[str] = set()
        self._quit: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def is_ending(self) -> bool:
        """Somebody has asked it to."""
        return self._quit is not None and self._quit.is_set()

    @property
    def meters_name(self) -> str:
        """Of the shared memory that windows read."""
        return self._meters.name

    @property
    def windows(self) -> int:
        """How many are attached."""
        return sum(window.is_attached for window in self._windows)

    def stop(self) -> None:
        """From any thread, or a signal handler."""
        if self._loop is not None and self._quit is not None:
            with contextlib.suppress(RuntimeError):  # it has ended meanwhile
                self._loop.call_soon_threadsafe(self._quit.set)

    def run(self) -> None:
        asyncio.run(self._serve())

    def close(self) -> None:
        """Safe to call twice."""
        self._work.shutdown(cancel_futures=True)
        self._transport.shutdown(cancel_futures=True)
        self._previews.next()  # what is still being read does not begin
        self._listening.shutdown(wait=False, cancel_futures=True)
        self._own_windows.shutdown(wait=False, cancel_futures=True)  # they end with the host
        self._socket.close()
        self._meters.close()
        with contextlib.suppress(OSError):
            os.unlink(self.path)
        with contextlib.suppress(OSError):
            os.rmdir(self._folder)

    # ------------------------------------------------------------------ the loop

    async def _serve(self) -> None:
        self._loop, self._quit = asyncio.get_running_loop(), asyncio.Event()
        handlers = {number: signal.getsignal(number) for number in _SIGNALS}
        try:
            for number in _SIGNALS:
                with contextlib.suppress(ValueError, RuntimeError):  # not in the main thread
                    self._loop.add_signal_handler(number, self._quit.set)
            await self._serve_windows()
        finally:
            for number, handler in handlers.items():
                # asyncio would leave Python's own: a second one must not break into the end.
                with contextlib.suppress(ValueError, RuntimeError):
                    if self._loop.remove_signal_handler(number):
                        signal.signal(number, handler)

    async def _serve_windows(self) -> None:
        assert self._quit is not None
        server = await asyncio.start_unix_server(self._meet, sock=self._socket)
        tasks = [
            asyncio.create_task(self._every(_METERS_S, self._show_meters)),
            asyncio.create_task(self._every(_LOOK_S, self._show_changes)),
        ]
        try:
            await self._quit.wait()
        finally:
            server.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for window in list(self._windows):
                window.close()
            # Cancelled instead, each would be a traceback of asyncio's.
            await asyncio.wait(
                {*self._meetings, asyncio.create_task(asyncio.sleep(0))}, timeout=1.0
            )

    async def _every(self, period_s: float, work: Callable[[], None]) -> None:
        due = time.monotonic()
        while True:
            self._guarded(work)
            due = max(due + period_s, time.monotonic())
            await asyncio.sleep(due - time.monotonic())

    def _tell_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            with contextlib.suppress(IsoboothError):  # no host just now
                self.desk.host.events.add(HostEventKind.NOTICE, told(text))

    def _show_meters(self) -> None:
        self._meters.update(self.desk.host, self.desk.revision)

    def _show_changes(self) -> None:
        self._follow_windows()
        state = self._look()
        if state != self._state:
            self._answers.look(state)
            self._state = state
            self._tell(self._shown(state))
        if notices := self._notices(self._told):
            self._told += len(notices)
            self._tell(Happened(notices))

    def _follow_windows(self) -> None:
        """Behind whatever is done to the song just now."""
        if self._following is not None and not self._following.done():
            return
        if self.desk.host.has_window_changes and self._loop is not None:
            self._following = self._loop.run_in_executor(
                self._work, self._guarded, self.desk.follow_windows
            )

    def _look(self) -> DeskState:
        restart: tuple[str, ...] = ()
        if self._restart is not None and (session := self.desk.session_id) is not None:
            restart = (*self._command, *self._restart(), session)
        return desk_state(self.desk, self._meters.name, self._busy, self._command, restart)

    def _shown(self, state: DeskState) -> Shown:
        return Shown(DESK_PROTOCOL, os.getpid(), state)

    def _notices(self, since: int) -> tuple[Notice, ...]:
        return self._answers.notices(since)

    def _tell(self, message: Message) -> None:
        for window in list(self._windows):
            if window.is_attached:
                window.send(0, message)

    # ------------------------------------------------------------------ windows

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        meeting = asyncio.current_task()
        assert meeting is not None
        self._meetings.add(meeting)
        meeting.add_done_callback(self._meetings.discard)
        window = _Window(writer)
        self._windows.add(window)
        frames = FrameReader(LARGE_FRAME_BYTES)
        decoder: MessageDecoder[Message] = MessageDecoder(AnyRequest)
        pending: set[asyncio.Task[None]] = set()
        try:
            while data := await reader.read(_READ_BYTES):
                for body in frames.feed(data):
                    try:
                        number, message = decoder.decode(body)
                    except MalformedMessage as error:
                        window.send(error.number, Failed("request", str(error)))
                        continue
                    task = asyncio.create_task(self._answer(window, number, message))
                    pending.add(task)
                    task.add_done_callback(pending.discard)
        except (ProtocolError, ConnectionError):
            pass  # it is not one of ours, or gone
        finally:
            self._windows.discard(window)
            window.close()

    async def _answer(self, window: "_Window", number: int, message: Message) -> None:
        try:
            reply = await self._reply(window, message)
        except IsoboothError as error:
            reply = Failed("request", self._answers.in_words(message, error))
        except Exception as error:  # ours: the window is told, and everything goes on
            reply = Failed("request", f"an error of Isobooth's: {type(error).__name__}: {error}")
        # What was done is shown before it is said.
        self._guarded(self._show_changes)
        try:
            window.send(number, reply)
        except Exception as error:  # what a plugin or a disk has said may be no text
            text = f"the answer cannot be sent: {type(error).__name__}"
            window.send(number, Failed("request", text))

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except IsoboothError:
            pass  # the song is just being exchanged: there is another look soon
        except Exception as error:  # ours: what is shown stands still once, and is said
            self._tell_once(f"the window's view failed: {type(error).__name__}: {error}")

    async def _reply(self, window: "_Window", message: Message) -> Message:
        loop = asyncio.get_running_loop()
        if isinstance(message, Attach):
            return await self._attach(window, message)
        if isinstance(message, Quit):
            self.was_asked_to_quit = True
            loop.call_later(_LOOK_S, self.stop)  # when this window has its answer
            return Done()
        if isinstance(message, Preview | StopPreview):
            answer = self._previews.next()
            return await loop.run_in_executor(self._executor_for(message), answer, message)
        busy = _BUSY.get(type(message), "")
        if busy:
            self._busy = busy
        executor = self._executor_for(message)
        assert isinstance(message, Request)
        try:
            return await loop.run_in_executor(executor, self._answers.to, message)
        finally:
            if busy:
                self._busy = ""

    def _executor_for(self, message: Message) -> ThreadPoolExecutor:
        if isinstance(message, Play | Locate | StopPreview):
            return self._transport
        if isinstance(message, Preview):
            return self._listening
        if isinstance(message, OpenOwnWindow | CloseOwnWindow):
            return self._own_windows
        return self._work

    async def _attach(self, window: "_Window", message: Attach) -> Shown:
        if message.protocol != DESK_PROTOCOL:
            raise InputError(
                f"this host speaks version {DESK_PROTOCOL} of the windows' protocol, the window "
                f"version {message.protocol}: they are of different versions of Isobooth"
            )
        while True:
            try:
                self._show_changes()  # to all: windows that are there see no less for this one
                break
            except InputError:  # the song is just being exchanged
                await asyncio.sleep(_LOOK_S)
        window.is_attached = True
        if notices := self._notices(0):
            loop = asyncio.get_running_loop()
            loop.call_soon(window.send, 0, Happened(notices[: self._told]))
        assert self._state is not None
        return self._shown(self._state)


class _Window:
    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.is_attached = False
        self._writer = writer

    def send(self, number: int, message: Message) -> None:
        if self._writer.is_closing():
            return
        try:
            self._writer.write(encode_frame(number, message))
        except ProtocolError as error:
            self._writer.write(encode_frame(number, Failed("request", str(error))))
        if self._writer.transport.get_write_buffer_size() > _MOST_UNSENT_BYTES:
            self.close()

    def close(self) -> None:
        self._writer.close()
