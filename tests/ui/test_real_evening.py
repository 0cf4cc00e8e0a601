# SPDX-License-Identifier: GPL-3.0-or-later
"""A producer's evening on a real desktop: with mouse, keys and a window manager, from the first
click to the song that is opened again. (tests/ui/test_evening.py is the same without a screen.)"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from host.song_file import load_song
from ipc.desk.state import DeskState, SlotState
from ipc.processes import process_stat
from ipc.status import SlotStatus
from tests.process.jack import until
from tests.ui.real_desktop import Desktop, needs_desktop, real_desktop
from tests.ui.real_window import RealWindow, opened, remember_the_user
from tools.demo.run import leave_song

pytestmark = [pytest.mark.process, needs_desktop]

_SLOT = "drums-gain"


@pytest.fixture
def desktop() -> Iterator[Desktop]:
    with real_desktop() as desktop:
        remember_the_user(desktop)
        yield desktop


@pytest.fixture
def song(tmp_path: Path) -> Path:
    """The demo's."""
    return leave_song(tmp_path / "demo", 6.0)


def level_of(song: Path, out: Path) -> float:
    """RMS of what a render of it holds."""
    render = [sys.executable, "-m", "tools.cli", "render", str(song), "-o", str(out), "--force"]
    subprocess.run(render, check=True, capture_output=True)
    return float(np.sqrt(np.mean(np.square(soundfile.read(out)[0]))))


def test_an_evening_with_mouse_and_keys(desktop: Desktop, song: Path, tmp_path: Path) -> None:
    before = level_of(song, tmp_path / "before.wav")
    with opened(desktop, song) as window:
        window.until_active()
        plays_and_loses_a_plugin(window)
        gain_db = moves_a_fader(window)
        window.hands.key("ctrl+s")
        window.until(lambda s: not s.is_modified, "saved")
        after = level_of(song, tmp_path / "after.wav")
        assert 20 * np.log10(after / before) == pytest.approx(gain_db, abs=0.2)
        leaves_with_a_question(window)
    assert load_song(song).master.gain_db == pytest.approx(gain_db)
    with opened(desktop, song) as window:
        fader = window.eyes.find("Gain of Master", "slider")
        assert window.eyes.description(fader) == f"{gain_db:.1f} dB"
        assert window.eyes.is_checked(window.eyes.find("Mute Bass"))
        window.until_active()
        assert not window.state.is_modified
        window.hands.key("alt+F4")  # nothing to ask
        assert window.process.wait(30) == 0


def plays_and_loses_a_plugin(window: RealWindow) -> None:
    """Its worker is killed until the host gives it up; its light and a notice say so; a click
    brings it back."""
    window.click("Play")
    window.until(lambda s: s.transport.playing, "it plays")
    window.slot("Gain, active", "Drums")
    light = light_of(window)
    killed: set[int] = set()
    while (drum := slot(window.state, _SLOT)).status is not SlotStatus.QUARANTINED:
        if drum.status is SlotStatus.ACTIVE and drum.pid is not None and drum.pid not in killed:
            assert len(killed) < 6, "it is not given up"
            kill_worker(window, drum.pid)
            killed.add(drum.pid)
    window.slot("Gain, quarantined: it failed too often", "Drums")
    until(lambda: light_of(window) != light, "the light has changed")
    notice = window.eyes.find(lambda name: name.startswith("Gain on Drums failed"), "panel")
    assert window.state.transport.playing
    window.click("Restart", within=notice)
    window.until(lambda s: slot(s, _SLOT).status is SlotStatus.ACTIVE, "it is back")
    window.slot("Gain, active", "Drums")


def moves_a_fader(window: RealWindow) -> float:
    """Down, taken back and done again by keys; each drag is one step. The gain in the end."""
    fader = window.eyes.find("Gain of Master", "slider")
    window.hands.drag(fader.middle, fader.at(0.5, 0.75))
    said = window.eyes.description(fader)
    window.until(lambda s: s.undo and f"{s.master.gain_db:.1f} dB" == said, "the fader is down")
    window.hands.key("ctrl+z")
    window.until(lambda s: s.master.gain_db == 0.0 and not s.undo, "undone in one step")
    until(lambda: window.eyes.description(fader) == "0.0 dB", "the fader is up")
    window.hands.key("ctrl+shift+z")
    state = window.until(lambda s: s.master.gain_db < -6.0, "done again")
    until(lambda: window.eyes.description(fader) == said, "the fader is down again")
    return state.master.gain_db


def leaves_with_a_question(window: RealWindow) -> None:
    """Asked once, after a change that is not saved."""
    window.click("Mute Bass")
    window.until(lambda s: s.is_modified and s.tracks[1].mute, "muted")
    window.hands.key("alt+F4")
    window.eyes.find("Save the changes of “Isobooth demo”?")
    window.click("Save", "push button")
    assert window.process.wait(30) == 0


def light_of(window: RealWindow) -> bytes:
    """What is seen where the slot's light is."""
    row = window.slot(lambda name: name.startswith("Gain, "), "Drums")
    x, y = row.at(0.0, 0.0)
    seen = window.desktop.display.pixels(x + row.height, y + row.height)
    return seen[y + 4 : y + row.height - 4, x + 4 : x + row.height - 4].tobytes()


def slot(state: DeskState, slot_id: str) -> SlotState:
    return next(
        one for track in (*state.tracks, state.master) for one in track.slots if one.id == slot_id
    )


def kill_worker(window: RealWindow, pid: int) -> None:
    """One of our own host's, and no other."""
    stat = process_stat(pid)
    assert stat is not None and stat.parent == window.process.pid
    os.kill(pid, signal.SIGKILL)
