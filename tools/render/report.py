# SPDX-License-Identifier: GPL-3.0-or-later
"""What a render tells programs: the keys of `--json`, which stay as docs/render-report.md says."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from host.events import HostEvent, HostEventKind
from host.host import Host, SlotReport
from tools.block_log import BlockTimes

SCHEMA = 1

# Events that tell of an attempt's fault: offline, a slot has one at most.
_OF_FAULTS = (HostEventKind.FAULT.value, HostEventKind.FAILED.value)


class SlotEntry(Struct, frozen=True, kw_only=True):
    """How a slot fared."""

    id: str
    plugin: str
    status: str
    reason: str
    restarts: int
    bypassed_blocks: int
    missed_blocks: int
    processed_blocks: int
    repaired_samples: int
    latency_frames: int
    last_restart_ms: float | None
    crashes: list[str]
    denials: list[str] = []
    shares_with: list[str] = []
    rejected: list[str] = []

    @classmethod
    def of(cls, slot: SlotReport, earlier_crashes: Sequence[str]) -> "SlotEntry":
        restart_s = slot.last_restart_s
        return cls(
            id=slot.id,
            plugin=slot.plugin,
            status=slot.status.value,
            reason=slot.reason,
            restarts=slot.restarts,
            bypassed_blocks=slot.bypassed_blocks,
            missed_blocks=slot.missed_blocks,
            processed_blocks=slot.processed_blocks,
            repaired_samples=slot.repaired_samples,
            latency_frames=slot.latency_frames,
            last_restart_ms=None if restart_s is None else _tenths(1000 * restart_s),
            crashes=[*earlier_crashes, *slot.crashes],
            denials=list(slot.denials),
            shares_with=list(slot.shares_with),
            rejected=list(slot.rejected),
        )


class FaultEntry(Struct, frozen=True, kw_only=True):
    """A plugin that was not heard where it should have been, in an offline render."""

    attempt: int
    slot: str
    plugin: str
    block: int
    time_s: float  # in the file
    what: str
    until_s: float | None = None  # it was between the two: blocks were rendered several at a time
    report: str | None = None  # crash report
    bypassed: bool = False  # the rest of the file goes without it

    def __str__(self) -> str:
        place = f"at {clock(self.time_s)}"
        if self.until_s is not None:
            place = f"between {clock(self.time_s)} and {clock(self.until_s)}"
        told = f"{self.what} {place}"
        return f"{told} (crash report {self.report})" if self.report else told


class EventEntry(Struct, frozen=True):
    """Something that happened while the file was rendered."""

    time_s: float
    kind: str
    slot: str | None
    text: str
    report: str | None

    @classmethod
    def of(cls, event: HostEvent, start_s: float, block_s: float) -> "EventEntry":
        time_s = round(max(0.0, event.block * block_s - start_s), 4)
        return cls(time_s, event.kind.value, event.slot, event.text, event.report)


class RenderReport(Struct, kw_only=True):
    """One file, rendered or not."""

    schema: int = SCHEMA
    result: str = "done"  # done, failed or skipped
    reason: str = ""
    input: str = ""
    output: str = ""
    mode: str = "offline"  # or realtime
    pipelined: bool = False
    realtime: bool = False  # whether threads had real-time priority
    attempts: int = 0
    sample_rate: int = 0
    block_frames: int = 0
    sample_format: str = ""
    duration_s: float = 0.0
    elapsed_s: float = 0.0
    latency_frames: int = 0
    peak_db: float | None = None
    clipped_samples: int = 0
    blocks: int = 0
    late_blocks: int = 0
    machine_late_blocks: int = 0
    deadline_us: float = 0.0
    slot_deadline_us: float | None = None
    block_us: BlockTimes = BlockTimes()
    xruns: int = 0
    clock_slips: int = 0
    slots: list[SlotEntry] = []
    faults: list[FaultEntry] = []
    events: list[EventEntry] = []
    warnings: list[str] = []

    def describe_host(self, host: Host) -> None:
        """Takes over what the host knows at the end of the attempt that counts."""
        config, engine, driver = host.config, host.engine, host.driver
        self.blocks = engine.plugin_block_count
        self.late_blocks = engine.late_blocks
        self.machine_late_blocks = engine.machine_late_blocks
        self.realtime = host.realtime
        if driver is not None:
            self.xruns = driver.xruns
            self.clock_slips = driver.clock_slips
            self.slot_deadline_us = _tenths(1e6 * config.block_s * config.deadline_fraction)
        start_s = self.latency_frames / config.sample_rate
        events = [
            EventEntry.of(event, start_s, config.batch * config.block_s)
            for event in host.events_since(0)
        ]
        self.events = sorted(map(self._placed, events), key=lambda event: event.time_s)
        self.slots = [
            SlotEntry.of(slot, [f.report for f in self._earlier_faults(slot.id) if f.report])
            for slot in host.slots()
        ]

    def _placed(self, event: EventEntry) -> EventEntry:
        """A fault where it is in the file, not where the host had come when it noticed."""
        if event.kind not in _OF_FAULTS:
            return event
        faults = (f for f in self.faults if f.slot == event.slot and f.attempt == self.attempts)
        fault = next(faults, None)
        return event if fault is None else replace(event, time_s=fault.time_s)

    def _earlier_faults(self, slot: str) -> list[FaultEntry]:
        return [f for f in self.faults if f.slot == slot and f.attempt < self.attempts]


class BatchSummary(Struct, kw_only=True):
    """Counts of files. `done` includes `retried`; `warned` counts all that have warnings."""

    files: int = 0
    done: int = 0
    retried: int = 0
    failed: int = 0
    skipped: int = 0
    warned: int = 0  # whatever became of them
    elapsed_s: float = 0.0
    files_per_s: float = 0.0  # of those that were rendered


class BatchReport(Struct, kw_only=True):
    """All files of a batch, in the order given."""

    schema: int = SCHEMA
    files: list[RenderReport]
    summary: BatchSummary

    @classmethod
    def of(cls, files: list[RenderReport], elapsed_s: float) -> "BatchReport":
        rendered = sum(f.result == "done" for f in files)
        summary = BatchSummary(
            files=len(files),
            done=rendered,
            retried=sum(f.result == "done" and f.attempts > 1 for f in files),
            failed=sum(f.result == "failed" for f in files),
            skipped=sum(f.result == "skipped" for f in files),
            warned=sum(bool(f.warnings) for f in files),
            elapsed_s=round(elapsed_s, 3),
            files_per_s=round(rendered / elapsed_s, 2) if elapsed_s > 0 else 0.0,
        )
        return cls(files=files, summary=summary)


def clock(time_s: float) -> str:
    """A place in a file as people write it: 1:02.345, or 1:01:02.345 beyond an hour."""
    milliseconds = round(1000 * time_s)
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    head = f"{hours}:{minutes:02}" if hours else f"{minutes}"
    return f"{head}:{rest / 1000:06.3f}"


def _tenths(value: float) -> float:
    return round(float(value), 1)
