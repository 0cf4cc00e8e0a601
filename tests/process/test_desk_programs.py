# SPDX-License-Identifier: GPL-3.0-or-later
"""A plugin's programs as edits: heard, undone, kept, and nobody else's business."""

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from host.host import Host
from host.slot_window import WindowChange
from host.song import Slot, Song, Track
from host.song_file import load_song, save_song
from ipc.desk.requests import (
    AddSlot,
    AskSlot,
    Redo,
    RemoveSlot,
    Save,
    SetParameter,
    SetProgram,
    Undo,
)
from ipc.errors import InputError
from tests.fixtures.lv2_bundle import make_lv2_bundle
from tests.process.conftest import ZAM_EQ2
from tests.process.desks import Served, Window, served
from tests.process.jack import until
from tests.process.test_desk import all_active, change

SLOT = "eq"


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISOBOOTH_DATA", str(tmp_path / "data"))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Served]:
    """Two tracks: an equaliser, whose program is chosen here, and a gain."""
    song = Song(
        name="Programs",
        tracks=(
            Track(id="a", name="Drums", chain=(Slot(id=SLOT, plugin=ZAM_EQ2),)),
            Track(id="b", chain=(Slot(id="g", plugin="builtin:gain"),)),
        ),
    )
    save_song(song, tmp_path / "programs.json")
    with served(song=str(tmp_path / "programs.json")) as desk:
        yield desk


@pytest.fixture
def window(desk: Served) -> Window:
    window = desk.window()
    window.until(all_active, "all play")
    return window


def values(window: Window) -> tuple[float, ...]:
    return tuple(window.ask(AskSlot(SLOT)).details.values)


def controls(window: Window) -> tuple[float, ...]:
    """Without the first three of a DPF plugin, which are no controls, and not in its state."""
    return values(window)[3:]


def choose(window: Window, program: int) -> tuple[float, ...]:
    """The values that it sets."""
    before = values(window)
    change(window, SetProgram(slot=SLOT, program=program))
    until(lambda: values(window) != before, "the program is heard")
    return values(window)


def test_it_is_undone_and_survives_a_crash(window: Window) -> None:
    first = controls(window)
    change(window, SetParameter(slot=SLOT, parameter=5, value=0.9))
    until(lambda: values(window)[5] == pytest.approx(0.9, abs=1e-3), "it is set")
    before = controls(window)
    choose(window, 1)
    chosen = controls(window)
    details = window.ask(AskSlot(SLOT)).details
    assert details.program == 1 and details.description is not None
    assert details.description.programs[1] == "CarvedBass" and chosen != first
    change(window, SetParameter(slot=SLOT, parameter=5, value=0.3))
    until(lambda: values(window)[5] == pytest.approx(0.3, abs=1e-3), "it is set")
    later = controls(window)
    # Whatever kills it, program and later edits are there again.
    pid = window.slot(SLOT).pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    window.until(
        lambda _: window.slot(SLOT).pid not in (None, pid) and all_active(window.state), "back"
    )
    assert controls(window) == pytest.approx(later, abs=1e-3)
    window.ask(Undo())
    until(lambda: controls(window) == pytest.approx(chosen, abs=1e-3), "the later edit is undone")
    window.ask(Undo())
    until(lambda: controls(window) == pytest.approx(before, abs=1e-3), "the program is undone")
    assert window.ask(AskSlot(SLOT)).details.program is None
    window.ask(Redo())
    until(lambda: controls(window) == pytest.approx(chosen, abs=1e-3), "the program is redone")


def test_what_is_no_program_is_told_with_the_plugins_name(window: Window) -> None:
    with pytest.raises(InputError, match="ZamEQ2 on Drums: it has 4 programs, none with the"):
        change(window, SetProgram(slot=SLOT, program=4))
    with pytest.raises(InputError, match="no programs"):
        change(window, AddSlot(track="b", index=0, plugin="builtin:gain"))
        window.until(all_active, "all play")
        change(window, SetProgram(slot="gain", program=0))


