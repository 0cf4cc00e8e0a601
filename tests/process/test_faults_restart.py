# SPDX-License-Identifier: GPL-3.0-or-later
"""A restarted plugin is what it was: its last edit, its state, its place in the chain."""

import dataclasses
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from host.config import FaultPolicy
from host.crash_report import Phase
from host.store.database import Database
from ipc.messages import SaveState
from ipc.names import owner_of_command
from ipc.processes import children_of, command_line
from ipc.worker_process import WorkerProcess
from tests.process.songs import (
    QUICK,
    HostEventKind,
    Playing,
    Slot,
    SlotStatus,
    Song,
    Track,
    audio_track,
    noise,
    play,
    write_clip,
)

pytestmark = pytest.mark.process

# Restarts at once however often; a state counts as good after a few blocks.
FAST = FaultPolicy(
    hang_limit_s=0.4,
    next_restart_s=0.0,
    crash_limit=1000,
    snapshot_after_edit_s=0.02,
    snapshot_good_blocks=3,
)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database(tmp_path) as opened:
        yield opened


def gain_of(db: float) -> float:
    """The normalized value of builtin:gain's parameter."""
    return (db + 90.0) / 114.0


def saved_gain(playing: Playing, slot: str) -> float:
    """What the plugin's own state says, dB."""
    state = playing.host.capture_slot(slot).state
    assert state is not None
    return float(json.loads(state)["values"]["gain"])


def wait_for_good_snapshots(playing: Playing, slot: str, count: int) -> None:
    journal = playing.host.supervisor_of(slot).journal
    playing.until(
        lambda: sum(snapshot.good for snapshot in journal.snapshots) >= count,
        f"{count} good snapshots",
    )


def heard_gain_db(heard: np.ndarray, clip: np.ndarray) -> float:
    """The level of the last block against the clip's."""
    end = heard.shape[1]
    part = slice(end - 1024, end)
    return float(20 * np.log10(np.linalg.norm(heard[:, part]) / np.linalg.norm(clip[:, part])))


def test_an_edit_a_moment_before_a_kill_is_heard_after_it(tmp_path: Path) -> None:
    clip = noise(10 * 48000)
    file = write_clip(tmp_path / "clip.wav", clip)
    song = Song(tracks=(audio_track("t", file, "builtin:gain", "builtin:gain"),))
    with play(song, block=512, faults=FAST) as playing:
        playing.run(3)
        for i in range(12):
            db = -30.0 + 2 * i
            playing.host.set_parameter("t1", 0, gain_of(db))
            time.sleep(0.001 * (i % 3))
            playing.kill_and_wait("t1")
            assert playing.host.parameters("t1") == pytest.approx([gain_of(db)])
            assert saved_gain(playing, "t1") == pytest.approx(db, abs=1e-4)
        playing.until_heard("t1", 20)
        heard = playing.stop()
        assert heard_gain_db(heard, clip) == pytest.approx(-8.0, abs=0.01)
        assert playing.slot("t0").restarts == 0


def test_an_edit_made_before_the_clock_starts_survives_a_kill_before_it(tmp_path: Path) -> None:
    song = Song(tracks=(Track(id="t", chain=(Slot(id="g", plugin="builtin:gain"),)),))
    with play(song, faults=FAST, playing=False) as playing:
        playing.host.set_parameter("g", 0, 0.25)
        playing.kill_and_wait("g")
        assert playing.host.parameters("g") == pytest.approx([0.25])
        playing.host.start()
        playing.until_heard("g")
        assert playing.host.parameters("g") == pytest.approx([0.25])


