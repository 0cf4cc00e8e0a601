# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames survive any cut of the stream, and nothing else passes for one."""

import os
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc.channel import Channel, FrameReader, MalformedMessage, MessageDecoder, encode_frame
from ipc.errors import ProtocolError
from ipc.messages import (
    LARGE_FRAME_BYTES,
    ORDINARY_FRAME_BYTES,
    Failed,
    GetParameters,
    Message,
    Parameters,
    SavedState,
    SaveState,
    Stop,
    Text,
    WorkerReply,
    WorkerRequest,
)


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, Channel[Any]]]:
    """A raw socket and the channel at its other end."""
    raw, other = socket.socketpair()
    with raw, other:
        yield raw, Channel(other, WorkerRequest)


def frame(body: bytes) -> bytes:
    return struct.pack("<I", len(body)) + body


@given(st.lists(st.integers(1, 40), max_size=60))
def test_frames_come_out_whole_however_the_stream_is_cut(cuts: list[int]) -> None:
    messages: list[tuple[int, Message]] = [(1, SaveState()), (2, Stop()), (3, GetParameters())]
    stream = b"".join(encode_frame(number, message) for number, message in messages)
    reader = FrameReader(ORDINARY_FRAME_BYTES)
    decoder: MessageDecoder[Any] = MessageDecoder(WorkerRequest)
    found = []
    for cut in [*cuts, len(stream)]:
        part, stream = stream[:cut], stream[cut:]
        found += [decoder.decode(body) for body in reader.feed(part)]
    assert found == messages


@given(st.binary(max_size=200))
def test_noise_is_refused_and_never_anything_worse(noise: bytes) -> None:
    decoder: MessageDecoder[Any] = MessageDecoder(WorkerRequest)
    try:
        for body in FrameReader(ORDINARY_FRAME_BYTES).feed(noise):
            decoder.decode(body)
    except ProtocolError as error:
        assert "\n" not in str(error)


def test_a_length_above_the_limit_is_refused_before_its_bytes_arrive() -> None:
    reader = FrameReader(ORDINARY_FRAME_BYTES)
    with pytest.raises(ProtocolError, match="65,537 bytes, more than its limit of 65,536"):
        list(reader.feed(struct.pack("<I", ORDINARY_FRAME_BYTES + 1)))


def test_frames_before_the_oversized_one_are_still_read() -> None:
    reader = FrameReader(ORDINARY_FRAME_BYTES)
    bodies = reader.feed(frame(b"ab") + struct.pack("<I", 2**31))
    assert next(bodies) == b"ab"
    with pytest.raises(ProtocolError):
        next(bodies)


def test_a_large_state_passes_and_a_larger_one_does_not() -> None:
    data = bytes(2 * 1024 * 1024)
    state = SavedState(data=data, applied_edit=1)
    reader = FrameReader(LARGE_FRAME_BYTES)
    (body,) = reader.feed(encode_frame(1, state))
    decoder: MessageDecoder[Any] = MessageDecoder(WorkerReply)
    assert decoder.decode(body) == (1, state)
    with pytest.raises(ProtocolError, match="SavedState"):
        encode_frame(1, SavedState(data=bytes(LARGE_FRAME_BYTES), applied_edit=1))


def test_a_message_larger_than_its_type_may_be_is_refused_although_others_may_be_larger() -> None:
    body = msgspec.msgpack.encode(
        (7, {"type": "failed", "phase": "", "message": "x" * ORDINARY_FRAME_BYTES})
    )
    with pytest.raises(MalformedMessage) as refused:
        MessageDecoder[Any](WorkerReply).decode(body)
    assert refused.value.number == 7
    with pytest.raises(ProtocolError, match="Text"):
        encode_frame(1, Text(text="x" * ORDINARY_FRAME_BYTES))


