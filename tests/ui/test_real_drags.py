# SPDX-License-Identifier: GPL-3.0-or-later
"""What is dragged with a real mouse, on a real desktop, arrives where it is dropped."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ui.real_desktop import needs_desktop, real_desktop
from tests.ui.real_window import RealWindow, opened, remember_the_user
from tools.demo.run import leave_song

pytestmark = [pytest.mark.process, needs_desktop]


@pytest.fixture
def window(tmp_path: Path) -> Iterator[RealWindow]:
    song = leave_song(tmp_path / "demo", 6.0)
    with real_desktop() as desktop:
        remember_the_user(desktop)
        with opened(desktop, song) as window:
            yield window


def chain(window: RealWindow, place: int) -> list[str]:
    """The plugins of the track in that place, from above."""
    return [slot.name for slot in window.state.tracks[place].slots]


def test_drags_with_a_real_mouse(window: RealWindow) -> None:
    window.until_active()
    a_plugin_from_the_browser_into_a_strip(window)
    slots_to_other_places(window)
    a_file_onto_tracks(window)


def a_plugin_from_the_browser_into_a_strip(window: RealWindow) -> None:
    """Between two others."""
    plugins = window.eyes.find("Plugins", "list")
    gain = window.eyes.row(plugins, "Gain")
    first = window.slot("JX10, active", "Bass")
    window.hands.drag(gain.middle, first.at(0.5, 0.95))
    window.until(lambda _: chain(window, 1) == ["JX10", "Gain", "ZamEQ2"], "dropped")
    window.slot("Gain, active", "Bass")


def slots_to_other_places(window: RealWindow) -> None:
    """In its own strip, and in another."""
    gain = window.slot("Gain, active", "Bass")
    last = window.slot("ZamEQ2, active", "Bass")
    window.hands.drag(gain.middle, last.at(0.5, 0.9))
    window.until(lambda _: chain(window, 1) == ["JX10", "ZamEQ2", "Gain"], "moved down")
    window.until_active()
    gain = window.slot("Gain, active", "Bass")
    piano = window.slot("ePiano, active", "Keys")
    window.hands.drag(gain.middle, piano.at(0.5, 0.1))
    window.until(lambda _: chain(window, 2) == ["Gain", "ePiano", "ZamVerb"], "moved over")
    assert chain(window, 1) == ["JX10", "ZamEQ2"]
    window.until_active()


def a_file_onto_tracks(window: RealWindow) -> None:
    """Behind one that plays something; and as what one plays that plays nothing."""
    window.click("Files", "check box")
    window.click("Where the song's file is")
    files = window.eyes.find("Files", "tree")
    folder = window.eyes.row(files, "isobooth-demo-media")
    window.hands.click(folder.middle, times=2)
    drums = window.eyes.row(files, "drums.wav")
    lane = window.eyes.find("Track Bass")
    window.hands.drag(drums.middle, lane.at(3.0, 0.5))
    state = window.until(lambda s: len(s.tracks) == 7, "a seventh track")
    assert [track.name for track in state.tracks[:4]] == ["Drums", "Bass", "drums", "Keys"]
    assert Path(state.tracks[2].file).name == "drums.wav"
    window.eyes.find("Strip of drums")
    window.hands.key("ctrl+t")
    state = window.until(lambda s: len(s.tracks) == 8, "an empty one")
    assert state.tracks[3].kind == "empty"  # behind the new one, which was selected
    window.hands.drag(drums.middle, window.eyes.find("Strip of Track 8").at(0.5, 0.4))
    state = window.until(lambda s: s.tracks[3].kind == "audio", "it plays the file")
    assert len(state.tracks) == 8
