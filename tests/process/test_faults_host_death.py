# SPDX-License-Identifier: GPL-3.0-or-later
"""A playing host that is killed takes its workers with it; the next host clears what it left."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ipc.names import SHM_DIR
from ipc.processes import children_of, process_stat
from tests.process.songs import HostEventKind, Slot, Song, Track, play

pytestmark = pytest.mark.process

ROOT = Path(__file__).resolve().parents[2]

# Plays two chains, one of them hanging in a block, and prints its workers once all have played.
PLAYER = """
import json, sys, time
sys.path.insert(0, sys.argv[1])
from host.config import FaultPolicy, HostConfig
from host.host import Host
from host.song import Slot, Song, Track

song = Song(tracks=(
    Track(
        id="a",
        chain=(Slot(id="a0", plugin="builtin:tone"), Slot(id="a1", plugin="builtin:gain")),
    ),
    Track(id="b", chain=(Slot(id="b0", plugin="fault:spin?after=30"),)),
))
with Host(HostConfig(faults=FaultPolicy(hang_limit_s=1000.0))) as host:
    host.load(song)
    host.start()
    while host.engine.block_count < 100:
        time.sleep(0.01)
    print(json.dumps({slot.id: host.worker_pid(slot.id) for slot in host.slots()}), flush=True)
    time.sleep(1000)
"""


class Player:
    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PLAYER, str(ROOT)], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.workers: dict[str, int] = json.loads(self.process.stdout.readline())

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def files(self) -> list[str]:
        return [name for name in os.listdir(SHM_DIR) if f"isobooth-{self.process.pid}-" in name]


@pytest.fixture
def player() -> Iterator[Player]:
    started = Player()
    yield started
    started.kill()
    assert started.process.stdout is not None
    started.process.stdout.close()
    deadline = time.monotonic() + 5.0
    while _reap_adopted() and time.monotonic() < deadline:
        time.sleep(0.01)


def _reap_adopted() -> bool:
    """Hosts make a process adopt orphans; those of the killed host are this one's by now. True if
    there are any left."""
    left = False
    for pid in children_of(os.getpid()):
        stat = process_stat(pid)
        if stat is None or not stat.name.startswith("isb-"):
            continue
        try:
            left = os.waitpid(pid, os.WNOHANG)[0] == 0 or left
        except ChildProcessError:
            continue
    return left


def is_alive(pid: int) -> bool:
    stat = process_stat(pid)
    return stat is not None and not stat.dead


def start_a_host() -> list[str]:
    """What its log says of the sweep."""
    song = Song(tracks=(Track(id="t", chain=(Slot(id="g", plugin="builtin:gain"),)),))
    with play(song) as playing:
        playing.run(3)
        return [event.text for event in playing.events(HostEventKind.NOTICE)]


def test_workers_of_a_killed_host_end_even_in_the_middle_of_a_block(
    player: Player, wait_until: Callable[[Callable[[], object], float], None]
) -> None:
    assert all(is_alive(pid) for pid in player.workers.values())
    player.kill()
    wait_until(lambda: not any(is_alive(pid) for pid in player.workers.values()), 10.0)
    start_a_host()
    assert player.files() == []


def test_the_next_host_sweeps_what_a_killed_one_could_not_end(player: Player) -> None:
    os.kill(player.workers["a1"], signal.SIGSTOP)
    player.kill()
    assert is_alive(player.workers["a1"])
    assert player.files()
    notices = start_a_host()
    assert player.files() == []
    assert not any(is_alive(pid) for pid in player.workers.values())
    assert len(notices) == 1, notices


def test_a_host_that_plays_is_left_alone_by_one_that_starts(player: Player) -> None:
    files = player.files()
    assert files
    assert start_a_host() == []
    assert player.files() == files
    assert all(is_alive(pid) for pid in player.workers.values())
    player.kill()
    start_a_host()
