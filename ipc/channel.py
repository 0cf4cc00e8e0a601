# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames: how messages travel over a socket, and the blocking end that sandboxed processes hold.

    frame = length (4 bytes, little-endian, of what follows), MessagePack array [number, message]

The number is the request's; a reply repeats it, so that the reply to a request that timed out is
never taken for the reply to the next. The host's end, which never blocks, is in
ipc/connection.py; it is apart because a worker must not pay for asyncio.
"""

import os
import select
import socket
import struct
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

import msgspec

from ipc.errors import ProtocolError
from ipc.messages import LARGE_FRAME_BYTES, Message
from ipc.text import one_line

_LENGTH = struct.Struct("<I")
# A read of a whole state in few system calls; the kernel's socket buffers are not larger.
_READ_BYTES = 256 * 1024
_MAX_DESCRIPTORS = 4
_MOST_WORDS = 500  # of the reason why a message is none

M = TypeVar("M", bound=Message)

_encoder = msgspec.msgpack.Encoder()


class MalformedMessage(ProtocolError):
    """A frame arrived whole but is no message that is expected here; the next may be."""

    def __init__(self, reason: str, number: int) -> None:
        super().__init__(reason)
        self.number = number  # of the request, 0 if even that is unreadable


def encode_frame(number: int, message: Message) -> bytes:
    """Raises ProtocolError if the message is larger than its type may be."""
    body = _encoder.encode((number, message))
    if len(body) > message.max_frame_bytes:
        raise ProtocolError(_too_large(type(message).__name__, len(body), message.max_frame_bytes))
    return _LENGTH.pack(len(body)) + body


def _too_large(what: str, size: int, limit: int) -> str:
    return f"a message ({what}) has {size:,} bytes, more than its limit of {limit:,}"


class MessageDecoder(Generic[M]):
    """Turns a frame's body into (number, message) of the union `types`."""

    def __init__(self, types: Any) -> None:
        self._decoder = msgspec.msgpack.Decoder(tuple[int, types])

    def decode(self, body: bytes) -> tuple[int, M]:
        """Raises MalformedMessage."""
        try:
            number, message = self._decoder.decode(body)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise MalformedMessage(
                # The decoder quotes what it does not know: words of the peer, of any length.
                f"a malformed message of {len(body):,} bytes: {one_line(str(error), _MOST_WORDS)}",
                _number_of(body),
            ) from None
        if len(body) > message.max_frame_bytes:
            name = type(message).__name__
            raise MalformedMessage(_too_large(name, len(body), message.max_frame_bytes), number)
        return number, message


class _AnyFrame(msgspec.Struct, array_like=True):
    number: int
    message: msgspec.Raw


_any_frame = msgspec.msgpack.Decoder(_AnyFrame)


def _number_of(body: bytes) -> int:
    try:
        return _any_frame.decode(body).number
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return 0


class FrameReader:
    """Cuts a byte stream into frames' bodies. `limit` is the largest body accepted right now."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yields every complete body. Raises ProtocolError at a length above the limit.

        After that the stream has no frames any more: the connection must be closed.
        """
        self._buffer += data
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            if length > self.limit:
                raise ProtocolError(_too_large("unread", length, self.limit))
            end = _LENGTH.size + length
            if len(self._buffer) < end:
                return
            body = bytes(memoryview(self._buffer)[_LENGTH.size : end])
            del self._buffer[:end]
            yield body


class Channel(Generic[M]):
    """The blocking end of a control connection, in the launcher and in workers."""

    def __init__(self, sock: socket.socket, types: Any) -> None:
        self._socket = sock
        self._decoder: MessageDecoder[M] = MessageDecoder(types)
        self._reader = FrameReader(LARGE_FRAME_BYTES)
        self._bodies: list[bytes] = []
        self._descriptors: list[int] = []

    def fileno(self) -> int:
        return self._socket.fileno()

    def receive(self) -> tuple[int, M]:
        """The next message. Raises EOFError when the peer has closed, MalformedMessage for a
        frame that can be skipped, ProtocolError when the stream is beyond repair."""
        while not self._bodies:
            try:
                data, descriptors, _, _ = socket.recv_fds(
                    self._socket, _READ_BYTES, _MAX_DESCRIPTORS
                )
            except ConnectionError:
                data, descriptors = b"", []
            self._descriptors += descriptors
            if not data:
                raise EOFError("the control connection was closed")
            self._bodies.extend(self._reader.feed(data))
        return self._decoder.decode(self._bodies.pop(0))

    def wait(self, timeout_s: float) -> bool:
        """Whether `receive` would find something now or within the time."""
        return bool(self._bodies) or bool(select.select([self._socket], [], [], timeout_s)[0])

    def take_descriptors(self) -> list[int]:
        """The descriptors that came with the frames so far; they are the caller's now."""
        taken, self._descriptors = self._descriptors, []
        return taken

    def close_descriptors(self) -> None:
        for descriptor in self.take_descriptors():
            os.close(descriptor)

    def send(self, number: int, message: Message) -> None:
        """Raises ProtocolError if the message is too large; nothing is sent then."""
        self._socket.sendall(encode_frame(number, message))

    def abandon(self) -> None:
        """Forgets the descriptors without closing them: after a fork they are someone else's."""
        self._socket.detach()
        self._descriptors = []
