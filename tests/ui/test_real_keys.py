# SPDX-License-Identifier: GPL-3.0-or-later
"""A song is worked on with the keyboard alone, on a real desktop."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.jack import until
from tests.ui.real_desktop import needs_desktop, real_desktop
from tests.ui.real_window import RealWindow, opened, remember_the_user
from tests.ui.screen_reader import Thing
from tests.ui.tone_song import tone_song

pytestmark = [pytest.mark.process, needs_desktop]


@pytest.fixture
def window(tmp_path: Path) -> Iterator[RealWindow]:
    song = tone_song(tmp_path, "Lead")
    # Smaller than the window would like to be.
    with real_desktop((1280, 800)) as desktop:
        remember_the_user(desktop)
        with opened(desktop, song) as window:
            window.until_active()
            yield window


def test_the_keyboard_alone(window: RealWindow) -> None:
    keys, eyes = window.hands.key, window.eyes
    all_of_it_is_on_the_screen(window)
    keys("space")
    window.until(lambda s: s.transport.playing, "plays")
    has_keys(window, "Mixer")
    keys("F6")  # round, and back into the mixer: its first strip
    for panel in ("Tracks", "Strip of Lead"):
        while not any(thing.name == panel for thing in focused(window)):
            keys("F6")
    keys("Tab")
    has_keys(window, "Test tone, active")
    keys("Menu")
    keys("b")  # Bypass
    window.until(lambda s: s.tracks[0].slots[0].bypassed, "bypassed")
    eyes.find("Test tone, bypassed")
    keys("Down")
    has_keys(window, "Gain, active")
    keys("alt+Up")
    window.until(lambda s: [slot.id for slot in s.tracks[0].slots] == ["gain", "tone"], "moved")
    keys("ctrl+z", times=2)
    window.until(lambda s: not s.undo and s.tracks[0].slots[0].id == "tone", "undone")
    keys("alt+t")
    keys("a")  # Add track
    window.until(lambda s: len(s.tracks) == 2, "a track more")
    keys("space")
    window.until(lambda s: not s.transport.playing, "stopped")
    panels_are_told_of_only_while_they_are_seen(window)


def panels_are_told_of_only_while_they_are_seen(window: RealWindow) -> None:
    window.hands.key("F7")
    window.eyes.find("Search reports")
    window.hands.key("F9")
    window.eyes.find("Add a plugin")
    until(lambda: not window.eyes.sees("Search reports"), "the crash centre is behind Stress")
    window.hands.key("F7")
    window.eyes.find("Search reports")
    window.click("Close Crash centre")
    window.eyes.find("Add a plugin")  # what was behind it


def focused(window: RealWindow) -> list[Thing]:
    """None or one."""
    thing = window.eyes.focused()
    return [thing] if thing is not None else []


def has_keys(window: RealWindow, name: str) -> None:
    until(lambda: any(thing.name == name for thing in focused(window)), f"{name} has the keys")


def all_of_it_is_on_the_screen(window: RealWindow) -> None:
    for name in ("Gain of Master", "Audio device", "Strip of Lead"):
        thing = window.eyes.find(name)
        assert thing.x >= 0 and thing.x + thing.width <= 1280, name
        assert thing.y >= 0 and thing.y + thing.height <= 800, name
