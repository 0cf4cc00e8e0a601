# SPDX-License-Identifier: GPL-3.0-or-later
"""Panels as the user shows, closes and finds them again."""

import pytest
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtGui import QAction
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QTabBar, QWidget

from tests.ui.conftest import Stage
from ui.panel_dock import PanelDock


def _entry(stage: Stage, key: str) -> QAction:
    """Of the panel, in the menu View."""
    dock = stage.window.panels.docks[key]
    return next(action for action, one in stage.window.menus.panels.items() if one is dock)


def _choose(stage: Stage, key: str) -> PanelDock:
    _entry(stage, key).trigger()
    stage.bot.wait(30)
    return stage.window.panels.docks[key]


def test_a_panel_behind_another_one_is_brought_to_the_front_and_the_one_in_front_closed(
    stage: Stage,
) -> None:
    stress = _choose(stage, "stress")
    crashes = _choose(stage, "crashes")
    assert crashes.is_in_front and not stress.is_in_front
    assert _entry(stage, "crashes").isChecked() and not _entry(stage, "stress").isChecked()
    _choose(stage, "stress")
    assert stress.is_in_front and not crashes.is_in_front and not crashes.isHidden()
    _choose(stage, "stress")
    assert stress.isHidden() and crashes.is_in_front
    assert _entry(stage, "crashes").isChecked() and not _entry(stage, "stress").isChecked()


def test_nothing_is_told_of_a_panel_behind_another_one(stage: Stage) -> None:
    stress, crashes = _choose(stage, "stress"), _choose(stage, "crashes")
    stress.widget().setFocus()
    assert [one for one in stress.findChildren(QWidget) if one.isVisible()] == []
    assert crashes.widget().isVisible()
    _choose(stage, "stress")
    assert stress.widget().isVisible() and stress.title.isVisible()
    assert [one for one in crashes.findChildren(QWidget) if one.isVisible()] == []


def test_who_was_in_a_panel_that_goes_behind_another_is_not_put_elsewhere(stage: Stage) -> None:
    stress = _choose(stage, "stress")
    stage.window.panels.stress.picker.field.setFocus()
    _choose(stage, "crashes")
    now = stage.window.focusWidget()
    assert now is None or stress.isAncestorOf(now)


def test_every_title_has_buttons_that_are_seen_and_named(stage: Stage) -> None:
    stage.window.mixer.slot_opened.emit("kick-eq")
    (editor,) = stage.window.panels.editors.docks
    for dock in (stage.window.panels.docks["mixer"], editor):
        title = dock.windowTitle()
        for button, name in ((dock.title.close_button, "Close"), (dock.title.float, "Float")):
            assert not button.visibleRegion().isEmpty() and button.width() >= 20
            assert button.accessibleName() == f"{name} {title}"
            assert button.toolTip().startswith(name)
            assert not button.icon().isNull()
    mixer = stage.window.panels.docks["mixer"]
    mixer.title.float.click()
    assert mixer.isFloating() and mixer.title.float.accessibleName() == "Dock Mixer"
    mixer.title.float.click()
    assert not mixer.isFloating()
    mixer.title.close_button.click()
    assert mixer.isHidden()


@pytest.mark.parametrize(
    ("key", "panel"),
    [
        (Qt.Key.Key_F3, "mixer"),
        (Qt.Key.Key_F4, "browser"),
        (Qt.Key.Key_F7, "crashes"),
        (Qt.Key.Key_F8, "scan"),
        (Qt.Key.Key_F9, "stress"),
    ],
)
def test_every_panel_has_a_key(stage: Stage, key: Qt.Key, panel: str) -> None:
    dock = stage.window.panels.docks[panel]
    was_in_front = dock.is_in_front
    stage.window.activateWindow()
    for expected in (not was_in_front, was_in_front):
        QTest.keyClick(stage.window, key)
        stage.bot.wait(30)
        assert dock.is_in_front is expected


def test_no_key_does_two_things(stage: Stage) -> None:
    keys = [one.shortcut().toString() for one in stage.window.findChildren(QAction)]
    keys = [key for key in keys if key]
    assert len(keys) == len(set(keys)), keys


