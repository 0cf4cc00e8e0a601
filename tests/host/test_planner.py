# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans line up: whatever the plugins' latencies are, signals that meet were played together.

The engine's plan shows nothing of what it was given, so a plan that notes it stands in its place.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from host import planner
from host.planner import DelayLines, MixStrip, Planned, make_plan
from host.song import MASTER, Slot, Song, Track
from host.song_routing import track_stages

BLOCK = 64


@dataclass
class NotedPlan:
    """What `make_plan` told the engine. Delays are in frames."""

    arrives: list[int] = field(default_factory=list)  # latency of each strip's own clips
    chains: dict[int, tuple[list[Any], str]] = field(default_factory=dict)
    feeds: dict[tuple[int, int], Any] = field(default_factory=dict)  # (to, source): delay line
    keys: dict[tuple[int, int], tuple[int, Any]] = field(default_factory=dict)
    stages: list[list[int]] = field(default_factory=list)
    master: int = -1

    def add_strip(self, strip: Any, audio: Any, midi: Any, delay: int, *live: int) -> int:
        self.arrives.append(delay)
        return len(self.arrives) - 1

    def set_chain(self, strip: int, chain: Any, slots: Sequence[Any], mode: str) -> None:
        self.chains[strip] = (list(slots), mode)

    def add_feed(self, to: int, source: int, line: Any) -> None:
        self.feeds[to, source] = line

    def add_key(self, to: int, slot: int, source: int, line: Any, frames: int) -> None:
        assert frames == BLOCK
        self.keys[to, slot] = (source, line)

    def finish(self, stages: Sequence[Sequence[int]], master: int) -> None:
        self.stages, self.master = [list(stage) for stage in stages], master


@pytest.fixture(autouse=True)
def noted_plans(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planner, "Plan", NotedPlan)


def strip(
    strip_id: str,
    *latencies: int,
    output: str | None = MASTER,
    keys: dict[int, str] | None = None,
    pipelined: bool = False,
    cpu: int = -1,
) -> MixStrip:
    """A strip with a slot for each of `latencies`; `keys` names the side-chain of a slot."""
    slots = [
        SimpleNamespace(
            spec=Slot(id=f"{strip_id}-{i}", plugin="builtin:gain", sidechain=(keys or {}).get(i)),
            native=f"{strip_id}-{i}",
            latency_frames=latency,
        )
        for i, latency in enumerate(latencies)
    ]
    mode = "pipelined" if pipelined else "relayed"
    chain = SimpleNamespace(native=object(), mode=mode, cpu=cpu) if slots else None
    return MixStrip(strip_id, object(), chain=chain, slots=slots, output=output)  # type: ignore[arg-type]


def master(*latencies: int) -> MixStrip:
    return strip(MASTER, *latencies, output=None)


def plan(*strips: MixStrip, delays: DelayLines | None = None, audio_core: int = -1) -> Planned:
    tracks = tuple(
        Track(id=s.id, output=s.output or MASTER, chain=tuple(slot.spec for slot in s.slots))
        for s in strips[:-1]
    )
    stages = track_stages(Song(tracks=tracks))
    return make_plan(strips, stages, delays or DelayLines(BLOCK), BLOCK, audio_core)


def frames(line: Any) -> int:
    return 0 if line is None else int(line.delay_frames)


def check_aligned(strips: Sequence[MixStrip], planned: Planned) -> None:
    """Follows each signal through the plan: what meets must have come equally far, and nobody is
    delayed more than the latest needs."""
    noted: Any = planned.plan
    leaves = []
    for i, one in enumerate(strips):
        own = sum(slot.latency_frames for slot in one.slots) + (BLOCK if one.pipelined else 0)
        leaves.append(noted.arrives[i] + own)
    undelayed = {i for i, delay in enumerate(noted.arrives) if delay == 0}
    for (to, source), line in noted.feeds.items():
        assert leaves[source] + frames(line) == noted.arrives[to]
        undelayed |= {to} if line is None else set()
    for (to, slot), (source, line) in noted.keys.items():
        before = sum(s.latency_frames for s in strips[to].slots[:slot])
        assert leaves[source] + frames(line) == noted.arrives[to] + before
        undelayed |= {to} if line is None else set()
    assert undelayed == set(range(len(strips)))
    assert planned.latency_frames == leaves[-1]


