# SPDX-License-Identifier: GPL-3.0-or-later
"""What leads from one panel to another."""

from PyQt6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PyQt6.QtGui import QDropEvent

from ipc.desk.requests import AddSlot, AddTrack, OpenSong, SetSlot
from tests.ui.conftest import Stage
from ui.mixer.inserts import PLUGIN_MIME

GAIN = "builtin:gain"


def test_a_plugin_goes_where_it_was_asked_for(stage: Stage) -> None:
    window = stage.window
    window.mixer.plugin_wanted.emit("kick", 1)
    assert window.panels.docks["browser"].isVisible()
    window.panels.browser.plugin_chosen.emit(GAIN)
    stage.settle()
    assert stage.host.edits() == [AddSlot(track="kick", index=1, plugin=GAIN)]


def test_a_plugin_takes_another_ones_place(stage: Stage) -> None:
    window = stage.window
    window.mixer.replacement_wanted.emit("kick-eq")
    window.panels.browser.plugin_chosen.emit(GAIN)
    stage.settle()
    assert stage.host.edits() == [SetSlot(slot="kick-eq", plugin=GAIN)]


def test_a_plugin_that_nobody_asked_for_goes_behind_the_selected_tracks_last(stage: Stage) -> None:
    window = stage.window
    window.mixer.select("kick")
    window.panels.browser.plugin_chosen.emit(GAIN)
    stage.settle()
    assert stage.host.edits() == [AddSlot(track="kick", index=2, plugin=GAIN)]


def test_a_file_is_a_track_of_its_own(stage: Stage) -> None:
    stage.window.panels.browser.file_chosen.emit("/music/Deep Bass.wav")
    stage.settle()
    assert stage.host.edits() == [AddTrack(name="Deep Bass", index=8, file="/music/Deep Bass.wav")]


def test_what_is_dropped_on_the_window_is_a_track(stage: Stage) -> None:
    files, plugin = QMimeData(), QMimeData()
    files.setUrls([QUrl.fromLocalFile("/music/a.mid"), QUrl("https://example.org/b.wav")])
    plugin.setData(PLUGIN_MIME, GAIN.encode())
    for data in (files, plugin):
        drop = QDropEvent(
            QPointF(QPoint(5, 5)),
            Qt.DropAction.CopyAction,
            data,
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )
        stage.window.dropEvent(drop)
    stage.settle()
    assert stage.host.edits() == [
        AddTrack(name="a", index=8, file="/music/a.mid"),
        AddTrack(name="Track 9", index=8, plugins=(GAIN,)),
    ]


def test_an_editor_a_slot_and_none_when_it_is_closed(stage: Stage) -> None:
    editors = stage.window.panels.editors
    for slot in ("kick-eq", "kick-comp", "kick-eq"):
        stage.window.mixer.slot_opened.emit(slot)
    assert len(editors) == 2
    editor = editors.editor_of("kick-eq")
    assert editor is not None
    dock = editor.parentWidget()
    assert dock is not None
    dock.close()
    stage.bot.waitUntil(lambda: len(editors) == 1)
    assert editors.editor_of("kick-eq") is None


def test_tracks_and_mixer_select_together(stage: Stage) -> None:
    stage.window.panels.tracks.selected.emit("bass")
    assert stage.window.mixer.selected_track == "bass"


def test_the_welcome_leads_on(stage: Stage) -> None:
    window = stage.window
    window.menus.welcome.trigger()
    assert window.panels.welcome.isVisible()
    window.panels.welcome.empty_wanted.emit()
    assert not window.panels.welcome.isVisible()
    assert window.settings.is_known
    window.menus.welcome.trigger()
    stage.host.show(is_modified=False)
    stage.bot.waitUntil(lambda: not stage.desk.state.is_modified)
    window.panels.welcome.song_chosen.emit("/music/demo.json")
    stage.bot.waitUntil(lambda: not window.panels.welcome.isVisible())
    assert stage.host.requests[-1] == OpenSong("/music/demo.json")


def test_a_report_is_shown_in_the_crash_centre(stage: Stage) -> None:
    stage.window.panels.tracks.report_wanted.emit("12345678-20261129")
    assert stage.window.panels.crashes.isVisible()
