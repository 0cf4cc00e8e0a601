# SPDX-License-Identifier: GPL-3.0-or-later
"""Plugins' own windows, in the workers that play them: real plugins, displays and mice."""

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from host.config import FaultPolicy
from host.crash_report import FaultKind, Phase
from host.permissions import PermissionRules, PluginRule
from host.slot_window import WindowChange
from host.song import Grouping
from host.store.database import Database
from host.stress import display
from host.stress.display import is_there, virtual_display
from ipc.errors import InputError, MachineError, WorkerError
from ipc.names import runtime_folder
from ipc.processes import own_identity
from tests.fixtures.build import fixture_library
from tests.fixtures.lv2_bundle import make_lv2_bundle
from tests.process.pointer import ZAM_VERB_KNOB, Pointer
from tests.process.songs import (
    HostEventKind,
    Playing,
    SlotStatus,
    Song,
    audio_track,
    noise,
    play,
    write_clip,
)

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(not is_there(), reason="there is no Xvfb on this machine (package xvfb)"),
]

ALLOWED = PermissionRules(rules=(PluginRule(id="*", display=True),))
ZAM = {
    "clap": "clap:/usr/lib/clap/ZamVerb.clap",
    "vst3": "vst3:/usr/lib/vst3/ZamVerb.vst3",
    "lv2": "lv2:urn:zamaudio:ZamVerb",
}
PATIENT = FaultPolicy(
    save_limit_s=1.0, snapshot_interval_s=0.5, next_restart_s=0.05, crash_limit=100
)


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """LV2 plugins whose editors have faults."""
    make_lv2_bundle(tmp_path / ".lv2")
    monkeypatch.setenv("HOME", str(tmp_path))


def _zam(kind: str) -> str:
    plugin = ZAM[kind]
    files = {"lv2": "/usr/lib/lv2/ZamVerb.lv2"}
    if not Path(files.get(kind, plugin.partition(":")[2])).exists():
        pytest.skip("zam-plugins is not installed")
    return plugin


def _song(tmp_path: Path, *plugins: str) -> Song:
    clip = write_clip(tmp_path / "noise.wav", noise(48000 * 20))
    return Song(tracks=(audio_track("a", clip, *plugins), audio_track("b", clip, "builtin:gain")))


def _event(playing: Playing, kind: HostEventKind) -> str:
    playing.until(lambda: playing.events(kind), f"an event: {kind}")
    return playing.events(kind)[-1].text


def _value(playing: Playing, parameter: int) -> float:
    return playing.host.parameters("a0")[parameter]


def _turned(playing: Playing, pointer: Pointer) -> list[WindowChange]:
    """Turns the knob until it is told: a toolkit takes its time until it takes the mouse."""
    changes: list[WindowChange] = []
    tries_until = time.monotonic() + 30
    while not changes:
        assert time.monotonic() < tries_until, playing.host.events_since(0)
        pointer.drag(ZAM_VERB_KNOB, (ZAM_VERB_KNOB[0], ZAM_VERB_KNOB[1] - 20))
        until = time.monotonic() + 1.0
        while time.monotonic() < until:
            playing.read()
            changes += playing.host.take_window_changes()
            time.sleep(0.02)
    return changes


def _colours(pointer: Pointer) -> int:
    return len(np.unique(pointer.pixels(313, 163).reshape(-1, 3), axis=0))


# ---------------------------------------------------------------- real plugins


@pytest.mark.parametrize("kind", ZAM)
def test_a_knob_turned_in_the_own_window_is_heard_kept_and_told(
    tmp_path: Path, pointer: Pointer, kind: str
) -> None:
    plugin = _zam(kind)
    with play(_song(tmp_path, plugin), permissions=ALLOWED) as playing:
        host = playing.host
        assert host.window_status("a0") == "shut"
        host.open_window("a0", "ZamVerb – Dröms")
        assert host.window_status("a0") == "open"
        [(title, window)] = pointer.windows().items()
        assert title == "ZamVerb – Dröms"
        hints = pointer.hints(window)
        assert hints.min_width == hints.max_width == 313  # it cannot be resized
        host.open_window("a0", "ZamVerb – Dröms")  # to the front, not twice
        assert len(pointer.windows()) == 1
        changes = _turned(playing, pointer)
        last = changes[-1]
        description = host.description("a0")
        assert description is not None
        assert description.parameters[last.parameter].name == "Wet / Dry"
        assert changes[0].before == pytest.approx(0.5, abs=1e-6)
        assert last.value > changes[0].before
        playing.until(
            lambda: _value(playing, last.parameter) == pytest.approx(last.value, abs=0.011),
            "the value plays",
        )
        [edit] = host.supervisor_of("a0").journal.edits
        assert (edit.parameter, edit.value) == (last.parameter, last.value)
        # It survives the death of the worker; its window does not, and that is told.
        playing.kill_and_wait("a0")
        assert _value(playing, last.parameter) == pytest.approx(last.value, abs=0.011)
        assert host.window_status("a0") == "shut" and not pointer.windows()
        assert "own window" in _event(playing, HostEventKind.WINDOW)
        host.open_window("a0", "again")
        pointer.close_window(pointer.windows()["again"])
        playing.until(lambda: host.window_status("a0") == "shut", "closed by its user")
        playing.until(lambda: not pointer.windows(), "no window")
        assert playing.slot("a0").status is SlotStatus.ACTIVE
        assert not playing.events(HostEventKind.DENIED)


