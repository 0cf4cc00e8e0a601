# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys and captions in menus, and what the small buttons of fields are called."""

from PyQt6.QtWidgets import QLineEdit, QToolButton

from ipc.desk.requests import SetTrack
from tests.ui.conftest import Stage


def test_the_keys_of_tracks_are_shown_and_their_entries_do_the_same(stage: Stage) -> None:
    menus, tracks = stage.window.menus, stage.window.panels.tracks
    keys = {name: action.text().partition("\t")[2] for name, action in menus.zooms.items()}
    assert keys == {"nearer": "+", "farther": "−", "fit": "0", "follow": "F"}
    before = tracks.viewport.frames_per_px
    menus.zooms["nearer"].trigger()
    assert tracks.viewport.frames_per_px < before
    menus.zooms["follow"].trigger()
    assert not tracks.follow.isChecked()
    menus._view.aboutToShow.emit()
    assert not menus.zooms["follow"].isChecked()


def test_the_selected_track_is_muted_in_the_menu(stage: Stage) -> None:
    menus = stage.window.menus
    stage.window.mixer.select("hats")
    assert menus.mute.text().endswith("\tM") and menus.solo.text().endswith("\tS")
    assert menus.mute.isChecked() and not menus.solo.isChecked()
    menus.mute.trigger()
    menus.solo.trigger()
    stage.settle()
    assert stage.host.edits() == [
        SetTrack(track="hats", mute=False),
        SetTrack(track="hats", solo=True),
    ]


def test_the_device_menu_says_what_its_numbers_are(stage: Stage) -> None:
    menu = stage.window.transport.device._menu
    menu.aboutToShow.emit()
    stage.settle()
    captions = [one.text() for one in menu.actions() if not one.isEnabled() and one.text()]
    assert captions == ["Device:", "Sample rate:", "Block:"]
    assert not menu.actions()[0].isSeparator()


def test_the_buttons_in_fields_have_names(stage: Stage) -> None:
    window = stage.window
    window.mixer.slot_opened.emit("kick-eq")
    fields = [one for one in window.findChildren(QLineEdit) if one.isClearButtonEnabled()]
    assert len(fields) >= 4  # plugins, reports, parameters, plugins to stress
    for field in fields:
        names = [one.text() for one in field.findChildren(QToolButton)]
        assert "Clear" in names and all(names), field.accessibleName()
