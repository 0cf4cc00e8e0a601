# SPDX-License-Identifier: GPL-3.0-or-later
"""What was changed in plugins' own windows, as the desk's history has it."""

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest

from host.desk.desk import Desk, DeskSettings
from host.desk.edits import edited
from host.desk.history import History
from host.host import Host
from host.slot_window import WindowChange
from host.song import Song
from ipc.desk.requests import AddTrack

KEY = ("gain", 0)


@pytest.fixture
def desk() -> Desk:
    desk = Desk(None, DeskSettings())
    song = edited(AddTrack(name="T", index=0, plugins=("builtin:gain",)), Song(name="S"))
    desk.history = History(song)
    return desk


def _follow(desk: Desk, *changes: WindowChange) -> None:
    host = SimpleNamespace(take_window_changes=lambda: list(changes), description=lambda _: None)
    desk._host = cast(Host, host)
    desk.follow_windows()


def _change(value: float, gesture: int, before: float = 0.5, parameter: int = 0) -> WindowChange:
    return WindowChange("gain", parameter, before, value, gesture)


def test_a_gesture_is_a_step_whatever_comes_at_once(desk: Desk) -> None:
    _follow(desk, _change(0.6, 1), _change(0.7, 1), _change(0.1, 1, parameter=1), _change(0.8, 2))
    _follow(desk, _change(0.9, 2), WindowChange("gone", 0, 0.5, 0.75, 3))
    assert desk.history.current.values == {KEY: 0.9, ("gain", 1): 0.1}
    desk.history.undo()
    assert desk.history.current.values == {KEY: 0.7, ("gain", 1): 0.1}
    desk.history.undo()
    assert desk.history.current.values == {KEY: 0.5, ("gain", 1): 0.5}
    assert desk.history.undo_name == ""


def test_what_changes_nothing_is_no_step_and_leaves_redo(desk: Desk) -> None:
    _follow(desk, _change(0.5, 1))  # as it was
    assert desk.history.undo_name == "" and not desk.history.is_modified
    _follow(desk, _change(0.75, 2))
    desk.history.undo()
    _follow(desk, _change(0.5 + 1e-8, 3, before=0.75))  # what undo has shown, told back
    assert desk.history.redo_name.startswith("a parameter of")
    assert desk.history.current.values == {KEY: 0.5}
    _follow(desk, _change(0.25, 4), _change(0.5, 4))  # there and back
    assert desk.history.redo_name


def test_chosen_programs_stay_known(desk: Desk) -> None:
    desk.history.complete(replace(desk.history.current, programs={"gain": 1}))
    _follow(desk, _change(0.75, 1))
    assert desk.history.current.programs == {"gain": 1}