def test_a_window_opens_and_closes_beside_a_mix_that_stays_exact(
    tmp_path: Path, pointer: Pointer
) -> None:
    """Blocks of 21 ms: nothing but the window could make a difference."""
    plugin = _zam("vst3")
    clip = write_clip(tmp_path / "noise.wav", noise(48000 * 20))
    mute = audio_track("a", clip, plugin, mute=True)
    with play(
        Song(tracks=(mute, audio_track("b", clip, "builtin:gain"))), permissions=ALLOWED
    ) as playing:
        playing.run(10)
        playing.host.open_window("a0", "ZamVerb")
        playing.run(20)
        pointer.drag(ZAM_VERB_KNOB, (ZAM_VERB_KNOB[0], ZAM_VERB_KNOB[1] - 20))
        playing.host.close_window("a0")
        playing.run(10)
        for slot in map(playing.slot, ("a0", "b0")):  # a busy machine makes anybody late
            assert slot.missed_blocks * 4 <= slot.processed_blocks, slot
        heard = playing.stop()
    frames = heard.shape[1] - 2048
    assert np.array_equal(heard[:, :frames], noise(48000 * 20)[:, :frames])


def test_what_is_set_elsewhere_is_shown_in_the_own_window(tmp_path: Path, pointer: Pointer) -> None:
    plugin = _zam("vst3")
    with play(_song(tmp_path, plugin), permissions=ALLOWED) as playing:
        host = playing.host
        host.open_window("a0", "ZamVerb")
        description = host.description("a0")
        assert description is not None
        wet = next(p.index for p in description.parameters if p.name == "Wet / Dry")
        playing.until(lambda: _colours(pointer) > 100, "it is drawn")
        time.sleep(0.3)
        before = pointer.pixels(313, 163)

        def has_moved() -> bool:
            return bool((pointer.pixels(313, 163) != before).any())

        host.set_parameter("a0", wet, 1.0)
        playing.until(has_moved, "the knob has moved")
        assert not host.take_window_changes()  # shown, and not told back


def test_a_plugin_is_restarted_once_for_its_window_as_it_is(
    tmp_path: Path, pointer: Pointer
) -> None:
    plugin = _zam("clap")
    with play(_song(tmp_path, plugin)) as playing:
        host = playing.host
        with pytest.raises(InputError, match=r"permissions allow .*ZamVerb.clap --display"):
            host.open_window("a0", "ZamVerb")
        host.set_parameter("a0", 1, 0.25)
        playing.run(10)
        host.permit(ALLOWED)
        pid = playing.pid("a0")
        host.open_window("a0", "ZamVerb")
        assert playing.pid("a0") != pid
        assert host.window_status("a0") == "open" and "ZamVerb" in pointer.windows()
        assert _value(playing, 1) == pytest.approx(0.25, abs=0.01)
        assert not playing.events(HostEventKind.FAULT)
        pid = playing.pid("a0")
        host.close_window("a0")
        assert host.window_status("a0") == "shut" and not pointer.windows()
        host.open_window("a0", "ZamVerb")
        assert playing.pid("a0") == pid


def test_windows_of_a_group_are_each_its_members_own(tmp_path: Path, pointer: Pointer) -> None:
    plugins = (_zam("vst3"), _zam("lv2"))
    with play(_song(tmp_path, *plugins), permissions=ALLOWED, grouping=Grouping.CHAIN) as playing:
        assert playing.pid("a0") == playing.pid("a1")
        playing.host.open_window("a0", "first")
        playing.host.open_window("a1", "second")
        assert set(pointer.windows()) == {"first", "second"}
        pointer.close_window(pointer.windows()["second"])
        playing.until(lambda: playing.host.window_status("a1") == "shut", "closed by its user")
        assert playing.host.window_status("a0") == "open"
        assert set(pointer.windows()) == {"first"}


