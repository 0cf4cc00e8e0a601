# SPDX-License-Identifier: GPL-3.0-or-later
"""Plugins' own windows, as the window asks for them."""

from collections.abc import Callable

import msgspec
import pytest
from PyQt6.QtCore import QEvent, Qt
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import QApplication, QMessageBox

from ipc.desk.requests import AllowWindows, CloseOwnWindow, ForbidWindows, Happened, OpenOwnWindow
from ipc.desk.state import Notice, SlotState, TrackState
from tests.ui.conftest import Stage
from ui.controls.buttons import Button
from ui.editor.header import Header
from ui.mixer.slot_menu import slot_menu
from ui.own_window import open_own_window

SLOT = "kick-eq"


def _show(stage: Stage, **changes: object) -> SlotState:
    """The slot with these fields."""
    tracks = list(stage.host.state.tracks)
    slots = tracks[0].slots
    new = msgspec.structs.replace(slots[0], **changes)
    tracks[0] = msgspec.structs.replace(tracks[0], slots=(new, *slots[1:]))
    stage.host.show(tracks=tuple(tracks))
    stage.bot.waitUntil(lambda: stage.desk.slot(SLOT) == (tracks[0], new))
    return new


def _answer(stage: Stage, button: Callable[[QMessageBox], object]) -> list[object]:
    """What was asked of the host after the question."""
    question = open_own_window(stage.desk, SLOT, stage.window)
    assert question is not None and "every key" in question.informativeText()
    assert "“Forbid own windows”" in question.informativeText()
    assert "`" not in question.informativeText()
    assert not stage.host.requests
    button(question)
    stage.settle()
    return list(stage.host.requests)


def test_who_may_not_open_windows_is_allowed_to_first_by_its_user(stage: Stage) -> None:
    _show(stage, window="shut")
    refused = lambda question: question.button(question.StandardButton.Cancel).click()  # noqa: E731
    assert _answer(stage, refused) == []
    allowed = lambda question: question.buttons()[0].click()  # noqa: E731
    _answer(stage, allowed)
    stage.bot.waitUntil(lambda: len(stage.host.requests) == 2)
    assert stage.host.requests == [AllowWindows(SLOT), OpenOwnWindow(SLOT)]


def test_a_plugins_name_does_not_rewrite_the_question(stage: Stage) -> None:
    name = "<p>Nothing to see</p>\n" + "x" * 500
    _show(stage, window="shut", name=name)
    question = open_own_window(stage.desk, SLOT, stage.window)
    assert question is not None
    assert question.textFormat() is Qt.TextFormat.PlainText
    assert question.text().startswith("Let “<p>Nothing") and len(question.text()) < 150
    assert question.text().endswith("…” open its own window?") and "\n" not in question.text()
    question.reject()


def test_who_may_is_not_asked_about(stage: Stage) -> None:
    _show(stage, window="shut", may_open_windows=True)
    assert open_own_window(stage.desk, SLOT, stage.window) is None
    stage.settle()
    assert stage.host.requests == [OpenOwnWindow(SLOT)]


def test_a_key_on_the_slot_opens_it(stage: Stage) -> None:
    _show(stage, window="shut", may_open_windows=True)
    row = stage.window.mixer.strips["kick"].inserts.rows[SLOT]
    press = QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_W, Qt.KeyboardModifier.NoModifier, "w")
    QApplication.sendEvent(row, press)
    stage.settle()
    assert stage.host.requests == [OpenOwnWindow(SLOT)]


@pytest.mark.parametrize(
    ("window", "entries"),
    [
        ("none", []),
        ("shut", ["Own &window\tW", "&Forbid own windows"]),
        ("opening", ["Own &window\tW", "C&lose own window", "&Forbid own windows"]),
        ("open", ["Own &window\tW", "C&lose own window", "&Forbid own windows"]),
    ],
)
def test_the_menu_offers_what_the_plugin_has(stage: Stage, window: str, entries: list[str]) -> None:
    state = _show(stage, window=window, may_open_windows=True)
    menu = slot_menu(stage.desk, state, lambda _: None, lambda _: None, stage.window)
    actions = [action for action in menu.actions() if "window" in action.text().replace("&", "")]
    assert [action.text() for action in actions] == entries
    if window == "open":
        actions[1].trigger()
        stage.settle()
        actions[2].trigger()
        stage.settle()
        assert stage.host.requests == [CloseOwnWindow(SLOT), ForbidWindows(SLOT)]
    menu.deleteLater()


def test_what_is_not_allowed_is_not_forbidden(stage: Stage) -> None:
    state = _show(stage, window="shut", may_open_windows=False)
    menu = slot_menu(stage.desk, state, lambda _: None, lambda _: None, stage.window)
    assert "&Forbid own windows" not in [action.text() for action in menu.actions()]
    menu.deleteLater()


def test_the_editor_shows_whether_it_is_open(stage: Stage) -> None:
    header = Header(stage.theme)
    stage.bot.addWidget(header)
    header.show()
    track = TrackState(id="kick", name="Kick", kind="audio")
    for window, is_there, is_on in (
        ("none", False, False),
        ("shut", True, False),
        ("opening", True, True),
        ("open", True, True),
    ):
        header.show_slot(_show(stage, window=window), track)
        assert (header.own_window.isVisible(), header.own_window.isChecked()) == (is_there, is_on)
    with stage.bot.waitSignal(header.own_window_wanted):
        header.own_window.click()
    assert header.own_window.isChecked()  # only the host's answer changes that


def test_a_window_that_went_with_its_process_can_be_opened_from_the_notice(stage: Stage) -> None:
    _show(stage, window="shut", may_open_windows=True)
    notice = Notice(number=0, kind="window", text="it closed", slot=SLOT, time_s=1e12)
    stage.host.tell(Happened((notice,)))
    notices = stage.window.notices
    stage.bot.waitUntil(lambda: bool(notices.cards))
    [card] = notices.cards
    [button] = [one for one in card.findChildren(type(card._close)) if one.text() == "Open"]
    button.click()
    stage.settle()
    assert stage.host.requests == [OpenOwnWindow(SLOT)]


def test_an_open_window_is_seen_at_its_button(stage: Stage) -> None:
    stage.window.panels.editors.open(SLOT)
    editor = stage.window.panels.editors.editor_of(SLOT)
    assert editor is not None
    (button,) = [one for one in editor.findChildren(Button) if one.objectName() == "ownWindow"]

    def accented() -> int:
        """How many of the button's pixels have the colour of what is on."""
        image, accent = button.grab().toImage(), stage.theme.colour("accent").name()
        points = ((x, y) for x in range(image.width()) for y in range(image.height()))
        return sum(image.pixelColor(x, y).name() == accent for x, y in points)

    _show(stage, window="shut")
    assert button.isVisible() and accented() == 0
    _show(stage, window="open")
    assert accented() > 60
