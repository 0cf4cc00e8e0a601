# SPDX-License-Identifier: GPL-3.0-or-later
"""A desk as a window meets it: edits with undo, transport, files, what others break."""

import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from host.desk.desk import Desk
from host.desk.last_device import LastDevice, last_device
from host.desk.titles import Titles
from host.desk.view import desk_state
from host.events import HostEventKind
from host.mix import Mix
from host.permissions import PermissionRules
from host.session.folder import claim, sessions_folder
from host.session.recovery import Recovered, recover
from host.song import AudioSource, LoopRange, Slot, Song, Track
from host.song_file import load_song, save_song
from host.store.folder import data_folder
from ipc.desk.meters import MeterReader
from ipc.desk.requests import (
    DESK_PROTOCOL,
    AddSlot,
    AddTrack,
    AskDevices,
    AskOverview,
    AskSlot,
    AskText,
    Attach,
    Change,
    DeletePreset,
    LoadPreset,
    Locate,
    MoveSlot,
    MoveTrack,
    OpenSong,
    Play,
    QuarantineSlot,
    Quit,
    Redo,
    RemoveSlot,
    RemoveTrack,
    RenamePreset,
    RestartSlot,
    RestorePreset,
    Save,
    SavePreset,
    SetDevice,
    SetLoop,
    SetParameter,
    SetSlot,
    SetSong,
    SetSource,
    SetTrack,
    Undo,
)
from ipc.desk.state import DeskState
from ipc.errors import InputError
from ipc.status import SlotStatus
from tests.process.desks import SETTINGS, Served, Window, served
from tests.process.jack import until
from tests.process.songs import sine, write_clip

pytestmark = pytest.mark.process


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISOBOOTH_DATA", str(tmp_path / "data"))


@pytest.fixture
def desk() -> Iterator[Served]:
    with served() as desk:
        yield desk


@pytest.fixture
def song_file(tmp_path: Path) -> str:
    """Two tracks with a tone; the first has a gain."""
    tone = write_clip(tmp_path / "tone.wav", sine(48000, level=0.25))
    source = AudioSource(file=tone, loop=True)
    song = Song(
        name="Two",
        tracks=(
            Track(id="a", audio=source, chain=(Slot(id="g", plugin="builtin:gain"),)),
            Track(id="b", audio=source),
        ),
    )
    save_song(song, tmp_path / "two.json")
    return str(tmp_path / "two.json")


@pytest.fixture
def window(song_file: str) -> Iterator[Window]:
    with served(song=song_file) as desk:
        yield desk.window()


def ids(state: DeskState) -> list[tuple[str, list[str]]]:
    return [(track.id, [slot.id for slot in track.slots]) for track in state.tracks]


def all_active(state: DeskState) -> bool:
    slots = [slot for track in (*state.tracks, state.master) for slot in track.slots]
    return all(slot.status is SlotStatus.ACTIVE for slot in slots)


def change(window: Window, *edits: object, gesture: int = 0) -> None:
    window.ask(Change(edits, gesture))  # type: ignore[arg-type]


# ---------------------------------------------------------------- edits and undo


def test_a_track_is_given_what_it_plays(desk: Served, song_file: str, tmp_path: Path) -> None:
    window = desk.window()
    tone = str(tmp_path / "tone.wav")
    change(window, AddTrack(name="Drums", index=0, plugins=("builtin:gain",)))
    state = window.until(lambda s: s.tracks and all_active(s), "made")
    assert state.tracks[0].kind == "empty"
    pid = state.tracks[0].slots[0].pid
    change(window, SetSource(track="drums", file=tone))
    state = window.until(lambda s: s.tracks[0].kind == "audio" and s.tracks[0].end_frame, "set")
    assert state.tracks[0].file == tone and state.undo == "file of Drums"
    assert state.tracks[0].slots[0].pid == pid  # it plays on
    with pytest.raises(InputError, match="nowhere"):
        change(window, SetSource(track="drums", file="/nowhere/x.wav"))
    window.ask(Undo())
    window.until(lambda s: s.tracks[0].kind == "empty" and not s.tracks[0].file, "undone")


