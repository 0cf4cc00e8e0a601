# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection to the host. Nothing here waits: replies come as calls, news as signals.

The host is trusted to be ours, not to be whole: what cannot be read ends the connection with one
line that says why, and the window keeps what it shows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PyQt6.QtCore import QObject, pyqtSignal
from PyQt6.QtNetwork import QLocalSocket

from ipc.channel import FrameReader, MessageDecoder, encode_frame
from ipc.desk.requests import AnyReply, Happened, Shown
from ipc.errors import ProtocolError
from ipc.messages import LARGE_FRAME_BYTES, Failed, Message, Request, reply_type

HOST_ENDED = "the host has ended"

OnReply = Callable[[Any], None]
OnFailure = Callable[[str], None]


@dataclass(frozen=True)
class _Asked:
    reply: type[Message]
    on_reply: OnReply | None
    on_failure: OnFailure | None


class Link(QObject):
    """`open` it once. After `lost` it is of no more use."""

    shown = pyqtSignal(object)  # DeskState
    happened = pyqtSignal(object)  # tuple[Notice, ...]
    lost = pyqtSignal(str)  # why; once

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._socket = QLocalSocket(self)
        self._frames = FrameReader(LARGE_FRAME_BYTES)
        self._decoder: MessageDecoder[Message] = MessageDecoder(AnyReply)
        self._asked: dict[int, _Asked] = {}
        self._number = 0
        self._unsent: list[bytes] = []  # asked before the connection stood
        self._is_lost = False
        self._socket.connected.connect(self._send_unsent)
        self._socket.readyRead.connect(self._read)
        self._socket.disconnected.connect(self._on_disconnected)
        self._socket.errorOccurred.connect(self._on_error)

    @property
    def is_lost(self) -> bool:
        return self._is_lost

    def open(self, path: str) -> None:
        """Connects to the socket at `path`; what was asked before is sent then."""
        self._socket.connectToServer(path)

    def close(self) -> None:
        """Ends it from this side, without a word."""
        self._is_lost = True
        self._socket.abort()

    def request(
        self,
        message: Request[Any],
        on_reply: OnReply | None = None,
        on_failure: OnFailure | None = None,
    ) -> None:
        """Exactly one of the two is called, later; `on_failure` with the reason, for people."""
        asked = _Asked(reply_type(type(message)), on_reply, on_failure)
        if self._is_lost:
            self._fail(asked, HOST_ENDED)
            return
        self._number += 1
        try:
            frame = encode_frame(self._number, message)
        except ProtocolError as error:
            self._fail(asked, str(error))
            return
        self._asked[self._number] = asked
        if self._socket.state() == QLocalSocket.LocalSocketState.ConnectedState:
            self._socket.write(frame)
        else:
            self._unsent.append(frame)

    # ------------------------------------------------------------------ what comes

    def _read(self) -> None:
        try:
            for body in self._frames.feed(self._socket.readAll().data()):
                self._take(*self._decoder.decode(body))
                if self._is_lost:
                    return
        except ProtocolError as error:
            self._lose(f"the host cannot be understood: {error}")

    def _take(self, number: int, message: Message) -> None:
        """Raises ProtocolError for what is no answer to what was asked."""
        if number == 0:
            self._take_news(message)
            return
        asked = self._asked.pop(number, None)
        if asked is None:
            raise ProtocolError(f"an answer to request {number}, which nobody made")
        if isinstance(message, Failed):
            self._fail(asked, message.message)
        elif type(message) is asked.reply:
            if asked.on_reply is not None:
                asked.on_reply(message)
        else:
            raise ProtocolError(
                f"{type(message).__name__} came where {asked.reply.__name__} was due"
            )

    def _take_news(self, message: Message) -> None:
        if isinstance(message, Shown):
            self.shown.emit(message.state)
        elif isinstance(message, Happened):
            self.happened.emit(message.notices)
        else:
            raise ProtocolError(f"{type(message).__name__} came unasked")

    # ------------------------------------------------------------------ the end

    def _send_unsent(self) -> None:
        for frame in self._unsent:
            self._socket.write(frame)
        self._unsent.clear()

    def _on_disconnected(self) -> None:
        self._lose(HOST_ENDED)

    def _on_error(self, error: QLocalSocket.LocalSocketError) -> None:
        if error == QLocalSocket.LocalSocketError.PeerClosedError:
            self._lose(HOST_ENDED)
        else:
            self._lose(f"the host cannot be reached: {self._socket.errorString()}")

    def _lose(self, reason: str) -> None:
        if self._is_lost:
            return
        self._is_lost = True
        self._socket.abort()
        self._unsent.clear()
        asked, self._asked = list(self._asked.values()), {}
        self.lost.emit(reason)
        for one in asked:
            self._fail(one, HOST_ENDED)

    @staticmethod
    def _fail(asked: _Asked, reason: str) -> None:
        if asked.on_failure is not None:
            asked.on_failure(reason)