def test_tracks_arrive_at_the_master_together() -> None:
    strips = [strip("dry"), strip("a", 100), strip("b", 30, 40), master()]
    planned = plan(*strips)
    noted: Any = planned.plan
    assert planned.latency_frames == 100
    assert [frames(noted.feeds[3, i]) for i in range(3)] == [100, 0, 30]
    check_aligned(strips, planned)


def test_the_masters_own_chain_adds_to_the_latency_of_the_mix() -> None:
    planned = plan(strip("a", 100), master(20, 5))
    assert planned.latency_frames == 125


def test_without_latency_nothing_is_delayed() -> None:
    noted: Any = plan(strip("a", 0), strip("b"), master()).plan
    assert set(noted.feeds.values()) == {None}
    assert noted.arrives == [0, 0, 0]


def test_a_bus_plays_its_own_clips_as_late_as_its_latest_source() -> None:
    strips = [strip("a", 100, output="bus"), strip("b", output="bus"), strip("bus", 7), master()]
    planned = plan(*strips)
    noted: Any = planned.plan
    assert noted.arrives == [0, 0, 100, 107]
    assert planned.latency_frames == 107
    check_aligned(strips, planned)


def test_a_key_reaches_the_keyed_slot_with_the_signal_it_governs() -> None:
    """The keyed slot comes behind 50 frames of latency, so its key is late by as much."""
    strips = [strip("kick"), strip("bass", 50, 0, keys={1: "kick"}), master()]
    planned = plan(*strips)
    noted: Any = planned.plan
    source, line = noted.keys[1, 1]
    assert (source, frames(line)) == (0, 50)
    assert noted.arrives[1] == 0
    check_aligned(strips, planned)


def test_a_track_waits_for_a_key_that_is_later_than_its_own_signal() -> None:
    strips = [strip("kick", 80), strip("bass", 50, 0, keys={1: "kick"}), master()]
    planned = plan(*strips)
    noted: Any = planned.plan
    assert noted.arrives[1] == 30
    assert noted.keys[1, 1] == (0, None)
    assert planned.latency_frames == 80
    check_aligned(strips, planned)


def test_a_pipelined_track_is_a_block_later_and_the_others_wait_for_it() -> None:
    strips = [strip("fast", 10), strip("slow", 10, pipelined=True), master()]
    planned = plan(*strips)
    noted: Any = planned.plan
    assert planned.latency_frames == BLOCK + 10
    assert [frames(noted.feeds[2, i]) for i in range(2)] == [BLOCK, 0]
    assert [noted.chains[i][1] for i in range(2)] == ["relayed", "pipelined"]
    check_aligned(strips, planned)


def test_a_key_from_a_pipelined_track_is_waited_for() -> None:
    strips = [strip("kick", 0, pipelined=True), strip("bass", 0, keys={0: "kick"}), master()]
    planned = plan(*strips)
    noted: Any = planned.plan
    assert noted.arrives[1] == BLOCK
    check_aligned(strips, planned)


@st.composite
def mixes(draw: st.DrawFn) -> list[MixStrip]:
    """Any mix without circles: strips send to, and are keyed by, what comes later and before."""
    count = draw(st.integers(1, 6))
    latency = st.integers(0, 300)
    strips: list[MixStrip] = []
    for i in range(count):
        later = [f"t{j}" for j in range(i + 1, count)]
        slots = draw(st.lists(latency, max_size=3))
        keys = {}
        if i > 0 and slots and draw(st.booleans()):
            keys[draw(st.integers(0, len(slots) - 1))] = f"t{draw(st.integers(0, i - 1))}"
        strips.append(
            strip(
                f"t{i}",
                *slots,
                output=draw(st.sampled_from([MASTER, *later])),
                keys=keys,
                pipelined=bool(slots) and draw(st.booleans()),
            )
        )
    return [*strips, master(*draw(st.lists(latency, max_size=2)))]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(mixes())