def test_a_bypassed_plugin_is_not_saved_again_and_again_for_an_edit_that_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    saves: list[SaveState] = []
    request = WorkerProcess.request

    def counted(worker: WorkerProcess, message: Any, *rest: Any) -> Any:
        if isinstance(message, SaveState):
            saves.append(message)
        return request(worker, message, *rest)

    song = Song(tracks=(Track(id="t", chain=(Slot(id="g", plugin="builtin:gain"),)),))
    with play(song, faults=FAST) as playing:
        playing.until_heard("g")
        playing.host.set_bypass("g", True)
        playing.until_status("g", SlotStatus.BYPASSED)
        playing.run(20)
        monkeypatch.setattr(WorkerProcess, "request", counted)
        playing.host.set_parameter("g", 0, gain_of(-20.0))
        playing.run(200)  # half a second
        assert saves == []
        playing.host.set_bypass("g", False)
        journal = playing.host.supervisor_of("g").journal
        playing.until(
            lambda: journal.snapshots and journal.snapshots[-1].applied_edit == journal.last_edit,
            "a snapshot that holds the edit",
        )
        assert len(saves) == 1
        assert saved_gain(playing, "g") == pytest.approx(-20.0, abs=1e-4)


def test_edits_made_while_a_plugin_restarts_are_there_when_it_is_back(tmp_path: Path) -> None:
    faults = FaultPolicy(first_restart_s=0.2, crash_limit=10)
    song = Song(tracks=(Track(id="t", chain=(Slot(id="g", plugin="builtin:tone"),)),))
    with play(song, faults=faults) as playing:
        playing.run(3)
        playing.kill("g")
        playing.until_status("g", SlotStatus.RESTARTING)
        for value in (0.1, 0.5, 0.9):
            playing.host.set_parameter("g", 0, value)
            playing.host.set_parameter("g", 1, 1.0 - value)
        playing.until_restarts("g", 1)
        playing.until_heard("g")
        assert playing.host.parameters("g") == pytest.approx([0.9, 0.1])


def test_a_snapshot_is_not_overridden_by_the_song_s_first_parameters(tmp_path: Path) -> None:
    slot = Slot(id="g", plugin="builtin:gain", parameters={"Gain": 0.2})
    song = Song(tracks=(Track(id="t", chain=(slot,)),))
    with play(song, faults=FAST) as playing:
        playing.run(3)
        assert playing.host.parameters("g") == pytest.approx([0.2])
        for count, value in enumerate((0.4, 0.5, 0.6, 0.7), 1):
            playing.host.set_parameter("g", 0, value)
            wait_for_good_snapshots(playing, "g", min(count, 3))
        journal = playing.host.supervisor_of("g").journal
        playing.until(
            lambda: journal.next_restore().applied_edit == 4, "the last edit in a good snapshot"
        )
        assert journal.next_restore().edits == ()
        for _ in range(3):
            playing.kill_and_wait("g")
            assert playing.host.parameters("g") == pytest.approx([0.7])


def test_the_song_s_state_and_parameters_come_back_where_there_is_no_snapshot(
    tmp_path: Path,
) -> None:
    song = Song(
        tracks=(
            Track(
                id="t",
                chain=(
                    Slot(
                        id="g",
                        plugin="builtin:tone",
                        state=json.dumps(
                            {
                                "version": 1,
                                "plugin": "builtin:tone",
                                "values": {"frequency": 1000.0, "level": -40.0},
                            }
                        ).encode(),
                        parameters={"Level": "-30 dB"},
                    ),
                ),
            ),
        )
    )
    with play(song, faults=FAST) as playing:
        before = playing.host.parameters("g")
        playing.run(2)
        playing.kill_and_wait("g")
        assert playing.host.parameters("g") == pytest.approx(before)
        values = json.loads(playing.host.capture_slot("g").state or b"")["values"]
        assert values == pytest.approx({"frequency": 1000.0, "level": -30.0}, rel=1e-5)


def test_a_state_that_kills_its_plugin_is_given_up_for_the_one_before(database: Database) -> None:
    song = Song(tracks=(Track(id="t", chain=(Slot(id="g", plugin="fault:restore-segv"),)),))
    with play(song, faults=FAST, database=database) as playing:
        playing.run(3)
        for count, value in enumerate((0.3, 0.6), 1):
            playing.host.set_parameter("g", 0, value)
            wait_for_good_snapshots(playing, "g", count)
        playing.kill("g")
        playing.until_restarts("g", 1)
        playing.until_heard("g")
        # Both snapshots were tried, each once; then the edits made it what it was.
        assert playing.host.parameters("g") == pytest.approx([0.6])
        phases = [playing.report(r, database).phase for r in playing.slot("g").crashes]
        assert phases == [Phase.PROCESS, Phase.RESTORE, Phase.RESTORE]