def test_a_plugin_that_is_removed_and_brought_back_has_its_program(window: Window) -> None:
    chosen = choose(window, 1)
    change(window, RemoveSlot(slot=SLOT))
    window.ask(Undo())
    # At once, and host and window agree.
    assert [slot.id for slot in window.ask_state().tracks[0].slots] == [SLOT]
    assert window.ask_state().redo == "removing ZamEQ2 on Drums"
    window.until(all_active, "all play")
    until(lambda: controls(window) == pytest.approx(chosen[3:], abs=1e-3), "as it was")
    assert window.ask(AskSlot(SLOT)).details.program == 1


def test_another_plugins_own_window_touches_no_program(
    desk: Served, window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(window, 1)
    change(window, SetParameter(slot=SLOT, parameter=0, value=0.3))
    pid = window.slot(SLOT).pid
    news = [WindowChange(slot="g", parameter=0, before=0.5, value=0.25, gesture=1)]
    monkeypatch.setattr(Host, "has_window_changes", property(lambda _: bool(news)))
    monkeypatch.setattr(
        desk.desk.host, "take_window_changes", lambda: [news.pop() for _ in news[:]]
    )
    until(lambda: window.ask_state().undo == "a parameter of Gain on b", "it can be undone")
    assert window.ask(AskSlot(SLOT)).details.program == 1
    told: list[int] = []
    monkeypatch.setattr(desk.desk.host, "set_program", lambda slot, program: told.append(program))
    window.ask(Undo())
    assert not told and window.slot(SLOT).pid == pid
    assert window.ask(AskSlot(SLOT)).details.program == 1


def test_a_saved_state_is_not_run_over_by_its_program(window: Window, tmp_path: Path) -> None:
    """What the plugin did since, which is no edit, would be lost."""
    choose(window, 1)
    window.ask(Save(str(tmp_path / "saved.json")))
    slot = load_song(tmp_path / "saved.json").tracks[0].chain[0]
    assert slot.state and slot.program is None and not slot.parameters


def test_what_cannot_be_asked_is_not_told_a_program(desk: Served, window: Window) -> None:
    """It could not be undone."""
    desk.desk.host.supervisor_of(SLOT).fail("for this test")
    window.until(lambda _: window.slot(SLOT).status == "failed", "failed")
    with pytest.raises(InputError, match="ZamEQ2 on Drums"):
        change(window, SetProgram(slot=SLOT, program=1))
    assert window.ask_state().undo == ""


def test_undo_of_a_program_brings_back_what_is_no_parameter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_lv2_bundle(tmp_path / ".lv2")
    monkeypatch.setenv("HOME", str(tmp_path))
    remembers = Slot(id=SLOT, plugin="lv2:urn:isobooth:planted:remembers")
    song = Song(name="Programs", tracks=(Track(id="a", chain=(remembers,)),))
    save_song(song, tmp_path / "programs.json")
    with served(song=str(tmp_path / "programs.json")) as desk:
        window = desk.window()
        window.until(all_active, "all play")

        def steps() -> str:
            state = desk.desk.host.capture_slot(SLOT).state or b""
            found = re.search(rb'planted:steps>\s+"?(\d+)', state)
            return found[1].decode() if found else ""

        def undo(request: Undo | Redo) -> str:
            window.ask(request)
            window.until(all_active, "all play")
            return steps()

        assert steps() == "0"
        change(window, SetProgram(slot=SLOT, program=0))
        assert steps() == "15"
        change(window, SetProgram(slot=SLOT, program=1))
        change(window, SetParameter(slot=SLOT, parameter=0, value=0.75))
        until(lambda: values(window)[0] == pytest.approx(0.75), "it is set")
        assert steps() == "5"
        undo(Undo())
        until(lambda: values(window)[0] == pytest.approx(0.25), "the parameter is undone")
        assert steps() == "5"
        assert undo(Undo()) == "15"
        assert undo(Undo()) == "0"
        assert undo(Redo()) == "15"
        assert undo(Redo()) == "5"
        assert window.ask(AskSlot(SLOT)).details.program == 1
        # Faster than it is loaded anew.
        for request in (Undo(), Redo(), Undo(), Undo(), Redo(), Undo()):
            window.ask(request)
        window.until(all_active, "all play")
        until(lambda: steps() == "0", "both programs are undone")
