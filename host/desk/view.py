# SPDX-License-Identifier: GPL-3.0-or-later
"""What a window is shown of a desk: the state, and the meters beside it."""

import os
import time
from collections import deque

import numpy as np
from numpy.typing import NDArray

from host.desk.advice import in_the_window
from host.desk.desk import Desk, sources_of
from host.desk.edits import short_name
from host.device import AudioDevice
from host.host import Host, SlotReport
from host.slot_supervisor import SlotSupervisor
from host.solo import soloed_out
from host.song import MASTER, Slot, Song
from ipc.desk.meters import MAX_SLOTS, MAX_STRIPS, MeterWriter
from ipc.desk.state import (
    DeskState,
    DeviceState,
    SlotState,
    TrackState,
    TransportState,
    told,
)
from ipc.status import SlotStatus

STATUSES = tuple(SlotStatus)
_CPU_EVERY_S = 0.5
_TICKS = os.sysconf("SC_CLK_TCK")


def desk_state(
    desk: Desk,
    meters: str,
    busy: str = "",
    command: tuple[str, ...] = (),
    restart: tuple[str, ...] = (),
) -> DeskState:
    """The whole state, as it is now."""
    host, song, history = desk.host, desk.song, desk.history
    # Found once: this runs twenty times a second, beside the control thread.
    reports = {report.id: report for report in host.slots()}
    playing = {slot.spec.id: slot for slot in host.mix.slots()}
    strips = {strip.id: strip for strip in host.mix.strips}
    silenced = soloed_out(song)
    fed = {track.output for track in song.tracks}

    def shown(chain: tuple[Slot, ...]) -> tuple[SlotState, ...]:
        return tuple(
            _slot(host, slot, reports.get(slot.id), playing.get(slot.id)) for slot in chain
        )

    tracks = []
    for track in song.tracks:
        strip = strips.get(track.id)
        kind = sources_of(track)
        source = track.audio or track.midi
        start_s = source.start_s if source is not None else 0.0
        tracks.append(
            TrackState(
                id=track.id,
                name=track.label,
                kind="group" if kind == "empty" and track.id in fed else kind,  # type: ignore[arg-type]
                colour=track.colour or "",
                gain_db=track.gain_db,
                pan=track.pan,
                mute=track.mute,
                solo=track.solo,
                silenced=track.id in silenced,
                output=track.output,
                pipelined=track.pipelined,
                file=told(source.file) if source is not None else "",
                start_frame=round(start_s * song.sample_rate),
                end_frame=strip.media.end_frame if strip is not None else 0,
                slots=shown(track.chain),
            )
        )
    return DeskState(
        song=song.name,
        path=told(desk.path),
        is_modified=history.is_modified,
        undo=history.undo_name,
        redo=history.redo_name,
        tracks=tuple(tracks),
        master=TrackState(
            id=MASTER,
            name="Master",
            kind="master",
            gain_db=song.master.gain_db,
            slots=shown(song.master.chain),
        ),
        transport=_transport(desk, song),
        device=_device(desk, host),
        grouping=str(song.grouping),
        preview=told(heard.name) if (heard := host.previewed) is not None else "",
        meters=meters,
        revision=desk.revision,
        busy=busy,
        command=command,
        restart=restart,
    )


def _slot(
    host: Host, slot: Slot, report: SlotReport | None, playing: SlotSupervisor | None
) -> SlotState:
    name = told(slot.name or short_name(slot.plugin))
    if report is None or playing is None:  # it is being made or taken away just now
        return SlotState(id=slot.id, plugin=slot.plugin, name=name, status=SlotStatus.RESTARTING)
    description, worker = playing.description, playing.worker
    return SlotState(
        id=slot.id,
        plugin=slot.plugin,
        name=told(slot.name or (description.name if description is not None else "")) or name,
        status=report.status,
        # Shown where it is plain whose it is.
        reason=told(in_the_window(_without_name(report.reason, slot.label))),
        bypassed=slot.bypassed,
        standby=slot.standby,
        alone=slot.alone,
        is_instrument=description is not None and description.is_instrument,
        latency_frames=report.latency_frames,
        restarts=report.restarts,
        window=playing.window.status,
        may_open_windows=host.may_open_windows(slot.plugin),
        report=report.crashes[-1] if report.crashes else None,
        pid=worker.pid if worker is not None else None,
        shares_with=report.shares_with,
    )


