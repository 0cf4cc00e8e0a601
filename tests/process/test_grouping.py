# SPDX-License-Identifier: GPL-3.0-or-later
"""Slots that share a process sound as if they did not, and lose each other only for a moment."""

import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from host import slot_launch, worker_groups
from host.conduct import Choice, Standing
from host.config import FaultPolicy, HostConfig
from host.host import Host
from host.permissions import PermissionRules, PluginRule
from host.slot_admission import SlotAdmission
from host.song import Grouping
from host.store.blacklist import BlacklistEntry
from host.store.conduct_store import ConductStore
from host.store.database import Database
from ipc.errors import WorkerError
from ipc.status import SlotStatus
from tests.fixtures.build import fixture_library
from tests.process.songs import (
    HostEventKind,
    Playing,
    Slot,
    Song,
    Track,
    audio_track,
    noise,
    offline,
    play,
    render,
    write_clip,
)
from tests.process.stepping import SOON, Steps, stepped

pytestmark = pytest.mark.process

BLOCK = 128
GAIN = "builtin:gain"
REAL = (
    "vst3:/usr/lib/vst3/ZamEQ2.vst3",
    "lv2:http://drobilla.net/plugins/mda/Delay",
    "clap:/usr/lib/clap/ZamTube.clap",
    "ladspa:/usr/lib/ladspa/ZamComp-ladspa.so#ZamComp",
)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database(tmp_path / "store.sqlite") as opened:
        yield opened


@pytest.fixture
def clip(tmp_path: Path) -> str:
    return write_clip(tmp_path / "noise.wav", noise(BLOCK * 400))


def song_of(clip: str, *plugins: str, **fields: object) -> Song:
    """A track a plugin: their slots are a0, b0, …"""
    tracks = tuple(audio_track(chr(97 + i), clip, plugin) for i, plugin in enumerate(plugins))
    return Song(tracks=tracks, **fields)  # type: ignore[arg-type]


def pids(steps: Steps | Playing, *slots: str) -> list[int | None]:
    return [steps.host.worker_pid(slot) for slot in slots]


def until_restarted(playing: Playing, *slots: str) -> None:
    for slot in slots:
        playing.until_restarts(slot, 1)


def regain(steps: Steps, *slots: str) -> None:
    for slot in slots:
        steps.regain(slot)


def test_real_plugins_of_all_formats_sound_the_same_together(clip: str) -> None:
    song = Song(tracks=(audio_track("a", clip, *REAL), audio_track("b", clip, *reversed(REAL))))
    alone = render(song, BLOCK * 100)
    for grouping in (Grouping.CHAIN, Grouping.ALL):
        assert np.array_equal(render(song, BLOCK * 100, grouping=grouping), alone)


def test_who_shares_is_told(clip: str) -> None:
    song = Song(tracks=(audio_track("a", clip, GAIN, GAIN), audio_track("b", clip, GAIN, GAIN)))
    with offline(song, grouping=Grouping.CHAIN) as host:
        first, second, third, fourth = (host.worker_pid(s) for s in ("a0", "a1", "b0", "b1"))
        assert first == second != third == fourth
        assert [slot.shares_with for slot in host.slots()] == [("a1",), ("a0",), ("b1",), ("b0",)]
    with offline(song, grouping=Grouping.ALL) as host:
        assert len({host.worker_pid(slot) for slot in ("a0", "a1", "b0", "b1")}) == 1
    with offline(song) as host:
        assert len({host.worker_pid(slot) for slot in ("a0", "a1", "b0", "b1")}) == 4


def test_the_song_says_who_shares_and_who_does_not(clip: str) -> None:
    track = Track(
        id="a",
        audio=audio_track("a", clip).audio,
        chain=(
            Slot(id="a0", plugin=GAIN),
            Slot(id="a1", plugin=GAIN, alone=True),
            Slot(id="a2", plugin=GAIN),
            Slot(id="a3", plugin=GAIN, standby=True),
        ),
    )
    with stepped(Song(tracks=(track,), grouping=Grouping.CHAIN), block=BLOCK) as steps:
        a, b, c, d = pids(steps, "a0", "a1", "a2", "a3")
        assert a == c and len({a, b, d}) == 3


