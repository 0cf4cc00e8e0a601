# SPDX-License-Identifier: GPL-3.0-or-later
"""A producer's evening from end to end, with a real host: play, a plugin that is killed, what is
seen and done of it, a fader that is heard, undo, save, open again."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from host.song import AudioSource, Slot, Song, Track
from host.song_file import load_song, save_song
from ipc.status import SlotStatus
from tests.process.desks import served
from tests.process.songs import sine, write_clip
from tests.ui.test_window_and_host import open_window
from ui.window import Window

pytestmark = pytest.mark.process


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Window]:
    monkeypatch.setenv("ISOBOOTH_DATA", str(tmp_path / "data"))
    tone = write_clip(tmp_path / "tone.wav", sine(48000, level=0.5))
    song = Song(
        name="Evening",
        tracks=(
            Track(
                id="a",
                audio=AudioSource(file=tone, loop=True),
                chain=(Slot(id="gain", plugin="builtin:gain"),),
            ),
        ),
    )
    save_song(song, tmp_path / "evening.json")
    with served(song=str(tmp_path / "evening.json")) as desk:
        window = open_window(desk.server.path, qtbot, tmp_path / "window.ini")
        yield window
        window._may_close = True
        window.close()


def heard(window: Window) -> float:
    """The level at the master, as the meters show it."""
    reader = window.clock._reader
    assert reader is not None
    return float(np.asarray(reader.read()["strips"][1]["peaks"]).max())


def told(window: Window) -> list[str]:
    """What the notices say that are shown."""
    return [label.text() for label in window.notices.findChildren(QLabel)]


def test_an_evening(window: Window, qtbot: QtBot, tmp_path: Path) -> None:
    desk = window.desk
    track = desk.state.tracks[0]
    qtbot.waitUntil(lambda: desk.state.tracks[0].slots[0].status is SlotStatus.ACTIVE)

    qtbot.mouseClick(window.transport.play, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: desk.state.transport.playing, timeout=20_000)
    qtbot.waitUntil(lambda: heard(window) > 0.4, timeout=20_000)

    pid = desk.state.tracks[0].slots[0].pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    qtbot.waitUntil(lambda: any("SIGKILL" in text for text in told(window)), timeout=20_000)
    qtbot.waitUntil(lambda: desk.state.tracks[0].slots[0].restarts == 1, timeout=20_000)
    qtbot.waitUntil(
        lambda: desk.state.tracks[0].slots[0].status is SlotStatus.ACTIVE, timeout=20_000
    )

    fader = window.mixer.strips[track.id].fader
    for _ in range(40):
        qtbot.keyClick(fader, Qt.Key.Key_Down)
    qtbot.waitUntil(lambda: desk.state.tracks[0].gain_db < -6.0, timeout=20_000)
    qtbot.waitUntil(lambda: 0.0 < heard(window) < 0.26, timeout=20_000)
    while desk.state.undo:
        before = desk.state.undo
        window.menus.undo.trigger()
        qtbot.waitUntil(
            lambda before=before: desk.state.undo != before or not before,  # type: ignore[misc]
            timeout=20_000,
        )
    qtbot.waitUntil(lambda: desk.state.tracks[0].gain_db == 0.0, timeout=20_000)
    qtbot.waitUntil(lambda: heard(window) > 0.4, timeout=20_000)
    window.menus.redo.trigger()
    qtbot.waitUntil(lambda: desk.state.is_modified, timeout=20_000)

    gain_db = desk.state.tracks[0].gain_db
    qtbot.keyClick(window, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: not desk.state.is_modified, timeout=20_000)
    assert load_song(tmp_path / "evening.json").tracks[0].gain_db == gain_db
    window.files.open_path(str(tmp_path / "evening.json"))
    qtbot.waitUntil(lambda: not desk.state.undo and bool(desk.state.tracks), timeout=20_000)
    assert desk.state.tracks[0].gain_db == gain_db