def _without_name(reason: str, label: str) -> str:
    return reason.removeprefix(f"{label}: ").removeprefix(f"{label} ")


def _transport(desk: Desk, song: Song) -> TransportState:
    host = desk.host
    return TransportState(
        playing=host.engine.playing,
        loop=desk.loop,
        tempo=song.tempo,
        time_signature=song.time_signature,
        length_frames=host.mix.length_frames(),
        latency_frames=host.mix.latency_frames,
    )


def _device(desk: Desk, host: Host) -> DeviceState:
    device: AudioDevice | None = desk.device
    driver = host.driver
    assert driver is not None
    return DeviceState(
        device=device.device.name if device is not None else desk.settings.device or "",
        label=told(device.device.label) if device is not None else "No device",
        sample_rate=host.config.sample_rate,
        block_frames=host.config.block_frames,
        latency_s=device.latency_s if device is not None else 0.0,
        realtime=driver.device_realtime if device is not None else driver.realtime,
        problem=told(in_the_window(desk.device_problem)),
    )


class Meters:
    """Fills the shared memory that windows read; `update` some sixty times a second."""

    def __init__(self) -> None:
        self._writer = MeterWriter()
        self._recent: deque[tuple[float, NDArray[np.float64]]] = deque()
        self._cpu_read = 0.0
        self._cpu_ticks: dict[int, int] = {}

    @property
    def name(self) -> str:
        return self._writer.name

    def update(self, host: Host, revision: int) -> None:
        now, values, engine = time.monotonic(), self._writer.next, host.engine
        values["revision"] = revision
        values["time_ns"] = time.monotonic_ns()
        values["position_frames"] = engine.position_frames
        heard = host.previewed
        values["preview_frames"] = heard.position_frames if heard is not None else -1
        values["block_count"] = engine.block_count
        values["late_blocks"] = engine.late_blocks
        values["machine_late_blocks"] = engine.machine_late_blocks
        values["playing"] = engine.playing
        if host.driver is not None:
            values["xruns"] = host.driver.xruns
            values["device_alive"] = host.driver.device_alive
        self._take_block_times(host, now)
        for place, strip in enumerate(host.mix.strips[:MAX_STRIPS]):
            values["strips"][place]["peaks"] = strip.native.take_peaks()
        place = 0
        for strip in host.mix.strips:
            for slot in strip.slots:
                if place >= MAX_SLOTS:
                    break
                entry = values["slots"][place]
                entry["status"] = STATUSES.index(slot.status)
                entry["missed_blocks"] = slot.native.missed_blocks
                recent = slot.native.recent_process_us(slot.native.playing)
                entry["process_us"] = recent[-1] if recent else 0.0
                place += 1
        if now - self._cpu_read >= _CPU_EVERY_S:
            values["cpu"] = self._cpu(host, now - self._cpu_read)
            self._cpu_read = now
        self._writer.write()

    def close(self) -> None:
        self._writer.close()

    def _take_block_times(self, host: Host, now: float) -> None:
        records = host.engine.read_blocks()
        times_us = records["duration_ns"].astype(np.float64) / 1000.0
        if len(times_us):
            self._recent.append((now, times_us))
        while self._recent and now - self._recent[0][0] > 1.0:
            self._recent.popleft()
        values = self._writer.next
        all_us = np.concatenate([one for _, one in self._recent]) if self._recent else np.zeros(1)
        period_us = host.engine.period_ns / 1000.0
        values["deadline_us"] = period_us * host.config.deadline_fraction
        values["block_us"] = np.median(all_us)
        values["longest_block_us"] = all_us.max()
        values["load"] = values["block_us"] / period_us

    def _cpu(self, host: Host, elapsed_s: float) -> float:
        """Of the host and its workers, since the last look: 1 is one core."""
        pids = {os.getpid()}
        pids |= {worker.pid for slot in host.mix.slots() if (worker := slot.worker) is not None}
        ticks = {pid: _cpu_ticks(pid) for pid in pids}
        used = sum(ticks[pid] - self._cpu_ticks[pid] for pid in pids if pid in self._cpu_ticks)
        self._cpu_ticks = ticks
        return max(0.0, used / _TICKS / elapsed_s) if elapsed_s < 10.0 else 0.0


def _cpu_ticks(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        return int(fields[11]) + int(fields[12])
    except (OSError, IndexError, ValueError):
        return 0
