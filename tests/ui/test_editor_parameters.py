# SPDX-License-Identifier: GPL-3.0-or-later
"""Which control shows a parameter, and how many there are at once. No host."""

from collections.abc import Iterator
from typing import Any

import pytest
from PyQt6.QtCore import QObject, pyqtSignal
from pytestqt.qtbot import QtBot

from ipc.description import ParameterDescription, PluginDescription
from ipc.desk.requests import (
    AskSlot,
    AskText,
    Change,
    Details,
    Done,
    RestartSlot,
    ValueText,
)
from ipc.desk.state import DeskState, SlotDetails, SlotState, TrackState
from ipc.messages import Request
from ipc.status import SlotStatus
from tests.ui.panels import drag
from ui.desk import Desk
from ui.editor.cell import ParameterCell, is_list, origin_of, tidied
from ui.editor.choice import Choice
from ui.editor.dial import Dial
from ui.editor.editor import PluginEditor
from ui.editor.panels import panels_of, place
from ui.editor.sets import TwoSets
from ui.editor.switch import Switch
from ui.theme.theme import Theme


class FakeLink(QObject):
    """A host that answers at once, or when `answer_texts` is called."""

    shown = pyqtSignal(object)
    happened = pyqtSignal(object)
    lost = pyqtSignal(str)
    is_lost = False

    def __init__(self, parameters: list[ParameterDescription]) -> None:
        super().__init__()
        self.description = PluginDescription(
            id="lv2:x", name="Plug", vendor="We", format="lv2", parameters=parameters
        )
        self.values = [one.default for one in parameters]
        self.asked: list[Request[Any]] = []
        self.waiting: list[tuple[AskText, Any]] = []

    def request(self, message: Request[Any], on_reply: Any = None, on_failure: Any = None) -> None:
        self.asked.append(message)
        reply: Any = Done()
        if isinstance(message, AskText):
            self.waiting.append((message, on_reply))
            return
        if isinstance(message, AskSlot):
            texts = tuple(f"{value:.2f}" for value in self.values)
            description = self.description if message.with_description else None
            reply = Details(
                SlotDetails(
                    slot=message.slot,
                    description=description,
                    values=tuple(self.values),
                    texts=texts,
                )
            )
        elif isinstance(message, Change):
            for edit in message.edits:
                self.values[edit.parameter] = edit.value  # type: ignore[union-attr]
        if on_reply is not None:
            on_reply(reply)

    def answer_texts(self) -> None:
        waiting, self.waiting = self.waiting, []
        for message, on_reply in waiting:
            on_reply(ValueText(f"text {message.value:.3f}"))


def parameter(index: int, **fields: Any) -> ParameterDescription:
    return ParameterDescription(index=index, id=str(index), name=f"P{index}", **fields)


@pytest.fixture
def opened(qtbot: QtBot) -> Iterator[Any]:
    """`opened(parameters)`: an editor of a plugin with these, and its host."""
    links: list[FakeLink] = []

    def make(parameters: list[ParameterDescription]) -> tuple[PluginEditor, FakeLink]:
        link = FakeLink(parameters)
        links.append(link)
        desk = Desk(link)  # type: ignore[arg-type]
        slot = SlotState(id="g", plugin="lv2:x", name="Plug", status=SlotStatus.ACTIVE, pid=7)
        track = TrackState(id="a", name="A", kind="audio", slots=(slot,))
        link.shown.emit(DeskState(tracks=(track,)))
        theme = Theme(reduced_motion=True)
        theme.apply()
        editor = PluginEditor(desk, "g", theme)
        qtbot.addWidget(editor)
        editor.resize(560, 420)
        editor.show()
        return editor, link

    yield make


def cell(editor: PluginEditor, index: int) -> ParameterCell:
    found = editor.grid.cell(index)
    assert found is not None
    return found


def test_each_parameter_has_the_control_that_fits_it(opened: Any) -> None:
    editor, _ = opened(
        [
            parameter(0),
            parameter(1, boolean=True, steps=2),
            parameter(2, steps=4),
            parameter(3, steps=128, min_text="0", max_text="127"),
            parameter(4, read_only=True),
            parameter(5, hidden=True),
        ]
    )
    kinds = [type(cell(editor, index).control) for index in range(5)]
    assert kinds == [Dial, Switch, Choice, Dial, Dial]
    assert editor.grid.shown == [0, 1, 2, 3, 4]
    assert [cell(editor, index).control.isEnabled() for index in range(5)] == [True] * 4 + [False]


def test_many_words_are_a_list_and_many_numbers_a_knob() -> None:
    assert is_list(parameter(0, steps=30, min_text="Off", max_text="High-pass"))
    assert not is_list(parameter(0, steps=30, min_text="-12 st", max_text="17 st"))
    assert not is_list(parameter(0, steps=0))


def test_a_knob_is_lit_from_where_it_is_neutral() -> None:
    assert origin_of(parameter(0, min_text="-20.00", max_text="20.00")) == 0.5
    assert origin_of(parameter(0, min_value=-12.0, max_value=12.0)) == 0.5
    assert origin_of(parameter(0, min_text="-60 dB", max_text="6 dB")) == 0.0
    assert origin_of(parameter(0, min_text="20 Hz", max_text="20 kHz")) == 0.0


def test_five_hundred_parameters_are_made_as_they_are_seen(opened: Any) -> None:
    editor, _ = opened([parameter(index) for index in range(500)])
    assert len(editor.grid.shown) == 500
    assert 10 < editor.grid.made < 60
    bar = editor.grid.verticalScrollBar()
    for top in range(0, bar.maximum(), 400):
        bar.setValue(top)
    assert editor.grid.made <= 240 + 60
    editor.grid.reveal(499)
    assert not cell(editor, 499).isHidden()


