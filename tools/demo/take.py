# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays the song once in real time, commits the sabotage on the way and records what happens.

All that this does with the host, any program could do: it turns knobs, reads the host's events and
logs, and kills processes from outside as a user or the kernel might.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from host.config import HostConfig
from host.engine_module import BLOCK_LATE
from host.events import HostEventKind
from host.host import Host, SlotReport
from host.song import Slot, Song, Track
from ipc.errors import IsoboothError, WorkerError
from ipc.status import SlotStatus
from tools.demo.sabotage import KNOB_LEAD_S, Sabotage
from tools.foreground import Stop

CAPTURE_S = 10.0  # how long the disk, or whatever else holds this loop up, may take
_POLL_S = 0.01
_STUCK_S = 10.0  # without a block, the clock is not coming back
_GONE = (SlotStatus.RESTARTING, SlotStatus.QUARANTINED, SlotStatus.FAILED)
_SAME = 1e-4  # parameters travel as float32

Tell = Callable[[float, str], None]  # position in seconds, what happened there


@dataclass
class Outcome:
    """What became of one sabotaged plugin."""

    sabotage: Sabotage
    slot: Slot
    track: Track
    is_instrument: bool
    fault_block: int | None = None  # the first that was played without it; None: nothing happened
    covered_blocks: int = 0  # played without it
    back: bool = False
    settings_kept: bool = False
    reports: tuple[str, ...] = ()

    @property
    def heard_meanwhile(self) -> str:
        return "silence" if self.is_instrument else "its dry input"


@dataclass
class Take:
    """What was played, and how."""

    config: HostConfig
    realtime: bool
    tracks: tuple[Track, ...]
    slot_count: int
    expected_blocks: int
    first_frame: int  # of `audio` that belongs to the song: the mix's latency comes before it
    audio: NDArray[np.float32] = field(default_factory=lambda: np.zeros((2, 0), np.float32))
    blocks: dict[str, NDArray[np.generic]] = field(default_factory=dict)
    clock_slips: int = 0
    outcomes: tuple[Outcome, ...] = ()
    reports: tuple[SlotReport, ...] = ()

    @property
    def delivered_blocks(self) -> int:
        return int(self.blocks["block"].size)

    @property
    def late_blocks(self) -> int:
        """Blocks whose processing took longer than their period."""
        flags = self.blocks["flags"].astype(np.uint32)
        return int(np.count_nonzero(flags & BLOCK_LATE))

    @property
    def late_blocks_at_faults(self) -> int:
        """Of these, how many while a plugin was failing: the host's fault, not the machine's."""
        late = set(self.blocks["block"][self.blocks["flags"].astype(np.uint32) & BLOCK_LATE > 0])
        faults = (o.fault_block for o in self.outcomes if o.fault_block is not None)
        return sum(len(late & {block - 1, block, block + 1}) for block in faults)

    @property
    def duration_us(self) -> NDArray[np.float64]:
        return self.blocks["duration_ns"].astype(np.float64) / 1000

    @property
    def peak_db(self) -> float:
        """Of what was delivered, dBFS."""
        return float(20 * np.log10(max(float(np.abs(self.audio).max()), 1e-6)))

    @property
    def bystander_misses(self) -> int:
        """Deadlines that plugins which nobody had touched missed themselves."""
        victims = {outcome.slot.id for outcome in self.outcomes}
        return sum(r.missed_blocks for r in self.reports if r.id not in victims)

    @property
    def complete(self) -> bool:
        """Every block was delivered and every plugin came back with its settings."""
        return self.delivered_blocks == self.expected_blocks and all(
            outcome.back and outcome.settings_kept for outcome in self.outcomes
        )

    def seconds(self, block: float) -> float:
        return block * self.config.block_s


def play(
    host: Host, song: Song, sabotages: tuple[Sabotage, ...], length_s: float, tell: Tell, stop: Stop
) -> Take:
    """Plays `song`, which the host has loaded, to its end. IsoboothError if the clock stops."""
    config = host.config
    first_frame = host.mix.latency_frames
    frames = first_frame + round(length_s * config.sample_rate)
    take = Take(
        config=config,
        realtime=host.realtime,
        tracks=song.tracks,
        slot_count=len(host.slots()),
        expected_blocks=math.ceil(frames / config.block_frames),
        first_frame=first_frame,
    )
    victims = [_Victim(host, song, sabotage) for sabotage in sabotages]
    log = _Log(host, take.expected_blocks)
    host.start()
    try:
        _watch(host, take, victims, log, tell, stop)
        for victim in victims:
            victim.finish()
    finally:
        host.stop()
    log.drain()
    take.audio = log.audio[:, : take.expected_blocks * config.block_frames][:, :frames]
    take.blocks = log.blocks
    assert host.driver is not None
    take.clock_slips = host.driver.clock_slips
    take.outcomes = tuple(victim.outcome for victim in victims)
    take.reports = tuple(host.slots())
    return take


