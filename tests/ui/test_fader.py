# SPDX-License-Identifier: GPL-3.0-or-later
"""Faders and knobs: the taper, and one gesture a drag."""

import pytest
from PyQt6.QtCore import QPoint, QPointF, Qt
from PyQt6.QtGui import QWheelEvent
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication, QWidget

from ipc.desk.requests import Change, SetTrack
from tests.ui.conftest import Stage
from ui.mixer.taper import SILENCE_DB, TOP_DB, db_at, db_from_text, db_text, height_of

LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier


def _changes(stage: Stage) -> list[tuple[float, int]]:
    """(gain or pan, gesture) of each that was asked for."""
    found = []
    for one in stage.host.requests:
        if isinstance(one, Change):
            (edit,) = one.edits
            assert isinstance(edit, SetTrack)
            found.append((edit.gain_db if edit.gain_db is not None else 0.0, one.gesture))
    return found  # type: ignore[return-value]


def _drag(widget: QWidget, by: list[int], modifiers: Qt.KeyboardModifier = NONE) -> None:
    at = widget.rect().center()
    QTest.mousePress(widget, LEFT, modifiers, at)
    for dy in by:
        at += QPoint(0, dy)
        event = QPointF(at)
        _move(widget, event, modifiers)
    QTest.mouseRelease(widget, LEFT, modifiers, at)


def _move(widget: QWidget, at: QPointF, modifiers: Qt.KeyboardModifier) -> None:
    from PyQt6.QtCore import QEvent
    from PyQt6.QtGui import QMouseEvent

    globally = QPointF(widget.mapToGlobal(at.toPoint()))
    event = QMouseEvent(
        QEvent.Type.MouseMove, at, globally, Qt.MouseButton.NoButton, LEFT, modifiers
    )
    QApplication.sendEvent(widget, event)


# -- the taper ----------------------------------------------------------------------------------


def test_the_taper_has_its_ends_and_rises() -> None:
    assert height_of(SILENCE_DB) == 0.0
    assert height_of(TOP_DB) == 1.0
    heights = [height_of(db / 2) for db in range(-240, 13)]
    assert heights == sorted(heights)
    assert len(set(heights)) == len(heights)


@pytest.mark.parametrize("db", [-120.0, -60.0, -33.3, -6.1, 0.0, 0.1, 6.0])
def test_a_level_is_found_again_where_it_stands(db: float) -> None:
    assert db_at(height_of(db)) == pytest.approx(db, abs=0.05)


@pytest.mark.parametrize(
    ("text", "db"),
    [("-3", -3.0), ("−3,5 dB", -3.5), ("-inf", -120.0), ("-∞", -120.0), ("loud", None)],
)
def test_levels_are_read_as_people_write_them(text: str, db: float | None) -> None:
    assert db_from_text(text) == db


def test_levels_are_written_briefly() -> None:
    assert [db_text(db) for db in (-120.0, -3.25, 0.0, 1.0)] == ["-∞", "-3.2", "0.0", "+1.0"]


# -- gestures -----------------------------------------------------------------------------------


def test_a_drag_is_one_gesture(stage: Stage) -> None:
    fader = stage.window.mixer.strips["kick"].fader
    _drag(fader, [10, 10, 10])
    stage.settle()
    changes = _changes(stage)
    assert len({gesture for _, gesture in changes}) == 1
    assert changes[0][1] != 0
    assert changes[-1][0] == fader.amount < 0.0
    _drag(fader, [-5])
    stage.settle()
    assert len({gesture for _, gesture in _changes(stage)}) == 2


def test_a_click_moves_nothing(stage: Stage) -> None:
    fader = stage.window.mixer.strips["bass"].fader
    QTest.mouseClick(fader, LEFT, NONE, QPoint(20, 20))
    assert fader.amount == -1.0
    assert stage.host.edits() == []


def test_shift_is_fine(stage: Stage) -> None:
    kick, vox = stage.window.mixer.strips["kick"].fader, stage.window.mixer.strips["drums"].fader
    _drag(kick, [40])
    _drag(vox, [40], Qt.KeyboardModifier.ShiftModifier)
    assert kick.amount < vox.amount < 0.0


def test_a_double_click_is_0_db(stage: Stage) -> None:
    fader = stage.window.mixer.strips["snare"].fader
    QTest.mouseDClick(fader, LEFT, NONE, fader.rect().center())
    stage.settle()
    assert stage.host.edits() == [SetTrack(track="snare", gain_db=0.0)]


def test_keys_and_wheel_turn_it(stage: Stage) -> None:
    fader = stage.window.mixer.strips["kick"].fader
    fader.setFocus()
    QTest.keyClick(fader, Qt.Key.Key_Down)
    assert fader.amount == -0.5
    QTest.keyClick(fader, Qt.Key.Key_PageDown)
    assert fader.amount == -6.5
    wheel = QWheelEvent(
        QPointF(5, 5), QPointF(5, 5), QPoint(), QPoint(0, 240), Qt.MouseButton.NoButton, NONE,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(fader, wheel)
    assert fader.amount == -5.5
    QTest.keyClick(fader, Qt.Key.Key_Delete)
    assert fader.amount == 0.0
    stage.settle()
    assert len({gesture for _, gesture in _changes(stage)}) == 1


def test_a_slow_host_gets_the_newest_value_only(stage: Stage) -> None:
    stage.host.is_slow = True
    fader = stage.window.mixer.strips["kick"].fader
    _drag(fader, [5] * 10)
    stage.bot.waitUntil(lambda: bool(stage.host.requests))
    assert len(stage.host.requests) == 1
    stage.host.is_slow = False
    stage.host.answer_all()
    stage.settle()
    changes = _changes(stage)
    assert len(changes) == 2
    assert changes[-1][0] == fader.amount


def test_while_it_is_held_the_host_does_not_move_it(stage: Stage) -> None:
    fader = stage.window.mixer.strips["kick"].fader
    QTest.mousePress(fader, LEFT, NONE, fader.rect().center())
    _move(fader, QPointF(fader.rect().center() + QPoint(0, 30)), NONE)
    held = fader.amount
    stage.settle()
    stage.host.show(song="Another name")
    stage.bot.waitUntil(lambda: stage.desk.state.song == "Another name")
    assert fader.amount == held
    QTest.mouseRelease(fader, LEFT, NONE, fader.rect().center())
    stage.host.show(song="Night Drive")
    stage.bot.waitUntil(lambda: fader.amount == 0.0)


def test_what_the_host_refuses_goes_back(stage: Stage) -> None:
    stage.host.refusal = "no"
    fader = stage.window.mixer.strips["bass"].fader
    _drag(fader, [30])
    stage.bot.waitUntil(lambda: fader.amount == -1.0)


def test_a_typed_gain_is_one_change(stage: Stage) -> None:
    level = stage.window.mixer.strips["kick"].level
    level.setFocus()
    level.selectAll()
    QTest.keyClicks(level, "-7.5")
    QTest.keyClick(level, Qt.Key.Key_Return)
    stage.settle()
    assert stage.host.edits() == [SetTrack(track="kick", gain_db=-7.5)]


def test_the_pan_knob_pans(stage: Stage) -> None:
    pan = stage.window.mixer.strips["hats"].pan
    QTest.mouseDClick(pan, LEFT, NONE, pan.rect().center())
    stage.settle()
    assert stage.host.edits() == [SetTrack(track="hats", pan=0.0)]
    assert pan.accessibleName() == "Pan of Hi-hats"
    assert pan.accessibleDescription() == "centre"
