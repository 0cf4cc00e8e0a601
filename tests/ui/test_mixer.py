# SPDX-License-Identifier: GPL-3.0-or-later
"""The mixer follows the state, and says what the user does."""

from collections.abc import Sequence

import msgspec
import numpy as np
import pytest
from PyQt6.QtCore import QByteArray, QMimeData, QPoint, QPointF, Qt
from PyQt6.QtGui import QDropEvent
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication, QMenu

from ipc.desk.meters import MeterWriter
from ipc.desk.requests import (
    AddSlot,
    AddTrack,
    Change,
    MoveSlot,
    MoveTrack,
    RemoveSlot,
    RemoveTrack,
    RestartSlot,
    SetSlot,
    SetSong,
    SetTrack,
)
from ipc.desk.state import SlotState, TrackState
from ipc.status import SlotStatus
from tests.ui.conftest import Stage
from ui.mixer.ballistics import Ballistics
from ui.mixer.colours import keeping_colours
from ui.mixer.inserts import PLUGIN_MIME
from ui.mixer.light import WORDS
from ui.mixer.slot_row import SLOT_MIME
from ui.theme.tokens import load_tokens

replaced = msgspec.structs.replace


def _drop(stage: Stage, mime: str, what: str, track: str, y: int) -> None:
    inserts = stage.window.mixer.strips[track].inserts
    data = QMimeData()
    data.setData(mime, QByteArray(what.encode()))
    event = QDropEvent(
        QPointF(10.0, y), Qt.DropAction.MoveAction, data,
        Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    inserts.dropEvent(event)
    stage.settle()


def _shown(stage: Stage, **changes: object) -> None:
    with stage.bot.waitSignal(stage.desk.shown):
        stage.host.show(**changes)


# -- what is shown ------------------------------------------------------------------------------


def test_strips_stay_the_same_widgets(stage: Stage) -> None:
    before = dict(stage.window.mixer.strips)
    first, *others = stage.host.state.tracks
    _shown(stage, tracks=(*others, replaced(first, name="Boom", gain_db=-4.0)))
    after = stage.window.mixer.strips
    assert after == before
    assert after["kick"].fader.amount == -4.0
    assert after["kick"].accessibleName() == "Strip of Boom"
    stage.bot.waitUntil(lambda: after["kick"].x() > after["drums"].x() > after["snare"].x())


def test_removed_strips_go_and_new_ones_come(stage: Stage) -> None:
    first, *others = stage.host.state.tracks
    _shown(stage, tracks=(*others, replaced(first, id="new", name="New", slots=())))
    assert "kick" not in stage.window.mixer.strips
    assert stage.window.mixer.strips["new"].track.name == "New"


def test_rows_stay_the_same_widgets_when_a_chain_changes(stage: Stage) -> None:
    inserts = stage.window.mixer.strips["kick"].inserts
    before = dict(inserts.rows)
    first, *others = stage.host.state.tracks
    _shown(stage, tracks=(replaced(first, slots=first.slots[::-1]), *others))
    assert inserts.rows == before
    stage.bot.waitUntil(lambda: inserts.rows["kick-comp"].y() < inserts.rows["kick-eq"].y())


def test_nothing_is_asked_while_showing(stage: Stage) -> None:
    _shown(stage, tracks=tuple(replaced(t, mute=True, solo=True) for t in stage.host.state.tracks))
    assert stage.host.requests == []


@pytest.mark.parametrize("status", list(SlotStatus))
def test_each_state_has_its_words_and_its_own_picture(stage: Stage, status: SlotStatus) -> None:
    first, *others = stage.host.state.tracks
    slots = (replaced(first.slots[0], status=status), *first.slots[1:])
    _shown(stage, tracks=(replaced(first, slots=slots), *others))
    row = stage.window.mixer.strips["kick"].inserts.rows["kick-eq"]
    assert row.accessibleName() == f"ZamEQ2, {WORDS[status]}"
    assert not row.grab().isNull()


def test_meters_show_what_is_heard_of_the_same_revision(stage: Stage) -> None:
    writer = MeterWriter()
    try:
        writer.next["revision"] = 1
        writer.next["strips"]["peaks"][0] = (0.5, 1.2)
        writer.next["position_frames"] = 48_000
        writer.write()
        _shown(stage, meters=writer.name)
        meter = stage.window.mixer.strips["kick"].meter
        stage.bot.waitUntil(lambda: meter._bars[0] > 0)
        assert meter._clipped == [False, True]
        assert stage.window.transport.time.text() == "0:01.000"
        QTest.mouseClick(meter, Qt.MouseButton.LeftButton)
        writer.next["strips"]["peaks"][0] = 0.0
        writer.write()
        stage.bot.waitUntil(lambda: meter._clipped == [False, False] or _put_out(meter))
        _shown(stage, revision=2)  # the meters' places mean other strips now
        stage.bot.waitUntil(lambda: meter._bars == [0, 0], timeout=8000)
    finally:
        stage.window.clock.close()
        writer.close()


def _put_out(meter: object) -> bool:
    meter.put_out.emit()  # type: ignore[attr-defined]
    return False


def test_peaks_stay_and_then_fall() -> None:
    state = Ballistics(1, load_tokens().motion)
    state.take(np.array([[0.5, 0.0]], np.float32), 0.016)
    silence = np.zeros((1, 2), np.float32)
    state.take(silence, 1.0)
    assert state.levels[0, 0] < 0.5
    assert state.peaks[0, 0] == 0.5
    state.take(silence, 1.0)
    assert state.peaks[0, 0] < 0.5
    state.take(np.array([[np.nan, np.inf]], np.float32), 0.016)
    assert state.clipped.all()


# -- what the user does -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("slot", "track", "y", "edit"),
    [
        ("snare-gate", "kick", 0, MoveSlot(slot="snare-gate", track="kick", index=0)),
        ("snare-gate", "kick", 30, MoveSlot(slot="snare-gate", track="kick", index=1)),
        ("snare-gate", "keys", 70, MoveSlot(slot="snare-gate", track="keys", index=0)),
        ("kick-eq", "kick", 70, MoveSlot(slot="kick-eq", track="kick", index=1)),
        ("kick-eq", "master", 0, MoveSlot(slot="kick-eq", track="master", index=0)),
    ],
)
def test_a_dropped_slot_moves(stage: Stage, slot: str, track: str, y: int, edit: MoveSlot) -> None:
    _drop(stage, SLOT_MIME, slot, track, y)
    assert stage.host.edits() == [edit]


