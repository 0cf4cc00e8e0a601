# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that is killed at any moment, in the midst of edits to real plugins, is resumed with the
plugins as they were: at most the last second of edits is lost."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from host.config import FaultPolicy, HostConfig
from host.host import Host
from host.session.folder import Playing, claim, unended
from host.session.recovery import Recovered, recover
from host.session.session import Session
from host.song import Slot, Song, Track
from ipc.processes import children_of, process_stat
from ipc.status import SlotStatus
from tests.process.songs import QUICK

pytestmark = pytest.mark.process

ROOT = Path(__file__).resolve().parents[2]

# Plays, and edits what can be edited; writes each edit to standard output once it is made.
PLAYER = """
import json, random, sys, time
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from host.config import FaultPolicy, HostConfig
from host.host import Host
from host.session.folder import Playing
from host.session.session import Session
from host.song import AudioSource, Slot, Song, Track

EQ, SYNTH = "vst3:/usr/lib/vst3/ZamEQ2.vst3", "lv2:http://drobilla.net/plugins/mda/EPiano"
song = Song(tracks=(
    Track(id="a", chain=(Slot(id="eq", plugin=EQ), Slot(id="gain", plugin="builtin:gain"))),
    Track(id="b", chain=(Slot(id="synth", plugin=SYNTH),)),
))
dice = random.Random(int(sys.argv[3]))
policy = FaultPolicy(snapshot_after_edit_s=0.1, snapshot_good_blocks=4)
session = Session("the song", Playing(block_frames=512), within=Path(sys.argv[2]))
def say(**fields):
    print(json.dumps({"at": time.monotonic(), **fields}), flush=True)
with Host(HostConfig(block_frames=512, faults=policy), session=session) as host:
    host.load(song)
    host.start()
    say(ready=True)
    while True:
        slot = dice.choice(("eq", "gain", "synth"))
        # The first three of a DPF plugin are no controls; its programs would set the others.
        parameter = {"eq": dice.randrange(3, 9), "gain": 0, "synth": dice.randrange(4)}[slot]
        value = dice.random()
        host.set_parameter(slot, parameter, value)
        gain = dice.uniform(-20.0, 0.0)
        host.set_gain("a", gain)
        say(slot=slot, parameter=parameter, value=value, gain=gain,
            frame=host.engine.position_frames)
        time.sleep(dice.choice((0.0, 0.01, 0.05, 0.3)))
"""