def test_a_state_that_its_plugin_refuses_is_given_up_for_the_one_before() -> None:
    song = Song(tracks=(Track(id="t", chain=(Slot(id="g", plugin="builtin:gain"),)),))
    with play(song, faults=FAST) as playing:
        playing.run(3)
        playing.host.set_parameter("g", 0, 0.3)
        wait_for_good_snapshots(playing, "g", 1)
        playing.host.set_parameter("g", 0, 0.6)
        wait_for_good_snapshots(playing, "g", 2)
        supervisor = playing.host.supervisor_of("g")
        supervisor.journal.snapshots[-1].data = b"not a state at all"
        playing.kill("g")
        playing.until_restarts("g", 1)
        playing.until_heard("g")
        assert playing.host.parameters("g") == pytest.approx([0.6])
        # A state that is refused is no fault of its own.
        assert len(playing.events(HostEventKind.FAULT)) == 1
        assert any("the one before is tried" in e.text for e in playing.host.events_since(0))


def test_a_song_whose_state_is_refused_plays_with_its_parameters() -> None:
    slot = Slot(id="g", plugin="builtin:gain", state=b"nonsense", parameters={"Gain": 0.5})
    with play(Song(tracks=(Track(id="t", chain=(slot,)),)), faults=FAST) as playing:
        playing.until_status("g", SlotStatus.ACTIVE)
        assert playing.host.parameters("g") == pytest.approx([0.5])
        assert playing.slot("g").restarts == 0
        assert any("state" in event.text for event in playing.events(HostEventKind.NOTICE))
        assert not playing.events(HostEventKind.FAULT)


def test_a_captured_slot_holds_every_edit_made_before(tmp_path: Path) -> None:
    slot = Slot(id="g", plugin="builtin:gain", parameters={"Gain": 0.9}, program=None)
    with play(Song(tracks=(Track(id="t", chain=(slot,)),)), block=2048, faults=FAST) as playing:
        playing.run(3)
        for i in range(10):
            playing.host.set_parameter("g", 0, gain_of(-2.0 * i))
            captured = playing.host.capture_slot("g")
            assert captured.state is not None
            saved_db = json.loads(captured.state)["values"]["gain"]
            assert (saved_db, captured.parameters) == (pytest.approx(-2.0 * i, abs=1e-4), {})
        assert captured == msgspec.structs.replace(slot, state=captured.state, parameters={})


def test_edits_that_no_block_has_taken_are_captured_beside_the_state() -> None:
    slot = Slot(id="g", plugin="builtin:gain", parameters={"Gain": 0.9})
    song = Song(tracks=(Track(id="t", chain=(slot,)),))
    with play(song, faults=FAST, playing=False) as playing:  # the clock stands
        playing.host.set_parameter("g", 0, 0.25)
        captured = playing.host.capture_slot("g")
        assert captured.state is not None
        assert captured.parameters == {"0": 0.25}
        playing.host.set_bypass("g", True)
        began = time.monotonic()
        assert playing.host.capture_slot("g").bypassed
        assert time.monotonic() - began < 5
    with play(Song(tracks=(Track(id="t", chain=(captured,)),)), faults=FAST) as playing:
        assert playing.host.parameters("g") == pytest.approx([0.25])


def test_a_slot_without_a_worker_is_captured_as_it_was_last_known() -> None:
    slot = Slot(id="g", plugin="builtin:tone", parameters={"Level": "-30 dB"})
    faults = dataclasses.replace(FAST, first_restart_s=60.0, crash_limit=10)
    with play(Song(tracks=(Track(id="t", chain=(slot,)),)), faults=faults) as playing:
        playing.run(3)
        playing.kill("g")
        playing.until_status("g", SlotStatus.RESTARTING)
        playing.host.set_parameter("g", 0, 0.25)
        captured = playing.host.capture_slot("g")
        assert captured.parameters == {"Level": "-30 dB", "0": 0.25}