def test_a_song_is_made_from_nothing(desk: Served, song_file: str, tmp_path: Path) -> None:
    window = desk.window()
    assert window.state.song == "Untitled"
    tone = str(tmp_path / "tone.wav")
    change(window, AddTrack(name="Drums", index=0, file=tone, plugins=("builtin:gain",)))
    change(window, AddTrack(name="Synth", index=1, plugins=("builtin:synth", "builtin:gain")))
    change(window, AddSlot(track="master", index=0, plugin="builtin:gain"))
    state = window.until(lambda s: len(s.tracks) == 2 and s.master.slots and all_active(s), "all")
    assert ids(state) == [("drums", ["gain"]), ("synth", ["synth", "gain-2"])]
    assert [track.kind for track in state.tracks] == ["audio", "empty"]
    assert state.master.slots[0].id == "gain-3"
    assert state.is_modified
    assert state.undo == "adding gain"
    path = tmp_path / "made.json"
    window.ask(Save(str(path)))
    state = window.until(lambda s: not s.is_modified, "saved")
    assert (state.path, state.song) == (str(path), "made")
    saved = load_song(path)
    assert [track.id for track in saved.tracks] == ["drums", "synth"]


def test_faders_move_and_come_back(window: Window) -> None:
    for gain in (-1.0, -3.0, -6.0):
        change(window, SetTrack(track="a", gain_db=gain), gesture=7)
    change(window, SetTrack(track="a", pan=0.5, mute=True))
    change(window, SetTrack(track="master", gain_db=-2.0))
    change(window, SetTrack(track="b", solo=True, name="Bass", colour="#3fa7d6"))
    state = window.until(lambda s: s.tracks[1].solo, "solo")
    assert (state.tracks[0].gain_db, state.tracks[0].pan, state.tracks[0].mute) == (-6.0, 0.5, True)
    assert state.tracks[0].silenced
    assert (state.tracks[1].name, state.tracks[1].colour) == ("Bass", "#3fa7d6")
    names = []
    while window.state.undo:
        names.append(window.state.undo)
        window.ask(Undo())
    assert names == [
        "name and colour and solo of b",
        "gain of Master",
        "pan and mute of a",
        "gain of a",
    ]
    assert window.state.tracks[0].gain_db == 0.0
    assert not window.state.is_modified
    with pytest.raises(InputError, match="nothing to undo"):
        window.ask(Undo())
    window.ask(Redo())
    assert window.state.tracks[0].gain_db == -6.0


def test_plugins_are_moved_replaced_and_removed_with_their_sound(window: Window) -> None:
    change(window, SetParameter(slot="g", parameter=0, value=0.25))
    change(window, MoveSlot(slot="g", track="b", index=0))
    window.until(lambda s: ids(s) == [("a", []), ("b", ["g"])] and all_active(s), "moved")
    assert window.ask(AskSlot("g")).details.values[0] == pytest.approx(0.25)
    change(window, RemoveSlot(slot="g"))
    window.until(lambda s: ids(s) == [("a", []), ("b", [])], "removed")
    window.ask(Undo())
    window.until(lambda s: ids(s) == [("a", []), ("b", ["g"])] and all_active(s), "back")
    assert window.ask(AskSlot("g")).details.values[0] == pytest.approx(0.25)
    change(window, SetSlot(slot="g", plugin="builtin:tone"))
    window.until(lambda s: ids(s) == [("a", []), ("b", ["tone"])] and all_active(s), "replaced")
    for _ in range(2):
        window.ask(Undo())
    window.until(lambda s: ids(s) == [("a", ["g"]), ("b", [])] and all_active(s), "as it was")
    before = window.ask(AskSlot("g")).details.values[0]
    assert before == pytest.approx(0.25)
    window.ask(Undo())
    time.sleep(0.2)
    assert window.ask(AskSlot("g")).details.values[0] != pytest.approx(0.25)