def test_a_neighbour_loses_nothing_when_a_plugin_is_given_the_display(
    tmp_path: Path, pointer: Pointer
) -> None:
    seldom = FaultPolicy(snapshot_interval_s=600.0, snapshot_after_edit_s=600.0)
    song = _song(tmp_path, _zam("vst3"), "builtin:gain")
    with play(song, grouping=Grouping.CHAIN, faults=seldom) as playing:
        host = playing.host
        assert playing.pid("a0") == playing.pid("a1")
        host.automate("a1", 0, 0.25)
        playing.until(lambda: host.parameters("a1")[0] == pytest.approx(0.25), "a1 has it")
        host.permit(PermissionRules(rules=(PluginRule(id=ZAM["vst3"], display=True),)))
        host.open_window("a0", "ZamVerb")
        assert "ZamVerb" in pointer.windows()
        playing.until_restarts("a1", 1)
        assert playing.slot("a1").shares_with == ()
        assert host.parameters("a1")[0] == pytest.approx(0.25)


def test_a_window_is_resized_with_its_editor_and_stays_above_another(
    tmp_path: Path, pointer: Pointer
) -> None:
    plugin = f"clap:{fixture_library('stress_fixture')}#editor"
    with play(_song(tmp_path, plugin), permissions=ALLOWED) as playing:
        playing.host.open_window("a0", "Sized", above=1234)
        window = pointer.windows()["Sized"]
        assert pointer.size(window) == (300, 200)
        assert pointer.above(window) == 1234
        assert pointer.hints(window).min_width < 300 < pointer.hints(window).max_width
        pointer.resize(window, 400, 260)
        time.sleep(0.5)  # an editor that did not take it would have its own size back
        assert pointer.size(window) == (400, 260)


def test_a_window_follows_an_editor_that_asks_for_another_size(
    tmp_path: Path, pointer: Pointer
) -> None:
    plugin = f"clap:{fixture_library('stress_fixture')}#asking-editor"
    with play(_song(tmp_path, plugin), permissions=ALLOWED) as playing:
        playing.host.open_window("a0", "Asking", above=0)
        window = pointer.windows()["Asking"]
        playing.until(lambda: pointer.size(window) == (420, 240), "as large as it asked for")
        pointer.resize(window, 500, 300)
        time.sleep(0.5)
        assert pointer.size(window) == (500, 300)


def test_a_window_ends_with_its_host(tmp_path: Path, pointer: Pointer) -> None:
    with play(_song(tmp_path, _zam("vst3")), permissions=ALLOWED) as playing:
        playing.host.open_window("a0", "ZamVerb")
        assert pointer.windows()
    deadline = time.monotonic() + 10
    while pointer.windows():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# ---------------------------------------------------------------- editors with faults


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database(tmp_path / "data") as database:
        yield database


@pytest.mark.usefixtures("planted")
def test_an_editor_that_crashes_is_a_crashed_worker_and_nothing_more(
    tmp_path: Path, pointer: Pointer, database: Database
) -> None:
    """It turns its gain up, and falls two turns later: the edit is there when it is back."""
    song = _song(tmp_path, "lv2:urn:isobooth:planted:falling-editor")
    with play(song, permissions=ALLOWED, database=database) as playing:
        playing.host.open_window("a0", "Falling")
        playing.until_restarts("a0", 1)
        assert _value(playing, 0) == pytest.approx(0.75)
        [change] = playing.host.take_window_changes()
        assert (change.before, change.value) == (pytest.approx(0.5), pytest.approx(0.75))
        assert playing.host.window_status("a0") == "shut" and not pointer.windows()
        assert "can be opened again" in _event(playing, HostEventKind.WINDOW)
        report = playing.report(playing.slot("a0").crashes[0], database)
        assert (report.kind, report.phase) == (FaultKind.CRASH, Phase.WINDOW)
        other = playing.slot("b0")  # a busy machine makes anybody late
        assert other.missed_blocks * 4 <= other.processed_blocks


@pytest.mark.usefixtures("planted")
def test_an_editor_that_hangs_is_restarted_while_its_plugin_plays_on(
    tmp_path: Path, pointer: Pointer, database: Database
) -> None:
    song = _song(tmp_path, "lv2:urn:isobooth:planted:stuck-editor")
    with play(song, permissions=ALLOWED, database=database, faults=PATIENT) as playing:
        playing.host.open_window("a0", "Stuck")
        before = playing.slot("a0").processed_blocks
        playing.run(10)
        assert playing.slot("a0").processed_blocks > before + 5  # its sound does not wait
        playing.until_restarts("a0", 1)
        report = playing.report(playing.slot("a0").crashes[0], database)
        assert (report.kind, report.phase) == (FaultKind.HANG, Phase.WINDOW)
        assert playing.host.window_status("a0") == "shut" and not pointer.windows()


