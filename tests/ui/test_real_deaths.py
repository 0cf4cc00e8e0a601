# SPDX-License-Identifier: GPL-3.0-or-later
"""Window and host, each killed on a real desktop: what its user sees of it, and does about it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ipc.desk.places import desk_sockets
from ipc.desk.requests import Quit
from ipc.errors import IsoboothError
from tests.process.desks import Window as Watcher
from tests.process.ended import unreaped
from tests.process.jack import until
from tests.ui.real_desktop import needs_desktop, real_desktop
from tests.ui.real_window import RealWindow, is_shown, opened, remember_the_user
from tests.ui.tone_song import tone_song

pytestmark = [pytest.mark.process, needs_desktop]


@pytest.fixture
def window(tmp_path: Path) -> Iterator[RealWindow]:
    song = tone_song(tmp_path, "Lead")
    with real_desktop() as desktop:
        remember_the_user(desktop)
        with opened(desktop, song) as window:
            window.until_active()
            yield window


def lower_the_fader(window: RealWindow) -> str:
    """What it says then."""
    fader = window.eyes.find("Gain of Lead", "slider")
    window.hands.drag(fader.middle, fader.at(0.5, 0.7))
    said = window.eyes.description(fader)
    assert said != "0.0 dB"
    window.until(lambda s: f"{s.tracks[0].gain_db:.1f} dB" == said, "the fader is down")
    return said


def test_a_window_that_is_killed_leaves_the_screen_and_another_shows_the_same(
    window: RealWindow,
) -> None:
    window.click("Play")
    said = lower_the_fader(window)
    os.kill(window.window_pid, signal.SIGKILL)
    until(lambda: not is_shown(window.eyes), "it has left the screen")
    assert window.state.transport.playing
    again = subprocess.Popen(
        [sys.executable, "-m", "tools.cli", "ui", window.socket], env=window.desktop.environment
    )
    try:
        fader = window.eyes.find("Gain of Lead", "slider")
        until(lambda: window.eyes.description(fader) == said, "it shows the same")
        window.click("Stop")
        window.until(lambda s: not s.transport.playing, "it steers, too")
        window.hands.key("ctrl+s")
        window.until(lambda s: not s.is_modified, "saved")
        window.hands.key("alt+F4")
        assert again.wait(30) == 0
        assert window.process.wait(30) == 0
    finally:
        again.kill()
        again.wait()


def test_a_host_that_is_killed_is_said_and_comes_back_by_a_click(window: RealWindow) -> None:
    said = lower_the_fader(window)
    until(lambda: is_kept(window), "the change is kept")
    window.process.kill()
    window.process.wait()
    window.eyes.find("The host has ended. What is shown is kept.")
    assert not window.eyes.is_enabled(window.eyes.find("Play"))
    window.click("Restart the host")
    until(lambda: not window.eyes.sees("Restart the host"), "it is back")
    host = new_host(window)
    try:
        fader = window.eyes.find("Gain of Lead", "slider")
        assert window.eyes.description(fader) == said
        window.click("Play")
        host.until(lambda s: s.transport.playing, "it plays")
        window.click("Mute Lead", within=window.eyes.find("Strip of Lead"))
        host.until(lambda s: s.tracks[0].mute, "it is steered")
    finally:
        host.ask(Quit())
        until(lambda: not unreaped([host.pid]), "it has ended")
        host.close()


def is_kept(window: RealWindow) -> bool:
    """Whether the session on disk has the fader where it is."""
    kept = f'"gain_db":{window.state.tracks[0].gain_db}'.encode()
    session = Path(os.environ["XDG_STATE_HOME"], "isobooth", "sessions")
    return any(kept in file.read_bytes() for file in session.rglob("*") if file.is_file())


def new_host(window: RealWindow) -> Watcher:
    """The one that the window has started."""
    song = window.host.state.path
    for socket in desk_sockets():
        try:
            watcher = Watcher(str(socket))
        except (OSError, IsoboothError):
            continue  # of a dead one
        if watcher.state.path == song:
            return watcher
        watcher.close()
    raise AssertionError("there is no host with this song")