def test_tracks_are_added_moved_and_removed(window: Window) -> None:
    change(window, AddTrack(name="a", index=0), MoveTrack(track="b", index=0))
    assert [track.id for track in window.state.tracks] == ["b", "a-2", "a"]
    change(window, SetTrack(track="a", output="b"))
    change(window, RemoveTrack(track="b"))
    assert [(track.id, track.output) for track in window.state.tracks] == [
        ("a-2", "master"),
        ("a", "master"),
    ]
    window.ask(Undo())
    assert window.state.tracks[2].output == "b"


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (SetTrack(track="nobody", gain_db=0.0), "no track 'nobody'"),
        (SetTrack(track="master", pan=0.0), "the master has a gain"),
        (SetTrack(track="a", output="a"), "circle"),
        (SetTrack(track="a", output="nobody"), "nobody"),
        (AddSlot(track="a", index=0, plugin="nonsense"), "nonsense"),
        (RemoveSlot(slot="nobody"), "not in the song any more"),
        (AddTrack(name="x", index=0, file="/nowhere/x.wav"), "/nowhere/x.wav"),
        (SetSong(time_signature=(5, 7)), "5/7"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else value.split()[0],
)
def test_what_cannot_be_done_says_why_and_changes_nothing(
    window: Window, edit: object, words: str
) -> None:
    before = window.state.tracks
    with pytest.raises(InputError, match=words):
        change(window, SetTrack(track="a", gain_db=-40.0), edit)
    assert window.ask(Attach(DESK_PROTOCOL)).state.tracks == before


def test_a_new_plugin_with_an_old_ones_id_has_nothing_of_it(window: Window) -> None:
    default = window.ask(AskSlot("g")).details.values[0]
    change(window, SetSlot(slot="g", plugin="builtin:gain"))  # its id is "gain"
    window.until(all_active, "replaced")
    change(window, SetParameter(slot="gain", parameter=0, value=0.9))
    change(window, RemoveSlot(slot="gain"))
    change(window, AddSlot(track="a", index=0, plugin="builtin:gain"))
    window.until(lambda s: ids(s)[0] == ("a", ["gain"]) and all_active(s), "added")
    assert window.ask(AskSlot("gain")).details.values[0] == pytest.approx(default)
    change(window, SetParameter(slot="gain", parameter=0, value=0.1))
    window.ask(Undo())
    time.sleep(0.2)
    assert window.ask(AskSlot("gain")).details.values[0] == pytest.approx(default)


def test_a_plugin_with_a_program_plays_on_when_its_track_is_renamed(tmp_path: Path) -> None:
    slot = Slot(id="g", plugin="builtin:gain", program=0)
    save_song(Song(tracks=(Track(id="a", chain=(slot,)),)), tmp_path / "song.json")
    with served(song=str(tmp_path / "song.json")) as desk:
        window = desk.window()
        window.until(all_active, "active")
        pid = window.slot("g").pid
        change(window, SetParameter(slot="g", parameter=0, value=0.3))
        window.ask(Save())
        change(window, SetParameter(slot="g", parameter=0, value=0.9))
        change(window, SetTrack(track="a", name="Other"))
        assert window.until(all_active, "active").tracks[0].slots[0].pid == pid
        assert window.ask(AskSlot("g")).details.values[0] == pytest.approx(0.9)


def recovered_now(desk: Served) -> Recovered:
    """What another host would find if this one were killed now."""
    time.sleep(0.8)  # what is written within a quarter of a second
    assert desk.desk.session_id is not None
    folder = sessions_folder() / desk.desk.session_id
    copy = sessions_folder().parent / f"copy-{time.monotonic_ns()}" / folder.name
    shutil.copytree(folder, copy)
    recovered = recover(claim(folder.name, copy.parent))
    recovered.folder.close()
    return recovered


def value_in(recovered: Recovered, slot: str) -> str:
    """Of the built-in gain, in decibels, as it would be restored."""
    spec = next(one for _, one in recovered.song.slots() if one.id == slot)
    journal = recovered.journals.get(slot)
    state = spec.state or b""
    edits = {}
    if journal is not None:
        restore = journal.next_restore()
        state = restore.state or b""
        edits = {edit.parameter: edit.value for edit in restore.edits}
    return f"{state.decode()} {edits} {dict(spec.parameters)}"