@pytest.mark.parametrize(
    ("fault", "story"),
    [
        ("segv", "SIGSEGV"),
        ("abort", "SIGABRT"),
        ("stack-overflow", "SIGSEGV"),
        ("deadlock", "hung"),
    ],
)
def test_who_crashes_is_moved_out_and_the_others_restored(
    clip: str, database: Database, fault: str, story: str
) -> None:
    culprit = f"fault:{fault}?after=60&times=1"
    song = song_of(clip, GAIN, culprit, GAIN, grouping=Grouping.ALL)
    quick = FaultPolicy(hang_limit_s=0.4, crash_limit=1000, first_restart_s=0.0)
    with play(song, block=1024, faults=quick, database=database) as playing:
        assert len(set(pids(playing, "a0", "b0", "c0"))) == 1
        playing.host.set_parameter("a0", 0, 0.25)
        until_restarted(playing, "a0", "b0", "c0")
        alone, together, same = pids(playing, "b0", "a0", "c0")
        assert together == same != alone
        assert playing.slot("a0").shares_with == ("c0",)
        assert playing.slot("b0").shares_with == ()
        assert playing.host.parameters("a0")[0] == pytest.approx(0.25, abs=1e-6)
        assert playing.slot("a0").crashes == playing.slot("c0").crashes == ()
        (report_id,) = playing.slot("b0").crashes
        report = playing.report(report_id, database)
        assert report.shared_with == ["a0", "c0"] and report.suspects == []
        told = [event.text for event in playing.events(HostEventKind.FAULT)]
        assert len(told) == 1 and story in told[0] and told[0].startswith("b0")
        # In the order in which a user understands it, and at its time.
        told_of = [HostEventKind.FAULT, HostEventKind.NOTICE]
        fault, notice = [e for e in playing.host.events_since(0) if e.kind in told_of][:2]
        assert (fault.kind, notice.kind) == (HostEventKind.FAULT, HostEventKind.NOTICE)
        assert notice.text.startswith("b0 shared a process with a0, c0")
        assert notice.block > 0


def test_chains_of_other_processes_are_heard_all_the_while(clip: str) -> None:
    """Bit by bit: what one group does is nothing to another."""
    tracks = (
        audio_track("a", clip, "fault:segv?after=20&times=1", GAIN, mute=True),
        audio_track("b", clip, GAIN, GAIN),
    )
    with stepped(Song(tracks=tracks, grouping=Grouping.CHAIN), block=BLOCK) as steps:
        steps.render(80)
        regain(steps, "a0", "a1")
        steps.render(40)
        assert np.array_equal(steps.heard(), noise(BLOCK * 400)[:, : BLOCK * 120])
        assert steps.slot("b0").missed_blocks == steps.slot("b1").missed_blocks == 0
        assert steps.slot("a1").restarts == 1


def test_a_process_killed_by_somebody_is_restored_whole_once(clip: str) -> None:
    song = song_of(clip, GAIN, GAIN, GAIN, grouping=Grouping.ALL)
    slots = ("a0", "b0", "c0")
    with stepped(song, block=BLOCK, faults=SOON) as steps:
        steps.render(10)
        steps.lose("a0")
        regain(steps, *slots)
        steps.until(lambda: len(set(pids(steps, *slots))) == 1, "together again")
        steps.render(10)
        steps.lose("b0")
        regain(steps, *slots)
        assert len(set(pids(steps, *slots))) == 3
        assert [steps.slot(slot).status for slot in slots] == [SlotStatus.ACTIVE] * 3


def test_who_cannot_be_loaded_leaves_the_others_alone(clip: str) -> None:
    song = song_of(clip, GAIN, "fault:none-such", GAIN, "builtin:none-such", grouping=Grouping.ALL)
    with offline(song) as host:
        statuses = {slot.id: slot.status for slot in host.slots()}
        assert statuses["a0"] is statuses["c0"] is SlotStatus.ACTIVE
        assert statuses["b0"] is statuses["d0"] is SlotStatus.FAILED
        assert host.worker_pid("a0") == host.worker_pid("c0")
        assert [slot.restarts for slot in host.slots()] == [0, 0, 0, 0]


