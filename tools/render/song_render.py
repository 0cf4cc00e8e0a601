# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders a song into a file: offline as often as need be, or once in real time.

Offline, a plugin that fails costs the attempt: what it would have sounded like is unknown, so
the file is begun again in a fresh host, once. In real time nothing can be begun again: the mix
plays on, as it does for a listener, and the report tells what was missing.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from host.audio_file import AudioWriter
from host.control import Control
from host.crash_report import Action
from host.events import HostEventKind
from host.host import Host
from host.plugin_files import check_plugin_files
from host.slot_place import rejected_field, slot_place
from host.slot_supervisor import SlotSupervisor
from host.song import Song
from host.store.blacklist import Blacklist
from host.store.database import Database
from host.store.trust_store import TrustStore
from host.trust.gate import TrustGate
from host.user_file import path_text
from ipc.errors import InputError, IsoboothError
from ipc.status import SlotStatus
from tools.block_log import BlockLog
from tools.console import counted
from tools.foreground import Stop
from tools.render.excerpt import Excerpt
from tools.render.faults import SlotWatch, refused_states
from tools.render.report import FaultEntry, RenderReport
from tools.render.settings import RenderSettings

ATTEMPTS = 2

# Between two looks at the slots, offline: long enough to cost nothing, short enough to notice a
# fault soon.
_CHUNK_FRAMES = 16384

_POLL_S = 0.02
# Without a block for so long, the clock has stopped.
_CLOCK_LIMIT_S = 10.0


class Listener(Protocol):
    """Follows one file's way; progress bars implement it."""

    def begin(self, frames: int) -> None:
        """An attempt begins; the file will have so many frames."""

    def advance(self, frames: int) -> None: ...


@dataclass(frozen=True)
class RenderContext:
    """What every render of a command shares."""

    control: Control
    database: Database | None
    stop: Stop


class PluginFault(Exception):
    """Plugins failed; the attempt is void."""

    def __init__(self, faults: list[FaultEntry]) -> None:
        super().__init__("; ".join(map(str, faults)))
        self.faults = faults


def render_song(
    song: Song,
    output: Path,
    settings: RenderSettings,
    context: RenderContext,
    listener: Listener,
    source: str,
) -> RenderReport:
    """Renders `song` into `output`, which stands there complete or not at all. `source` is what
    the report calls the input.

    A plugin that fails, offline, in every attempt makes a report whose `result` is "failed".
    Raises InputError for a song, plugin or output that cannot be used, MachineError, IsoboothError
    for what else goes wrong, and Interrupted.
    """
    check_plugin_files(song)
    song = settings.apply_to(song)
    report = RenderReport(
        input=source,
        output=path_text(output),
        mode="realtime" if settings.realtime else "offline",
        pipelined=settings.pipelined,
        sample_rate=song.sample_rate,
        block_frames=settings.block_frames,
        sample_format=settings.sample_format.value,
        deadline_us=round(1e6 * settings.block_frames / song.sample_rate, 1),
    )
    began = time.monotonic()
    told: list[str] = []
    if context.database is not None and not settings.goes_without:
        for plugin in dict.fromkeys(slot.plugin for _, slot in song.slots()):
            told += check_trusted(plugin, context.database, settings)
    last = 1 if settings.realtime else ATTEMPTS
    for number in range(1, last + 1):
        report.attempts = number
        keep_going = settings.keep_going and number == last
        attempt = _Attempt(song, settings, context, report, keep_going)
        try:
            attempt.run(output, listener)
            break
        except PluginFault as fault:
            report.result, report.reason = "failed", str(fault)
    else:
        report.reason = f"failed {last} times: {report.reason}"
    report.warnings = [*told, *report.warnings]
    report.elapsed_s = round(time.monotonic() - began, 3)
    return report