def test_open_editors_are_in_the_menu_and_a_key_closes_the_one_in_front(stage: Stage) -> None:
    window = stage.window
    for slot in ("kick-eq", "kick-comp"):
        window.mixer.slot_opened.emit(slot)
    stage.bot.wait(30)
    window.menus.editors.aboutToShow.emit()
    entries = window.menus.editors.actions()
    assert [one.text() for one in entries] == ["ZamEQ2 – Kick", "ZamComp – Kick"]
    assert [one.isChecked() for one in entries] == [False, True]
    entries[0].trigger()
    stage.bot.wait(30)
    first, second = window.panels.editors.docks
    assert first.is_in_front and not second.is_in_front
    window.activateWindow()
    QTest.keyClick(window, Qt.Key.Key_W, Qt.KeyboardModifier.ControlModifier)
    stage.bot.waitUntil(lambda: window.panels.editors.docks == [second])
    QTest.keyClick(window, Qt.Key.Key_W, Qt.KeyboardModifier.ControlModifier)
    stage.bot.waitUntil(lambda: not window.panels.editors.docks)


def test_an_editor_lies_over_the_crash_centre_and_leaves_most_strips_in_sight(stage: Stage) -> None:
    window = stage.window
    window.resize(1440, 900)
    crashes = _choose(stage, "crashes")
    height = crashes.widget().height()
    window.mixer.slot_opened.emit("kick-eq")
    stage.bot.wait(30)
    (editor,) = window.panels.editors.docks
    assert editor.is_in_front and not crashes.is_in_front
    assert editor.widget().height() > height * 0.9
    seen = [
        strip
        for strip in window.mixer.strips.values()
        if strip.visibleRegion().boundingRect().width() == strip.width()
    ]
    assert len(seen) >= 5
    _choose(stage, "crashes")
    assert crashes.widget().height() > height * 0.9


def test_showing_another_panel_moves_nothing(stage: Stage) -> None:
    stage.window.resize(1440, 900)
    widths = {_choose(stage, key).width() for key in ("scan", "stress", "crashes", "scan")}
    assert len(widths) == 1


def test_a_click_with_the_right_button_on_a_title_offers_the_same(stage: Stage) -> None:
    menu = stage.window.createPopupMenu()
    assert menu is not None
    texts = [action.text() for action in menu.actions()]
    assert texts == ["&Browser", "&Mixer", "&Crash centre", "Sca&n", "S&tress"]
    mixer = stage.window.panels.docks["mixer"]
    assert mixer.title.mapTo(stage.window, QPoint(0, 0)).y() > 0


def test_the_tabs_of_editors_have_a_name_too(stage: Stage) -> None:
    for slot in ("kick-eq", "kick-comp"):
        stage.window.mixer.slot_opened.emit(slot)
    stage.bot.wait(50)
    direct = Qt.FindChildOption.FindDirectChildrenOnly
    bars = stage.window.findChildren(QTabBar, options=direct)
    seen = [bar for bar in bars if bar.isVisible() and bar.count()]
    assert seen and all(bar.accessibleName() == "Panels" for bar in seen)


def test_no_two_entries_of_a_menu_share_a_letter(stage: Stage) -> None:
    bar = stage.window.menuBar()
    assert bar is not None
    for menu in (action.menu() for action in bar.actions()):
        assert menu is not None
        texts = [action.text() for action in menu.actions() if action.isEnabled() and action.text()]
        letters = [text[text.index("&") + 1].lower() for text in texts if "&" in text]
        assert len(letters) == len(set(letters)), texts


def test_a_workspace_brings_panels_back_with_what_is_in_them(stage: Stage) -> None:
    window = stage.window
    for key in ("crashes", "scan", "stress"):
        _choose(stage, key)
    _choose(stage, "scan")
    window.workspaces.keep("three")
    for key in ("scan", "stress", "crashes"):
        window.panels.docks[key].close()
    window.workspaces.restore_first()
    window.workspaces.restore("three")
    stage.bot.wait(100)
    docks = [window.panels.docks[key] for key in ("crashes", "scan", "stress")]
    assert [dock.is_in_front for dock in docks] == [False, True, False]
    assert [dock.widget().isVisible() for dock in docks] == [False, True, False]
    window.panels.docks["stress"].setFloating(True)
    stage.bot.wait(50)
    assert docks[2].is_in_front and docks[2].widget().isVisible() and docks[2].title.isVisible()
    window.workspaces.restore("three")
    stage.bot.wait(100)
    assert [dock.widget().isVisible() for dock in docks] == [False, True, False]
    assert docks[1].title.isVisible()