@pytest.mark.usefixtures("planted")
def test_editors_that_look_into_their_plugins_open_again_after_a_crash(
    tmp_path: Path, pointer: Pointer
) -> None:
    plugin = "lv2:urn:isobooth:planted:inside-editor"
    song = _song(tmp_path, plugin, plugin)
    with play(song, permissions=ALLOWED, grouping=Grouping.CHAIN) as playing:
        for restarts in range(2):
            for slot in ("a0", "a1"):
                playing.host.open_window(slot, slot)
            assert set(pointer.windows()) == {"a0", "a1"}
            if restarts == 0:
                os.kill(playing.pid("a0"), signal.SIGKILL)
                playing.until_restarts("a0", 1)
                playing.until_restarts("a1", 1)


@pytest.mark.usefixtures("pointer")
def test_an_editor_that_crashes_when_it_opens_is_refused_in_one_line(tmp_path: Path) -> None:
    plugin = f"clap:{fixture_library('stress_fixture')}#editor-crash"
    with play(_song(tmp_path, plugin), permissions=ALLOWED) as playing:
        for _ in range(2):
            playing.host.open_window("a0", "Third")
            playing.host.close_window("a0")
        with pytest.raises(WorkerError, match="SIGSEGV") as told:
            playing.host.open_window("a0", "Third")
        assert "\n" not in str(told.value)
        playing.until_restarts("a0", 1)
        assert playing.host.window_status("a0") == "shut"


# ---------------------------------------------------------------- a window that opens slowly


def test_a_window_may_take_longer_to_open_than_a_plugin_to_save(
    tmp_path: Path, pointer: Pointer
) -> None:
    """Nobody is asked for a state behind it; what was known of the plugin is told meanwhile."""
    plugin = f"clap:{fixture_library('stress_fixture')}#editor"
    impatient = replace(PATIENT, save_limit_s=0.2, snapshot_interval_s=0.2)
    with (
        play(_song(tmp_path, plugin), permissions=ALLOWED, faults=impatient) as playing,
        ThreadPoolExecutor(1) as aside,
    ):
        host = playing.host
        values = host.parameters("a0")
        with pointer.stopped_display():
            opening = aside.submit(host.open_window, "a0", "Slow")
            playing.until(lambda: host.window_status("a0") == "opening", "it opens")
            time.sleep(3 * (impatient.save_limit_s + impatient.snapshot_interval_s))
            assert host.window_status("a0") == "opening"
            assert host.parameters("a0") == values
            host.set_parameter("a0", 0, 0.25)
            assert host.parameters("a0") == [0.25, *values[1:]]
            with pytest.raises(WorkerError, match="being opened"):
                host.value_text("a0", 0, 0.25)
        opening.result(timeout=20)
        assert host.window_status("a0") == "open"
        assert playing.slot("a0").restarts == 0
        assert not playing.events(HostEventKind.FAULT)


@pytest.mark.usefixtures("planted")
def test_a_program_that_is_chosen_while_a_window_opens_is_set_when_it_is_open(
    tmp_path: Path, pointer: Pointer
) -> None:
    impatient = replace(PATIENT, save_limit_s=0.2)
    song = _song(tmp_path, "lv2:urn:isobooth:planted:blank-editor")
    with (
        play(song, permissions=ALLOWED, faults=impatient) as playing,
        ThreadPoolExecutor(2) as aside,
    ):
        host = playing.host
        with pointer.stopped_display():
            opening = aside.submit(host.open_window, "a0", "Slow")
            playing.until(lambda: host.window_status("a0") == "opening", "it opens")
            choosing = aside.submit(host.set_program, "a0", 1)
            time.sleep(3 * impatient.save_limit_s)
            assert not choosing.done()
        opening.result(timeout=20)
        choosing.result(timeout=20)
        assert [edit.value for edit in host.supervisor_of("a0").journal.edits if edit.is_program]
        assert playing.slot("a0").restarts == 0


