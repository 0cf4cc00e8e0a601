# SPDX-License-Identifier: GPL-3.0-or-later
"""A plugin's own window, with an editor beside it that writes back whatever it is shown."""

import time
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ipc.messages import WindowEdit
from sandbox import own_window
from sandbox.own_window import OwnWindow
from sandbox.x11_window import X11Window


class Echoing:
    """A plugin. `turn` in its editor, or `plays` another value by somebody else's doing."""

    id = "echoing"
    editor_can_resize = False
    idles_for_all = False
    edits_are_heard = False
    editor_size = (100, 100)

    def __init__(self) -> None:
        self.values = [0.5, 0.25]
        self.edits: list[tuple[int, float]] = []

    def open_editor(self, window: object) -> None: ...
    def close_editor(self) -> None: ...
    def idle(self) -> None: ...
    def idle_editor(self) -> None: ...

    def get_parameters(self) -> list[float]:
        return list(self.values)

    def get_parameter(self, index: int) -> float:
        return self.values[index]

    def show_in_editor(self, index: int, value: float) -> None:
        self.edits.append((index, value + 1e-8))  # a float32 on its way

    def take_editor_edits(self) -> list[tuple[int, float]]:
        edits, self.edits = self.edits, []
        return edits

    def set_program(self, *values: float) -> None:
        self.values = list(values)
        for index, value in enumerate(values):
            self.show_in_editor(index, value)


class Stage:
    def __init__(self) -> None:
        self.now = time.monotonic()
        self.plugin = Echoing()

    def turns(self, count: int = 20) -> list[WindowEdit]:
        """What is told in them, a sixtieth of a second each."""
        edits: list[WindowEdit] = []
        for _ in range(count):
            self.now += 1 / 60
            for news in self.window.turn(0):
                edits += news.edits
        return edits

    def open(self) -> None:
        self.window = OwnWindow(cast(Any, self.plugin), "", 0)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    stage = Stage()
    shown = SimpleNamespace(
        take_wishes=lambda: SimpleNamespace(close=False, size=None),
        is_button_down=lambda: False,
        show=lambda size, resizable: None,
        map=lambda: None,
        size=(100, 100),
    )
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(own_window, "PluginWindow", lambda *_: cast(X11Window, shown))
    monkeypatch.setattr(own_window, "_draw_behind_audio", lambda: None)
    monkeypatch.setattr(own_window, "time", SimpleNamespace(monotonic=lambda: stage.now))
    stage.open()
    return stage


def test_what_the_host_shows_is_not_told_back(stage: Stage) -> None:
    for value in (0.75, 0.5, 1.0):  # set, undone, and set elsewhere
        stage.plugin.values[0] = value
        assert not stage.turns()
    stage.plugin.set_program(0.1, 0.9)
    assert not stage.turns()


def test_what_the_user_changes_is_told_even_back_to_what_was_shown(stage: Stage) -> None:
    stage.plugin.values[0] = 0.75
    assert not stage.turns()
    for value in (0.6, 0.75):  # before what plays has followed
        stage.plugin.edits.append((0, value))
        [edit] = stage.turns(2)
        assert (edit.parameter, edit.value) == (0, value)
    stage.plugin.values[0] = 0.75
    stage.turns(60)
    stage.plugin.edits.append((0, 0.6))
    [edit] = stage.turns(1)
    assert (edit.value, edit.before) == (0.6, pytest.approx(0.75))


def test_an_editor_of_what_plays_tells_what_plays_already(stage: Stage) -> None:
    stage.plugin.edits_are_heard = True
    stage.plugin.show_in_editor = lambda index, value: None  # type: ignore[method-assign]
    stage.turns(2)
    stage.plugin.values[0] = 0.75
    stage.plugin.edits.append((0, 0.75))
    [edit] = stage.turns(1)
    assert (edit.value, edit.before) == (0.75, 0.5)
