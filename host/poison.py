# SPDX-License-Identifier: GPL-3.0-or-later
"""Which event or edit it is that kills a plugin again and again.

A restarted plugin is given what the one before it had: edits are replayed, controllers and held
notes chased. If one of them is what it died of, it dies again at once, until it is quarantined,
although it would play on without that one. So what was in the fatal block is remembered, and if the
next worker dies at the same place, early, after being given the same, that is what it dies of.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from host.backtrace.memory_map import MemoryMap
from host.crash_report import HANGS, FaultKind
from host.engine_module import PluginSlot
from host.journal import PROGRAM
from host.tenure import Tenure
from ipc.worker_process import WorkerExit

# Blocks after a restart in which it has been given all that is replayed and chased.
_EARLY_BLOCKS = 3
# Steps of loading at which edits have been replayed.
_REPLAYED = ("parameters", "warm_up", "start")
_SAME_VALUE = 1e-6  # events carry 32 bits of it


@dataclass(frozen=True)
class Suspect:
    kind: str  # midi, parameter or program; of that, `value` is the index
    midi: bytes
    index: int
    value: float

    def __str__(self) -> str:
        if self.kind == "midi":
            return f"MIDI {self.midi.hex(' ')}"
        if self.kind == "program":
            return f"program {self.value:g}"
        return f"parameter {self.index} = {self.value:g}"

    def is_like(self, other: "Suspect") -> bool:
        if self.kind != other.kind:
            return False
        if self.kind == "midi":
            return self.midi == other.midi
        return self.index == other.index and abs(self.value - other.value) < _SAME_VALUE


# How it ended and at which instruction of which file; a hang has no one instruction.
Place = tuple[str, int | None, str, int]


class PoisonWatch:
    """One slot's."""

    def __init__(self) -> None:
        self._place: Place | None = None
        self._suspects: Sequence[Suspect] = ()
        self._generation = 0

    def judge(self, tenure: Tenure, exit: WorkerExit, native: PluginSlot) -> list[Suspect]:
        """What is to be dropped after this end of a worker; usually nothing."""
        kind, _ = tenure.fault_of(exit)
        if kind not in (FaultKind.CRASH, FaultKind.EXIT, *HANGS):
            return []
        place = _place_of(kind, exit)
        before, suspects = self._place, self._suspects
        was_given = _given(tenure, exit, native)
        early = (
            exit.phase in _REPLAYED
            # Or in the very block: that its standby was given too.
            or native.generation(tenure.seat) == self._generation
            or native.processed_blocks - tenure.processed_before <= _EARLY_BLOCKS
        )
        self._place, self._suspects = place, was_given
        self._generation = native.generation(tenure.seat)
        if not early or place != before:
            return []
        return [s for s in suspects if any(s.is_like(given) for given in was_given)]


def _given(tenure: Tenure, exit: WorkerExit, native: PluginSlot) -> list[Suspect]:
    """What the plugin was given last: in its fatal block, or while it was loaded."""
    if exit.phase in _REPLAYED:
        return [
            Suspect("program" if e.is_program else "parameter", b"", e.parameter, e.value)
            for e in tenure.restore.edits
        ]
    if exit.phase != "process":
        return []
    given = [
        _suspect(kind, midi, index, value)
        for generation, _, kind, midi, index, value in native.recent_events(tenure.seat)
        if generation == native.generation(tenure.seat)
    ]
    if tenure.program is not None and not tenure.program_is_set:
        given.append(Suspect("program", b"", PROGRAM, tenure.program.value))
    return given


def _suspect(kind: str, midi: bytes, index: int, value: float) -> Suspect:
    match kind:
        case "midi":
            return Suspect(kind, midi, index, 0.0)
        case "program":
            return Suspect(kind, b"", PROGRAM, float(index))
    return Suspect(kind, b"", index, value)


def _place_of(kind: FaultKind, exit: WorkerExit) -> Place:
    snapshot = exit.evidence
    if kind in HANGS:
        return "hang", None, "", 0
    if snapshot is None or exit.signal is None:
        return kind.value, exit.signal or exit.exit_code, "", 0
    mapping = MemoryMap.parse(snapshot.maps).at(snapshot.pc)
    if mapping is None:
        return kind.value, exit.signal, "", snapshot.pc
    return kind.value, exit.signal, mapping.path, snapshot.pc - mapping.start + mapping.file_offset