def test_who_crashes_while_loading_is_moved_out_before_the_song_begins(clip: str) -> None:
    song = song_of(clip, GAIN, "fault:load-segv", GAIN, grouping=Grouping.ALL)
    with play(song, block=1024, playing=False) as playing:
        assert playing.slot("a0").status is playing.slot("c0").status is SlotStatus.ACTIVE
        a, c = pids(playing, "a0", "c0")
        assert a == c
        assert playing.slot("b0").shares_with == ()


def test_a_state_that_is_refused_costs_its_slot_alone(clip: str) -> None:
    broken = Slot(id="b0", plugin=GAIN, state=b"no state of this plugin")
    tracks = (
        audio_track("a", clip, GAIN),
        Track(id="b", chain=(broken,)),
        audio_track("c", clip, GAIN),
    )
    with offline(Song(tracks=tracks, grouping=Grouping.ALL)) as host:
        assert [slot.status for slot in host.slots()] == [SlotStatus.ACTIVE] * 3
        a, b, c = (host.worker_pid(slot) for slot in ("a0", "b0", "c0"))
        assert a == c != b
        assert [slot.restarts for slot in host.slots()] == [0, 0, 0]


def test_a_slot_that_is_given_up_takes_nobody_along(clip: str) -> None:
    song = song_of(clip, GAIN, GAIN, GAIN, grouping=Grouping.ALL)
    with stepped(song, block=BLOCK) as steps:
        steps.render(5)
        steps.host.fail_slot("b0", "for a test")
        steps.until(lambda: pids(steps, "a0", "b0", "c0") == [None] * 3, "their process is gone")
        regain(steps, "a0", "c0")
        a, b, c = pids(steps, "a0", "b0", "c0")
        assert a == c and b is None
        steps.render(5)
        assert steps.slot("b0").status is SlotStatus.FAILED


def test_a_group_takes_less_memory(clip: str) -> None:
    song = song_of(clip, *[GAIN] * 6)
    totals = {}
    for grouping in (Grouping.PLUGIN, Grouping.ALL):
        with offline(song, grouping=grouping) as host:
            memory = [host.worker_memory(slot.id) for slot in host.slots()]
            totals[grouping] = sum(one.private for one in memory if one is not None)
    assert totals[Grouping.ALL] < totals[Grouping.PLUGIN] / 2


def test_more_than_one_process_holds_go_into_several(clip: str) -> None:
    tracks = (audio_track("a", clip, *[GAIN] * 20), audio_track("b", clip, *[GAIN] * 20))
    with offline(Song(tracks=tracks, grouping=Grouping.ALL)) as host:
        counts: dict[int | None, int] = {}
        for slot in host.slots():
            pid = host.worker_pid(slot.id)
            counts[pid] = counts.get(pid, 0) + 1
        assert sorted(counts.values()) == [8, 32]
        assert {slot.status for slot in host.slots()} == {SlotStatus.ACTIVE}


def test_an_interrupted_load_leaves_nothing(clip: str) -> None:
    song = song_of(clip, GAIN, "fault:load-hang", GAIN, grouping=Grouping.ALL)
    host = Host(HostConfig(block_frames=256))
    threading.Timer(0.5, host.interrupt).start()
    with host:
        host.load(song)


def test_a_stopped_process_is_covered_and_heard_again(clip: str) -> None:
    song = song_of(clip, GAIN, GAIN, grouping=Grouping.ALL)
    with stepped(song, block=BLOCK) as steps:
        steps.render(5)
        pid = steps.stop("a0")
        steps.render(2)
        os.kill(pid, signal.SIGCONT)
        for slot in ("a0", "b0"):
            steps.go_on(slot, pid)
        before = steps.slot("b0").missed_blocks
        assert before >= 1
        steps.render(5)
        assert steps.slot("b0").missed_blocks == before
        assert pids(steps, "a0", "b0") == [pid, pid]


