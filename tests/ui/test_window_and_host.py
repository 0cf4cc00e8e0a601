# SPDX-License-Identifier: GPL-3.0-or-later
"""The window and a real host, each killed in turn: the other one goes on."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from pytestqt.qtbot import QtBot

from ipc.desk.meters import MeterReader
from ipc.processes import children_of
from ipc.status import SlotStatus
from tests.process.desks import Window as Watcher
from tests.process.ended import unreaped
from tests.process.jack import until
from tests.ui.tone_song import tone_song
from ui.desk import Desk
from ui.link import Link
from ui.settings import Settings
from ui.theme.theme import Theme
from ui.window import Window

pytestmark = pytest.mark.process

_OPTIONS = ("--device", "null", "--block", "512")


@dataclass
class Hosted:
    """A host process, and what is needed to look at it."""

    process: "subprocess.Popen[str]"
    socket: str
    watchers: list[Watcher] = field(default_factory=list)

    def watcher(self) -> Watcher:
        """Another window, without a screen."""
        watcher = Watcher(self.socket)
        self.watchers.append(watcher)
        return watcher


@pytest.fixture
def hosted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hosted]:
    monkeypatch.setenv("ISOBOOTH_DATA", str(tmp_path / "data"))
    song = tone_song(tmp_path)
    before = set(children_of(os.getpid()))
    process = subprocess.Popen(
        [sys.executable, "-m", "tools.cli", "open", str(song), "--no-window", "--play", *_OPTIONS],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    line = ""
    while "windows are served at" not in line:
        line = process.stderr.readline()
        assert line, "the host has ended"
    hosted = Hosted(process, line.split()[-1])
    yield hosted
    for watcher in hosted.watchers:
        watcher.close()
    process.send_signal(signal.SIGINT)  # ends in order, if it was not killed
    process.communicate(timeout=20)
    until(lambda: not unreaped(set(children_of(os.getpid())) - before), "all ended")


def open_window(socket: str, bot: QtBot, settings: Path) -> Window:
    link = Link()
    desk = Desk(link)
    link.setParent(desk)
    window = Window(desk, Theme(reduced_motion=True), Settings(settings))
    desk.setParent(window)
    bot.addWidget(window)
    window.show()
    desk.attach()
    link.open(socket)
    bot.waitUntil(lambda: bool(desk.state.tracks), timeout=20_000)
    return window


def goes_on(meters: MeterReader) -> None:
    """Some blocks more are played."""
    before = int(meters.read()["block_count"])
    until(lambda: int(meters.read()["block_count"]) > before + 20, "blocks")


def test_a_host_that_is_killed_is_started_again_by_a_click(
    hosted: Hosted, qtbot: QtBot, tmp_path: Path
) -> None:
    window = open_window(hosted.socket, qtbot, tmp_path / "window.ini")
    desk = window.desk
    for _ in range(5):
        qtbot.keyClick(window.mixer.strips["a"].fader, Qt.Key.Key_Down)
    gain_db = window.mixer.strips["a"].fader.amount
    assert gain_db < 0.0
    qtbot.waitUntil(lambda: desk.state.tracks[0].gain_db == gain_db, timeout=20_000)
    time.sleep(1.0)  # what is written within a quarter of a second
    hosted.process.kill()
    qtbot.waitUntil(window.banner.isVisible, timeout=20_000)
    assert window.banner.text == "The host has ended. What is shown is kept."
    assert len(window.mixer.strips) == 2
    window.banner.button.click()
    qtbot.waitUntil(
        lambda: not desk.is_lost and desk.host_pid != hosted.process.pid, timeout=30_000
    )
    assert not window.banner.isVisible()
    qtbot.waitUntil(lambda: desk.state.tracks[0].gain_db == gain_db, timeout=20_000)
    window.files.leave = lambda then: then()  # type: ignore[method-assign]
    with qtbot.waitSignal(desk.lost, timeout=20_000):
        window.close()  # ends the host


def test_a_window_that_is_killed_costs_no_sound(hosted: Hosted, qtbot: QtBot) -> None:
    watcher = hosted.watcher()
    watcher.until(lambda s: s.tracks[0].slots[1].status is SlotStatus.ACTIVE, "active")
    meters = MeterReader(watcher.state.meters)
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    for _ in range(2):
        window = subprocess.Popen(
            [sys.executable, "-m", "ui", "--socket", hosted.socket], env=environment
        )
        time.sleep(2.0)
        assert window.poll() is None
        window.send_signal(signal.SIGKILL)
        window.wait()
        goes_on(meters)
        assert meters.read()["strips"][0]["peaks"].max() > 0.0
    assert watcher.ask_state().tracks[0].slots[0].status is SlotStatus.ACTIVE
    assert hosted.process.poll() is None
    meters.close()