def test_the_loop_is_what_a_killed_host_leaves(song_file: str, tmp_path: Path) -> None:
    song = load_song(Path(song_file))
    looped = msgspec.structs.replace(song, loop=LoopRange(start_s=1.0, end_s=2.0))
    save_song(looped, tmp_path / "looped.json")
    with served(song=str(tmp_path / "looped.json")) as desk:
        window = desk.window()
        window.until(all_active, "active")
        assert recovered_now(desk).loop == (48000, 96000)
        window.ask(SetLoop(0, 24000))
        found = recovered_now(desk)
        desk.desk.resume(found)
        assert desk.desk.loop == (0, 24000) == window.ask_state().transport.loop
        window.ask(SetLoop(0, 0))
        desk.desk.resume(recovered_now(desk))
        assert desk.desk.loop is None
        # One that is too short for the blocks is kept, and nothing is looped.
        window.ask(SetLoop(0, 1000))
        window.ask(SetLoop(0, 24000))
        window.ask(SetDevice("null", 48000, 2048))
        window.ask(Undo())
        assert desk.desk.loop == (0, 1000)
        window.ask(Locate(0))
        window.ask(Play(True))
        until(lambda: desk.desk.host.engine.position_frames > 40_000, "it plays on")


def test_what_undo_brought_back_is_what_a_killed_host_leaves(song_file: str) -> None:
    with served(song=song_file) as desk:
        window = desk.window()
        window.until(all_active, "active")
        change(window, SetParameter(slot="g", parameter=0, value=0.25))
        change(window, SetTrack(track="a", name="Other"))
        change(window, MoveSlot(slot="g", track="b", index=0))
        window.ask(Undo())
        window.ask(Undo())
        window.until(all_active, "active")
        assert window.ask(AskSlot("g")).details.values[0] == pytest.approx(0.25)
        found = value_in(recovered_now(desk), "g")
        assert "-61.5" in found or "0.25" in found


def test_a_change_that_is_refused_loses_nothing_on_disk(song_file: str) -> None:
    with served(song=song_file) as desk:
        window = desk.window()
        window.until(all_active, "active")
        change(window, SetParameter(slot="g", parameter=0, value=0.25))
        with pytest.raises(InputError, match="too long"):
            many = [AddSlot(track="b", index=0, plugin="builtin:gain") for _ in range(200)]
            change(window, MoveSlot(slot="g", track="b", index=0), *many)
        found = value_in(recovered_now(desk), "g")
        assert "-61.5" in found or "0.25" in found


def test_a_song_saved_elsewhere_is_resumed_as_that(song_file: str, tmp_path: Path) -> None:
    with served(song=song_file) as desk:
        window = desk.window()
        window.ask(Save(str(tmp_path / "other.json")))
        change(window, SetTrack(track="a", gain_db=-3.0))
        assert recovered_now(desk).folder.about.song == str(tmp_path / "other.json")


def test_people_are_told_the_plugin_and_its_track_and_never_a_slots_id(window: Window) -> None:
    window.until(all_active, "all play")
    change(window, SetTrack(track="a", name="Drums"))
    change(window, SetParameter(slot="g", parameter=0, value=0.5))
    assert window.ask_state().undo == "a parameter of Gain on Drums"
    pid = window.slot("g").pid
    assert pid is not None
    os.kill(pid, signal.SIGSEGV)
    told = window.until_told("back after")
    assert told.text.startswith("Gain on Drums is back") and told.slot == "g"
    faults = [one.text for one in window.notices if one.kind == "fault"]
    assert faults and faults[0].startswith("Gain on Drums "), faults
    window.ask(QuarantineSlot("g"))
    with pytest.raises(InputError, match=r"Gain on Drums( is quarantined)?: "):
        window.ask(AskText("g", 0, 0.5))
    change(window, RemoveSlot(slot="g"))
    with pytest.raises(InputError, match="not in the song any more"):
        change(window, SetSlot(slot="g", bypassed=True))


def test_presets_do_not_take_each_others_places(window: Window) -> None:
    window.until(all_active, "all play")
    for name in ("One", "Two"):
        window.ask(SavePreset("g", name))
    with pytest.raises(InputError, match="'Two' already"):
        window.ask(RenamePreset("g", "One", "Two"))
    with pytest.raises(InputError, match="no name for a preset"):
        window.ask(RenamePreset("g", "One", "../Two"))
    with pytest.raises(InputError, match="no such file"):
        window.ask(DeletePreset("g", "Three"))
    with pytest.raises(InputError, match="was deleted"):
        window.ask(RestorePreset("g"))
    window.ask(DeletePreset("g", "One"))
    window.ask(SavePreset("g", "One"))
    with pytest.raises(InputError, match="rename that one first"):
        window.ask(RestorePreset("g"))
    window.ask(RenamePreset("g", "One", "Three"))
    assert window.ask(RestorePreset("g")).text == "One"
    assert window.ask(AskSlot("g")).details.presets == ("One", "Three", "Two")


