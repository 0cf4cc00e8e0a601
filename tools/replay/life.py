# SPDX-License-Identifier: GPL-3.0-or-later
"""Leads one life of a plugin again: in a worker, confined, as always, as fast as it goes."""

import itertools
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from host.config import HostConfig
from host.control import Control
from host.crash_report import CrashReport, FaultKind, Phase, ReportedEvent
from host.engine_module import AudioClip, MidiClip
from host.host import Host
from host.permissions import PermissionRules
from host.song import Slot, Song, Track
from host.store.crash_store import CrashStore
from host.store.database import Database
from ipc.errors import IsoboothError
from ipc.status import SlotStatus
from tools.foreground import Stop
from tools.replay.attempts import Attempt

_SLOT, _TRACK, _KEY = "replayed", "track", "key"
_HANG_LIMIT_S = 3.0
_CHUNK_BLOCKS = 256  # between two looks at how it does
_NOISE_S = 10
_NOISE_LEVEL = 0.25
_OUTPUT = (FaultKind.NONFINITE, FaultKind.RUNAWAY)
_REPORT_S = 2.0  # a worker that has ended is told of within milliseconds

Tell = Callable[[int], None]  # blocks done


def lead(
    report: CrashReport,
    attempt: Attempt,
    permissions: PermissionRules,
    control: Control,
    stop: Stop,
    tell: Tell,
) -> CrashReport | None:
    """The report of how it failed this time; None if it did not."""
    config = HostConfig(
        sample_rate=round(report.host.sample_rate_hz),
        block_frames=report.host.block_frames,
        offline=True,
        offline_hang_limit_s=_HANG_LIMIT_S,
        permissions=permissions,
    )
    with (
        tempfile.TemporaryDirectory(prefix="isobooth-replay-") as folder,
        Database(Path(folder)) as database,
    ):
        with Host(config, database, control) as host, stop.covering(host):
            host.load(_song(report, attempt))
            _connect(host, attempt)
            host.start()
            _play(host, report, attempt, stop, tell)
            found = host.slots()[0].crashes
        return CrashStore(database).get(found[0]) if found else None


def _song(report: CrashReport, attempt: Attempt) -> Song:
    keyed = report.loaded is not None and report.loaded.sidechain
    slot = Slot(
        id=_SLOT,
        plugin=report.plugin_id,
        state=attempt.state,
        program=attempt.program,
        parameters=attempt.parameters,
        sidechain=_KEY if keyed else None,
    )
    tracks = [Track(id=_TRACK, chain=(slot,))]
    if keyed:
        tracks.append(Track(id=_KEY))
    return Song(sample_rate=round(report.host.sample_rate_hz), tracks=tuple(tracks))


def _connect(host: Host, attempt: Attempt) -> None:
    """Sound and notes to the strips."""
    rate, block = host.config.sample_rate, host.config.block_frames
    frames, messages = [], []
    for number, events in attempt.events.items():
        for event in events:
            data = bytes.fromhex(str(event.detail.get("bytes", "")))[:3]
            if event.kind == "midi" and data:
                frames.append(number * block + min(event.frame, block - 1))
                messages.append([*data, 0, 0][:3])
    order = np.argsort(np.array(frames, np.int64), kind="stable")
    for strip in host.mix.strips[:-1]:
        if attempt.noise:
            dice = np.random.default_rng(1)
            noise = dice.uniform(-_NOISE_LEVEL, _NOISE_LEVEL, (2, _NOISE_S * rate))
            strip.audio = AudioClip(noise.astype(np.float32), loop=True)
    if frames:
        host.mix.strips[0].midi = MidiClip(
            np.array(frames, np.int64)[order], np.array(messages, np.uint8)[order]
        )
    host.mix.publish()


def _play(host: Host, report: CrashReport, attempt: Attempt, stop: Stop, tell: Tell) -> None:
    for start, blocks in _chunks(attempt):
        for event in attempt.events.get(start, []):
            _automate(host, event)
        host.render(blocks)
        done = start + blocks
        tell(done)
        stop.check()
        if report.kind in _OUTPUT and host.check_output(_SLOT, done) is not None:
            break
        if _has_failed(host):
            return
    if report.phase is Phase.SAVE:
        host.capture_slot(_SLOT)
    # An end that has come, or been ordered, is not told of yet.
    lost = host.slots()[0].bypassed_blocks > 0
    if lost or report.phase is Phase.SAVE or report.kind in _OUTPUT:
        deadline = time.monotonic() + _REPORT_S
        while not _has_failed(host) and time.monotonic() < deadline:
            stop.pause(0.02)


def _chunks(attempt: Attempt) -> Iterator[tuple[int, int]]:
    """(first block, count): what is given in a block is sent before it."""
    borders = sorted({0, *attempt.events, attempt.blocks})
    for first, behind in itertools.pairwise(borders):
        for start in range(first, min(behind, attempt.blocks), _CHUNK_BLOCKS):
            yield start, min(_CHUNK_BLOCKS, behind - start)


def _automate(host: Host, event: ReportedEvent) -> None:
    parameter, value = event.detail.get("parameter"), event.detail.get("value")
    if event.kind == "parameter" and isinstance(parameter, int) and isinstance(value, int | float):
        host.automate(_SLOT, parameter, float(value), event.frame)


def _has_failed(host: Host) -> bool:
    slot = host.slots()[0]
    if slot.status is SlotStatus.FAILED and not slot.crashes:
        raise IsoboothError(slot.reason)  # not a fault of the plugin
    return bool(slot.crashes)
