# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's end of a connection, against peers that misbehave."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable

import pytest

from ipc.channel import encode_frame
from ipc.connection import Connection, ConnectionLost, RequestFailed, RequestTimeout
from ipc.errors import ProtocolError, WorkerError
from ipc.handshake import own_hello, own_welcome
from ipc.messages import (
    ORDINARY_FRAME_BYTES,
    Failed,
    GetParameters,
    Message,
    Parameters,
    ParameterText,
    Progress,
    SavedState,
    SaveState,
    Stop,
    Stopped,
    Text,
    Welcome,
    WorkerReply,
)

Body = Callable[[Connection, socket.socket], Awaitable[None]]


def against(body: Body) -> None:
    """Runs `body` with a connection and the raw socket at its other end."""

    async def run() -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            theirs.setblocking(False)
            connection = await Connection.open(ours, WorkerReply, "worker 1")
            try:
                await body(connection, theirs)
            finally:
                connection.close()
                await asyncio.sleep(0)

    asyncio.run(run())


def sends(*replies: tuple[int, Message] | bytes) -> bytes:
    return b"".join(r if isinstance(r, bytes) else encode_frame(*r) for r in replies)


def test_a_request_gets_its_reply() -> None:
    async def body(connection: Connection, peer: socket.socket) -> None:
        peer.send(sends((1, Parameters(values=[0.5]))))
        assert await connection.request(GetParameters(), 1.0) == Parameters(values=[0.5])

    against(body)


def test_replies_find_their_requests_in_any_order() -> None:
    async def body(connection: Connection, peer: socket.socket) -> None:
        first = connection.send(GetParameters())
        second = connection.send(ParameterText(index=0, value=0.0))
        peer.send(sends((2, Text(text="off")), (1, Parameters(values=[]))))
        assert (await first, await second) == (Parameters(values=[]), Text(text="off"))

    against(body)


def test_a_failure_is_told_with_its_phase() -> None:
    async def body(connection: Connection, peer: socket.socket) -> None:
        peer.send(sends((1, Failed(phase="restore", message="state rejected"))))
        with pytest.raises(RequestFailed, match="state rejected") as failed:
            await connection.request(SaveState(), 1.0)
        assert failed.value.phase == "restore"
        peer.send(sends((2, Stopped())))
        await connection.request(Stop(), 1.0)

    against(body)


def test_a_late_reply_is_not_taken_for_the_next_one() -> None:
    async def body(connection: Connection, peer: socket.socket) -> None:
        with pytest.raises(RequestTimeout, match="worker 1 did not answer 'get_parameters'"):
            await connection.request(GetParameters(), 0.01)
        peer.send(sends((1, Parameters(values=[0.1])), (2, Parameters(values=[0.2]))))
        assert await connection.request(GetParameters(), 1.0) == Parameters(values=[0.2])

    against(body)


def test_a_timeout_is_both_a_worker_error_and_a_timeout() -> None:
    assert issubclass(RequestTimeout, WorkerError)
    assert issubclass(RequestTimeout, TimeoutError)


def test_progress_is_passed_on() -> None:
    async def body(connection: Connection, peer: socket.socket) -> None:
        phases: list[str] = []
        connection.on_progress = phases.append
        peer.send(
            sends((1, Progress(phase="load")), (1, Progress(phase="restore")), (1, Stopped()))
        )
        await connection.request(Stop(), 1.0)
        assert phases == ["load", "restore"]

    against(body)


@pytest.mark.parametrize(
    ("nonsense", "said"),
    [
        (sends((1, Text(text="?"))), "Text where Parameters was due"),
        (sends((5, Stopped())), "a reply to request 5, which was never made"),
        (sends((0, Stopped())), "a reply to request 0"),
        (struct.pack("<I", 3) + b"\xc1\xc1\xc1", "a malformed message of 3 bytes"),
        (struct.pack("<I", ORDINARY_FRAME_BYTES * 4096), "268,435,456 bytes"),
        (b"\xff" * 100, "4,294,967,295 bytes"),
        (sends((0, Failed(phase="", message="gibberish"))), "cannot read our messages: gibberish"),
    ],
)
def test_a_peer_that_breaks_the_protocol_loses_its_connection(nonsense: bytes, said: str) -> None:
    async def body(connection: Connection, peer: socket.socket) -> None:
        lost: list[str] = []
        connection.on_lost = lambda: lost.append("lost")
        peer.send(nonsense)
        with pytest.raises(ProtocolError, match=said) as broken:
            await connection.request(GetParameters(), 1.0)
        assert str(broken.value).startswith("worker 1 sent ")
        assert "\n" not in str(broken.value)
        assert lost == ["lost"]
        with pytest.raises(ProtocolError):  # and it stays lost
            await connection.request(GetParameters(), 1.0)
        await asyncio.sleep(0.01)
        assert b"" in (peer.recv(4096), peer.recv(4096))  # the peer sees the end

    against(body)


def test_a_large_reply_is_accepted_only_where_one_is_due() -> None:
    async def body(connection: Connection, peer: socket.socket) -> None:
        big = SavedState(data=bytes(300_000), applied_edit=0)
        loop = asyncio.get_running_loop()
        asked = connection.send(SaveState())
        await loop.sock_sendall(peer, sends((1, big)))
        assert await asked == big
        asked_small = connection.send(Stop())
        with pytest.raises(ProtocolError, match="more than its limit of 65,536"):
            peer.send(sends((2, big))[:1000])
            await asked_small

    against(body)


def test_a_peer_that_goes_away_ends_all_that_waits() -> None:
    async def body(connection: Connection, peer: socket.socket) -> None:
        waiting = [connection.send(GetParameters()) for _ in range(3)]
        peer.close()
        for each in waiting:
            with pytest.raises(ConnectionLost, match="worker 1 closed its connection"):
                await each
        with pytest.raises(ConnectionLost):
            connection.send(GetParameters())

    against(body)


def test_versions_are_compared_at_the_greeting() -> None:
    async def body(connection: Connection, peer: socket.socket) -> None:
        peer.send(sends((1, own_welcome())))
        await connection.welcome(connection.send(own_hello()), 1.0)
        peer.send(sends((2, Welcome(protocol=99, layout_version=1, pid=1))))
        with pytest.raises(ProtocolError, match="worker 1 speaks protocol 99"):
            await connection.welcome(connection.send(own_hello()), 1.0)
        peer.send(sends((3, Failed(phase="idle", message="the host speaks protocol 98"))))
        with pytest.raises(ProtocolError, match="the host speaks protocol 98"):
            await connection.welcome(connection.send(own_hello()), 1.0)

    against(body)


def test_a_cancelled_request_is_forgotten() -> None:
    async def body(connection: Connection, peer: socket.socket) -> None:
        task = asyncio.create_task(connection.request(GetParameters(), 10.0))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        peer.send(sends((1, Parameters(values=[]))))
        peer.send(sends((2, Stopped())))
        await connection.request(Stop(), 1.0)

    against(body)