class Player:
    """A host of its own process, and all that it said it did."""

    def __init__(self, within: Path, seed: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PLAYER, str(ROOT), str(within), str(seed)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert json.loads(self.process.stdout.readline())["ready"]

    def kill(self) -> tuple[float, list[dict[str, float]]]:
        """When, and the edits that were made."""
        at = time.monotonic()
        self.process.send_signal(signal.SIGKILL)
        said, _ = self.process.communicate()
        lines = [line for line in said.splitlines() if line.endswith("}")]
        return at, [json.loads(line) for line in lines]


@pytest.fixture(autouse=True)
def reap_adopted() -> Iterator[None]:
    """Workers of the killed host become this process's children, dead; once a host of our own has
    made it a subreaper."""
    yield
    deadline = time.monotonic() + 5.0
    while time.monotonic() < deadline:
        left = [
            pid
            for pid in children_of(os.getpid())
            if (stat := process_stat(pid)) is not None and stat.name.startswith("isb-")
        ]
        for pid in left:
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                continue
        if not left:
            return
        time.sleep(0.01)


def possible(edits: list[dict[str, float]], killed: float) -> dict[tuple[str, int], set[float]]:
    """What each parameter may be: its last value of more than a second before, or any since."""
    values: dict[tuple[str, int], set[float]] = {}
    for edit in edits:
        key = (str(edit["slot"]), int(edit["parameter"]))
        if edit["at"] < killed - 1.0:
            values[key] = set()
        values.setdefault(key, set()).add(edit["value"])
    return values


def recovered_values(found: Recovered) -> dict[tuple[str, int], float]:
    return {
        (slot, edit.parameter): edit.value
        for slot, journal in found.journals.items()
        for edit in journal.edits
    }


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_killed_host_loses_at_most_the_last_second(seed: int, tmp_path: Path) -> None:
    player = Player(tmp_path, seed)
    time.sleep(random.Random(seed).uniform(1.2, 3.0))
    killed, edits = player.kill()
    old = [edit for edit in edits if edit["at"] < killed - 1.0]
    assert len(unended(tmp_path)) == 1
    found = recover(claim(None, tmp_path))
    assert found.notes == ()
    values = recovered_values(found)
    for key, allowed in possible(edits, killed).items():
        long_ago = any((e["slot"], e["parameter"]) == key for e in old)
        assert values.get(key) in allowed or (key not in values and not long_ago), key
    if old:
        assert found.song.tracks[0].gain_db in {e["gain"] for e in edits[len(old) - 1 :]}
        assert found.position_frames >= old[-1]["frame"]

    again = Session("the song", Playing(block_frames=512), resumes=found, within=tmp_path)
    with Host(HostConfig(block_frames=512, faults=QUICK), session=again) as host:
        host.load(found.song)
        host.start(position_frames=found.position_frames)
        for slot in host.slots():
            assert slot.status is SlotStatus.ACTIVE, slot
        for slot_id in ("eq", "gain", "synth"):
            now = host.parameters(slot_id)
            for (edited, parameter), value in values.items():
                if edited == slot_id:  # a plugin rounds to its own steps
                    assert now[parameter] == pytest.approx(value, abs=2e-3), (edited, parameter)
        deadline = time.monotonic() + 5.0
        while host.engine.position_frames <= found.position_frames:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert unended(tmp_path) == []  # the old one is gone, the new one alive
    assert list(tmp_path.iterdir()) == []


def test_plugin_states_that_are_no_parameters_come_back(tmp_path: Path) -> None:
    """The state that a plugin saved is the one that the resumed plugin saves."""
    player = Player(tmp_path, 4)
    deadline = time.monotonic() + 20.0
    states = []
    while not states and time.monotonic() < deadline:
        time.sleep(0.1)
        states = list(tmp_path.glob("*/states/*"))
    time.sleep(0.5)
    player.kill()
    found = recover(claim(None, tmp_path))
    snapshots = {slot: journal.snapshots for slot, journal in found.journals.items()}
    assert any(snapshots.values())
    for slot, journal in found.journals.items():
        # The newest one, too, which it was killed too soon after to have survived.
        kept = [one.data for one in journal.snapshots if one.good or one.recovered]
        if kept:
            restore = journal.next_restore()
            assert restore.state == kept[-1], slot
            assert not restore.is_first
    again = Session("the song", Playing(), resumes=found, within=tmp_path)
    with Host(HostConfig(block_frames=512, faults=QUICK), session=again) as host:
        host.load(found.song)
        host.start()
        for slot, kept in snapshots.items():
            restore = found.journals[slot].next_restore()
            # The equalizer reads its own numbers back rounded, and writes them so.
            if kept and not restore.edits and slot != "eq":
                assert host.capture_slot(slot).state == kept[-1].data, slot


def test_a_host_that_ends_by_an_exception_keeps_the_newest_snapshot(
    tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    """Its workers end with it; that is no reason to distrust what they saved last."""
    song = Song(tracks=(Track(id="t", chain=(Slot(id="g", plugin="builtin:gain"),)),))
    never_good = FaultPolicy(snapshot_after_edit_s=0.05, snapshot_good_blocks=1 << 30)
    session = Session("the song", Playing(block_frames=512), within=tmp_path)
    with (
        pytest.raises(ZeroDivisionError),
        Host(HostConfig(block_frames=512, faults=never_good), session=session) as host,
    ):
        host.load(song)
        host.start()
        host.set_parameter("g", 0, 0.25)
        wait_until(lambda: list(tmp_path.glob("*/states/*")), 20.0)
        wait_until(lambda: host.supervisor_of("g").journal.snapshots, 20.0)
        raise ZeroDivisionError
    found = recover(claim(None, tmp_path))
    found.folder.close()
    assert found.journals["g"].snapshots
