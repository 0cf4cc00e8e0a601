# SPDX-License-Identifier: GPL-3.0-or-later
"""The plugin editor with a real host: what is turned arrives at the plugin, and comes back."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PyQt6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from ipc.desk.requests import AskSlot, Change, RemoveSlot, SetParameter, Undo
from ipc.status import SlotStatus
from tests.process.conftest import MDA_DELAY, ZAM_EQ2
from tests.ui.panels import all_active, attached, drag, small_song, until
from ui.desk import Desk
from ui.editor.dial import Dial
from ui.editor.editor import PluginEditor
from ui.theme.theme import Theme

pytestmark = pytest.mark.process

Open = Callable[[Desk], PluginEditor]


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISOBOOTH_DATA", str(tmp_path / "data"))


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[Desk]:
    with attached(qtbot, small_song(tmp_path)) as (_, desk):
        yield desk


@pytest.fixture
def editor(qtbot: QtBot, desk: Desk) -> PluginEditor:
    return opened(qtbot, desk)


def opened(qtbot: QtBot, desk: Desk, size: tuple[int, int] = (560, 420)) -> PluginEditor:
    theme = Theme(reduced_motion=True)
    theme.apply()
    editor = PluginEditor(desk, "g", theme, chance=lambda: 0.125)
    qtbot.addWidget(editor)
    editor.resize(*size)
    editor.show()
    until(qtbot, lambda: editor.values.values)
    return editor


def dial(editor: PluginEditor, index: int = 0) -> Dial:
    cell = editor.grid.cell(index)
    assert cell is not None and isinstance(cell.control, Dial)
    return cell.control


def host_value(qtbot: QtBot, desk: Desk, slot: str = "g", index: int = 0) -> float:
    """As the host knows it."""
    found: list[float] = []
    desk.ask(AskSlot(slot, False), lambda reply: found.extend(reply.details.values))
    until(qtbot, lambda: found)
    return found[index]


def test_a_drag_arrives_at_the_plugin_and_is_one_step_of_undo(
    qtbot: QtBot, desk: Desk, editor: PluginEditor
) -> None:
    knob = dial(editor)
    before = knob.amount
    drag(knob, (30, 30), (30, 70), steps=20)
    turned = knob.amount
    assert turned == pytest.approx(before - 0.2, abs=0.001)
    until(qtbot, lambda: host_value(qtbot, desk) == pytest.approx(turned, abs=1e-4))
    until(qtbot, lambda: desk.state.undo and not editor.grid.cell(0).is_held)  # type: ignore[union-attr]
    assert "dB" in editor.values.texts[0]
    assert "dB" in knob.toolTip()
    editor.undo()
    until(qtbot, lambda: not desk.state.undo)
    until(qtbot, lambda: knob.amount == pytest.approx(before, abs=1e-4))
    assert host_value(qtbot, desk) == pytest.approx(before, abs=1e-4)


@pytest.mark.parametrize("plugin", [MDA_DELAY, ZAM_EQ2], ids=["lv2", "vst3"])
def test_a_real_plugin_is_turned_in_its_own_words(
    qtbot: QtBot, tmp_path: Path, plugin: str
) -> None:
    folder = Path("/usr/lib/lv2/mda.lv2" if plugin == MDA_DELAY else ZAM_EQ2.partition(":")[2])
    if not folder.exists():
        pytest.skip(f"{folder} is not installed")
    with attached(qtbot, small_song(tmp_path, plugin)) as (_, desk):
        editor = opened(qtbot, desk, (900, 700))
        index = next(
            one.index
            for one in editor.values.parameters
            if one.steps == 0 and not one.read_only and "Rate" not in one.name
        )
        knob = dial(editor, index)
        before, words = knob.amount, editor.values.texts[index]
        drag(knob, (30, 30), (30, 70 if before > 0.5 else -10))
        turned = knob.amount
        assert abs(turned - before) > 0.1
        until(qtbot, lambda: host_value(qtbot, desk, "g", index) == pytest.approx(turned, abs=1e-3))
        until(qtbot, lambda: editor.values.texts[index] != words)
        editor.undo()
        until(qtbot, lambda: knob.amount == pytest.approx(before, abs=1e-3))
        until(qtbot, lambda: editor.values.texts[index] == words)


def test_a_held_knob_is_not_overwritten_and_others_changes_are_shown(
    qtbot: QtBot, desk: Desk, editor: PluginEditor
) -> None:
    knob = dial(editor)
    drag(knob, (30, 30), (30, 70), release=False)
    held = knob.amount
    desk.ask(Change((SetParameter(slot="g", parameter=0, value=0.9),)))
    qtbot.wait(700)
    assert knob.amount == held
    qtbot.mouseRelease(knob, Qt.MouseButton.LeftButton, pos=QPoint(30, 70))
    qtbot.wait(600)
    desk.ask(Change((SetParameter(slot="g", parameter=0, value=0.3),)))
    until(qtbot, lambda: knob.amount == pytest.approx(0.3, abs=1e-4))


def test_shift_is_fine_and_a_double_click_is_the_default(
    qtbot: QtBot, desk: Desk, editor: PluginEditor
) -> None:
    knob = dial(editor)
    default = editor.values.parameters[0].default
    drag(knob, (30, 30), (30, 70), modifiers=Qt.KeyboardModifier.ShiftModifier)
    assert knob.amount == pytest.approx(default - 0.02, abs=0.001)
    qtbot.mouseDClick(knob, Qt.MouseButton.LeftButton)
    assert knob.amount == pytest.approx(default)
    qtbot.keyClick(knob, Qt.Key.Key_Up)
    assert knob.amount > default


def test_a_preset_is_saved_and_loaded_and_the_editor_follows(
    qtbot: QtBot, desk: Desk, editor: PluginEditor
) -> None:
    set_to(qtbot, desk, editor, 0.25)
    editor.bar.presets.ask_name()
    qtbot.keyClicks(editor.bar.presets.field, "Quiet")
    qtbot.keyClick(editor.bar.presets.field, Qt.Key.Key_Return)
    until(qtbot, lambda: editor.bar.presets.names == ("Quiet",))
    set_to(qtbot, desk, editor, 0.75)
    gone: list[None] = []
    editor.gone.connect(lambda: gone.append(None))
    with qtbot.waitSignal(editor.slot_changed, timeout=20_000) as told:
        editor.bar.presets.load_wanted.emit("Quiet")
    assert told.args is not None and told.args[0] == "g" and told.args[1] == editor.slot != "g"
    until(qtbot, lambda: dial(editor).amount == pytest.approx(0.25, abs=1e-4))
    editor.undo()
    until(qtbot, lambda: editor.slot == "g")
    until(qtbot, lambda: dial(editor).amount == pytest.approx(0.75, abs=1e-4))
    assert not gone


def set_to(qtbot: QtBot, desk: Desk, editor: PluginEditor, value: float) -> None:
    """From outside, and until the editor shows it."""
    desk.ask(Change((SetParameter(slot=editor.slot, parameter=0, value=value),)))
    until(qtbot, lambda: dial(editor).amount == pytest.approx(value, abs=1e-4))


def test_a_and_b_are_two_settings(qtbot: QtBot, desk: Desk, editor: PluginEditor) -> None:
    set_to(qtbot, desk, editor, 0.25)
    qtbot.mouseClick(editor.bar.b, Qt.MouseButton.LeftButton)
    assert editor.sets.active == "B" and editor.bar.b.isChecked()
    set_to(qtbot, desk, editor, 0.75)
    qtbot.mouseClick(editor.bar.a, Qt.MouseButton.LeftButton)
    until(qtbot, lambda: host_value(qtbot, desk) == pytest.approx(0.25, abs=1e-4))
    qtbot.mouseClick(editor.bar.copy, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(editor.bar.b, Qt.MouseButton.LeftButton)
    qtbot.wait(600)
    assert dial(editor).amount == pytest.approx(0.25, abs=1e-4)


def test_what_is_compared_is_kept_for_the_next_editor(
    qtbot: QtBot, desk: Desk, editor: PluginEditor, theme: Theme
) -> None:
    set_to(qtbot, desk, editor, 0.25)
    qtbot.mouseClick(editor.bar.b, Qt.MouseButton.LeftButton)
    set_to(qtbot, desk, editor, 0.75)
    other = PluginEditor(desk, "g", theme)
    qtbot.addWidget(other)
    other.show()
    until(qtbot, lambda: other.bar.b.isChecked() and other.values.values)
    qtbot.mouseClick(other.bar.a, Qt.MouseButton.LeftButton)
    until(qtbot, lambda: host_value(qtbot, desk) == pytest.approx(0.25, abs=1e-4))
    until(qtbot, editor.bar.a.isChecked)  # the first one is another window's


def test_presets_are_renamed_deleted_and_brought_back(
    qtbot: QtBot, desk: Desk, editor: PluginEditor
) -> None:
    presets = editor.bar.presets

    def choose(*path: str) -> None:
        menu = presets.menu()
        for word in path[:-1]:
            action = next(one for one in menu.actions() if one.text() == word)
            submenu = action.menu()
            assert submenu is not None
            menu = submenu
        next(one for one in menu.actions() if one.text() == path[-1]).trigger()

    for name in ("Quiet", "Loud"):
        presets.save_wanted.emit(name)
    until(qtbot, lambda: presets.names == ("Loud", "Quiet"))
    choose("Rename", "Quiet…")
    presets.field.setText("Soft & low")
    qtbot.keyClick(presets.field, Qt.Key.Key_Return)
    until(qtbot, lambda: presets.names == ("Loud", "Soft & low"))
    choose("Delete", "Soft && low")
    until(qtbot, lambda: presets.names == ("Loud",))
    choose("Bring back Soft && low")
    until(qtbot, lambda: presets.names == ("Loud", "Soft & low"))
    assert not any("Bring back" in one.text() for one in presets.menu().actions())


def test_defaults_and_chance_are_one_step_of_undo_each(
    qtbot: QtBot, desk: Desk, editor: PluginEditor
) -> None:
    default = editor.values.parameters[0].default
    editor.randomise()
    until(qtbot, lambda: host_value(qtbot, desk) == pytest.approx(0.125, abs=1e-4))
    editor.reset()
    until(qtbot, lambda: host_value(qtbot, desk) == pytest.approx(default, abs=1e-4))
    editor.undo()
    until(qtbot, lambda: dial(editor).amount == pytest.approx(0.125, abs=1e-4))
    editor.undo()
    until(qtbot, lambda: dial(editor).amount == pytest.approx(default, abs=1e-4))
    until(qtbot, lambda: not editor.bar.undo.isEnabled())


def test_a_plugin_that_was_given_up_is_said_and_restarted(
    qtbot: QtBot, desk: Desk, editor: PluginEditor
) -> None:
    def now() -> tuple[SlotStatus, int | None]:
        found = desk.slot("g")
        assert found is not None
        return found[1].status, found[1].pid

    for _ in range(3):
        until(qtbot, lambda: now()[0] is SlotStatus.ACTIVE and now()[1])
        pid = now()[1]
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        until(qtbot, lambda pid=pid: now()[1] != pid)  # type: ignore[misc]
    until(qtbot, lambda: now()[0] is SlotStatus.QUARANTINED)
    assert "set aside" in editor.trouble.words
    assert not editor.grid.isEnabled()
    qtbot.mouseClick(editor.trouble.restart, Qt.MouseButton.LeftButton)
    until(qtbot, lambda: all_active(desk.state) and not editor.trouble.words)
    assert editor.grid.isEnabled()


def test_a_plugin_that_is_taken_out_is_said_and_undo_brings_it_back(
    qtbot: QtBot, desk: Desk, editor: PluginEditor
) -> None:
    with qtbot.waitSignal(editor.gone, timeout=20_000):
        desk.change(RemoveSlot(slot="g"))
    assert "no longer" in editor.trouble.words
    desk.ask(Undo())
    until(qtbot, lambda: not editor.trouble.words and editor.grid.isEnabled())


def test_bypass_is_shown_when_the_host_says_so(
    qtbot: QtBot, desk: Desk, editor: PluginEditor
) -> None:
    qtbot.mouseClick(editor.header.bypass, Qt.MouseButton.LeftButton)
    assert not editor.header.bypass.isChecked()
    until(qtbot, editor.header.bypass.isChecked)
    found = desk.slot("g")
    assert found is not None and found[1].bypassed


def test_it_asks_only_while_it_is_seen(qtbot: QtBot, desk: Desk, editor: PluginEditor) -> None:
    editor.hide()
    qtbot.wait(300)
    desk.ask(Change((SetParameter(slot="g", parameter=0, value=0.3),)))
    qtbot.wait(700)
    assert editor.values.values[0] != pytest.approx(0.3, abs=1e-4)
    editor.show()
    until(qtbot, lambda: dial(editor).amount == pytest.approx(0.3, abs=1e-4))


def test_a_program_of_the_plugins_own_is_chosen(qtbot: QtBot, tmp_path: Path) -> None:
    with attached(qtbot, small_song(tmp_path, ZAM_EQ2)) as (_, desk):
        editor = opened(qtbot, desk)
        before = list(editor.values.values)
        menu = editor.bar.presets.menu()
        own = next(one.menu() for one in menu.actions() if one.text() == "The plugin's own")
        assert own is not None
        next(one for one in own.actions() if one.text() == "CarvedBass").trigger()
        until(qtbot, lambda: "CarvedBass" in editor.bar.presets.list.text())
        until(qtbot, lambda: editor.values.values != before)
        assert desk.state.undo.startswith("a program of ZamEQ2 on ")
        editor.undo()
        until(qtbot, lambda: editor.values.values == pytest.approx(before, abs=1e-3))
        until(qtbot, lambda: "CarvedBass" not in editor.bar.presets.list.text())