def test_the_song_is_grouped_while_it_plays_and_that_is_undone(window: Window) -> None:
    change(window, AddSlot(track="a", index=1, plugin="builtin:gain"))
    window.until(all_active, "all play")
    change(window, SetSong(grouping="chain"))
    window.until(lambda _: window.slot("g").shares_with == ("gain",), "they share")
    assert window.state.grouping == "chain" and "grouping" in window.state.undo
    window.ask(Undo())
    state = window.until(lambda _: window.slot("g").shares_with == (), "they do not")
    assert state.grouping == "plugin"


# ---------------------------------------------------------------- transport, meters, devices


def test_it_plays_loops_and_stops_and_the_meters_show_it(window: Window) -> None:
    meters = MeterReader(window.state.meters)
    window.ask(Play(True))
    window.until(lambda s: s.transport.playing, "playing")
    deadline = time.monotonic() + 10
    while meters.read()["strips"][0]["peaks"].max() < 0.2:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    shown = meters.read()
    assert shown["revision"] == window.state.revision
    assert shown["strips"][2]["peaks"].max() > 0.4  # the master, which both tracks are heard in
    assert shown["playing"] and shown["deadline_us"] > 1000 and shown["block_count"] > 0
    first = int(meters.read()["position_frames"])
    window.ask(SetLoop(0, 24000))
    window.ask(Locate(1000))
    time.sleep(0.3)
    assert 0 <= int(meters.read()["position_frames"]) <= 24000 + 1024
    assert window.until(lambda s: s.transport.loop, "loop").transport.loop == (0, 24000)
    window.ask(Play(False))
    window.until(lambda s: not s.transport.playing, "stopped")
    assert first > 0
    meters.close()


def test_the_device_that_was_chosen_is_kept_for_the_next_time(window: Window) -> None:
    assert last_device() == LastDevice()
    window.ask(SetDevice("null", 48000, 256))
    assert last_device() == LastDevice(device="null", block_frames=256)
    (data_folder() / "device.json").write_text('{"block_frames": "many"}')
    assert last_device() == LastDevice()


def test_the_loop_is_undone_and_saved_with_the_song(window: Window, tmp_path: Path) -> None:
    def loop() -> tuple[int, int] | None:
        return window.ask_state().transport.loop

    window.ask(SetLoop(4800, 24000))
    window.ask(SetLoop(4800, 48000))
    assert (loop(), window.state.undo) == ((4800, 48000), "the loop")
    window.ask(Undo())
    assert loop() == (4800, 24000)
    window.ask(Undo())
    assert loop() is None
    window.ask(Redo())
    assert loop() == (4800, 24000)
    window.ask(SetDevice("null", 96000, 256))
    assert loop() == (9600, 48000)
    window.ask(Save(str(tmp_path / "looped.json")))
    assert load_song(tmp_path / "looped.json").loop == LoopRange(start_s=0.1, end_s=0.5)
    with pytest.raises(InputError, match="within a day"):
        window.ask(SetLoop(0, 86_401 * 96_000))
    window.ask(SetLoop(0, 0))
    assert loop() is None
    window.ask(OpenSong(str(tmp_path / "looped.json")))
    assert loop() == (9600, 48000)
    meters = MeterReader(window.ask_state().meters)
    window.ask(Locate(0))
    window.ask(Play(True))
    time.sleep(1.5)
    assert int(meters.read()["position_frames"]) <= 48000 + 1024
    window.ask(Play(False))
    meters.close()


def test_rate_and_block_change_without_an_end(window: Window) -> None:
    change(window, SetParameter(slot="g", parameter=0, value=0.25))
    window.ask(Play(True))
    meters = MeterReader(window.state.meters)
    time.sleep(0.5)
    before_s = int(meters.read()["position_frames"]) / 48000
    window.ask(SetDevice("null", 96000, 1024))
    state = window.until(lambda s: s.device.sample_rate == 96000 and all_active(s), "rate")
    assert state.device.block_frames == 1024
    window.until(lambda s: s.transport.playing, "playing")
    until(lambda: int(meters.read()["position_frames"]) / 96000 >= before_s, "where it was")
    assert window.ask(AskSlot("g")).details.values[0] == pytest.approx(0.25)
    window.ask(Undo())
    assert window.state.device.sample_rate == 96000
    meters.close()


