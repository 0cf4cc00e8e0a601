# SPDX-License-Identifier: GPL-3.0-or-later
"""A plugin turns on its host in the middle of a block: the track beside it plays on bit for bit,
the plugin is back or never noticed, and nothing is left behind (the suite looks)."""

import os
import re
import signal
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from host.config import FaultPolicy
from host.permissions import PermissionRules, PluginRule
from host.song import Grouping
from ipc.names import SHM_DIR
from ipc.processes import all_pids, process_stat
from sandbox._native import landlock_abi
from tests.fixtures.build import fixture_library
from tests.process.beside import check_mix, song_with
from tests.process.songs import (
    Audio,
    HostEventKind,
    Playing,
    SlotStatus,
    noise,
    play,
    write_clip,
)

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(landlock_abi() < 6, reason="this kernel cannot confine files and signals"),
]

BLOCK = 1024
LENGTH = 20 * 48000
FAULTS = FaultPolicy(
    hang_limit_s=0.4, next_restart_s=0.02, longest_restart_s=0.02, crash_limit=1000
)

# What costs the plugin its worker, and what it is welcome to try.
ENDS = (
    "kill_group",
    "close_all",
    "ignore_all_and_sleep",
    "leave_children",
    "crash_in_own_thread",
    "exit_quietly",
    "end_at_once",
    "end_thread",
    "remap_shared",
    "write_wildly",
)
# With what it has to say of it: that it was refused, or that it was done.
HARMLESS = {
    "kill_parent": r"kill: -1 \(Operation not permitted\)",
    "kill_all": r"kill: 0 ",
    "spin_threads": r"thread: 0 ",
    "post_semaphores": r"posted: [1-9]",
    "truncate_shared": r"truncate: -1 ",
    "protect_otherwise": r"mprotect: -1 \(Permission denied\)",
    "allocate_all": r"allocated MiB: ([1-9]|[1-9]\d|1\d\d|2[0-5]\d) ",
    "fill_disk": r"MiB written: 64 ",
    "change_modes": r"done: 0 ",
    "crash_in_destructor": "",
}


@pytest.fixture(scope="module")
def clip() -> Audio:
    return noise(LENGTH)