class _Attempt:
    """One host, from its start to its end."""

    def __init__(
        self,
        song: Song,
        settings: RenderSettings,
        context: RenderContext,
        report: RenderReport,
        keep_going: bool,
    ) -> None:
        self._song = song
        self._settings = settings
        self._context = context
        self._report = report
        self._keep_going = keep_going

    def run(self, output: Path, listener: Listener) -> None:
        """Raises PluginFault if the file is void."""
        song, settings, context = self._song, self._settings, self._context
        if context.database is not None and not settings.goes_without:
            for _, slot in song.slots():
                check_not_blacklisted(slot.plugin, Blacklist(context.database))
        writer = AudioWriter(output, song.sample_rate, settings.sample_format)
        # What has failed once is looked at closely.
        config = settings.host_config(
            song,
            precise=self._report.attempts > 1 or self._keep_going,
            action=self._action_on_fault(),
        )
        with Host(config, context.database, context.control) as host, context.stop.covering(host):
            host.load(song)
            context.stop.check()  # before the plugins are blamed for being killed
            check_loaded(host)
            if not settings.goes_without:
                check_taken(host)
            if not settings.realtime:
                self._judge_states(host)
            length = host.mix.length_frames()
            if length <= 0:
                raise InputError(
                    f"{self._report.input}: there is nothing to render: {_why_empty(self._song)}"
                )
            self._report.latency_frames = host.mix.latency_frames
            excerpt = Excerpt(writer, host.mix.latency_frames, length)
            log = BlockLog(host.engine, host.config.batch)
            listener.begin(length)
            try:
                with writer:
                    if settings.realtime:
                        self._play(host, excerpt, log, listener)
                    else:
                        self._render(host, excerpt, log, listener)
            finally:
                host.settle_denials()
                self._report.describe_host(host)
            self._conclude(host, writer, excerpt, log)

    def _action_on_fault(self) -> Action:
        """For crash reports: what becomes of the file."""
        if self._keep_going:
            return Action.BYPASSED
        return Action.RENDERED_AGAIN if self._report.attempts < ATTEMPTS else Action.FILE_FAILED

    def _render(self, host: Host, excerpt: Excerpt, log: BlockLog, listener: Listener) -> None:
        watch = SlotWatch(
            host,
            self._report.attempts,
            self._context.stop,
            -(-excerpt.frames_to_render // host.config.block_frames),
            self._settings.goes_without,
        )
        self._judge(host, watch)
        host.start()
        while not excerpt.complete:
            audio = _next_part(host, excerpt.frames_to_render)
            self._context.stop.check()
            self._judge(host, watch)
            listener.advance(excerpt.write(audio))
            log.read()

    def _judge(self, host: Host, watch: SlotWatch) -> None:
        faults = watch.new_faults()
        if not faults:
            return
        self._context.stop.check()
        if not self._keep_going:
            self._report.faults += faults
            raise PluginFault(faults)
        for fault in faults:
            host.fail_slot(fault.slot, fault.what)
            self._report.faults.append(msgspec.structs.replace(fault, bypassed=True))

    def _judge_states(self, host: Host) -> None:
        """A plugin that refused the state saved in the song sounds otherwise than the song says."""
        faults = refused_states(host, self._report.attempts)
        self._report.faults += faults
        if faults and not self._keep_going:
            raise PluginFault(faults)

    def _play(self, host: Host, excerpt: Excerpt, log: BlockLog, listener: Listener) -> None:
        host.start()
        heard = time.monotonic()
        while not excerpt.complete:
            self._context.stop.pause(_POLL_S)
            played = host.engine.read_capture(self._song.sample_rate)
            if len(played):
                heard = time.monotonic()
            elif time.monotonic() - heard > _CLOCK_LIMIT_S:
                raise IsoboothError(f"the clock has stopped for {_CLOCK_LIMIT_S:g} s")
            if host.engine.lost_capture_frames:
                raise IsoboothError(
                    f"{self._report.output}: the disk was too slow for a render in real time; "
                    "write to another disk, or render offline"
                )
            listener.advance(excerpt.write(played.T))
            log.read()
        host.stop()

    def _conclude(self, host: Host, writer: AudioWriter, excerpt: Excerpt, log: BlockLog) -> None:
        report = self._report
        report.result, report.reason = "done", ""
        report.duration_s = round(writer.frames / self._song.sample_rate, 6)
        report.peak_db = excerpt.peak_db
        report.clipped_samples = writer.clipped_samples
        log.read()
        report.block_us = log.times()
        report.warnings = list(_warnings(host, report, writer))


def _why_empty(song: Song) -> str:
    if song.length_s:
        return f"length_s is {song.length_s:g}, less than a frame"
    if any(track.audio or track.midi for track in song.tracks):
        return "what its files hold has no length; give the song a length_s"
    return "no track plays a file; give the song a length_s"


def _next_part(host: Host, frames: int) -> NDArray[np.float32]:
    """The next of `frames` that are left, (2, n). No plugin is given a block that the file does
    not need: a fault in it would be nobody's."""
    config = host.config
    blocks = frames // config.engine_frames
    if blocks:
        return host.render(min(blocks, max(1, _CHUNK_FRAMES // config.engine_frames)))
    return host.render_cut(-(-frames // config.block_frames))


def check_loaded(host: Host) -> None:
    """Raises InputError for a plugin that is not there. One that crashed while it was loaded is a
    fault like any other."""
    for slot in host.mix.slots():
        if slot.refused:
            place = slot_place(host.mix.song, slot.spec.id, "plugin")
            raise InputError(f"{place}: {slot.refused}")


def check_taken(host: Host) -> None:
    """Raises InputError for what the song sets and a plugin does not take."""
    rejected = [line for slot in host.mix.slots() for line in _rejected(host.mix.song, slot)]
    if rejected:
        more = f" (and {len(rejected) - 1} more)" if rejected[1:] else ""
        raise InputError(f"{rejected[0]}{more}; --keep-going renders without it")


def _rejected(song: Song, slot: SlotSupervisor) -> Iterator[str]:
    """A line for each field of the song's slot that its plugin does not take."""
    for line in slot.rejected_parameters:
        field, reason = rejected_field(slot.spec, line)
        yield f"{slot_place(song, slot.spec.id, field)}: {reason}"


def check_not_blacklisted(plugin: str, blacklist: Blacklist) -> None:
    """Raises InputError: what it would sound like without the plugin is not what was asked for."""
    entry = blacklist.is_blacklisted(plugin)
    if entry is not None:
        raise InputError(
            f"{plugin}: is blacklisted ({entry.reason}); `isobooth blacklist remove {entry.id}` "
            "allows it again, --keep-going renders without it"
        )


def check_trusted(plugin: str, database: Database, settings: RenderSettings) -> list[str]:
    """What is to be told of a plugin whose files have changed. InputError if it is not loaded."""
    admission = TrustGate(TrustStore(database), settings.trust).admit(plugin)
    if not admission.allowed:
        raise InputError(f"{plugin} {admission.told}")
    return [f"{plugin} {admission.told}"] if admission.told else []


def _warnings(host: Host, report: RenderReport, writer: AudioWriter) -> Iterator[str]:
    told: set[str] = set()  # in words that do not say where it stands
    for played in host.mix.slots():
        yield from _rejected(host.mix.song, played)
        told.update(f"{played.spec.label}: {line}" for line in played.rejected_parameters)
    for event in host.events_since(0):
        if event.kind in (HostEventKind.NOTICE, HostEventKind.DENIED) and event.text not in told:
            yield event.text
    for fault in report.faults:
        if fault.attempt < report.attempts:
            yield f"{fault}; rendered once more from the start"
        elif fault.bypassed:
            yield f"{fault}; from there on {fault.slot} is bypassed"
        else:
            yield f"{fault}; {fault.slot} plays without it"
    for slot in report.slots:
        if slot.status == SlotStatus.QUARANTINED.value:
            yield f"{slot.id} is bypassed: {slot.reason}"
        if slot.repaired_samples:
            bad = counted_samples(slot.repaired_samples, "that is", "that are")
            yield f"{slot.id} sent {bad} NaN, Inf or too loud"
    if host.mix.latency_frames != report.latency_frames:
        yield (
            f"a plugin changed its latency meanwhile ({report.latency_frames} to "
            f"{host.mix.latency_frames} frames in all); the file is aligned to the first"
        )
    for track in host.mix.song.tracks:
        if track.input is not None:
            yield f"{track.label}: its live input is silent in a render"
    if writer.clipped_samples:
        clipped = counted_samples(
            writer.clipped_samples, "was beyond full scale and is", "were beyond full scale and are"
        )
        yield f"{clipped} clipped; lower the master's gain_db, or write --format float"
    if writer.nan_samples:
        broken = counted_samples(writer.nan_samples, "was no number", "were no numbers")
        yield f"{broken} and became silence"


def counted_samples(count: int, one: str, more: str) -> str:
    """ "1 sample was …", "2 samples were …"."""
    return f"{counted(count, 'sample')} {one if count == 1 else more}"