def test_side_by_side_in_one_process_no_thread_is_stopped_for_another(clip: str) -> None:
    """One that spins at normal priority would be stopped with its neighbours: it is left alone
    until it is given up."""
    song = song_of(clip, GAIN, "fault:spin?after=30&times=1", grouping=Grouping.ALL)
    quick = FaultPolicy(hang_limit_s=0.5, crash_limit=1000)
    with play(song, block=2048, faults=quick, realtime=False) as playing:
        playing.until_restarts("b0", 1)
        playing.until_restarts("a0", 1)
        assert playing.host.watchdog_stops == 0
        assert playing.slot("b0").shares_with == ()


def test_a_crash_in_a_thread_of_its_own_is_told_by_its_file(clip: str, database: Database) -> None:
    bad = f"ladspa:{fixture_library('hostile_fixture')}#crash_in_own_thread"
    song = song_of(clip, GAIN, bad, GAIN, grouping=Grouping.ALL)
    with play(song, block=1024, database=database) as playing:
        until_restarted(playing, "a0", "b0", "c0")
        assert len(playing.slot("b0").crashes) == 1
        assert playing.slot("a0").crashes == playing.slot("c0").crashes == ()
        assert playing.slot("a0").shares_with == ("c0",)


def test_who_calls_exit_is_known(clip: str, database: Database) -> None:
    bad = f"ladspa:{fixture_library('hostile_fixture')}#exit_quietly"
    song = song_of(clip, GAIN, bad, GAIN, grouping=Grouping.ALL)
    with play(song, block=1024, database=database) as playing:
        until_restarted(playing, "a0", "b0", "c0")
        assert playing.slot("a0").crashes == playing.slot("c0").crashes == ()
        assert playing.slot("a0").shares_with == ("c0",)
        (report_id,) = playing.slot("b0").crashes
        playing.until(lambda: playing.report(report_id, database).backtrace, "unwound")
        report = playing.report(report_id, database)
        assert (report.exit_code, report.suspects) == (0, [])
        assert report.backtrace is not None and report.signature is not None
        frames = report.backtrace.threads[0].frames
        assert any("exit_quietly" in (frame.function or "") for frame in frames)


def test_who_ends_the_process_at_once_is_a_suspect_at_least(clip: str) -> None:
    """_exit() tells nobody who called it: all who were in a block may have."""
    song = song_of(clip, GAIN, "fault:exit?after=60&times=1", GAIN, grouping=Grouping.ALL)
    with play(song, block=1024) as playing:
        until_restarted(playing, "a0", "b0", "c0")
        assert playing.slot("b0").shares_with == ()


def test_where_nobody_knows_who_it_was_all_are_suspects(clip: str, database: Database) -> None:
    """Two of the same plugin, and the thread of one of them."""
    bad = f"ladspa:{fixture_library('hostile_fixture')}#crash_in_own_thread"
    song = song_of(clip, GAIN, bad, bad, grouping=Grouping.ALL)
    with play(song, block=1024, database=database) as playing:
        until_restarted(playing, "a0", "b0", "c0")
        (report_id,) = playing.slot("b0").crashes
        assert playing.report(report_id, database).suspects == ["c0"]
        (report_id,) = playing.slot("c0").crashes
        assert playing.report(report_id, database).suspects == ["b0"]
        assert playing.slot("a0").crashes == ()
        assert len(set(pids(playing, "a0", "b0", "c0"))) == 3


