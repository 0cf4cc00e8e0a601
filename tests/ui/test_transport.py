# SPDX-License-Identifier: GPL-3.0-or-later
"""The transport bar in windows of any width, and the position as it is typed."""

from itertools import combinations

import pytest
from PyQt6.QtCore import QEvent, QPoint, QRect, Qt
from PyQt6.QtGui import QFocusEvent
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QAbstractButton, QApplication, QLabel, QLineEdit, QWidget

from ipc.desk.requests import Locate
from tests.ui.conftest import Stage
from ui.transport.bar import TransportBar
from ui.transport.load import LoadMeter


def _seen(bar: TransportBar) -> list[QWidget]:
    """What writes or draws in it."""
    kinds = (QAbstractButton, QLabel, QLineEdit, LoadMeter)
    return [
        one
        for one in bar.findChildren(QWidget)
        if isinstance(one, kinds) and one.isVisible() and one.window() is bar.window()
    ]


def _where(widget: QWidget, bar: TransportBar) -> QRect:
    return QRect(widget.mapTo(bar, QPoint(0, 0)), widget.size())


@pytest.mark.parametrize("width", [900, 960, 1024, 1100, 1199, 1280, 1600])
def test_nothing_overlaps_or_is_cut_off(stage: Stage, width: int) -> None:
    bar = stage.window.transport
    stage.window.resize(width, 700)
    stage.bot.wait(50)
    assert bar.width() == stage.window.width() == width
    seen = _seen(bar)
    for one in seen:
        assert bar.rect().contains(_where(one, bar)), one.accessibleName()
        assert one.width() >= one.minimumSizeHint().width(), one.accessibleName()
    for one, other in combinations(seen, 2):
        assert not _where(one, bar).intersects(_where(other, bar))
    every = (bar.bars, bar.late, bar.xruns, bar.device)
    assert all(one.visibleRegion().boundingRect().size() == one.size() for one in every)


def test_what_has_no_room_is_behind_a_button_and_comes_back(stage: Stage) -> None:
    bar = stage.window.transport
    stage.window.resize(900, 700)
    stage.bot.waitUntil(bar._aside.more.isVisible)
    drawer = bar._aside.drawer
    assert drawer.isAncestorOf(bar.loop_range) and drawer.isAncestorOf(bar.signature)
    assert not bar.loop_range.isVisible()
    bar._aside.more.click()
    assert bar.loop_range.start.isVisible() and bar.load.isVisible()
    assert stage.window.rect().contains(drawer.geometry())
    QTest.mouseClick(bar.loop_range.start, Qt.MouseButton.LeftButton)
    QTest.keyClick(bar.loop_range.start, Qt.Key.Key_Escape)
    assert drawer.isVisible()  # that was for the field
    QTest.keyClick(stage.window, Qt.Key.Key_Escape)
    assert not drawer.isVisible()
    bar._aside.more.click()
    QTest.mouseClick(stage.window.mixer, Qt.MouseButton.LeftButton)
    assert not drawer.isVisible()
    stage.window.resize(1600, 700)
    stage.bot.waitUntil(lambda: not bar._aside.more.isVisible())
    assert bar.loop_range.isVisible() and bar.isAncestorOf(bar.loop_range)
    assert bar.cpu.isVisible() and bar.load.isVisible()


def test_a_device_with_a_long_name_pushes_nothing_out(stage: Stage) -> None:
    bar = stage.window.transport
    stage.window.resize(1024, 700)
    device = stage.desk.state.device
    stage.host.show(device=type(device)(device="hw:9", label="Very Long Name of a Device " * 5))
    stage.bot.waitUntil(lambda: "Very Long" in bar.device.text())
    stage.bot.wait(50)
    assert bar.rect().contains(_where(bar.device, bar))
    assert bar.device.width() >= bar.device.minimumSizeHint().width()


def test_the_position_is_typed_as_bars_or_time(stage: Stage) -> None:
    bar = stage.window.transport
    beat = round(60 / 118 * 48000)
    assert stage.type_into(bar.bars, "2.2") == [Locate(round(5 * 60 / 118 * 48000))]
    assert stage.type_into(bar.bars, "0:12.5") == [Locate(600_000)]
    assert stage.type_into(bar.time, "1:00") == [Locate(2_880_000)]
    assert stage.type_into(bar.time, "1.2") == [Locate(beat)]


def test_what_is_no_position_is_told_as_of_the_loop(stage: Stage) -> None:
    bar = stage.window.transport
    shown = bar.bars.text()
    assert stage.type_into(bar.bars, "soon") == []
    assert bar.bars.text() == shown
    told = stage.window.notices.cards[-1].accessibleName()
    assert told.startswith("'soon' is no place in the song: type a bar")


def test_what_plays_on_takes_nothing_out_of_the_hand_that_types(stage: Stage) -> None:
    bar = stage.window.transport
    bar.bars.setFocus()
    bar.bars.selectAll()
    QTest.keyClicks(bar.bars, "7")
    bar._show_position(480_000)
    assert bar.bars.text() == "7"
    QTest.keyClick(bar.bars, Qt.Key.Key_Escape)
    stage.settle()
    assert not any(isinstance(one, Locate) for one in stage.host.requests)
    assert bar.bars.text() == "5.4.3"


def test_who_only_looks_in_stays_where_he_is(stage: Stage) -> None:
    bar = stage.window.transport
    bar.bars.setFocus()
    bar._show_position(480_000)
    bar.bars.clearFocus()
    stage.settle()
    assert stage.host.requests == []
    assert bar.bars.text() == "5.4.3"


def test_escape_leaves_a_figure_as_it_is_by_now(stage: Stage) -> None:
    field = stage.window.transport.tempo
    chosen: list[float] = []
    field.chosen.connect(chosen.append)
    field.setFocus()
    QTest.keyClicks(field, "9")
    field.show_tempo(140.0)  # by an undo in another window
    QTest.keyClick(field, Qt.Key.Key_Escape)
    assert (field.text(), chosen) == ("140.00", [])


def test_the_position_moves_on_under_who_types_nothing(stage: Stage) -> None:
    field = stage.window.transport.bars
    field.show_text("1.1.1")
    field.setFocus()
    field.show_text("5.1.1")
    assert field.text() == "5.1.1"
    field.clearFocus()
    field.show_text("6.1.1")
    assert field.text() == "6.1.1"


def test_a_menu_of_the_field_s_own_forgets_nothing_that_was_typed(stage: Stage) -> None:
    field = stage.window.transport.bars
    field.show_text("1.1.1")
    typed: list[str] = []
    field.typed.connect(typed.append)
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, "17")
    closed = QFocusEvent(QEvent.Type.FocusIn, Qt.FocusReason.PopupFocusReason)
    QApplication.sendEvent(field, closed)
    assert (field.text(), field.begun) == ("17", "1.1.1")
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert typed == ["17"]


def test_without_a_host_the_drawer_is_shut(stage: Stage) -> None:
    bar = stage.window.transport
    stage.window.resize(900, 700)
    stage.bot.waitUntil(bar._aside.more.isVisible)
    bar._aside.more.click()
    bar.set_usable(False)
    assert not bar.drawer.isVisible() and not bar.loop_range.start.isEnabled()
    bar.set_usable(True)
    assert bar.loop_range.start.isEnabled()


def test_who_tells_again_while_it_fades_is_heard(stage: Stage) -> None:
    notices = stage.window.notices
    notices.show_refusal("no")
    card = notices.cards[-1]
    card._fade.setDuration(100)
    card._fade.start()
    notices.show_refusal("no")
    stage.bot.wait(300)
    assert notices.cards == [card]