def _watch(
    host: Host, take: Take, victims: list["_Victim"], log: "_Log", tell: Tell, stop: Stop
) -> None:
    """Stands by until the last block: commits sabotage, drains logs, tells what happens."""
    seen_events, seen_blocks, moved_at = 0, 0, time.monotonic()
    while (blocks := host.engine.block_count) < take.expected_blocks:
        if blocks != seen_blocks:
            seen_blocks, moved_at = blocks, time.monotonic()
        elif time.monotonic() - moved_at > _STUCK_S:
            raise IsoboothError(f"the demo's clock stopped at block {blocks}: please report it")
        position_s = take.seconds(blocks)
        log.drain()
        for slot, block in log.new_misses():
            for victim in victims:
                victim.miss(slot, block)
        for victim in victims:
            victim.look(blocks, position_s, tell)
        for event in host.events_since(seen_events):
            seen_events += 1
            for victim in victims:
                victim.hear_of(event.kind, event.slot, event.block)
            if event.slot is not None and event.kind is not HostEventKind.NOTICE:
                tell(take.seconds(event.block), event.text)
        tell(position_s, "")
        stop.pause(_POLL_S)


class _Log:
    """Empties the engine's rings, which would overflow otherwise, and keeps it all."""

    def __init__(self, host: Host, wanted_blocks: int) -> None:
        self._engine = host.engine
        self._wanted = wanted_blocks
        self._audio: list[NDArray[np.float32]] = []
        self._blocks: list[dict[str, NDArray[np.generic]]] = []

    def drain(self) -> None:
        audio = self._engine.read_capture(round(CAPTURE_S * self._engine.sample_rate))
        if len(audio):
            self._audio.append(audio)
        self._blocks.append(self._engine.read_blocks())

    def new_misses(self) -> list[tuple[int, int]]:
        """(slot, block) of every miss since the last call."""
        return [(slot, block) for block, _, _, slot, _, _ in self._engine.read_misses()]

    @property
    def audio(self) -> NDArray[np.float32]:
        """(2, frames)."""
        return np.ascontiguousarray(np.concatenate(self._audio).T)

    @property
    def blocks(self) -> dict[str, NDArray[np.generic]]:
        """The records of the wanted blocks."""
        tables = [table for table in self._blocks if len(table["block"])]
        whole = {key: np.concatenate([t[key] for t in tables]) for key in tables[0]}
        wanted = whole["block"] < self._wanted
        return {key: column[wanted] for key, column in whole.items()}


class _Victim:
    """One plugin that is sabotaged: turns its knob, strikes, follows it until it is back."""

    def __init__(self, host: Host, song: Song, sabotage: Sabotage) -> None:
        self._host = host
        self._sabotage = sabotage
        supervisor = host.supervisor_of(sabotage.slot)
        self._native = supervisor.native
        description = supervisor.description
        assert description is not None
        track = next(t for t in song.tracks if supervisor.spec in t.chain)
        self.outcome = Outcome(sabotage, supervisor.spec, track, description.is_instrument)
        self._knob = next(p.index for p in description.parameters if p.name == sabotage.knob)
        self._settings = host.parameters(sabotage.slot)
        self._settings[self._knob] = sabotage.value
        self._turned = self._struck = False
        self._covered_before = 0
        self._processed_when_back: int | None = None
        self._settled = False  # it has been heard again: what it misses from now on is not ours

    def look(self, block: int, position_s: float, tell: Tell) -> None:
        """Called often, with where the mix is now."""
        sabotage, outcome = self._sabotage, self.outcome
        if not self._turned and position_s >= sabotage.at_s - KNOB_LEAD_S:
            self._turned = True
            self._host.set_parameter(sabotage.slot, self._knob, sabotage.value)
            self._covered_before = self._native.bypassed_blocks
        if not self._struck and position_s >= sabotage.at_s and sabotage.act is not None:
            self._struck = True
            pid = self._host.worker_pid(sabotage.slot)
            if pid is not None:
                sabotage.act(pid)
                name = f"{outcome.slot.label} on {outcome.track.label}"
                tell(position_s, f"{name}: its process {pid} is {sabotage.what} ({sabotage.short})")
        covered = self._native.bypassed_blocks - self._covered_before
        if self._turned and outcome.fault_block is None and covered > 0:
            outcome.fault_block = block - covered  # it died between blocks: no miss was logged
        if outcome.fault_block is not None and not self._settled:
            outcome.covered_blocks = covered
            processed = self._processed_when_back
            self._settled = processed is not None and self._native.processed_blocks > processed

    def miss(self, slot: int, block: int) -> None:
        if slot == self._native.id and self._turned and self.outcome.fault_block is None:
            self.outcome.fault_block = block

    def hear_of(self, kind: HostEventKind, slot: str | None, block: int) -> None:
        if slot != self._sabotage.slot:
            return
        if kind is HostEventKind.FAULT and self.outcome.fault_block is None:
            self.outcome.fault_block = block
        if kind is HostEventKind.RECOVERED:
            self._processed_when_back = self._native.processed_blocks

    def finish(self) -> None:
        """Asks the plugin, while it still plays, where its knobs are."""
        outcome = self.outcome
        report = next(r for r in self._host.slots() if r.id == self._sabotage.slot)
        outcome.reports = report.crashes
        outcome.back = report.restarts > 0 and report.status not in _GONE
        if not outcome.back:
            return
        try:
            settings = self._host.parameters(self._sabotage.slot)
        except WorkerError:
            return
        outcome.settings_kept = np.allclose(settings, self._settings, atol=_SAME)
