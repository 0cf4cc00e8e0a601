# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that says yes to everything and shows what the test gives it."""

import msgspec
from PyQt6.QtNetwork import QLocalServer, QLocalSocket

from ipc.channel import FrameReader, MessageDecoder, encode_frame
from ipc.desk.requests import (
    DESK_PROTOCOL,
    AnyRequest,
    AskDevices,
    Attach,
    Change,
    Devices,
    Done,
    Shown,
)
from ipc.desk.state import DeskState, DeviceChoice
from ipc.messages import LARGE_FRAME_BYTES, Failed, Message


class FakeHost:
    """`requests`: what was asked, in order."""

    def __init__(self, path: str, state: DeskState) -> None:
        self.path = path
        self.state = state
        self.requests: list[Message] = []
        self.refusal = ""  # of every Change from now on
        self.is_slow = False  # answers wait for `answer_all`
        self._waiting: list[tuple[int, Message]] = []
        self._frames = FrameReader(LARGE_FRAME_BYTES)
        self._decoder: MessageDecoder[Message] = MessageDecoder(AnyRequest)
        self._socket: QLocalSocket | None = None
        self._server = QLocalServer()
        assert self._server.listen(path), self._server.errorString()
        self._server.newConnection.connect(self._meet)

    def edits(self) -> list[object]:
        """All that were asked for."""
        return [edit for one in self.requests if isinstance(one, Change) for edit in one.edits]

    def show(self, **changes: object) -> None:
        """The state with these fields is news."""
        self.state = msgspec.structs.replace(self.state, **changes)
        self.tell(Shown(DESK_PROTOCOL, 1, self.state))

    def tell(self, message: Message, number: int = 0) -> None:
        self.send_bytes(encode_frame(number, message))

    def send_bytes(self, data: bytes) -> None:
        assert self._socket is not None
        self._socket.write(data)
        self._socket.flush()

    def answer_all(self) -> None:
        waiting, self._waiting = self._waiting, []
        for number, message in waiting:
            self.tell(message, number)

    def die(self) -> None:
        """Safe to call twice."""
        if self._socket is not None:
            self._socket.abort()
            self._socket = None
        self._server.close()

    def _meet(self) -> None:
        self._socket = self._server.nextPendingConnection()
        assert self._socket is not None
        self._socket.readyRead.connect(self._read)

    def _read(self) -> None:
        assert self._socket is not None
        for body in self._frames.feed(self._socket.readAll().data()):
            number, message = self._decoder.decode(body)
            self.requests.append(message)
            answer = self._answer(message)
            if self.is_slow:
                self._waiting.append((number, answer))
            else:
                self.tell(answer, number)

    def _answer(self, message: Message) -> Message:
        if isinstance(message, Attach):
            return Shown(DESK_PROTOCOL, 1, self.state)
        if isinstance(message, AskDevices):
            choices = (
                DeviceChoice(device="null", label="No sound"),
                DeviceChoice(device="hw:1", label="USB Audio", sample_rates=(44100, 48000)),
            )
            return Devices(choices)
        if isinstance(message, Change) and self.refusal:
            return Failed("request", self.refusal)
        return Done()
