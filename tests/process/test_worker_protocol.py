# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker answers nonsense with one clear line, and ends where it cannot know what comes next."""

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

import ipc.launcher
from ipc.channel import Channel, encode_frame
from ipc.errors import ProtocolError
from ipc.launcher import Launcher
from ipc.messages import (
    LARGE_FRAME_BYTES,
    PROTOCOL_VERSION,
    Failed,
    Hello,
    Inspect,
    Inspection,
    SaveState,
    WorkerReply,
)
from ipc.worker_process import WorkerProcess

pytestmark = pytest.mark.process

WithLauncher = Callable[..., None]


def frame(body: bytes) -> bytes:
    return struct.pack("<I", len(body)) + body


class RawPeer:
    """Speaks to a worker past its host's connection."""

    def __init__(self, worker: WorkerProcess) -> None:
        connection = worker._connection
        assert connection._transport is not None
        connection._transport.pause_reading()
        self.socket = connection._socket.dup()
        self.socket.setblocking(True)
        self.socket.settimeout(5.0)
        self.channel: Channel[Any] = Channel(self.socket, WorkerReply)

    def exchange(self, data: bytes) -> tuple[int, Any]:
        self.socket.sendall(data)
        return self.channel.receive()


@pytest.mark.parametrize(
    ("data", "number", "said"),
    [
        (frame(b"\xc1\xc1"), 0, "malformed message of 2 bytes"),
        (frame(b""), 0, "malformed message of 0 bytes"),
        (frame(msgspec.msgpack.encode([11, {"type": "sing"}])), 11, "Invalid value 'sing'"),
        (frame(msgspec.msgpack.encode([12, {"type": "stop", "x": 1}])), 12, "unknown field `x`"),
        (frame(msgspec.msgpack.encode([13, {"type": "load"}])), 13, "missing required field"),
        (encode_frame(14, Failed(phase="", message="")), 14, "Invalid value 'failed'"),
        (
            frame(msgspec.msgpack.encode([15, {"type": "describe", "plugin": "x" * 70_000}])),
            15,
            "more than its limit of 65,536",
        ),
    ],
)
def test_a_malformed_request_is_answered_and_the_next_one_served(
    data: bytes, number: int, said: str, with_launcher: WithLauncher
) -> None:
    async def body(launcher: Launcher) -> None:
        peer = RawPeer(await launcher.spawn())
        with peer.socket:
            replied, failed = peer.exchange(data)
            assert (replied, failed.phase) == (number, "protocol")
            assert said in failed.message
            assert "\n" not in failed.message
            replied, inspection = peer.exchange(encode_frame(99, Inspect()))
            assert replied == 99
            assert isinstance(inspection, Inspection)

    with_launcher(body)


def test_an_oversized_frame_ends_the_worker_with_a_word(with_launcher: WithLauncher) -> None:
    async def body(launcher: Launcher) -> None:
        worker = await launcher.spawn()
        peer = RawPeer(worker)
        with peer.socket:
            replied, failed = peer.exchange(struct.pack("<I", LARGE_FRAME_BYTES + 1))
            assert replied == 0
            assert "67,108,865 bytes, more than its limit" in failed.message
        exit = await worker.exited
        assert exit.exit_code == 70
        assert "ProtocolError" in exit.stderr_tail

    with_launcher(body)


def test_half_a_frame_keeps_nobody_alive(with_launcher: WithLauncher) -> None:
    async def body(launcher: Launcher) -> None:
        worker = await launcher.spawn()
        peer = RawPeer(worker)
        with peer.socket:
            peer.socket.sendall(encode_frame(1, Inspect())[:-3])
        worker._connection.close()
        assert (await asyncio.wait_for(worker.exited, 5.0)).exit_code == 0

    with_launcher(body)


@pytest.mark.parametrize("offset", [-1, 1])
def test_a_host_of_a_neighbouring_version_is_refused_by_name(
    offset: int, with_launcher: WithLauncher, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body(launcher: Launcher) -> None:
        monkeypatch.setattr(
            ipc.launcher,
            "own_hello",
            lambda: Hello(protocol=PROTOCOL_VERSION + offset, layout_version=1),
        )
        spoken = PROTOCOL_VERSION + offset
        with pytest.raises(ProtocolError, match=f"the host speaks protocol {spoken} with"):
            await launcher.spawn()

    with_launcher(body)


def test_nothing_is_done_before_the_greeting(
    with_launcher: WithLauncher, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body(launcher: Launcher) -> None:
        monkeypatch.setattr(ipc.launcher, "own_hello", SaveState)
        with pytest.raises(ProtocolError, match="the first message must be a hello"):
            await launcher.spawn()

    with_launcher(body)


def test_a_worker_that_sends_nonsense_is_killed(with_launcher: WithLauncher) -> None:
    async def body(launcher: Launcher) -> None:
        worker, other = await launcher.spawn(), await launcher.spawn()
        worker._connection.data_received(b"\xff\xff\xff\xff nonsense")
        exit = await worker.exited
        assert exit.killed_by_host
        with pytest.raises(ProtocolError, match=f"worker {worker.pid} sent a message"):
            await worker.request(Inspect(), 1.0)
        assert (await other.request(Inspect(), 5.0)).modules  # costs nobody else anything

    with_launcher(body)


def test_descriptors_sent_to_a_worker_are_not_kept(with_launcher: WithLauncher) -> None:
    async def body(launcher: Launcher) -> None:
        peer = RawPeer(await launcher.spawn())
        with peer.socket:
            for number in range(1, 4):
                socket.send_fds(peer.socket, [encode_frame(number, Inspect())], [0, 1])
                _, inspection = peer.channel.receive()
            assert set(inspection.open_files) <= {0, 1, 2, 3, 4, 5, 6}
            _, inspection = peer.exchange(encode_frame(9, Inspect()))
            assert set(inspection.open_files) == {0, 1, 2, 3, 4}

    with_launcher(body)
