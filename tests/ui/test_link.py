# SPDX-License-Identifier: GPL-3.0-or-later
"""The window's end of the connection, and a host that dies or talks nonsense."""

import struct

import pytest
from pytestqt.qtbot import QtBot

from ipc.channel import encode_frame
from ipc.desk.requests import (
    AskDevices,
    Change,
    Devices,
    Done,
    Happened,
    Play,
    SetTrack,
    Undo,
    ValueText,
)
from ipc.desk.state import Notice
from tests.ui.fake_host import FakeHost
from ui.desk import Desk
from ui.link import HOST_ENDED, Link


def test_what_is_asked_before_the_connection_stands_is_sent_then(
    host: FakeHost, qtbot: QtBot
) -> None:
    link, replies = Link(), []
    link.request(Undo(), replies.append)
    link.open(host.path)
    qtbot.waitUntil(lambda: bool(replies))
    assert replies == [Done()]
    assert host.requests == [Undo()]
    link.close()


def test_replies_reach_who_asked(host: FakeHost, desk: Desk, qtbot: QtBot) -> None:
    first: list[object] = []
    second: list[object] = []
    desk.ask(AskDevices(), first.append)
    desk.ask(Play(True), second.append)
    qtbot.waitUntil(lambda: bool(first and second))
    assert isinstance(first[0], Devices)
    assert isinstance(second[0], Done)


def test_a_frame_may_come_in_pieces(host: FakeHost, desk: Desk, qtbot: QtBot) -> None:
    frame = encode_frame(0, Happened((Notice(number=0, kind="notice", text="hello"),)))
    heard: list[object] = []
    desk.happened.connect(heard.append)
    for at in range(0, len(frame), 7):
        host.send_bytes(frame[at : at + 7])
        qtbot.wait(1)
    qtbot.waitUntil(lambda: bool(heard))
    assert heard[0][0].text == "hello"  # type: ignore[index]


def test_a_request_that_fails_says_so_and_nothing_is_lost(
    host: FakeHost, desk: Desk, qtbot: QtBot
) -> None:
    host.refusal = "there is no such track"
    with qtbot.waitSignal(desk.refused) as said:
        desk.change(SetTrack(track="nobody", mute=True))
    assert said.args == ["there is no such track"]
    assert not desk.is_lost


@pytest.mark.parametrize(
    "nonsense",
    [
        struct.pack("<I", 3) + b"\xff\xff\xff",
        struct.pack("<I", 2**31),
        struct.pack("<I", 0),
        encode_frame(0, Done()),
        encode_frame(99, Done()),
    ],
    ids=["no message", "too long", "empty", "unasked", "to no request"],
)
def test_nonsense_ends_the_connection_with_one_line(
    host: FakeHost, desk: Desk, qtbot: QtBot, nonsense: bytes
) -> None:
    with qtbot.waitSignal(desk.lost) as lost:
        host.send_bytes(nonsense)
    assert lost.args is not None
    assert lost.args[0].startswith("the host cannot be understood: ")
    assert "\n" not in lost.args[0]
    assert desk.state.song == "Night Drive"  # what was shown is kept


def test_a_reply_of_another_kind_is_nonsense(host: FakeHost, desk: Desk, qtbot: QtBot) -> None:
    host.is_slow = True
    desk.ask(Undo())
    qtbot.waitUntil(lambda: bool(host.requests))
    with qtbot.waitSignal(desk.lost) as lost:
        host.tell(ValueText("3 dB"), 2)
    assert lost.args == ["the host cannot be understood: ValueText came where Done was due"]


def test_when_the_host_dies_it_is_said_once_and_requests_fail(
    host: FakeHost, desk: Desk, qtbot: QtBot
) -> None:
    host.is_slow = True
    lost: list[str] = []
    failed: list[str] = []
    desk.lost.connect(lost.append)
    desk.ask(Undo(), None, failed.append)
    qtbot.waitUntil(lambda: bool(host.requests))
    host.die()
    qtbot.waitUntil(lambda: bool(failed))
    desk.ask(Change(()), None, failed.append)
    assert lost == [HOST_ENDED]
    assert failed == [HOST_ENDED, HOST_ENDED]


def test_a_host_that_is_not_there_is_lost(qtbot: QtBot) -> None:
    link = Link()
    with qtbot.waitSignal(link.lost) as lost:
        link.open("/nowhere/desk.sock")
    assert lost.args is not None
    assert lost.args[0].startswith("the host cannot be reached: ")