def test_a_device_that_is_not_there_is_said_and_the_mix_goes_on(window: Window) -> None:
    with pytest.raises(InputError):
        window.ask(SetDevice("no such device", 48000, 512))
    window.until(lambda s: s.device.problem, "problem")
    window.ask(SetDevice("no such device", 44100, 512))  # the rate can be had without it
    assert window.until(lambda s: s.device.sample_rate == 44100, "rate").device.problem
    with pytest.raises(InputError):
        window.ask(SetDevice("no such device", 44100, 512))  # tried again
    window.ask(SetDevice("null", 48000, 512))
    assert not window.until(lambda s: not s.device.problem, "no problem").device.problem
    assert window.ask(AskDevices()).devices[-1].device == "null"


# ---------------------------------------------------------------- plugins


def test_a_plugin_is_asked_and_told_all(window: Window) -> None:
    details = window.ask(AskSlot("g")).details
    assert details.description is not None
    assert details.description.parameters[0].name == "Gain"
    assert details.texts[0].endswith("dB")
    assert window.ask(AskText("g", 0, 0.0)).text != details.texts[0]
    assert window.ask(AskSlot("g", False)).details.description is None


def test_a_preset_is_kept_and_taken(window: Window) -> None:
    change(window, SetParameter(slot="g", parameter=0, value=0.25))
    time.sleep(0.1)
    window.ask(SavePreset("g", "Quiet"))
    change(window, SetParameter(slot="g", parameter=0, value=0.9))
    new = window.ask(LoadPreset("g", "Quiet")).text
    window.until(lambda s: ids(s)[0] == ("a", [new]) and all_active(s), "loaded")
    details = window.ask(AskSlot(new)).details
    assert details.presets == ("Quiet",)
    assert details.values[0] == pytest.approx(0.25)
    window.ask(Undo())
    window.until(lambda s: ids(s)[0] == ("a", ["g"]) and all_active(s), "undone")
    assert window.ask(AskSlot("g")).details.values[0] == pytest.approx(0.9)
    for name in ("nobody", "../g", ""):
        with pytest.raises(InputError):
            window.ask(LoadPreset("g", name))


def test_a_killed_plugin_is_shown_and_back_with_its_sound(window: Window) -> None:
    change(window, SetParameter(slot="g", parameter=0, value=0.25))
    pid = window.slot("g").pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    window.until(lambda s: window.slot("g").restarts == 1 and all_active(s), "back")
    notice = window.until_told("SIGKILL")
    assert (notice.kind, notice.slot) == ("fault", "g")
    assert window.ask(AskSlot("g")).details.values[0] == pytest.approx(0.25)


def test_a_plugin_that_was_given_up_is_restarted(window: Window) -> None:
    for _ in range(3):
        window.until(lambda s: all_active(s) and window.slot("g").pid, "back")
        pid = window.slot("g").pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        window.until(lambda s, pid=pid: window.slot("g").pid != pid, "noticed")  # type: ignore[misc]
    window.until(lambda s: window.slot("g").status is SlotStatus.QUARANTINED, "quarantined")
    window.ask(RestartSlot("g"))
    window.until(all_active, "active again")


# ---------------------------------------------------------------- files


def test_other_songs_are_opened_and_what_is_none_is_refused(
    window: Window, song_file: str, tmp_path: Path
) -> None:
    (tmp_path / "bad.json").write_text("{}")
    with pytest.raises(InputError, match=r"bad\.json"):
        window.ask(OpenSong(str(tmp_path / "bad.json")))
    with pytest.raises(InputError, match=r"missing\.json"):
        window.ask(OpenSong(str(tmp_path / "missing.json")))
    assert window.state.song == "Two"
    window.ask(OpenSong(""))
    assert window.state.song == "Untitled"
    with pytest.raises(InputError, match="no file yet"):
        window.ask(Save())
    with pytest.raises(InputError):
        window.ask(Save("/nowhere/at/all.json"))
    window.ask(OpenSong(song_file))
    assert window.state.song == "Two"