@pytest.mark.parametrize("y", [3, 20])
def test_a_slot_dropped_where_it_is_stays(stage: Stage, y: int) -> None:
    _drop(stage, SLOT_MIME, "kick-eq", "kick", y)
    assert stage.host.edits() == []


def test_a_dropped_plugin_is_added(stage: Stage) -> None:
    _drop(stage, PLUGIN_MIME, "lv2:urn:x", "kick", 30)
    assert stage.host.edits() == [AddSlot(track="kick", index=1, plugin="lv2:urn:x")]


def test_keys_steer_a_slot(stage: Stage) -> None:
    row = stage.window.mixer.strips["kick"].inserts.rows["kick-eq"]
    row.setFocus()
    QTest.keyClick(row, Qt.Key.Key_B)
    QTest.keyClick(row, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    QTest.keyClick(row, Qt.Key.Key_Delete)
    stage.settle()
    assert stage.host.edits() == [
        SetSlot(slot="kick-eq", bypassed=True),
        MoveSlot(slot="kick-eq", track="kick", index=1),
        RemoveSlot(slot="kick-eq"),
    ]


def test_the_masters_fader_is_level_with_the_others(stage: Stage) -> None:
    window, strips = stage.window, stage.window.mixer.strips

    def tops() -> set[int]:
        return {one.fader.mapTo(window.mixer, QPoint(0, 0)).y() for one in strips.values()}

    window.resize(2400, 900)
    stage.bot.waitUntil(lambda: len(tops()) == 1)
    window.resize(1100, 900)
    bar = window.mixer._scroll.horizontalScrollBar()
    stage.bot.waitUntil(lambda: bar.maximum() > 0 and len(tops()) == 1)


def test_the_menu_of_a_slot(stage: Stage) -> None:
    strip = stage.window.mixer.strips["bass"]
    strip._show_slot_menu("bass-sat", strip.mapToGlobal(strip.rect().center()))
    menu = strip.findChild(QMenu)
    assert menu is not None
    actions = {
        action.text().partition("\t")[0].replace("&", ""): action for action in menu.actions()
    }
    assert actions["Keep a standby"].isChecked()
    actions["Keep a standby"].trigger()
    actions["Run alone"].trigger()
    actions["Restart"].trigger()
    stage.settle()
    assert stage.host.edits() == [
        SetSlot(slot="bass-sat", standby=False),
        SetSlot(slot="bass-sat", alone=True),
    ]
    assert RestartSlot("bass-sat") in stage.host.requests
    menu.close()


def test_mute_solo_and_names(stage: Stage) -> None:
    strip = stage.window.mixer.strips["kick"]
    strip.setFocus()
    QTest.keyClick(strip, Qt.Key.Key_M)
    QTest.mouseClick(strip.solo, Qt.MouseButton.LeftButton)
    QTest.keyClick(strip, Qt.Key.Key_F2)
    field = QApplication.focusWidget()
    assert field is not None
    QTest.keyClicks(field, "Boom")
    QTest.keyClick(field, Qt.Key.Key_Return)
    stage.settle()
    assert stage.host.edits() == [
        SetTrack(track="kick", mute=True),
        SetTrack(track="kick", solo=True),
        SetTrack(track="kick", name="Boom"),
    ]


def test_escape_leaves_a_name_as_it_is(stage: Stage) -> None:
    strip = stage.window.mixer.strips["kick"]
    strip.rename()
    field = QApplication.focusWidget()
    assert field is not None
    QTest.keyClicks(field, "Boom")
    QTest.keyClick(field, Qt.Key.Key_Escape)
    assert stage.host.edits() == []
    assert not strip._name.is_edited


def test_a_plugin_is_wanted_at_the_end_of_the_chain(stage: Stage) -> None:
    mixer = stage.window.mixer
    with stage.bot.waitSignal(mixer.plugin_wanted) as wanted:
        mixer.strips["kick"].inserts._add.click()
    assert wanted.args == ["kick", 2]


def test_a_track_is_added_after_the_selected_one(stage: Stage) -> None:
    stage.window.mixer.strips["snare"].setFocus()
    stage.bot.waitUntil(lambda: stage.window.mixer.selected_track == "snare")
    stage.window.menus.add_track.trigger()
    stage.settle()
    added, *others = stage.host.edits()
    assert isinstance(added, AddTrack)
    assert (added.name, added.index) == ("Track 9", 2)
    assert {type(edit) for edit in others} == {SetTrack}


def _with_new(stage: Stage, index: int) -> tuple[TrackState, ...]:
    tracks = list(stage.host.state.tracks)
    tracks.insert(index, TrackState(id="track-9", name="Track 9", kind="empty"))
    return tuple(tracks)


def test_a_new_track_is_the_selected_one(stage: Stage) -> None:
    mixer = stage.window.mixer
    mixer.strips["bass"].setFocus()
    stage.bot.waitUntil(lambda: mixer.selected_track == "bass")
    stage.window.menus.add_track.trigger()
    _shown(stage, tracks=_with_new(stage, 4))
    assert mixer.selected_track == "track-9"
    stage.bot.waitUntil(mixer.strips["track-9"].hasFocus)
    stage.settle()
    stage.host.requests.clear()
    stage.window.menus.remove_track.trigger()
    stage.settle()
    assert stage.host.edits()[0] == RemoveTrack(track="track-9")


def test_a_track_that_comes_by_itself_is_not_selected(stage: Stage) -> None:
    stage.window.mixer.select("bass")
    _shown(stage, tracks=_with_new(stage, 4))  # by undo, or from another window
    assert stage.window.mixer.selected_track == "bass"


def _colours(stage: Stage, edits: Sequence[object] = ()) -> dict[str, str]:
    """As they are seen, once the edits are done."""
    tracks = {one.id: one for one in stage.host.state.tracks}
    order = list(tracks)
    for edit in edits:
        if isinstance(edit, AddTrack):
            tracks["new"] = TrackState(id="new", name="", kind="empty", colour=edit.colour)
            order.insert(edit.index, "new")
        elif isinstance(edit, MoveTrack | RemoveTrack):
            order.remove(edit.track)
            if isinstance(edit, MoveTrack):
                order.insert(edit.index, edit.track)
        elif isinstance(edit, SetTrack) and isinstance(edit.colour, str):
            tracks[edit.track] = replaced(tracks[edit.track], colour=edit.colour)
    return {
        track: stage.theme.track_colour(tracks[track].colour, place).name()
        for place, track in enumerate(order)
    }


@pytest.mark.parametrize(
    "edit",
    [
        AddTrack(name="New", index=0),
        AddTrack(name="New", index=4),
        AddTrack(name="New", index=8),
        MoveTrack(track="kick", index=7),
        MoveTrack(track="vox", index=0),
        RemoveTrack(track="kick"),
        RemoveTrack(track="drums"),
    ],
)
def test_tracks_keep_their_colours_when_others_come_go_and_move(
    stage: Stage, edit: AddTrack | MoveTrack | RemoveTrack
) -> None:
    edits = keeping_colours(stage.desk.state, stage.theme, edit)
    assert type(edits[0]) is type(edit)  # it names what can be undone
    before, after = _colours(stage), _colours(stage, edits)
    assert all(after[track] == before[track] for track in before if track in after)
    if "new" in after:
        assert list(after.values()).count(after["new"]) == 1


def test_the_menus_keep_the_colours(stage: Stage) -> None:
    stage.window.mixer.select("kick")
    stage.window.menus.remove_track.trigger()
    stage.settle()
    after = _colours(stage, stage.host.edits())
    assert after["snare"] == _colours(stage)["snare"]


def test_the_focus_goes_from_strip_to_strip(stage: Stage) -> None:
    strips = stage.window.mixer.strips
    strips["snare"].setFocus()
    QTest.keyClick(strips["snare"], Qt.Key.Key_Right)
    assert strips["hats"].hasFocus()
    QTest.keyClick(strips["hats"], Qt.Key.Key_Left)
    assert strips["snare"].hasFocus()


def test_tab_goes_through_a_chain_in_its_order_also_when_that_has_changed(stage: Stage) -> None:
    first, *others = stage.host.state.tracks
    _shown(stage, tracks=(replaced(first, slots=first.slots[::-1]), *others))
    strip = stage.window.mixer.strips["kick"]
    strip.setFocus()
    names = []
    for _ in range(4):
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        focused = QApplication.focusWidget()
        assert focused is not None
        names.append(focused.accessibleName())
    assert names == ["ZamComp, active", "ZamEQ2, active", "Add a plugin to Kick", "Pan of Kick"]


def test_slots_that_share_a_process_are_told_by_a_letter(stage: Stage) -> None:
    state = stage.desk.state

    def shared(slot: SlotState, *others: str) -> SlotState:
        return msgspec.structs.replace(slot, shares_with=others)

    kick, snare = state.tracks[0], state.tracks[1]
    eq, comp = kick.slots
    kick = msgspec.structs.replace(kick, slots=(shared(eq, "kick-comp"), shared(comp, "kick-eq")))
    together = msgspec.structs.replace(state, tracks=(kick, *state.tracks[1:]), grouping="chain")
    stage.desk.show(together)
    rows = stage.window.mixer.strips["kick"].inserts.rows
    assert rows["kick-eq"]._badge.text() == rows["kick-comp"]._badge.text() == "A"
    assert "Shares it with ZamComp on Kick" in rows["kick-eq"].toolTip()
    assert "process A" in rows["kick-eq"].accessibleName()
    other = stage.window.mixer.strips["snare"].inserts.rows["snare-gate"]
    assert other._badge.isHidden() and "Shares" not in other.toolTip()
    assert snare.slots and stage.window.menus.groupings["chain"].isChecked()
    stage.desk.show(state)
    assert rows["kick-eq"]._badge.isHidden()
    stage.host.requests.clear()
    stage.window.menus.groupings["vendor"].trigger()
    stage.settle()
    assert stage.host.requests == [Change((SetSong(grouping="vendor"),))]


@pytest.mark.parametrize("text", ["loud", "", "nan", "1e9"])
def test_what_is_no_gain_is_told(stage: Stage, text: str) -> None:
    field = stage.window.mixer.strips["snare"].level
    field.setFocus()
    field.selectAll()
    QTest.keyClick(field, Qt.Key.Key_Delete)
    QTest.keyClicks(field, text)
    QTest.keyClick(field, Qt.Key.Key_Return)
    stage.settle()
    assert stage.host.edits() == [] and field.text() == "-3.5"
    (card,) = stage.window.notices.cards
    assert card.text == f"'{text}' is no gain: type -120 to 24 dB, or -∞ for silence"


def test_a_standby_that_is_kept_is_seen_and_told(stage: Stage) -> None:
    rows = stage.window.mixer.strips["bass"].inserts.rows
    kept, other = rows["bass-sat"], rows["bass-synth"]
    assert kept._standby.isVisible() and not kept._standby.pixmap().isNull()
    assert "keeps a standby" in kept.accessibleName()
    assert "Keeps a standby, which takes over" in kept.toolTip()
    assert other._standby.isHidden() and "standby" not in other.accessibleName()
    assert "standby" not in other.toolTip()
