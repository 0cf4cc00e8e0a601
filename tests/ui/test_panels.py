# SPDX-License-Identifier: GPL-3.0-or-later
"""What leads from one panel to another."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace as replaced
from PyQt6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PyQt6.QtGui import QDragMoveEvent, QDropEvent
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QAbstractButton, QFileDialog, QMenu, QMessageBox, QWidget

from ipc.desk.requests import AddSlot, AddTrack, OpenSong, SetSlot, SetSource
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


def _wish(stage: Stage, what: str) -> str:
    """What the browser says of where the next plugin goes."""
    mixer = stage.window.mixer
    if what == "replace":
        mixer.replacement_wanted.emit("pad-verb")
    else:
        mixer.plugin_wanted.emit("pad", 1)
    return stage.window.panels.browser.plugins.wish.text


def test_the_browser_says_where_the_next_plugin_goes(stage: Stage) -> None:
    browser = stage.window.panels.browser.plugins
    assert browser.wish.text == ""
    assert _wish(stage, "replace") == "Replaces Dragonfly Hall on Pad"
    assert browser.details.add.text() == "Replace"
    assert browser.details.add.toolTip() == "Replace Dragonfly Hall on Pad (Return)"
    assert stage.window.mixer.selected_track == "pad"
    assert _wish(stage, "add") == "Goes to Pad"
    assert browser.details.add.text() == "Add"
    browser.wish.cancel.click()
    assert browser.wish.text == ""


def _escape(stage: Stage) -> None:
    QTest.keyClick(stage.window.panels.browser.plugins.search, Qt.Key.Key_Escape)


def _select_bass(stage: Stage) -> None:
    QTest.mouseClick(stage.window.mixer.strips["bass"], Qt.MouseButton.LeftButton)


def _mute_bass(stage: Stage) -> None:
    QTest.mouseClick(stage.window.mixer.strips["bass"].mute, Qt.MouseButton.LeftButton)
    stage.window.mixer.select("bass")


def _walk_away(stage: Stage) -> None:
    stage.window.mixer.strips["pad"].fader.setFocus()
    stage.window.panels.browser.search()
    stage.window.mixer.select("bass")


def _look_at_files(stage: Stage) -> None:
    buttons = stage.window.panels.browser.tabs.findChildren(QAbstractButton)
    next(one for one in buttons if one.text() == "Files").click()
    stage.window.mixer.select("bass")


def _hide_the_browser(stage: Stage) -> None:
    stage.window.panels.docks["browser"].hide()
    stage.window.mixer.select("bass")


@pytest.mark.parametrize("what", ["add", "replace"])
@pytest.mark.parametrize(
    "leave",
    [_escape, _select_bass, _mute_bass, _walk_away, _look_at_files, _hide_the_browser],
)
def test_a_place_that_was_given_up_gets_no_plugin(
    stage: Stage, what: str, leave: Callable[[Stage], None]
) -> None:
    _wish(stage, what)
    stage.bot.waitUntil(stage.window.panels.browser.plugins.search.hasFocus)
    leave(stage)
    assert stage.window.panels.browser.plugins.wish.text == ""
    stage.settle()
    stage.host.requests.clear()
    stage.window.mixer.select("bass")
    stage.window.panels.browser.plugin_chosen.emit(GAIN)
    stage.settle()
    assert stage.host.edits() == [AddSlot(track="bass", index=3, plugin=GAIN)]


def test_who_searches_and_listens_has_not_given_up(stage: Stage) -> None:
    _wish(stage, "replace")
    search = stage.window.panels.browser.plugins.search
    QTest.keyClicks(search, "hall")
    QTest.mouseClick(stage.window.transport.stop, Qt.MouseButton.LeftButton)
    QTest.mouseClick(search, Qt.MouseButton.LeftButton)
    stage.window.panels.browser.plugin_chosen.emit(GAIN)
    stage.settle()
    assert stage.host.edits() == [SetSlot(slot="pad-verb", plugin=GAIN)]


def test_a_place_that_is_gone_is_waited_for_no_more(stage: Stage) -> None:
    _wish(stage, "replace")
    with stage.bot.waitSignal(stage.desk.shown):
        stage.host.show(path="/home/me/Music/other.json")
    assert stage.window.panels.browser.plugins.wish.text == ""


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


def _drop_files(stage: Stage, over: QWidget, *paths: str) -> list[object]:
    """In the middle of a widget; what was asked for."""
    window, data = stage.window, QMimeData()
    data.setUrls([QUrl.fromLocalFile(path) for path in paths])
    point = over.mapTo(window, over.rect().center())
    for kind in (QDragMoveEvent, QDropEvent):
        event = kind(
            point if kind is QDragMoveEvent else QPointF(point),  # type: ignore[arg-type]
            Qt.DropAction.CopyAction,
            data,
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )
        (window.dragMoveEvent if kind is QDragMoveEvent else window.dropEvent)(event)  # type: ignore[operator]
    stage.settle()
    return stage.host.edits()


def _empty_kick(stage: Stage) -> None:
    tracks = [
        replaced(track, kind="empty") if track.id == "kick" else track
        for track in stage.host.state.tracks
    ]
    with stage.bot.waitSignal(stage.desk.shown):
        stage.host.show(tracks=tuple(tracks))


def test_a_file_on_a_track_that_plays_nothing_is_what_it_plays(stage: Stage) -> None:
    _empty_kick(stage)
    edits = _drop_files(stage, stage.window.mixer.strips["kick"].fader, "/music/drums.wav")
    assert edits == [SetSource(track="kick", file="/music/drums.wav")]
    assert stage.window._said.text() == "What Kick plays"
    assert stage.window.mixer.selected_track == "kick"


def test_a_file_on_a_track_that_plays_something_is_a_track_behind_it(stage: Stage) -> None:
    edits = _drop_files(stage, stage.window.mixer.strips["snare"].inserts, "/music/drums.wav")
    added = edits[0]
    assert isinstance(added, AddTrack)
    assert (added.name, added.index, added.file) == ("drums", 2, "/music/drums.wav")
    assert stage.window._said.text() == "A new track behind Snare, which plays something already"


def test_files_stand_in_the_order_in_which_they_were_dropped(stage: Stage) -> None:
    _empty_kick(stage)
    edits = _drop_files(stage, stage.window.mixer.strips["kick"], "/a.wav", "/b.wav", "/c.wav")
    assert edits[0] == SetSource(track="kick", file="/a.wav")
    added = [one for one in edits if isinstance(one, AddTrack)]
    assert [(one.file, one.index) for one in added] == [("/b.wav", 1), ("/c.wav", 2)]
    assert len(stage.host.requests) == 1  # one step of undo


def test_the_lanes_and_names_are_their_tracks(stage: Stage) -> None:
    tracks = stage.window.panels.tracks
    header = tracks.headers._headers["snare"]
    edits = _drop_files(stage, header, "/music/a.wav")
    stage.host.requests.clear()
    lane = QPoint(tracks.lanes.x() + 50, tracks.lanes.y() + header.geometry().center().y())
    assert tracks.track_at(lane) == "snare"
    added = edits[0]
    assert isinstance(added, AddTrack) and added.index == 2
    assert tracks.track_at(QPoint(50, 2)) == ""  # the ruler
    assert stage.window._track_at(QPoint(5, 5)) == ""


def test_an_empty_tracks_menu_asks_for_its_file(stage: Stage) -> None:
    _empty_kick(stage)
    strips = stage.window.mixer.strips
    for track, is_offered in (("kick", True), ("snare", False)):
        strips[track]._show_menu(QPoint(0, 0))
        (menu,) = [
            one
            for one in strips[track].findChildren(QMenu)
            if one.title() == strips[track].track.name
        ]
        texts = {action.text(): action for action in menu.actions()}
        assert ("Play a &file…" in texts) == is_offered
        if is_offered:
            texts["Play a &file…"].trigger()
        menu.close()
    (dialog,) = stage.window.findChildren(QFileDialog)
    assert dialog.windowTitle() == "What Kick plays"
    dialog.fileSelected.emit("/music/a.mid")
    dialog.close()
    stage.settle()
    assert stage.host.edits() == [SetSource(track="kick", file="/music/a.mid")]


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
    assert window.panels.welcome.back.isVisible()
    window.panels.welcome.back.click()
    assert not window.panels.welcome.isVisible()
    assert window.settings.is_known
    assert stage.host.requests == []
    window.menus.welcome.trigger()
    stage.host.show(is_modified=False)
    stage.bot.waitUntil(lambda: not stage.desk.state.is_modified)
    window.panels.welcome.song_chosen.emit("/music/demo.json")
    stage.bot.waitUntil(lambda: not window.panels.welcome.isVisible())
    assert stage.host.requests[-1] == OpenSong("/music/demo.json")


def test_to_start_empty_gives_the_song_up_when_its_user_says_so(stage: Stage) -> None:
    window = stage.window
    window.menus.welcome.trigger()
    window.panels.welcome.tiles["empty"].click()
    question = window.files.question
    assert question is not None and stage.host.requests == []
    question.button(QMessageBox.StandardButton.Cancel).click()
    assert window.panels.welcome.isVisible() and stage.host.requests == []
    window.panels.welcome.tiles["empty"].click()
    question = window.files.question
    assert question is not None
    question.button(QMessageBox.StandardButton.Discard).click()
    stage.bot.waitUntil(lambda: not window.panels.welcome.isVisible())
    assert stage.host.requests == [OpenSong()]


def test_what_is_empty_already_stays(stage: Stage) -> None:
    window = stage.window
    with stage.bot.waitSignal(stage.desk.shown):
        stage.host.show(tracks=(), path="", is_modified=False)
    window.menus.welcome.trigger()
    assert window.panels.welcome.back.isHidden()
    window.panels.welcome.tiles["empty"].click()
    assert not window.panels.welcome.isVisible() and stage.host.requests == []


def test_another_song_is_seen_wherever_it_was_opened_from(stage: Stage) -> None:
    window = stage.window
    window.menus.welcome.trigger()
    window.files.open_path("/music/other.json")
    stage.bot.waitUntil(lambda: not window.panels.welcome.isVisible())


def test_a_report_is_shown_in_the_crash_centre(stage: Stage) -> None:
    stage.window.panels.tracks.report_wanted.emit("12345678-20261129")
    assert stage.window.panels.crashes.isVisible()