def test_a_window_that_is_closed_while_it_opens_does_not_stay(
    tmp_path: Path, pointer: Pointer
) -> None:
    plugin = f"clap:{fixture_library('stress_fixture')}#editor"
    with (
        play(_song(tmp_path, plugin), permissions=ALLOWED) as playing,
        ThreadPoolExecutor(2) as aside,
    ):
        host = playing.host
        with pointer.stopped_display():
            opening = aside.submit(host.open_window, "a0", "Unwanted")
            playing.until(lambda: host.window_status("a0") == "opening", "it opens")
            closing = aside.submit(host.close_window, "a0")
            playing.run(3)  # closed while the worker waits, or before it was asked
        opening.result(timeout=20)
        closing.result(timeout=20)
        assert host.window_status("a0") == "shut" and not pointer.windows()


# ---------------------------------------------------------------- refusals


def test_where_no_window_can_be_shown_one_line_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = f"clap:{fixture_library('stress_fixture')}#editor"
    without = f"clap:{fixture_library('stress_fixture')}#hisses"
    song = _song(tmp_path, plugin, without)
    with play(song, permissions=ALLOWED) as playing:
        assert playing.host.window_status("a1") == "none"
        with pytest.raises(InputError, match="no window of its own"):
            playing.host.open_window("a1", "")
        for variables, words in (
            ({}, "DISPLAY is not set"),
            ({"WAYLAND_DISPLAY": "wayland-0"}, "no XWayland"),
            ({"DISPLAY": "elsewhere:0"}, "not of this machine"),
            ({"DISPLAY": ":59999"}, "nobody listens"),
        ):
            for name in ("DISPLAY", "WAYLAND_DISPLAY"):
                monkeypatch.delenv(name, raising=False)
            for name, value in variables.items():
                monkeypatch.setenv(name, value)
            with pytest.raises(MachineError, match=words):
                playing.host.open_window("a0", "")
        assert playing.slot("a0").restarts == 0


def test_a_standby_has_what_was_turned_and_plays_without_the_window(
    tmp_path: Path, pointer: Pointer
) -> None:
    plugin = _zam("clap")
    clip = write_clip(tmp_path / "noise.wav", noise(48000 * 20))
    song = Song(tracks=(audio_track("a", clip, plugin),))
    slot = msgspec.structs.replace(song.tracks[0].chain[0], standby=True)
    track = msgspec.structs.replace(song.tracks[0], chain=(slot,))
    with play(Song(tracks=(track,)), permissions=ALLOWED) as playing:
        host = playing.host
        playing.until(lambda: host.standby_pid("a0") is not None, "a standby")
        host.open_window("a0", "ZamVerb")
        changes = _turned(playing, pointer)
        playing.run(5)
        first, standby = playing.pid("a0"), host.standby_pid("a0")
        playing.kill("a0")
        playing.until(lambda: host.worker_pid("a0") not in (None, first), "the other plays")
        assert host.worker_pid("a0") == standby
        assert _value(playing, changes[-1].parameter) == pytest.approx(changes[-1].value, abs=0.011)
        assert "own window" in _event(playing, HostEventKind.WINDOW)
        host.open_window("a0", "again")
        assert list(pointer.windows()) == ["again"]


# ---------------------------------------------------------------- the display


def test_a_display_that_asks_for_a_cookie_is_shown_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As desktops' do. Without it the plugin is refused."""
    monkeypatch.setattr(display, "let_in_this_user", lambda *_: None)
    plugin = f"clap:{fixture_library('stress_fixture')}#editor"
    with virtual_display() as shown:
        monkeypatch.setenv("DISPLAY", shown.name)
        monkeypatch.setenv("HOME", str(tmp_path))  # where there is no cookie
        cookie = next(Path(runtime_folder()).glob(f"isobooth-{own_identity()}-tmp-*/authority"))
        for authority, is_let_in in ((tmp_path / "none", False), (cookie, True)):
            monkeypatch.setenv("XAUTHORITY", str(authority))
            with play(_song(tmp_path, plugin), permissions=ALLOWED) as playing:
                if is_let_in:
                    playing.host.open_window("a0", "Let in")
                    assert playing.host.window_status("a0") == "open"
                else:
                    with pytest.raises(WorkerError, match="cannot be reached"):
                        playing.host.open_window("a0", "Not let in")
                    assert playing.host.window_status("a0") == "shut"  # it may be later
                assert playing.slot("a0").status is SlotStatus.ACTIVE


@pytest.mark.usefixtures("pointer")
def test_a_display_brings_no_network_with_it(tmp_path: Path) -> None:
    plugin = f"clap:{fixture_library('stress_fixture')}#waits"
    with play(_song(tmp_path, plugin), permissions=ALLOWED) as playing:
        assert "network socket" in _event(playing, HostEventKind.DENIED)
