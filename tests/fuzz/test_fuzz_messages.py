# SPDX-License-Identifier: GPL-3.0-or-later
"""The control protocol, both directions: whatever arrives, it is a message of its declared type,
or it is refused in one line that can be sent and shown."""

import asyncio
import socket
import struct
from typing import Any, get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ipc.channel import FrameReader, MalformedMessage, MessageDecoder, encode_frame
from ipc.connection import Connection
from ipc.errors import ProtocolError, WorkerError
from ipc.messages import (
    LARGE_FRAME_BYTES,
    Failed,
    GetParameters,
    LauncherReply,
    LauncherRequest,
    Message,
    SaveState,
    WorkerReply,
    WorkerRequest,
)
from tests.fuzz.budget import fuzz
from tests.fuzz.wire import bodies, messages

UNIONS = {
    "launcher's requests": LauncherRequest,
    "launcher's replies": LauncherReply,
    "worker's requests": WorkerRequest,
    "worker's replies": WorkerReply,
}


@pytest.mark.parametrize("union", UNIONS.values(), ids=UNIONS)
def test_every_message_survives_the_wire(union: Any) -> None:
    decoder: MessageDecoder[Message] = MessageDecoder(union)

    @fuzz(60)
    @given(messages(union), st.integers(0, 2**63 - 1))
    def survives(message: Message, number: int) -> None:
        (body,) = FrameReader(LARGE_FRAME_BYTES).feed(encode_frame(number, message))
        assert decoder.decode(body) == (number, message)

    survives()


@pytest.mark.parametrize("union", UNIONS.values(), ids=UNIONS)
def test_what_is_no_message_is_refused_in_one_line_that_can_be_sent(union: Any) -> None:
    decoder: MessageDecoder[Message] = MessageDecoder(union)
    reply: MessageDecoder[Message] = MessageDecoder(LauncherReply)

    @fuzz(250)
    @given(bodies(union))
    def refused(body: bytes) -> None:
        try:
            number, message = decoder.decode(body)
        except MalformedMessage as error:
            assert str(error).isprintable()
            # What launcher and workers do: the other side must be able to read it.
            answer = encode_frame(error.number, Failed(phase="protocol", message=str(error)))
            (back,) = FrameReader(LARGE_FRAME_BYTES).feed(answer)
            assert reply.decode(back)[0] == error.number
        else:
            assert isinstance(number, int)
            assert isinstance(message, get_args(union))
            assert len(body) <= message.max_frame_bytes

    refused()


_FAILED_WITHOUT_A_WORD = (
    b"\x92\x01\x84\xa4type\xa6failed\xa5phase\xa0\xa7message\xa0\xaeno_such_plugin\xc2"
)


@fuzz(120)
@example([_FAILED_WITHOUT_A_WORD], [])
@given(st.lists(bodies(WorkerReply), max_size=5), st.lists(st.integers(1, 50), max_size=8))
def test_no_worker_can_hurt_the_host_over_its_connection(
    frames: list[bytes], cuts: list[int]
) -> None:
    stream = b"".join(struct.pack("<I", len(body)) + body for body in frames)
    asyncio.run(_against(stream, cuts))


@fuzz(60)
@given(st.binary(max_size=300), st.lists(st.integers(1, 50), max_size=8))
def test_nor_can_any_noise(stream: bytes, cuts: list[int]) -> None:
    asyncio.run(_against(stream, cuts))


async def _against(stream: bytes, cuts: list[int]) -> None:
    """A host that waits for two replies gets `stream` in pieces, and then the end."""
    unexpected: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, what: unexpected.append(what))
    ours, theirs = socket.socketpair()
    connection = await Connection.open(ours, WorkerReply, "worker 1")
    phases: list[str] = []
    connection.on_progress = phases.append
    asked = [connection.send(GetParameters()), connection.send(SaveState())]
    with theirs:
        theirs.setblocking(False)
        for cut in [*cuts, len(stream)]:
            piece, stream = stream[:cut], stream[cut:]
            try:
                theirs.send(piece)
            except OSError:  # it has had enough of us
                break
            await asyncio.sleep(0)
    for reply in asked:
        try:
            async with asyncio.timeout(5.0):
                assert isinstance(await reply, Message)
        except (ProtocolError, WorkerError) as error:
            assert str(error)
    assert all(len(phase) <= 64 for phase in phases)
    connection.close()
    await asyncio.sleep(0)
    assert not unexpected
