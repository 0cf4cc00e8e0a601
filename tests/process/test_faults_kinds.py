# SPDX-License-Identifier: GPL-3.0-or-later
"""Every way in which a plugin can fail, in the middle of a chain, while another track plays on: the
mix is complete, the other track is in it bit for bit, and what happened is known afterwards."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from host.config import FaultPolicy
from host.crash_report import CrashReport
from host.store.blacklist import Blacklist
from host.store.database import Database
from tests.process.beside import check_mix, song_with
from tests.process.songs import (
    QUICK,
    Audio,
    HostEventKind,
    Playing,
    SlotStatus,
    noise,
    play,
    write_clip,
)

pytestmark = pytest.mark.process

BLOCK = 1024
LENGTH = 20 * 48000


@pytest.fixture(scope="module")
def clip() -> Audio:
    return noise(LENGTH)


@pytest.fixture(scope="module")
def clip_file(clip: Audio, tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_clip(tmp_path_factory.mktemp("media") / "clip.wav", clip)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database(tmp_path) as opened:
        yield opened


def report_of(playing: Playing, database: Database, slot: str) -> CrashReport:
    reports = playing.slot(slot).crashes
    assert reports
    return playing.report(reports[0], database)


# kind of fault, what a report calls it, the signal in it, its exit code
ENDINGS = [
    ("segv", "crash", "SIGSEGV", None),
    ("abort", "crash", "SIGABRT", None),
    ("exit", "exit", None, 7),
    ("spin", "hang", "SIGKILL", None),
    ("deadlock", "hang", "SIGKILL", None),
    ("stack-overflow", "crash", "SIGSEGV", None),
    ("double-free", "crash", "SIGABRT", None),
    ("stop", "hang", "SIGKILL", None),
    ("nan", "nonfinite", "SIGKILL", None),
    ("inf", "nonfinite", "SIGKILL", None),
    ("loud", "runaway", "SIGKILL", None),
]


@pytest.mark.parametrize("kind, called, signal_name, exit_code", ENDINGS)
def test_a_plugin_that_fails_is_restarted_while_the_mix_plays_on(
    kind: str,
    called: str,
    signal_name: str | None,
    exit_code: int | None,
    clip: Audio,
    clip_file: str,
    database: Database,
) -> None:
    faults = FaultPolicy(hang_limit_s=0.3, nonfinite_blocks=4, overlevel_blocks=4)
    song = song_with(f"fault:{kind}?after=20", clip_file)
    with play(song, block=BLOCK, faults=faults, database=database) as playing:
        playing.run(4)
        playing.host.set_parameter("bad1", 0, 0.7)
        playing.until_restarts("bad1", 1)
        playing.until_heard("bad1")
        check_mix(playing, clip)
        report = report_of(playing, database, "bad1")
        assert (report.kind.value, report.exit_code) == (called, exit_code)
        assert (report.signal.name if report.signal else None) == signal_name
        assert report.phase.value == "process"
        assert report.plugin_id == f"fault:{kind}?after=20"
        assert (report.slot, report.song, report.action) == ("bad1", "Two tracks", "restarted")
        assert [(e.edit, e.parameter, e.value) for e in report.last_edits] == [(1, 0, 0.7)]
        assert any(e.kind == "parameter" for e in report.last_events)
        assert report.process_us
        assert report.blocks_processed >= 11  # 8 blocks of 20 warm it up
        assert report.uptime_s > 0
        assert report.memory.rss_bytes is not None and report.memory.rss_bytes > 1 << 20
        fault = playing.events(HostEventKind.FAULT)[0]
        assert (fault.slot, fault.report) == ("bad1", report.id)
        assert playing.events(HostEventKind.RECOVERED)[0].slot == "bad1"
        assert playing.slot("bad0").restarts == playing.slot("bad2").restarts == 0


@pytest.mark.parametrize(
    "number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGTERM]
)
def test_a_worker_ended_from_outside_is_back_with_the_mix_complete(
    number: signal.Signals, clip: Audio, clip_file: str, database: Database
) -> None:
    with play(song_with("builtin:gain", clip_file), block=BLOCK, database=database) as playing:
        playing.run(10)
        playing.kill_and_wait("bad1", number)
        playing.until_heard("bad1")
        check_mix(playing, clip)
        report = report_of(playing, database, "bad1")
        assert report.kind.value == ("killed" if number is signal.SIGKILL else "crash")
        assert report.signal is not None and report.signal.name == number.name
        assert playing.slot("bad1").restarts == 1


def test_a_frozen_worker_is_replaced_at_the_hang_limit(
    clip: Audio, clip_file: str, database: Database
) -> None:
    with play(song_with("builtin:gain", clip_file), block=BLOCK, database=database) as playing:
        playing.run(10)
        playing.kill_and_wait("bad1", signal.SIGSTOP)
        playing.until_heard("bad1")
        check_mix(playing, clip)
        assert report_of(playing, database, "bad1").kind.value == "hang"


def test_a_worker_frozen_for_less_than_the_hang_limit_is_not_blamed(
    clip: Audio, clip_file: str, database: Database
) -> None:
    faults = FaultPolicy(hang_limit_s=5.0)
    song = song_with("builtin:gain", clip_file)
    with play(song, block=BLOCK, faults=faults, database=database) as playing:
        playing.run(10)
        pid = playing.pid("bad1")
        os.kill(pid, signal.SIGSTOP)
        playing.run(10)
        os.kill(pid, signal.SIGCONT)
        playing.until_heard("bad1", 10)
        check_mix(playing, clip)
        assert playing.pid("bad1") == pid
        slot = playing.slot("bad1")
        assert (slot.restarts, slot.crashes) == (0, ())
        assert slot.bypassed_blocks >= 9
        assert slot.missed_blocks <= 3  # the wait for it was paid once, not in every block
        assert not playing.events(HostEventKind.FAULT)


def test_a_leaking_plugin_plays_on(clip: Audio, clip_file: str) -> None:
    song = song_with("fault:leak?after=10&every=5&times=5&mb=1", clip_file)
    with play(song, block=BLOCK) as playing:
        playing.run(50)
        check_mix(playing, clip)
        assert playing.slot("bad1").status is SlotStatus.ACTIVE
        assert not playing.events(HostEventKind.FAULT)


def test_what_a_plugin_said_before_it_died_is_in_its_report(
    clip: Audio, clip_file: str, database: Database
) -> None:
    # glibc's own words on a double free
    song = song_with("fault:double-free?after=20", clip_file)
    with play(song, block=BLOCK, database=database) as playing:
        playing.until_restarts("bad1", 1)
        check_mix(playing, clip)
        assert "free()" in report_of(playing, database, "bad1").stderr_tail


def test_three_faults_within_the_window_quarantine_and_blacklist_the_plugin(
    clip: Audio, clip_file: str, database: Database
) -> None:
    faults = FaultPolicy(next_restart_s=0.02)
    plugin = "fault:segv?after=12"
    song = song_with(plugin, clip_file)
    with play(song, block=BLOCK, faults=faults, database=database) as playing:
        playing.until_status("bad1", SlotStatus.QUARANTINED)
        playing.run(20)
        check_mix(playing, clip)
        slot = playing.slot("bad1")
        assert slot.restarts == 2
        assert len(slot.crashes) == 3
        assert playing.host.worker_pid("bad1") is None
        actions = [playing.report(report, database).action for report in slot.crashes]
        assert actions == ["restarted", "restarted", "quarantined"]
        assert len(playing.events(HostEventKind.QUARANTINED)) == 1
    entry = Blacklist(database).is_blacklisted(plugin)
    assert entry is not None and entry.reports == [slot.crashes[-1]]

    # The next start: not loaded, and said so.
    with play(song, block=BLOCK, database=database) as playing:
        assert playing.slot("bad1").status is SlotStatus.QUARANTINED
        assert playing.host.worker_pid("bad1") is None
        playing.run(10)
        check_mix(playing, clip)
        assert playing.slot("bad1").processed_blocks == 0

    # Lifted by the user: loaded again.
    Blacklist(database).remove(plugin)
    with play(song, block=BLOCK, faults=QUICK, database=database) as playing:
        assert playing.slot("bad1").status is not SlotStatus.QUARANTINED
        playing.run(2)


def test_faults_further_apart_than_the_window_never_quarantine(
    clip: Audio, clip_file: str, database: Database
) -> None:
    faults = FaultPolicy(crash_limit=2, crash_window_s=0.1, next_restart_s=0.01)
    with play(
        song_with("builtin:gain", clip_file), block=BLOCK, faults=faults, database=database
    ) as playing:
        for _ in range(4):
            playing.kill_and_wait("bad1")
            time.sleep(0.15)
        check_mix(playing, clip)
        assert playing.slot("bad1").status is SlotStatus.ACTIVE
        assert Blacklist(database).is_blacklisted("builtin:gain") is None


def test_lateness_is_shown_held_and_tried_again_but_never_a_fault(
    clip: Audio, clip_file: str, database: Database
) -> None:
    # Two and a half blocks late, for the first 60 blocks that it is asked for.
    song = song_with("fault:sleep?after=20&times=60&ms=50", clip_file)
    with play(song, block=BLOCK, database=database) as playing:
        playing.until_status("bad1", SlotStatus.LATE)
        playing.until_status("bad1", SlotStatus.BYPASSED)
        playing.until(lambda: playing.events(HostEventKind.RELEASED), "tried again")
        playing.until(lambda: len(playing.events(HostEventKind.HELD)) >= 2, "held again")
        playing.until_status("bad1", SlotStatus.ACTIVE)
        check_mix(playing, clip)
        slot = playing.slot("bad1")
        assert (slot.restarts, slot.crashes) == (0, ())
        assert not playing.events(HostEventKind.FAULT)
        assert Blacklist(database).is_blacklisted(slot.plugin) is None
        # Each time it was really tried again before it was held again.
        assert slot.missed_blocks >= 2 * QUICK.hold_blocks


def test_a_late_slot_that_is_bypassed_is_not_taken_for_hung(clip: Audio, clip_file: str) -> None:
    song = song_with("fault:sleep?after=20&times=1&ms=60", clip_file)
    with play(song, block=BLOCK) as playing:
        playing.until(lambda: playing.slot("bad1").missed_blocks > 0, "a miss")
        playing.host.set_bypass("bad1", True)
        pid = playing.pid("bad1")
        time.sleep(3 * QUICK.hang_limit_s)
        assert playing.pid("bad1") == pid
        assert playing.slot("bad1").status is SlotStatus.BYPASSED
        playing.host.set_bypass("bad1", False)
        playing.until_heard("bad1")
        check_mix(playing, clip)
        assert playing.slot("bad1").restarts == 0


def test_a_slot_that_is_late_when_the_clock_stops_is_not_taken_for_hung(clip_file: str) -> None:
    song = song_with("fault:sleep?after=20&times=1&ms=60", clip_file)
    with play(song, block=BLOCK) as playing:
        playing.until(lambda: playing.slot("bad1").missed_blocks > 0, "a miss")
        playing.host.stop()
        pid = playing.pid("bad1")
        time.sleep(3 * QUICK.hang_limit_s)
        assert playing.pid("bad1") == pid
        assert playing.slot("bad1").restarts == 0


def test_a_plugin_that_dies_when_it_is_loaded_is_quarantined_and_the_mix_plays(
    clip: Audio, clip_file: str, database: Database
) -> None:
    faults = FaultPolicy(next_restart_s=0.02)
    song = song_with("fault:load-segv", clip_file)
    with play(song, block=BLOCK, faults=faults, database=database) as playing:
        playing.until_status("bad1", SlotStatus.QUARANTINED)
        playing.run(5)
        check_mix(playing, clip)
        report = report_of(playing, database, "bad1")
        assert (report.kind.value, report.phase.value) == ("crash", "load")
        assert len(playing.slot("bad1").crashes) == 3


def test_a_plugin_that_never_finishes_loading_is_given_up(
    clip: Audio, clip_file: str, database: Database
) -> None:
    faults = FaultPolicy(next_restart_s=0.02, load_limit_s=0.5, crash_limit=2)
    song = song_with("fault:load-hang", clip_file)
    with play(song, block=BLOCK, faults=faults, database=database) as playing:
        playing.until_status("bad1", SlotStatus.QUARANTINED)
        playing.run(5)
        check_mix(playing, clip)
        report = report_of(playing, database, "bad1")
        assert (report.kind.value, report.phase.value) == ("load_timeout", "load")


def test_a_plugin_that_does_not_exist_fails_once_with_a_reason(
    clip: Audio, clip_file: str, database: Database
) -> None:
    song = song_with("builtin:nothing-of-the-kind", clip_file)
    with play(song, block=BLOCK, database=database) as playing:
        assert playing.slot("bad1").status is SlotStatus.FAILED
        assert "nothing-of-the-kind" in playing.slot("bad1").reason
        playing.run(5)
        check_mix(playing, clip)
        assert len(playing.slot("bad1").crashes) <= 1
        assert Blacklist(database).is_blacklisted("builtin:nothing-of-the-kind") is None