def test_experience_decides_who_shares(clip: str, database: Database) -> None:
    tracks = (audio_track("a", clip, GAIN, "fault:nan?after=99999", "builtin:passthrough"),)
    song = Song(tracks=tracks, grouping=Grouping.AUTO)
    store = ConductStore(database)
    with play(song, block=1024, database=database) as playing:
        assert len(set(pids(playing, "a0", "a1", "a2"))) == 3
        playing.run(30)
    known = {conduct.plugin_id: conduct for conduct in store.list()}
    assert known[GAIN].played_s == pytest.approx(30 * 1024 / 48000, rel=0.5)
    assert known[GAIN].calm_sessions == 1 and known[GAIN].vendor == "Isobooth"
    store.choose(GAIN, Choice.SHARE)
    store.choose("builtin:passthrough", Choice.SHARE)
    with play(song, block=1024, database=database, playing=False) as playing:
        a, b, c = pids(playing, "a0", "a1", "a2")
        assert a == c != b
    store.failed(GAIN, is_certain=True)
    store.choose(GAIN, Choice.AUTO)
    whole = {"grouping": Grouping.ALL, "database": database}
    with play(song, block=1024, playing=False, **whole) as playing:
        a, b, c = pids(playing, "a0", "a1", "a2")
        assert b == c != a  # who has failed lately runs alone, whatever the song asks for


def test_a_failure_is_remembered(clip: str, database: Database) -> None:
    bad = "fault:segv?after=20&times=1"
    with play(song_of(clip, GAIN, bad), block=1024, database=database) as playing:
        playing.until_restarts("b0", 1)
        playing.kill_and_wait("a0")
    known = {conduct.plugin_id: conduct for conduct in ConductStore(database).list()}
    assert known[bad].standing is Standing.ALONE and known[bad].faults == 1
    assert known[GAIN].standing is Standing.UNPROVEN and known[GAIN].faults == 0


def test_vendors_share(clip: str, database: Database) -> None:
    tracks = (
        audio_track("a", clip, GAIN, "lv2:http://drobilla.net/plugins/mda/Delay"),
        audio_track("b", clip, GAIN, "lv2:http://drobilla.net/plugins/mda/Overdrive"),
    )
    song = Song(tracks=tracks, grouping=Grouping.VENDOR)
    slots = ("a0", "b0", "a1", "b1")
    with play(song, block=1024, database=database, playing=False) as playing:
        assert len(set(pids(playing, *slots))) == 4  # not known yet
    with play(song, block=1024, database=database, playing=False) as playing:
        a, b, c, d = pids(playing, *slots)
        assert a == b != c == d


def test_who_hangs_when_it_is_asked_is_found_by_the_next_who_is(clip: str) -> None:
    song = song_of(clip, GAIN, "fault:read-hang", GAIN, grouping=Grouping.ALL)
    quick = FaultPolicy(save_limit_s=0.3, crash_limit=1000, snapshot_interval_s=0.2)
    with play(song, block=1024, faults=quick) as playing:
        with pytest.raises(WorkerError, match="did not answer"):
            playing.host.parameters("b0")
        until_restarted(playing, "a0", "b0", "c0")
        (fault,) = playing.events(HostEventKind.FAULT)
        assert fault.text == "b0 hung and was stopped"
        assert playing.slot("b0").shares_with == ()
        assert playing.slot("a0").shares_with == ("c0",)


