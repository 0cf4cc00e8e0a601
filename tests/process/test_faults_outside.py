# SPDX-License-Identifier: GPL-3.0-or-later
"""What is not the plugin's doing is not held against it: kills from outside, a database that is
held by somebody else, memory that a neighbour wrecked."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from host.config import FaultPolicy
from host.crash_report import CrashReport, FaultKind
from host.store.blacklist import Blacklist
from host.store.crash_store import CrashStore
from host.store.database import Database
from ipc.errors import MachineError
from ipc.names import segment_path
from tests.process.songs import (
    QUICK,
    HostEventKind,
    Slot,
    SlotStatus,
    Song,
    Track,
    audio_track,
    noise,
    offline,
    play,
    write_clip,
)

pytestmark = pytest.mark.process

GAIN = Song(tracks=(Track(id="t", chain=(Slot(id="g", plugin="builtin:gain"),)),))
THREE = FaultPolicy(next_restart_s=0.02)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database(tmp_path) as opened:
        yield opened


def test_kills_from_outside_quarantine_for_this_session_only(database: Database) -> None:
    with play(GAIN, faults=THREE, database=database) as playing:
        for _ in range(2):
            playing.kill_and_wait("g")
        playing.kill("g")
        playing.until_status("g", SlotStatus.QUARANTINED)
        playing.run(3)
        slot = playing.slot("g")
        assert "killed by someone else" in slot.reason
        reports = [playing.report(report, database) for report in slot.crashes]
        assert [report.kind.value for report in reports] == ["killed"] * 3
        assert [report.action for report in reports] == ["restarted", "restarted", "quarantined"]
        [event] = playing.events(HostEventKind.QUARANTINED)
        assert "for this session" in event.text and "blacklist" not in event.text
        assert "someone else" in playing.events(HostEventKind.FAULT)[0].text
    assert Blacklist(database).is_blacklisted("builtin:gain") is None
    with play(GAIN, database=database) as playing:
        playing.until_status("g", SlotStatus.ACTIVE)


def test_a_worker_that_the_host_kills_is_not_called_killed_by_others(database: Database) -> None:
    with play(GAIN, faults=QUICK, database=database) as playing:
        playing.run(3)
        playing.kill_and_wait("g", signal.SIGSTOP)
        assert playing.report(playing.slot("g").crashes[0], database).kind.value == "hang"


def test_a_verdict_on_one_worker_does_not_name_the_end_of_the_next(database: Database) -> None:
    with play(GAIN, faults=QUICK, database=database) as playing:
        playing.run(3)
        first = playing.host.supervisor_of("g")
        tenure = first.seats.playing
        assert tenure is not None
        playing.kill_and_wait("g", signal.SIGSEGV)
        tenure.condemn(FaultKind.HANG)  # a decision that came too late
        playing.kill_and_wait("g", signal.SIGABRT)
        kinds = [playing.report(r, database).kind.value for r in playing.slot("g").crashes]
        assert kinds == ["crash", "crash"]


def test_a_restart_does_not_wait_for_the_database(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    free, add = threading.Event(), CrashStore.add

    def held(self: CrashStore, report: CrashReport) -> str:
        assert free.wait(30)
        return add(self, report)

    monkeypatch.setattr(CrashStore, "add", held)
    song = Song(
        tracks=(
            Track(id="t", chain=(Slot(id="g", plugin="builtin:gain"),)),
            Track(id="u", chain=(Slot(id="h", plugin="builtin:gain"),)),
        )
    )
    with play(song, faults=QUICK, database=database) as playing:
        playing.run(3)
        for slot in ("g", "h", "g"):
            playing.kill_and_wait(slot, signal.SIGSEGV)
            playing.until_heard(slot)
        ids = [*playing.slot("g").crashes, *playing.slot("h").crashes]
        assert len(ids) == 3
        assert CrashStore(database).list() == []
        faults = [event.report for event in playing.events(HostEventKind.FAULT)]
        assert sorted(map(str, faults)) == sorted(ids)
        threading.Timer(0.2, free.set).start()
    # The host's end has waited for them.
    assert {report.id for report in CrashStore(database).list()} == set(ids)


def test_a_report_that_cannot_be_written_is_said_and_not_listed(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: CrashStore, report: CrashReport) -> str:
        raise MachineError("the disk is full")

    monkeypatch.setattr(CrashStore, "add", full)
    with play(GAIN, faults=QUICK, database=database) as playing:
        playing.kill_and_wait("g", signal.SIGSEGV)
        playing.until(lambda: not playing.slot("g").crashes, "the report taken back")
        assert any("the disk is full" in e.text for e in playing.events(HostEventKind.NOTICE))


@pytest.mark.parametrize(("file", "size"), [("host", 0), ("host", 4096), ("activation", 0)])
def test_a_chain_whose_memory_is_wrecked_is_replaced_and_nobody_blamed(
    file: str, size: int, tmp_path: Path, database: Database
) -> None:
    clip = write_clip(tmp_path / "clip.wav", noise(48000))
    song = Song(
        tracks=(
            audio_track("bad", clip, "builtin:gain", "builtin:gain", mute=True),
            audio_track("good", clip, "builtin:gain"),
        )
    )
    with play(song, block=512, faults=QUICK, database=database) as playing:
        playing.run(5)
        playing.host.set_parameter("bad1", 0, 0.25)
        before = playing.host.supervisor_of("bad0").chain
        os.truncate(segment_path(getattr(before.segments.names, file)), size)
        for slot in ("bad0", "bad1"):
            playing.until_restarts(slot, 1)
            playing.until_heard(slot)
        assert playing.host.supervisor_of("bad0").chain is not before
        assert playing.host.parameters("bad1") == pytest.approx([0.25])
        assert [slot.crashes for slot in playing.host.slots()] == [(), (), ()]
        assert (playing.slot("good0").restarts, playing.slot("good0").missed_blocks) == (0, 0)
        assert any("wrecked the memory" in e.text for e in playing.events(HostEventKind.NOTICE))
        playing.kill_and_wait("bad0")  # the new chain is a whole one
        playing.until_heard("bad0")
        playing.stop()


def test_a_chain_that_is_wrecked_again_and_again_is_given_up_with_a_reason(
    tmp_path: Path, database: Database
) -> None:
    song = Song(
        tracks=(
            Track(id="bad", chain=(Slot(id="b", plugin="builtin:gain"),)),
            Track(id="good", chain=(Slot(id="g", plugin="builtin:gain"),)),
        )
    )
    with play(song, faults=THREE, database=database) as playing:
        for _ in range(3):
            playing.until_heard("b")
            chain = playing.host.supervisor_of("b").chain
            os.truncate(segment_path(chain.segments.names.activation), 0)
            playing.until(
                lambda old=chain: (
                    playing.host.supervisor_of("b").chain is not old
                    or playing.slot("b").status is SlotStatus.FAILED
                ),
                "the chain replaced or given up",
            )
        playing.until_status("b", SlotStatus.FAILED)
        assert "wrecked the memory" in playing.slot("b").reason
        playing.until(lambda: playing.host.worker_pid("b") is None, "its worker ended")
        time.sleep(0.1)
        assert len(playing.events(HostEventKind.FAILED)) == 1
        playing.until_heard("g")
        assert playing.slot("g").restarts == 0
    assert Blacklist(database).is_blacklisted("builtin:gain") is None


def test_a_wrecked_chain_fails_an_offline_render_with_a_reason(tmp_path: Path) -> None:
    with offline(GAIN) as host:
        host.render(4)
        chain = host.supervisor_of("g").chain
        os.truncate(segment_path(chain.segments.names.activation), 0)
        host.render(4)
        deadline = time.monotonic() + 20
        while host.slots()[0].status is not SlotStatus.FAILED:
            assert time.monotonic() < deadline, host.slots()
            time.sleep(0.01)
        assert "wrecked the memory" in host.slots()[0].reason