def test_a_plugin_that_dies_while_it_is_saved_keeps_its_edits(database: Database) -> None:
    song = Song(tracks=(Track(id="t", chain=(Slot(id="g", plugin="fault:save-segv"),)),))
    with play(song, faults=FAST, database=database) as playing:
        playing.run(3)
        playing.host.set_parameter("g", 0, 0.4)  # is followed by a snapshot, which kills it
        playing.until_restarts("g", 1)
        assert playing.host.parameters("g") == pytest.approx([0.4])
        report = playing.report(playing.slot("g").crashes[0], database)
        assert report.phase is Phase.SAVE


def test_records_come_back_however_often_plugins_restart() -> None:
    song = Song(
        tracks=(
            Track(
                id="t",
                chain=(
                    Slot(id="a", plugin="builtin:gain"),
                    Slot(id="b", plugin="builtin:gain"),
                ),
            ),
        )
    )
    with play(song, block=256, faults=FAST) as playing:
        pool = playing.host.supervisor_of("a").chain.pool
        records = pool.free + len(pool.leased)
        for i in range(records + 10):
            playing.kill_and_wait("a" if i % 3 else "b")
        playing.until(lambda: len(pool.leased) == 2, "all but two records given back")
        assert pool.free == records - 2
        assert not pool.condemned
        playing.until_heard("a")
        playing.until_heard("b")
        playing.stop()


def test_a_whole_chain_killed_at_once_comes_back_in_order(tmp_path: Path) -> None:
    clip = noise(10 * 48000)
    file = write_clip(tmp_path / "clip.wav", clip)
    song = Song(tracks=(audio_track("t", file, *["builtin:gain"] * 6),))
    slots = [f"t{i}" for i in range(6)]
    with play(song, block=512, faults=FAST) as playing:
        for i, slot in enumerate(slots):
            playing.host.set_parameter(slot, 0, gain_of(-1.0 * i))
        for _ in range(3):
            before = playing.slot("t0").restarts
            for slot in slots:
                playing.kill(slot)
            for slot in slots:
                playing.until_restarts(slot, before + 1)
        for slot in slots:
            playing.until_heard(slot, 20)
        assert heard_gain_db(playing.stop(), clip) == pytest.approx(-15.0, abs=0.01)


def launcher_pid(playing: Playing) -> int:
    workers = {playing.host.worker_pid(slot.id) for slot in playing.host.slots()}
    [launcher] = [
        pid
        for pid in children_of(os.getpid())
        if pid not in workers and owner_of_command(command_line(pid)) is not None
    ]
    return launcher


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_launcher_that_fails_while_playing_is_replaced_when_it_is_needed(
    number: signal.Signals, tmp_path: Path
) -> None:
    clip = noise(20 * 48000)
    file = write_clip(tmp_path / "clip.wav", clip)
    song = Song(tracks=(audio_track("t", file, "builtin:gain", "builtin:gain"),))
    with play(song, block=512, faults=FAST) as playing:
        playing.run(5)
        first = launcher_pid(playing)
        os.kill(first, number)
        playing.run(20)
        assert [slot.status for slot in playing.host.slots()] == [SlotStatus.ACTIVE] * 2
        assert [slot.restarts for slot in playing.host.slots()] == [0, 0]
        playing.kill_and_wait("t0")
        playing.until_heard("t0")
        assert launcher_pid(playing) != first
        heard = playing.stop()
        np.testing.assert_array_equal(heard, clip[:, : heard.shape[1]])


def test_a_plugin_whose_worker_cannot_be_started_fails_with_a_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    song = Song(tracks=(Track(id="t", chain=(Slot(id="g", plugin="builtin:gain"),)),))
    with play(song, faults=QUICK) as playing:
        playing.run(3)
        monkeypatch.setattr("sys.executable", "/nowhere/python")
        os.kill(launcher_pid(playing), signal.SIGKILL)
        playing.kill("g")
        playing.until_status("g", SlotStatus.FAILED)
        assert "/nowhere/python" in playing.slot("g").reason
        playing.run(5)
        playing.stop()