def test_a_search_finds_by_all_words(opened: Any) -> None:
    named = [
        ParameterDescription(index=n, id=str(n), name=name)
        for n, name in enumerate(("Low Gain", "Low Freq", "High Gain"))
    ]
    editor, _ = opened(named)
    editor.bar.search.setText("gain LOW")
    assert editor.grid.shown == [0]
    editor.bar.search.setText("zzz")
    assert editor.grid.shown == []
    editor.bar.search.setText("")
    assert editor.grid.shown == [0, 1, 2]


def test_a_drag_is_one_gesture_and_its_text_is_asked_one_at_a_time(opened: Any) -> None:
    editor, link = opened([parameter(0, default=0.5)])
    drag(cell(editor, 0).control, (30, 30), (30, 10), steps=10)
    changes = [message for message in link.asked if isinstance(message, Change)]
    assert len(changes) > 3
    assert len({message.gesture for message in changes}) == 1 and changes[0].gesture
    assert len(link.waiting) == 1
    link.answer_texts()
    assert len(link.waiting) == 1  # the newest, and none of those between
    link.answer_texts()
    assert editor.values.texts[0] == f"text {link.values[0]:.3f}"
    assert not link.waiting


def test_a_list_asks_the_plugin_for_its_words(opened: Any) -> None:
    editor, link = opened([parameter(0, steps=3)])
    choice = cell(editor, 0).control
    assert isinstance(choice, Choice)
    choice.open()
    menu = choice._menu
    assert menu is not None
    assert [message.value for message, _ in link.waiting] == [0.0, 0.5, 1.0]
    link.answer_texts()
    assert [action.text() for action in menu.actions()] == [
        "text 0.000",
        "text 0.500",
        "text 1.000",
    ]
    menu.actions()[2].trigger()
    assert link.values == [1.0]
    menu.close()


def test_chance_spares_what_is_no_matter_of_taste(opened: Any) -> None:
    editor, link = opened(
        [
            parameter(0, default=0.5),
            parameter(1, default=1.0, boolean=True, steps=2),
            parameter(2, default=0.5, steps=3),
            parameter(3, default=0.5, automatable=False),
            parameter(4, default=0.5, read_only=True),
        ]
    )
    editor.randomise()
    assert link.values[0] != 0.5
    assert link.values[1:] == [1.0, 0.5, 0.5, 0.5]
    (change,) = [message for message in link.asked if isinstance(message, Change)]
    assert len(change.edits) == 1


def test_two_sets_remember_what_was_heard() -> None:
    sets = TwoSets()
    assert sets.switch([0.1]) == [0.1]  # B is like A at first
    assert (sets.active, sets.other) == ("B", "A")
    assert sets.switch([0.9]) == [0.1]
    sets.copy([0.4])
    assert sets.switch([0.4]) == [0.4]


def test_what_is_wrong_is_said_with_what_can_be_done(qtbot: QtBot, opened: Any) -> None:
    editor, link = opened([parameter(0)])
    assert editor.trouble.words == ""
    slot = SlotState(
        id="g",
        plugin="lv2:x",
        name="Plug",
        status=SlotStatus.FAILED,
        reason="it is not installed",
        report="r1",
    )
    track = TrackState(id="a", name="A", kind="audio", slots=(slot,))
    link.shown.emit(DeskState(tracks=(track,)))
    assert "could not be loaded. It is not installed." in editor.trouble.words
    assert not editor.grid.isEnabled()
    with qtbot.waitSignal(editor.report_wanted) as told:
        editor.trouble.report.click()
    assert told.args == ["r1"]
    editor.trouble.restart.click()
    assert isinstance(link.asked[-1], RestartSlot)


def test_numbered_parameters_stand_in_panels() -> None:
    names = ("Mix", "Gain 1", "Freq 1", "Gain 2", "Freq 2", "LFO Rate", "LFO Depth", "LFO Shape")
    panels = panels_of(
        [ParameterDescription(index=n, id=str(n), name=name) for n, name in enumerate(names)]
    )
    assert [(panel.name, panel.members) for panel in panels] == [
        ("", (0,)),
        ("1", (1, 2)),
        ("2", (3, 4)),
        ("LFO", (5, 6, 7)),
    ]
    placed, rows = place(panels, 4)
    assert [one.cell(0) for one in placed] == [(0, 0), (0, 1), (1, 0), (2, 0)]
    assert rows == 3


@pytest.mark.parametrize("columns", [1, 2, 3, 5, 8])
def test_no_two_parameters_stand_in_one_place(columns: int) -> None:
    names = [*(f"P{n}x" for n in range(7)), *(f"G{m} {n // 9}" for n in range(45) for m in "abc")]
    panels = panels_of(
        [ParameterDescription(index=n, id=str(n), name=name) for n, name in enumerate(names)]
    )
    placed, rows = place(panels, columns)
    cells = [one.cell(n) for one in placed for n in range(len(one.panel.members))]
    assert len(set(cells)) == len(cells) == len(names)
    assert cells == sorted(cells)
    assert max(row for row, _ in cells) == rows - 1
    assert max(column for _, column in cells) < columns


def test_digits_that_tell_nothing_are_left_out() -> None:
    assert tidied("500.000000 Hz", "Hz") == "500 Hz"
    assert tidied("0.000001", "dB") == "0 dB"
    assert tidied("-0.333333", "") == "-0.333"
    assert tidied("12.345678 ms", "ms") == "12.35 ms"
    assert tidied("0.5", "") == "0.5"
    assert tidied("Band-pass", "Hz") == "Band-pass"