@pytest.mark.parametrize(
    ("body", "number"),
    [
        (b"", 0),
        (b"\xc1", 0),
        (msgspec.msgpack.encode({"type": "stop"}), 0),
        (msgspec.msgpack.encode([5, {"type": "unheard_of"}]), 5),
        (msgspec.msgpack.encode([6, {"type": "stop", "now": True}]), 6),
        (msgspec.msgpack.encode(["x", {"type": "stop"}]), 0),
        (msgspec.msgpack.encode([4, {"type": "stop"}, "more"]), 4),
        (b"\x91" * 5000, 0),  # nested deeper than anybody needs
        (encode_frame(8, Parameters(values=[0.5]))[4:], 8),  # a reply where requests are due
    ],
)
def test_a_malformed_message_is_refused_and_its_number_saved(body: bytes, number: int) -> None:
    with pytest.raises(MalformedMessage, match="malformed message of") as refused:
        MessageDecoder[Any](WorkerRequest).decode(body)
    assert refused.value.number == number
    assert "\n" not in str(refused.value)


def test_a_channel_goes_on_after_a_malformed_message(
    pair: tuple[socket.socket, Channel[Any]],
) -> None:
    raw, channel = pair
    raw.sendall(frame(b"\xc1nonsense") + encode_frame(2, Stop()))
    with pytest.raises(MalformedMessage):
        channel.receive()
    assert channel.receive() == (2, Stop())


def test_a_closed_channel_is_the_end(pair: tuple[socket.socket, Channel[Any]]) -> None:
    raw, channel = pair
    raw.sendall(encode_frame(1, Stop())[:-1])
    raw.close()
    with pytest.raises(EOFError):
        channel.receive()


def test_waiting_tells_whether_a_message_is_there(
    pair: tuple[socket.socket, Channel[Any]],
) -> None:
    raw, channel = pair
    assert not channel.wait(0.0)
    raw.sendall(encode_frame(1, Stop()) + encode_frame(2, Stop()))
    assert channel.wait(1.0)
    channel.receive()
    assert channel.wait(0.0)  # read from the socket already
    channel.receive()
    assert not channel.wait(0.0)


def test_descriptors_travel_with_a_frame(pair: tuple[socket.socket, Channel[Any]]) -> None:
    raw, channel = pair
    read_fd, write_fd = os.pipe()
    socket.send_fds(raw, [encode_frame(1, Stop())], [write_fd])
    os.close(write_fd)
    channel.receive()
    (received,) = channel.take_descriptors()
    assert channel.take_descriptors() == []
    os.write(received, b"hello")
    os.close(received)
    assert os.read(read_fd, 10) == b"hello"
    assert os.read(read_fd, 10) == b""  # no other copy was left open
    os.close(read_fd)


def test_a_large_message_passes_in_both_directions(
    pair: tuple[socket.socket, Channel[Any]],
) -> None:
    raw, channel = pair
    message = Parameters(values=[0.25] * 100_000)
    sender = threading.Thread(target=channel.send, args=(9, message))
    sender.start()
    reader = FrameReader(LARGE_FRAME_BYTES)
    bodies: list[bytes] = []
    while not bodies:
        bodies += reader.feed(raw.recv(65536))
    sender.join()
    assert MessageDecoder[Any](WorkerReply).decode(bodies[0]) == (9, message)


def test_a_refused_message_sends_nothing(pair: tuple[socket.socket, Channel[Any]]) -> None:
    raw, channel = pair
    with pytest.raises(ProtocolError):
        channel.send(1, Failed(phase="", message="x" * ORDINARY_FRAME_BYTES))
    raw.setblocking(False)
    with pytest.raises(BlockingIOError):
        raw.recv(1)


def test_words_of_the_peer_are_quoted_in_one_short_line() -> None:
    decoder: MessageDecoder[Any] = MessageDecoder(WorkerReply)
    body = msgspec.msgpack.encode([1, {"type": "\x1b[2J\n" + "x" * 60_000}])
    with pytest.raises(MalformedMessage) as refused:
        decoder.decode(body)
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 1000
    # Whoever is told of it must be able to read that.
    assert encode_frame(1, Failed(phase="protocol", message=str(refused.value)))