def test_whatever_goes_wrong_with_blame_everybody_is_back(
    clip: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(*_: object) -> None:
        raise ValueError("for a test")

    monkeypatch.setattr(worker_groups, "blamed", wrong)
    with play(song_of(clip, GAIN, GAIN, grouping=Grouping.ALL), block=1024) as playing:
        playing.kill("a0", signal.SIGSEGV)
        until_restarted(playing, "a0", "b0")


def test_a_worker_that_lies_about_its_thread_is_ended(
    clip: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slot_launch, "is_thread_of", lambda thread, pid: False)
    with play(song_of(clip, GAIN, GAIN, grouping=Grouping.ALL), block=1024) as playing:
        playing.until(
            lambda: all(s.status is SlotStatus.FAILED for s in playing.host.slots()), "given up"
        )


def test_who_is_stopped_by_somebody_is_not_remembered_for_it(clip: str, database: Database) -> None:
    quick = FaultPolicy(hang_limit_s=0.2, crash_limit=1000)
    with play(song_of(clip, GAIN), block=1024, faults=quick, database=database) as playing:
        playing.kill("a0", signal.SIGSTOP)
        playing.until_restarts("a0", 1)
    (known,) = ConductStore(database).list()
    assert known.standing is Standing.UNPROVEN and known.faults == 0


# ---------------------------------------------------------------- while it plays


@pytest.mark.parametrize("is_given", [True, False])
def test_a_plugin_whose_permissions_change_comes_back_alone(clip: str, is_given: bool) -> None:
    """Whoever ends the process: its neighbours have what they had."""
    with_display = PermissionRules(rules=(PluginRule(id=GAIN, display=True),))
    before, after = PermissionRules(), with_display
    other = "builtin:passthrough"
    if not is_given:
        before, after, other = after, before, GAIN
    song = song_of(clip, GAIN, other, other, grouping=Grouping.ALL)
    with stepped(song, block=BLOCK, faults=SOON, permissions=before) as steps:
        assert len(set(pids(steps, "a0", "b0", "c0"))) == 1
        steps.host.permit(after)
        steps.lose("b0")
        regain(steps, "a0", "b0", "c0")
        assert steps.slot("a0").shares_with == ()
        assert steps.slot("b0").shares_with == (("c0",) if is_given else ())


def test_a_song_is_grouped_anew_while_it_plays_with_states_and_without_a_click(clip: str) -> None:
    song = Song(tracks=(audio_track("a", clip, GAIN, GAIN), audio_track("b", clip, GAIN)))
    with play(song, block=1024) as playing:
        host = playing.host
        host.set_parameter("a1", 0, 0.25)
        alone = pids(playing, "a0", "a1", "b0")
        assert len(set(alone)) == 3

        def until_company(*companies: tuple[str, ...]) -> None:
            def is_so() -> bool:
                reports = {slot.id: slot for slot in host.slots()}
                return all(
                    set(reports[slot].shares_with) == set(company) - {slot}
                    and reports[slot].status is SlotStatus.ACTIVE
                    for company in companies
                    for slot in company
                )

            playing.until(is_so, f"{companies}")

        host.change(msgspec.structs.replace(song, grouping=Grouping.CHAIN))
        until_company(("a0", "a1"), ("b0",))
        first, second, third = pids(playing, "a0", "a1", "b0")
        assert first == second and first not in alone and third == alone[2]
        assert host.parameters("a1")[0] == pytest.approx(0.25)
        host.change(msgspec.structs.replace(song, grouping=Grouping.ALL))
        until_company(("a0", "a1", "b0"))
        host.change(song)
        until_company(("a0",), ("a1",), ("b0",))
        assert len(set(pids(playing, "a0", "a1", "b0"))) == 3
        assert host.parameters("a1")[0] == pytest.approx(0.25)
        assert not any(slot.crashes for slot in host.slots())
        assert not playing.events(HostEventKind.FAULT)


def test_a_plugin_that_was_given_up_is_waited_for_by_nobody(clip: str) -> None:
    song = song_of(clip, GAIN, GAIN, GAIN)
    with play(song, block=1024) as playing:
        playing.host.quarantine_slot("b0")
        playing.host.change(msgspec.structs.replace(song, grouping=Grouping.ALL))
        playing.until(lambda: playing.slot("a0").shares_with == ("c0",), "two share")
        assert playing.slot("b0").status is SlotStatus.QUARANTINED


SELDOM = FaultPolicy(snapshot_interval_s=600.0, snapshot_after_edit_s=600.0)


def turned_by_itself(playing: Playing, slot: str) -> None:
    """Its parameter is what nobody but the plugin knows."""
    playing.host.automate(slot, 0, 0.25)
    playing.until(lambda: value(playing, slot) == pytest.approx(0.25), f"{slot} has it")


def value(playing: Playing, slot: str) -> float:
    return playing.host.parameters(slot)[0]


def test_what_plugins_changed_by_themselves_is_there_when_they_get_other_company(clip: str) -> None:
    song = song_of(clip, GAIN, GAIN)
    with play(song, block=1024, faults=SELDOM) as playing:
        for slot in ("a0", "b0"):
            turned_by_itself(playing, slot)
        for number, grouping in enumerate((Grouping.ALL, Grouping.PLUGIN), 1):
            playing.host.change(msgspec.structs.replace(song, grouping=grouping))
            for slot in ("a0", "b0"):
                playing.until_restarts(slot, number)
                assert value(playing, slot) == pytest.approx(0.25)


def test_a_neighbour_that_is_taken_away_takes_no_state_along(clip: str) -> None:
    song = song_of(clip, GAIN, GAIN, grouping=Grouping.ALL)
    with play(song, block=1024, faults=SELDOM) as playing:
        turned_by_itself(playing, "a0")
        playing.host.change(msgspec.structs.replace(song, tracks=song.tracks[:1]))
        playing.until_restarts("a0", 1)
        assert value(playing, "a0") == pytest.approx(0.25)


def test_a_neighbour_that_the_user_restarts_takes_no_state_along(clip: str) -> None:
    song = song_of(clip, GAIN, GAIN, grouping=Grouping.ALL)
    with play(song, block=1024, faults=SELDOM) as playing:
        turned_by_itself(playing, "a0")
        playing.host.restart_slot("b0")
        playing.until_restarts("a0", 1)
        assert value(playing, "a0") == pytest.approx(0.25)


def test_a_chain_that_grows_keeps_what_its_plugins_changed_by_themselves(clip: str) -> None:
    with play(song_of(clip, GAIN), block=1024, faults=SELDOM) as playing:
        turned_by_itself(playing, "a0")
        records = playing.host.supervisor_of("a0").chain.geometry.records
        longer = audio_track("a", clip, *[GAIN] * records)
        playing.host.change(Song(tracks=(longer,)))
        playing.until_restarts("a0", 1)
        assert value(playing, "a0") == pytest.approx(0.25)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slots wait for each other for longer than any test."""
    monkeypatch.setattr(worker_groups, "_FIRST_S", 600.0)
    monkeypatch.setattr(worker_groups, "_AGAIN_S", 600.0)


LATER = FaultPolicy(first_restart_s=600.0, snapshot_interval_s=600.0)


@pytest.mark.usefixtures("patient")
def test_nobody_is_silent_for_a_plugin_that_is_restarted_later(clip: str) -> None:
    song = song_of(clip, GAIN, GAIN, GAIN)
    with play(song, block=1024, faults=LATER) as playing:
        playing.kill("b0")
        playing.until_status("b0", SlotStatus.RESTARTING)
        playing.host.change(msgspec.structs.replace(song, grouping=Grouping.ALL))
        playing.until(lambda: playing.slot("a0").shares_with == ("c0",), "two share")
        assert playing.slot("b0").status is SlotStatus.RESTARTING


@pytest.mark.usefixtures("patient")
def test_nobody_is_silent_for_a_plugin_that_dies_when_its_state_is_asked_for(clip: str) -> None:
    song = song_of(clip, GAIN, "fault:save-segv", GAIN)
    with play(song, block=1024, faults=LATER) as playing:
        turned_by_itself(playing, "a0")
        playing.host.change(msgspec.structs.replace(song, grouping=Grouping.ALL))
        playing.until_restarts("a0", 1)
        assert playing.slot("a0").shares_with == ("c0",)
        assert value(playing, "a0") == pytest.approx(0.25)


def test_nobody_is_silent_for_long_for_a_plugin_whose_files_are_looked_at(
    clip: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_groups, "_FIRST_S", 600.0)
    usual, is_over = SlotAdmission.blacklisted, threading.Event()

    async def slow(admission: SlotAdmission) -> BlacklistEntry | None:
        while admission.spec.id == "c0" and not is_over.is_set():
            await asyncio.sleep(0.01)
        return await usual(admission)

    monkeypatch.setattr(SlotAdmission, "blacklisted", slow)
    song, more = song_of(clip, GAIN, GAIN), song_of(clip, GAIN, GAIN, GAIN)
    with play(song, block=1024) as playing:
        playing.host.change(msgspec.structs.replace(more, grouping=Grouping.ALL), wait=False)
        try:
            playing.until(lambda: playing.slot("a0").shares_with == ("b0",), "two share")
        finally:
            is_over.set()
        playing.until_status("c0", SlotStatus.ACTIVE)
        assert playing.slot("c0").shares_with == ()