@pytest.fixture(scope="module")
def clip_file(clip: Audio, tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_clip(tmp_path_factory.mktemp("media") / "clip.wav", clip)


def hostile(label: str) -> str:
    return f"ladspa:{fixture_library('hostile_fixture')}#{label}"


def beside(label: str, clip_file: str, faults: FaultPolicy = FAULTS, **config: object) -> Playing:
    return play(song_with(hostile(label), clip_file), block=BLOCK, faults=faults, **config)  # type: ignore[arg-type]


@pytest.mark.parametrize("label", ENDS)
def test_a_plugin_that_ends_its_worker_is_back_and_nobody_else_notices(
    label: str, clip: Audio, clip_file: str
) -> None:
    with beside(label, clip_file) as playing:
        playing.until_restarts("bad1", 1)
        playing.until_heard("bad1")
        check_mix(playing, clip)
        # Its neighbours in the chain hand on as before.
        assert playing.slot("bad0").status is playing.slot("bad2").status is SlotStatus.ACTIVE


# By each way in which it is found out who it was.
@pytest.mark.parametrize(
    "label", ["kill_group", "close_all", "exit_quietly", "crash_in_own_thread", "remap_shared"]
)
def test_those_who_share_its_process_are_restored_without_it(
    label: str, clip: Audio, clip_file: str
) -> None:
    with beside(label, clip_file, grouping=Grouping.CHAIN) as playing:
        assert playing.slot("bad1").shares_with == ("bad0", "bad2")
        for slot in ("bad1", "bad0", "bad2"):
            playing.until_restarts(slot, 1)
            playing.until_heard(slot)
        # One that has itself killed looks like one that is killed: they part the second time.
        playing.until(lambda: playing.slot("bad1").shares_with == (), "it runs alone")
        check_mix(playing, clip)


@pytest.mark.parametrize("label, says", HARMLESS.items())
def test_what_a_plugin_may_not_do_is_as_if_it_had_not_tried(
    label: str, says: str, clip: Audio, clip_file: str
) -> None:
    small = PluginRule(id=hostile("allocate_all"), memory_mb=256)
    # Taking all the memory that there is takes a busy machine a while, which is no fault here.
    patient = replace(FAULTS, hang_limit_s=10.0)
    rules = PermissionRules(rules=(small,))
    with beside(label, clip_file, faults=patient, permissions=rules) as playing:
        playing.until_heard("bad1", 60)
        assert playing.slot("bad1").restarts == 0, playing.host.events_since(0)
        worker = playing.host.supervisor_of("bad1").worker
        assert worker is not None
        playing.until(lambda: re.search(says, worker.stderr_tail()), f"it says {says}")
        check_mix(playing, clip)
        assert playing.slot("bad0").status is playing.slot("bad2").status is SlotStatus.ACTIVE


@pytest.mark.parametrize("grouping", [Grouping.PLUGIN, Grouping.CHAIN])
def test_a_plugin_that_scribbles_over_all_it_shares_costs_its_own_chain_at_most(
    grouping: Grouping, clip: Audio, clip_file: str
) -> None:
    with beside("scribble_shared", clip_file, grouping=grouping) as playing:
        playing.until(
            lambda: playing.host.engine.block_count > 120 or playing.slot("bad1").restarts, "time"
        )
        for slot in ("bad0", "bad1", "bad2"):
            playing.until_heard(slot)
        check_mix(playing, clip)


@pytest.mark.parametrize("label", ["crash_in_constructor", "crash_in_activate"])
def test_a_plugin_that_cannot_even_begin_is_given_up(
    label: str, clip: Audio, clip_file: str
) -> None:
    few = FaultPolicy(next_restart_s=0.02, longest_restart_s=0.02)
    with play(song_with(hostile(label), clip_file), block=BLOCK, faults=few) as playing:
        playing.until_status("bad1", SlotStatus.QUARANTINED)
        playing.run(10)
        check_mix(playing, clip)


def test_a_plugin_that_dies_of_saving_its_state_disturbs_nobody(
    clip: Audio, clip_file: str
) -> None:
    soon = replace(FAULTS, snapshot_after_edit_s=0.05)
    with play(song_with("fault:save-segv", clip_file), block=BLOCK, faults=soon) as playing:
        playing.host.set_parameter("bad1", 0, 0.5)
        playing.until_restarts("bad1", 1)
        playing.until_heard("bad1")
        check_mix(playing, clip)


def test_a_plugin_that_dies_of_its_own_state_disturbs_nobody(clip: Audio, clip_file: str) -> None:
    soon = replace(FAULTS, snapshot_after_edit_s=0.05, snapshot_good_blocks=2)
    with play(song_with("fault:restore-segv", clip_file), block=BLOCK, faults=soon) as playing:
        journal = playing.host.supervisor_of("bad1").journal
        playing.host.set_parameter("bad1", 0, 0.5)
        playing.until(lambda: any(s.good for s in journal.snapshots), "a state that it may die of")
        playing.kill("bad1")
        playing.until_restarts("bad1", 1)
        playing.until_heard("bad1")
        assert playing.events(HostEventKind.FAULT)[-1].text.endswith("SIGSEGV (restore)")
        check_mix(playing, clip)


def test_what_a_plugin_left_running_ends_with_its_worker(clip_file: str) -> None:
    """Forked, with and without a session of their own, orphaned at once. The plugin forks from its
    audio thread, whose name its children have."""
    with beside("leave_children", clip_file) as playing:
        playing.until_restarts("bad1", 1)
        playing.until(lambda: not forked_from_blocks(), "no stray is left")


def forked_from_blocks() -> list[int]:
    return [
        pid
        for pid in all_pids()
        if (stat := process_stat(pid)) is not None
        and stat.name == "isb-block"
        and stat.parent == os.getpid()
    ]


def test_a_signal_to_everybody_reaches_nobody(clip_file: str) -> None:
    bystander = subprocess.Popen(["sleep", "1000"])
    try:
        os.kill(bystander.pid, signal.SIGSTOP)
        with beside("kill_all", clip_file) as playing:
            playing.until_heard("bad1", 60)
        stat = process_stat(bystander.pid)
        assert stat is not None and stat.state == "T"
    finally:
        bystander.kill()
        bystander.wait()


def test_shared_memory_stays_out_of_reach_by_name(clip_file: str) -> None:
    sizes = _segment_sizes()
    with beside("truncate_shared", clip_file) as playing:
        playing.until_heard("bad1", 60)
        now = {name: size for name, size in _segment_sizes().items() if name not in sizes}
        assert now and all(now.values())


def _segment_sizes() -> dict[str, int]:
    return {entry.name: entry.stat().st_size for entry in Path(SHM_DIR).iterdir()}