def test_a_track_is_drawn(window: Window) -> None:
    overview = window.ask(AskOverview("a", 100))
    assert overview.frames_per_bucket == 480
    assert len(overview.low) == len(overview.high) == 100
    assert np.frombuffer(overview.high, np.int8).max() == 32
    with pytest.raises(InputError):
        window.ask(AskOverview("nobody"))


# ---------------------------------------------------------------- windows


def test_windows_see_what_others_do_and_go_as_they_like(desk: Served) -> None:
    one, two = desk.window(), desk.window()
    change(one, AddTrack(name="Drums", index=0))
    two.until(lambda s: len(s.tracks) == 1, "told")
    one.close()
    change(two, AddTrack(name="Bass", index=1))
    assert len(desk.window().state.tracks) == 2


def test_a_window_that_joins_takes_no_news_from_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("host.desk.server._LOOK_S", 3600.0)  # only who joins makes it look
    with served() as desk:
        first = desk.window()
        first.ask(Attach(DESK_PROTOCOL))  # behind the first look
        desk.desk.play(True)
        second = desk.window()
        until(lambda: second.ask_state().transport.playing, "it plays")
        first.until(lambda s: s.transport.playing, "the first window is told, too")


def test_what_is_no_request_costs_its_sender_the_connection_and_nobody_else(desk: Served) -> None:
    good = desk.window()
    bad = Window(desk.server.path, attach=False)
    bad.send_raw(b"\xff\xff\xff\xff" + b"x" * 100)
    assert bad.is_closed()
    odd = Window(desk.server.path, attach=False)
    odd.send_raw(b"\x04\x00\x00\x00\x93\x01\x02\x03")
    with pytest.raises(InputError):
        odd.ask(Attach(DESK_PROTOCOL + 1))
    assert odd.ask(Attach(DESK_PROTOCOL)).state.song == "Untitled"
    change(good, AddTrack(name="Drums", index=0))
    for window in (bad, odd):
        window.close()


def test_quit_ends_the_host_in_order(desk: Served) -> None:
    window = desk.window()
    window.ask(Quit())
    assert window.is_closed()
    assert desk.server.was_asked_to_quit


def test_settings_are_what_was_asked_for() -> None:
    with served(SETTINGS) as desk:
        assert desk.window().state.device.block_frames == 512


def test_to_look_at_a_song_takes_no_search_for_each_slot(
    song_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is done twenty times a second, whatever the size of the song."""
    searches: list[str] = []
    search, of = Mix.slot, PermissionRules.of
    with Desk(None, SETTINGS) as desk:
        desk.open_file(song_file)
        expected = desk_state(desk, "")  # what was asked for once is known
        monkeypatch.setattr(Mix, "slot", lambda mix, one: searches.append(one) or search(mix, one))
        monkeypatch.setattr(
            PermissionRules, "of", lambda rules, one: searches.append(one) or of(rules, one)
        )
        assert desk_state(desk, "") == expected and not searches
        monkeypatch.undo()
        [slot] = expected.tracks[0].slots
        assert slot.pid == desk.host.worker_pid(slot.id) is not None
        assert slot.window == desk.host.window_status(slot.id)


def test_names_are_looked_up_when_they_change(
    song_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Titles] = []
    look = Titles.look
    with served(song=song_file) as desk:
        window = desk.window()
        window.until(all_active, "all play")
        window.ask_state()
        monkeypatch.setattr(Titles, "look", lambda titles: looks.append(titles) or look(titles))
        for gain in (-1.0, -2.0, -3.0):
            change(window, SetTrack(track="a", gain_db=gain))
            window.ask_state()
        assert not looks
        change(window, SetTrack(track="a", name="Drums"))
        assert looks
        monkeypatch.undo()


def test_a_slot_that_has_gone_is_told_by_what_it_was_called_last(song_file: str) -> None:
    with served(song=song_file) as desk:
        window = desk.window()
        window.until(all_active, "all play")
        change(window, SetTrack(track="a", name="Drums"))
        change(window, RemoveSlot(slot="g"))
        desk.desk.host.events.add(HostEventKind.NOTICE, "g: is told late", slot="g")
        assert "on Drums: is told late" in window.until_told("is told late").text
