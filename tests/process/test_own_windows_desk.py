# SPDX-License-Identifier: GPL-3.0-or-later
"""Plugins' own windows as a desk has them: allowed once, shown, undone a gesture at a time."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from host.desk.edits import edited
from host.desk.history import History, Version
from host.permission_file import load_permissions
from host.permissions import PermissionRules, PluginRule
from host.song import Grouping, Song
from host.song_file import save_song
from host.stress.display import is_there
from ipc.desk.requests import (
    AddTrack,
    AllowWindows,
    AskSlot,
    AskText,
    Change,
    CloseOwnWindow,
    ForbidWindows,
    OpenOwnWindow,
    Quit,
    SetParameter,
    SetTrack,
    Undo,
)
from ipc.errors import InputError
from ipc.status import SlotStatus
from tests.fixtures.build import fixture_library
from tests.process.desks import SETTINGS, Served, Window, served
from tests.process.pointer import ZAM_VERB_KNOB, Pointer
from tests.process.songs import audio_track, sine, write_clip

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(not is_there(), reason="there is no Xvfb on this machine (package xvfb)"),
]

ZAM = "vst3:/usr/lib/vst3/ZamVerb.vst3"


@pytest.fixture
def desk(pointer: Pointer, tmp_path: Path) -> Iterator[Served]:
    """One track, "Drums", with a reverb called zamverb."""
    if not Path(ZAM.partition(":")[2]).exists():
        pytest.skip("zam-plugins is not installed")
    with served() as desk:
        tone = write_clip(tmp_path / "tone.wav", sine(48000))
        window = desk.window()
        window.ask(Change((AddTrack(name="Drums", index=0, file=tone, plugins=(ZAM,)),)))
        window.until(lambda s: s.tracks[0].slots[0].status is SlotStatus.ACTIVE, "loaded")
        yield desk


def _wet(window: Window) -> float:
    details = window.ask(AskSlot("zamverb")).details
    assert details.description is not None
    index = next(p.index for p in details.description.parameters if p.name == "Wet / Dry")
    return details.values[index]


def _until(window: Window, value: float) -> None:
    deadline = time.monotonic() + 20
    while _wet(window) != pytest.approx(value, abs=0.011):
        assert time.monotonic() < deadline, (_wet(window), value)
        time.sleep(0.05)


def _turn(window: Window, pointer: Pointer, up: int) -> None:
    """Until the desk has it as a step; the first time a toolkit may not listen yet."""
    before = _wet(window)
    deadline = time.monotonic() + 20
    while _wet(window) == pytest.approx(before, abs=0.011):
        assert time.monotonic() < deadline
        pointer.drag(ZAM_VERB_KNOB, (ZAM_VERB_KNOB[0], ZAM_VERB_KNOB[1] - up))
        time.sleep(1.0)


def test_a_plugin_that_is_called_like_all_is_allowed_alone() -> None:
    with served() as desk:
        window = desk.window()
        window.ask(Change((AddTrack(name="Drums", index=0, plugins=("lv2:urn:*",)),)))
        (slot,) = window.ask_state().tracks[0].slots
        window.ask(AllowWindows(slot.id))
        for rules in (load_permissions(), desk.desk.settings.permissions):
            assert rules.of("lv2:urn:*").display
            assert not rules.of("lv2:urn:another").display


def test_what_was_allowed_is_taken_back_and_the_process_with_it() -> None:
    with served() as desk:
        window = desk.window()
        window.ask(Change((AddTrack(name="Drums", index=0, plugins=("builtin:gain",) * 2),)))
        window.until(
            lambda s: all(one.status is SlotStatus.ACTIVE for one in s.tracks[0].slots), "loaded"
        )
        one, two = window.ask_state().tracks[0].slots
        window.ask(ForbidWindows(one.id))  # nothing was allowed
        assert window.slot(one.id).pid == one.pid
        window.ask(AllowWindows(one.id))
        window.until(lambda _: window.slot(two.id).may_open_windows, "it may, everywhere")
        window.ask(ForbidWindows(one.id))
        assert not load_permissions().of("builtin:gain").display
        window.until(
            lambda _: all(
                window.slot(slot.id).pid not in (None, slot.pid)
                and not window.slot(slot.id).may_open_windows
                for slot in (one, two)
            ),
            "both were loaded anew",
        )


def test_a_window_is_allowed_once_and_what_is_turned_in_it_can_be_undone(
    desk: Served, pointer: Pointer
) -> None:
    window = desk.window()
    slot = window.slot("zamverb")
    assert (slot.window, slot.may_open_windows) == ("shut", False)
    with pytest.raises(InputError, match="--display") as told:
        window.ask(OpenOwnWindow("zamverb"))
    assert "\n" not in str(told.value)
    window.ask(AllowWindows("zamverb"))
    assert load_permissions().of(ZAM).display
    window.until(lambda _: window.slot("zamverb").may_open_windows, "it may")
    window.ask(OpenOwnWindow("zamverb"))
    assert window.ask_state().tracks[0].slots[0].window == "open"
    assert list(pointer.windows()) == ["ZamVerb – Drums"]
    first = _wet(window)
    _turn(window, pointer, 20)
    second = _wet(window)
    time.sleep(0.6)
    _turn(window, pointer, -10)
    assert window.ask_state().undo.startswith("a parameter of")
    window.ask(Undo())  # the whole drag
    _until(window, second)
    window.ask(Undo())
    _until(window, first)
    assert window.ask_state().undo.startswith("adding")
    pointer.close_window(pointer.windows()["ZamVerb – Drums"])
    window.until(lambda _: window.slot("zamverb").window == "shut", "closed by its user")


def test_a_window_is_closed_by_the_desk_and_with_it(desk: Served, pointer: Pointer) -> None:
    window = desk.window()
    window.ask(AllowWindows("zamverb"))
    window.ask(OpenOwnWindow("zamverb"))
    window.ask(CloseOwnWindow("zamverb"))
    assert window.ask_state().tracks[0].slots[0].window == "shut" and not pointer.windows()
    window.ask(OpenOwnWindow("zamverb"))
    assert pointer.windows()
    window.ask(Quit())
    assert window.is_closed()
    desk.desk.close()
    deadline = time.monotonic() + 10
    while pointer.windows():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_edits_do_not_wait_for_a_window_that_opens(desk: Served, pointer: Pointer) -> None:
    window, opener = desk.window(), desk.window()
    window.ask(AllowWindows("zamverb"))
    window.ask(OpenOwnWindow("zamverb"))  # loaded anew for it
    window.ask(CloseOwnWindow("zamverb"))
    known = window.ask(AskSlot("zamverb")).details
    track = window.ask_state().tracks[0].id
    with ThreadPoolExecutor(1) as aside, pointer.stopped_display():
        opening = aside.submit(opener.ask, OpenOwnWindow("zamverb"))
        window.until(lambda _: window.slot("zamverb").window == "opening", "it opens")
        assert window.ask(AskSlot("zamverb")).details == known
        with pytest.raises(InputError, match="ZamVerb on Drums: its window is being opened"):
            window.ask(AskText("zamverb", 0, 0.123))
        window.ask(Change((SetParameter(slot="zamverb", parameter=0, value=0.25),)))
        window.ask(Change((SetTrack(track=track, gain_db=-6.0),)))
        assert window.ask(AskSlot("zamverb")).details.values[0] == 0.25
        window.ask(Undo())
        window.ask(Undo())
        assert window.ask(AskSlot("zamverb")).details.values == known.values
        assert window.ask_state().tracks[0].slots[0].window == "opening" and not opening.done()
    opening.result()


def test_edits_do_not_wait_for_the_window_of_a_neighbour(pointer: Pointer, tmp_path: Path) -> None:
    """Nobody who shares its process is asked anything meanwhile."""
    plugin = f"clap:{fixture_library('stress_fixture')}#editor"
    tone = write_clip(tmp_path / "tone.wav", sine(48000))
    song = Song(tracks=(audio_track("a", tone, plugin, plugin),), grouping=Grouping.CHAIN)
    save_song(song, str(tmp_path / "song.json"))
    allowed = PermissionRules(rules=(PluginRule(id="*", display=True),))
    settings = replace(SETTINGS, permissions=allowed)
    with served(settings, str(tmp_path / "song.json")) as desk:
        window, opener = desk.window(), desk.window()
        assert window.slot("a0").pid == window.slot("a1").pid
        known = window.ask(AskSlot("a1")).details
        with ThreadPoolExecutor(1) as aside, pointer.stopped_display():
            opening = aside.submit(opener.ask, OpenOwnWindow("a0"))
            window.until(lambda _: window.slot("a0").window == "opening", "it opens")
            asked = window.ask(AskSlot("a1")).details
            assert asked.description == known.description and not asked.values
            with pytest.raises(InputError, match="opening its window"):
                window.ask(AskText("a1", 0, 0.123))
            assert not opening.done()
        opening.result()
        assert window.ask(AskSlot("a1")).details == known


def test_what_a_window_changes_is_known_to_the_version_before_its_gesture() -> None:
    song = edited(AddTrack(name="T", index=0, plugins=("builtin:gain",)), Song(name="S"))
    history = History(song)
    for parameter in (0, 1):  # of one gesture
        key = "gain", parameter
        history.know({key: 0.5})
        values = {**history.current.values, key: 0.75}
        history.add(Version(song, values), "a parameter", -1)
    before = history.before()
    assert before is not None and before.values == {("gain", 0): 0.5, ("gain", 1): 0.5}
    assert history.current.values == {("gain", 0): 0.75, ("gain", 1): 0.75}
