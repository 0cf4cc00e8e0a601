# SPDX-License-Identifier: GPL-3.0-or-later
"""A desk that is served from a thread, and a window without a screen."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from host.desk.desk import Desk, DeskSettings
from host.desk.library import Library
from host.desk.server import DeskServer
from ipc.channel import FrameReader, MessageDecoder, encode_frame
from ipc.desk.requests import DESK_PROTOCOL, AnyReply, Attach, Happened, Shown
from ipc.desk.state import DeskState, Notice, SlotState
from ipc.errors import InputError
from ipc.messages import LARGE_FRAME_BYTES, Failed, Message, Request

R = TypeVar("R", bound=Message)

SETTINGS = DeskSettings(device="null", block_frames=512)


class Window:
    """Asks, and keeps what it is told."""

    def __init__(self, path: str, attach: bool = True) -> None:
        self.notices: list[Notice] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(path)
        self._socket.settimeout(20.0)
        self._frames = FrameReader(LARGE_FRAME_BYTES)
        self._decoder: MessageDecoder[Message] = MessageDecoder(AnyReply)
        self._number = 0
        self._waiting: list[tuple[int, Message]] = []
        self.state = DeskState()
        if attach:
            shown = self.ask(Attach(DESK_PROTOCOL))
            self.state = shown.state
            self.pid = shown.pid

    def ask(self, request: Request[R]) -> R:
        """Its reply. Raises InputError with the host's words if it could not be done."""
        self._number += 1
        self._socket.sendall(encode_frame(self._number, request))
        while True:
            number, message = self._next()
            if number == self._number:
                if isinstance(message, Failed):
                    raise InputError(message.message)
                return message  # type: ignore[return-value]

    def ask_state(self) -> DeskState:
        """As it is now."""
        return self.ask(Attach(DESK_PROTOCOL)).state

    def send_raw(self, data: bytes) -> None:
        self._socket.sendall(data)

    def until(self, condition: Callable[[DeskState], Any], what: str) -> DeskState:
        """Until the state is such."""
        deadline = time.monotonic() + 20
        while not condition(self.state):
            assert time.monotonic() < deadline, f"not within 20 s: {what}; {self.state}"
            self._next()
        return self.state

    def until_told(self, words: str) -> Notice:
        """Until there is a notice with these words."""
        deadline = time.monotonic() + 20
        while True:
            for notice in self.notices:
                if words in notice.text:
                    return notice
            assert time.monotonic() < deadline, f"not told: {words}; {self.notices}"
            self._next()

    def slot(self, slot_id: str) -> SlotState:
        slots = [slot for track in (*self.state.tracks, self.state.master) for slot in track.slots]
        return next(slot for slot in slots if slot.id == slot_id)

    def is_closed(self) -> bool:
        """Whether the host has closed the connection, within some seconds."""
        try:
            while self._socket.recv(65536):
                pass
        except TimeoutError:
            return False
        except OSError:
            pass
        return True

    def close(self) -> None:
        self._socket.close()

    def _next(self) -> tuple[int, Message]:
        while not self._waiting:
            data = self._socket.recv(65536)
            if not data:
                raise EOFError("the host has closed the connection")
            self._waiting += [self._decoder.decode(body) for body in self._frames.feed(data)]
        number, message = self._waiting.pop(0)
        if isinstance(message, Shown):
            self.state = message.state
        if isinstance(message, Happened):
            self.notices += message.notices
        return number, message


class Served:
    def __init__(self, desk: Desk, server: DeskServer) -> None:
        self.desk = desk
        self.server = server
        self.windows: list[Window] = []

    def window(self) -> Window:
        window = Window(self.server.path)
        self.windows.append(window)
        return window


@contextmanager
def served(settings: DeskSettings = SETTINGS, song: str = "") -> Iterator[Served]:
    """A desk with an empty song, or the one in the file."""
    with Desk(None, settings) as desk:
        if song:
            desk.open_file(song)
        else:
            desk.new_song()
        server = DeskServer(desk, Library(None))
        thread = threading.Thread(target=server.run)
        thread.start()
        served_desk = Served(desk, server)
        try:
            yield served_desk
        finally:
            for window in served_desk.windows:
                window.close()
            while thread.is_alive():
                server.stop()
                thread.join(0.1)
            server.close()