def test_any_mix_is_aligned_and_no_later_than_need_be(strips: list[MixStrip]) -> None:
    planned = plan(*strips)
    noted: Any = planned.plan
    check_aligned(strips, planned)
    done: set[int] = set()
    for stage in noted.stages:
        for i in stage:
            assert {source for to, source in noted.feeds if to == i} <= done
            assert {source for (to, _), (source, _) in noted.keys.items() if to == i} <= done
        done.update(stage)
    assert done == set(range(len(strips)))


def test_delay_lines_that_stay_keep_what_they_hold() -> None:
    """A new line is empty: to swap it for one that is in use would tear a hole."""
    delays = DelayLines(BLOCK)
    tracks = [strip("a", 100), strip("b"), strip("c"), master()]
    before: Any = plan(*tracks, delays=delays).plan
    tracks.insert(0, strip("new", 20))
    after: Any = plan(*tracks, delays=delays).plan
    for old, new in ((1, 2), (2, 3)):
        assert after.feeds[4, new] is before.feeds[3, old]


def test_only_the_lines_that_change_are_made_anew() -> None:
    delays = DelayLines(BLOCK)
    before: Any = plan(strip("a", 100), strip("b", 30), strip("c"), master(), delays=delays).plan
    after: Any = plan(strip("a", 100), strip("b", 60), strip("c"), master(), delays=delays).plan
    assert after.feeds[3, 2] is before.feeds[3, 2]
    assert frames(after.feeds[3, 1]) == 40
    assert after.feeds[3, 1] is not before.feeds[3, 1]


def test_a_strips_feed_and_its_key_never_share_a_delay_line() -> None:
    """One line takes one signal in: two readers of one line would hear each other's."""
    strips = [
        strip("kick", output="bus"),
        strip("late", 90, output="bus"),
        strip("bus", 0, 0, keys={0: "kick", 1: "kick"}),
        master(),
    ]
    noted: Any = plan(*strips).plan
    lines = [noted.feeds[2, 0], noted.keys[2, 0][1], noted.keys[2, 1][1]]
    assert [frames(line) for line in lines] == [90, 90, 90]
    assert len({id(line) for line in lines}) == 3


def test_chains_on_the_audio_threads_core_are_begun_last() -> None:
    """A worker woken there may take the core from the audio thread before it has woken the rest;
    among equals the song's order stays."""
    strips = [
        strip("here-1", 0, cpu=0),
        strip("there-1", 0, cpu=1),
        strip("plain"),
        strip("here-2", 0, cpu=0),
        strip("there-2", 0, cpu=1),
        master(),
    ]
    noted: Any = plan(*strips, audio_core=0).plan
    assert noted.stages == [[1, 2, 4, 0, 3], [5]]


def test_the_order_of_stages_comes_before_the_order_of_cores() -> None:
    strips = [strip("here", 0, cpu=0, output="bus"), strip("bus", 0, cpu=1), master()]
    noted: Any = plan(*strips, audio_core=0).plan
    assert noted.stages == [[0], [1], [2]]


def test_an_audio_thread_that_runs_anywhere_changes_no_order() -> None:
    """-1 as a chain's core means any, not the audio thread's."""
    strips = [strip("a", 0, cpu=-1), strip("b", 0, cpu=1), strip("c", 0, cpu=0), master()]
    noted: Any = plan(*strips, audio_core=-1).plan
    assert noted.stages == [[0, 1, 2], [3]]
