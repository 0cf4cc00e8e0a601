# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's end of a control connection: requests with time limits, on the asyncio loop.

The peer may be a plugin that went wild, so nothing it sends is believed before it has been
decoded, and a peer that breaks the protocol loses its connection, and only its own.
"""

import asyncio
import socket
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ipc.channel import FrameReader, MessageDecoder, encode_frame
from ipc.errors import ProtocolError, WorkerError
from ipc.handshake import check_versions, own_hello
from ipc.messages import (
    ORDINARY_FRAME_BYTES,
    Advance,
    Failed,
    Message,
    Progress,
    Request,
    Welcome,
    WindowNews,
    reply_type,
)

R = TypeVar("R", bound=Message)


class RequestFailed(WorkerError):
    """The peer answered that it could not do it; the rest is as in Failed."""

    def __init__(self, failed: Failed) -> None:
        super().__init__(failed.message or "it does not say why")
        self.phase = failed.phase
        self.no_such_plugin = failed.no_such_plugin
        self.no_editor = failed.no_editor
        self.not_carried = failed.not_carried


class RequestTimeout(WorkerError, TimeoutError):
    """No reply within the time limit. The peer may be hung, stopped, or slow."""


class ConnectionLost(WorkerError):
    """The peer closed the connection or ended."""


class Connection(asyncio.Protocol):
    """`peer` names the other end in error messages, e.g. "worker 4711"."""

    def __init__(self, sock: socket.socket, types: Any, peer: str) -> None:
        self.peer = peer
        self.on_progress: Callable[[str], None] = lambda phase: None
        self.on_advance: Callable[[int, int], None] = lambda done, frames: None
        self.on_window: Callable[[WindowNews], None] = lambda news: None
        self.on_lost: Callable[[], None] = lambda: None
        self._socket = sock
        self._decoder: MessageDecoder[Message] = MessageDecoder(types)
        self._reader = FrameReader(ORDINARY_FRAME_BYTES)
        self._transport: asyncio.Transport | None = None
        self._pending: dict[int, tuple[type[Message], asyncio.Future[Any]]] = {}
        self._last_number = 0
        self._failure: WorkerError | ProtocolError | None = None

    @classmethod
    async def open(cls, sock: socket.socket, types: Any, peer: str) -> "Connection":
        """Takes the connected socket over."""
        connection = cls(sock, types, peer)
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.create_unix_connection(lambda: connection, sock=sock)
        return connection

    @property
    def failure(self) -> WorkerError | ProtocolError | None:
        """Why the connection can no longer be used; None while it can."""
        return self._failure

    async def request(
        self, request: Request[R], timeout_s: float, descriptors: Sequence[int] = ()
    ) -> R:
        """Sends a request, with duplicates of `descriptors`, and returns its reply.

        Raises RequestFailed, RequestTimeout, ConnectionLost, ProtocolError.
        """
        return await self.reply(self.send(request, descriptors), request, timeout_s)

    def send(self, request: Request[R], descriptors: Sequence[int] = ()) -> "asyncio.Future[R]":
        """Sends a request at once; `reply` waits for what comes of it."""
        if self._failure is not None:
            raise self._failure
        number = self._last_number + 1
        frame = encode_frame(number, request)
        self._last_number = number
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._pending[number] = (reply_type(type(request)), future)
        future.add_done_callback(lambda _: self._settle(number))
        self._update_limit()
        assert self._transport is not None
        if descriptors:
            try:
                # Past the transport, which cannot carry descriptors. Its buffer is empty: this
                # peer answers each request before the next is sent. They travel with the first
                # byte; a socket may be too full for a whole frame.
                sent = socket.send_fds(self._socket, [frame[:1]], list(descriptors))
                self._transport.write(frame[sent:])
            except OSError as error:
                self._fail(ConnectionLost(f"{self.peer} cannot be reached: {error.strerror}"))
        else:
            self._transport.write(frame)
        return future

    async def reply(self, future: "asyncio.Future[R]", request: Request[R], timeout_s: float) -> R:
        try:
            async with asyncio.timeout(timeout_s):
                return await future
        except TimeoutError:
            what = type(request).__struct_config__.tag
            raise RequestTimeout(
                f"{self.peer} did not answer '{what}' within {timeout_s:g} s"
            ) from None

    async def welcome(self, hello: "asyncio.Future[Welcome]", timeout_s: float) -> Welcome:
        """Ends the greeting begun by `send(own_hello())`. Raises ProtocolError if the versions
        differ, else as `request`."""
        try:
            said = await self.reply(hello, own_hello(), timeout_s)
        except RequestFailed as error:
            raise ProtocolError(str(error)) from None
        check_versions(said, self.peer)
        return said

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()
        self._fail(ConnectionLost(f"the connection to {self.peer} was closed"))

    # -- asyncio.Protocol ---------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            for body in self._reader.feed(data):
                self._take(*self._decoder.decode(body))
        except ProtocolError as error:
            self._fail(ProtocolError(f"{self.peer} sent {error}"))

    def connection_lost(self, error: Exception | None) -> None:
        self._fail(ConnectionLost(f"{self.peer} closed its connection"))

    # -- inside ---------------------------------------------------------------------------------

    def _take(self, number: int, message: Message) -> None:
        if isinstance(message, Progress):
            self.on_progress(message.phase)
            return
        if isinstance(message, Advance):
            self.on_advance(message.done, message.frames)
            return
        if isinstance(message, WindowNews):
            self.on_window(message)
            return
        if isinstance(message, Failed) and number == 0:
            raise ProtocolError(f"that it cannot read our messages: {message.message}")
        expected, future = self._pending.get(number, (None, None))
        if expected is None or future is None:
            if 0 < number <= self._last_number:
                return  # the reply to a request that was given up
            raise ProtocolError(f"a reply to request {number}, which was never made")
        if future.done():
            return  # given up just now
        if isinstance(message, Failed):
            future.set_exception(RequestFailed(message))
        elif isinstance(message, expected):
            future.set_result(message)
        else:
            raise ProtocolError(f"{type(message).__name__} where {expected.__name__} was due")

    def _settle(self, number: int) -> None:
        self._pending.pop(number, None)
        self._update_limit()

    def _update_limit(self) -> None:
        awaited = [reply.max_frame_bytes for reply, _ in self._pending.values()]
        self._reader.limit = max(awaited, default=ORDINARY_FRAME_BYTES)

    def _fail(self, failure: WorkerError | ProtocolError) -> None:
        if self._failure is not None:
            return
        self._failure = failure
        if self._transport is not None:
            self._transport.abort()
        for _, future in list(self._pending.values()):
            if not future.done():
                future.set_exception(failure)
        self.on_lost()
