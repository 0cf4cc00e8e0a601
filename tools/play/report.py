# SPDX-License-Identifier: GPL-3.0-or-later
"""What a session tells programs (`--json`; docs/cli.md) and people when it has ended."""

from collections.abc import Iterator

from msgspec import Struct

from host.device import AudioDevice
from host.host import Host
from host.midi_input import MidiInput
from ipc.status import SlotStatus
from tools.block_log import BlockLog, BlockTimes
from tools.console import counted, print_table, printable
from tools.render.missing import remarks_on_missing
from tools.render.report import EventEntry, SlotEntry, clock

SCHEMA = 1


class DeviceEntry(Struct, frozen=True, kw_only=True):
    """The audio device of a session; null in the report: the null clock."""

    name: str
    api: str
    block_frames: int  # of its last call
    latency_ms: float
    realtime: bool  # whether its thread had real-time priority
    losses: int  # how often it went away
    state: str  # at the end
    repaired_inputs: int  # samples that were no numbers


class PlayReport(Struct, frozen=True, kw_only=True):
    """One session."""

    schema: int = SCHEMA
    result: str  # done or interrupted
    song: str
    sample_rate: int
    block_frames: int
    pipelined: bool
    realtime: bool
    device: DeviceEntry | None
    midi_ports: dict[str, str]  # full names, by the names in the song
    midi_messages: int
    midi_sysex: int  # left out
    midi_lost: int  # came too fast
    played_s: float
    latency_frames: int
    blocks: int
    late_blocks: int
    machine_late_blocks: int
    deadline_us: float
    slot_deadline_us: float
    block_us: BlockTimes
    xruns: int
    clock_slips: int
    takeovers: int
    slots: list[SlotEntry]
    events: list[EventEntry]

    @property
    def out_of_play(self) -> list[SlotEntry]:
        """Slots that ended without their plugin."""
        lost = (SlotStatus.QUARANTINED.value, SlotStatus.FAILED.value)
        return [slot for slot in self.slots if slot.status in lost]


def make_report(
    host: Host,
    device: AudioDevice | None,
    midi: MidiInput | None,
    log: BlockLog,
    *,
    song: str,
    interrupted: bool,
    first_block: int,
) -> PlayReport:
    """`first_block`: with which the song began to play."""
    config, engine, driver = host.config, host.engine, host.driver
    assert driver is not None
    log.read()
    period_us = 1e6 * config.block_s
    begin_s = first_block * config.block_s
    return PlayReport(
        result="interrupted" if interrupted else "done",
        song=song,
        sample_rate=config.sample_rate,
        block_frames=config.block_frames,
        pipelined=config.mode == "pipelined",
        realtime=host.realtime,
        device=_device_entry(host, device) if device is not None else None,
        midi_ports=midi.connected if midi is not None else {},
        midi_messages=midi.received if midi is not None else 0,
        midi_sysex=midi.sysex if midi is not None else 0,
        midi_lost=midi.lost if midi is not None else 0,
        played_s=round((engine.block_count - first_block) * config.block_s, 3),
        latency_frames=host.mix.latency_frames,
        blocks=engine.block_count,
        late_blocks=engine.late_blocks,
        machine_late_blocks=engine.machine_late_blocks,
        deadline_us=round(period_us, 1),
        slot_deadline_us=round(period_us * config.deadline_fraction, 1),
        block_us=log.times(),
        xruns=driver.xruns,
        clock_slips=driver.clock_slips,
        takeovers=driver.takeovers,
        slots=[SlotEntry.of(slot, ()) for slot in host.slots()],
        events=[EventEntry.of(event, begin_s, config.block_s) for event in host.events_since(0)],
    )


def _device_entry(host: Host, device: AudioDevice) -> DeviceEntry:
    driver = host.driver
    assert driver is not None
    return DeviceEntry(
        name=device.device.name,
        api=device.device.api,
        block_frames=driver.device_frames,
        latency_ms=round(1000 * device.latency_s, 2),
        realtime=driver.device_realtime,
        losses=device.losses,
        state=device.state.value,
        repaired_inputs=driver.repaired_inputs,
    )


def print_report(report: PlayReport) -> None:
    """For people, on standard output."""
    for line in _lines(report):
        print(printable(line))
    if report.slots:
        print()
        print_table(
            ("SLOT", "PLUGIN", "STATUS", "RESTARTS", "MISSING", "CRASH REPORTS"),
            [_row(slot) for slot in report.slots],
        )


def _lines(report: PlayReport) -> Iterator[str]:
    where = "to nowhere (null device)"
    if report.device is not None:
        where = f"on {report.device.name} ({report.device.api})"
    yield (
        f"played {clock(report.played_s)} {where}: {counted(report.blocks, 'block')} of "
        f"{report.block_frames} at {report.sample_rate} Hz"
    )
    times = report.block_us
    yield (
        f"a block took {times.median:g} µs (median), {times.p99:g} µs (99 of 100), "
        f"{times.max:g} µs (longest) of {report.deadline_us:g} µs"
    )
    late = f"{report.late_blocks} of {counted(report.blocks, 'block')} were late"
    if not report.late_blocks:
        late = "no block was late"
    elif report.machine_late_blocks:
        late += f", {report.machine_late_blocks} of them because the machine was"
    xruns = "1 xrun" if report.xruns == 1 else f"{report.xruns} xruns"
    yield late if report.device is None else f"{late}; the device reported {xruns}"
    yield from remarks_on_missing(report.slots)
    if report.takeovers:
        times_gone = "once" if report.takeovers == 1 else f"{report.takeovers} times"
        yield f"the device went away {times_gone}, and the mix played on without it"
    if report.midi_sysex:
        yield f"system exclusive messages that were left out: {report.midi_sysex}"
    if report.midi_lost:
        yield f"MIDI messages that came too fast and were lost: {report.midi_lost}"


def _row(slot: SlotEntry) -> tuple[str, ...]:
    missing = counted(slot.bypassed_blocks, "block") if slot.bypassed_blocks else ""
    return (
        slot.id,
        slot.plugin,
        slot.status,
        str(slot.restarts or ""),
        missing,
        ", ".join(slot.crashes),
    )
