# SPDX-License-Identifier: GPL-3.0-or-later
"""What a track's menu offers."""

import msgspec
from PyQt6.QtWidgets import QMenu

from ipc.desk.requests import SetTrack
from tests.ui.conftest import Stage
from ui.mixer.strip_menu import strip_menu


def outputs_of(stage: Stage, track: str) -> QMenu:
    state = stage.desk.strip(track)
    assert state is not None
    menu = strip_menu(
        stage.desk,
        stage.theme,
        state,
        rename=lambda: None,
        add_track=lambda place: None,
        choose_file=lambda: None,
        parent=stage.window,
    )
    return next(one for one in menu.findChildren(QMenu) if one.title() == "&Output")


def test_a_track_is_sent_to_another_that_is_not_sent_to_it(stage: Stage) -> None:
    tracks = tuple(
        # kick → snare → master
        msgspec.structs.replace(track, output="snare") if track.id == "kick" else track
        for track in stage.host.state.tracks
    )
    stage.host.show(tracks=tracks)
    stage.bot.waitUntil(lambda: stage.desk.state.tracks[0].output == "snare")
    offered = [action.text() for action in outputs_of(stage, "snare").actions()]
    assert "Master" in offered and "Bass" in offered
    assert "Kick" not in offered and "Snare" not in offered
    menu = outputs_of(stage, "kick")
    assert [action.text() for action in menu.actions() if action.isChecked()] == ["Snare"]
    next(action for action in menu.actions() if action.text() == "Bass").trigger()
    stage.settle()
    assert stage.host.edits() == [SetTrack(track="kick", output="bass")]


def test_of_outputs_one_holds_and_they_look_like_it(stage: Stage) -> None:
    groups = {action.actionGroup() for action in outputs_of(stage, "kick").actions()}
    (group,) = groups
    assert group is not None and group.isExclusive()
