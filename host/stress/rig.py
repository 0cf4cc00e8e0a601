# SPDX-License-Identifier: GPL-3.0-or-later
"""A plugin in a worker of its own, to whom anything may be done that a host may do.

    with Workshop() as workshop, open_rig(workshop, "vst3:/usr/lib/vst3/ZamEQ2.vst3") as rig:
        rig.set_parameter(3, 0.7)
        heard = rig.render(48000, source="noise", midi=[(0, b"\\x90\\x3c\\x64")])
        print(heard.sound.shape, heard.result.peak)

Whatever is done is kept in `log`. A plugin that does not survive it raises PluginDied, in this
process, where nothing else happens.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from host.scan.asking import Answer
from host.stress.call_log import CallLog
from host.stress.death import PluginDied, PluginRefused
from host.stress.workshop import Workshop
from ipc.description import PluginDescription
from ipc.errors import WorkerError
from ipc.messages import Mount, Mounted, Perform
from ipc.rig_calls import (
    AddInstances,
    AnyCall,
    CallResult,
    Change,
    DropInstances,
    Idle,
    InjectFaults,
    Midi,
    ReadParameters,
    ReadText,
    Recreate,
    Render,
    SaveState,
    SetParameter,
    SetProgram,
    SetState,
    ShowText,
)
from ipc.screen import socket_of
from ipc.worker_process import WorkerProcess

Sound = NDArray[np.float32]

# A request holds so many calls at most: what a worker says of one must not take for ever.
_PORTION = 256
_PORTION_BYTES = 16 * 1024 * 1024  # of states
# Nobody waits for a plugin that takes so many times its time-out, and so much longer than its sound
# lasts, however steadily it gets on.
_TIMES_LIMIT = 4.0
_TIMES_SLOWER = 16.0
# Of the time for which a plugin may stand still, so much may be a slow disk's doing.
_SLOW_DISK_PART = 0.25


class Heard(NamedTuple):
    """What came of a render. `sound`: (channels, frames); no frames where it was not kept."""

    sound: Sound
    result: CallResult


class Rig:
    """Made by `open_rig`. Raises PluginDied where the plugin does not survive a call; what it
    merely refuses is said in the results."""

    def __init__(
        self,
        workshop: Workshop,
        worker: WorkerProcess,
        mounted: Mounted,
        log: CallLog,
        *,
        patience: float = 1.0,
        unwinds: bool = True,
    ) -> None:
        self._workshop = workshop
        self._worker = worker
        self.mounted = mounted
        self.log = log
        self.denials: list[str] = []  # what it was denied, each once
        self._patience = patience
        self._unwinds = unwinds
        self._faults = InjectFaults()

    @property
    def description(self) -> PluginDescription:
        return self.mounted.description

    def perform(self, calls: Sequence[AnyCall]) -> list[CallResult]:
        """Any calls, in order."""
        results: list[CallResult] = []
        for portion in _portions(calls):
            results += self._perform(portion)
        return results

    def render(
        self,
        frames: int,
        *,
        midi: Iterable[tuple[int, bytes]] = (),
        changes: Iterable[tuple[int, int, float]] = (),
        keep: bool = True,
        **options: Any,
    ) -> Heard:
        """Plays `frames` of a source. MIDI is (frame, 1 to 3 bytes), changes are (frame, parameter,
        normalized value); other options are those of `Render`. Without `keep`, the sound stays
        where it is."""
        call = Render(
            frames=frames,
            midi=[Midi(*one) for one in midi],
            changes=[Change(*one) for one in changes],
            keep=keep,
            **options,
        )
        [result] = self.perform([call])
        if result.refused:
            raise PluginRefused(f"it does not play: {result.refused}")
        return Heard(sound_in(result), result)

    def set_parameter(self, index: int, value: float) -> None:
        """Normalized, 0 to 1."""
        self.perform([SetParameter(index, value)])

    def parameters(self) -> list[float]:
        """All values, normalized."""
        return self.perform([ReadParameters()])[0].values

    def set_program(self, index: int) -> None:
        self.perform([SetProgram(index)])

    def save_state(self) -> bytes:
        return self.perform([SaveState()])[0].data

    def set_state(self, data: bytes) -> str:
        """Why the plugin refuses it, in its words; empty: it does not."""
        return self.perform([SetState(data)])[0].refused

    def text_of(self, index: int, value: float) -> CallResult:
        return self.perform([ShowText(index, value)])[0]

    def value_of(self, index: int, text: str) -> CallResult:
        return self.perform([ReadText(index, text)])[0]

    def idle(self) -> CallResult:
        """Gives it a turn on its main thread; the result has what the process takes."""
        return self.perform([Idle()])[0]

    def recreate(self, sample_rate: float = 48000.0, max_frames: int = 512) -> CallResult:
        return self.perform([Recreate(sample_rate, max_frames)])[0]

    def add_instances(self, count: int) -> CallResult:
        return self.perform([AddInstances(count)])[0]

    def drop_instances(self) -> CallResult:
        return self.perform([DropInstances()])[0]

    @property
    def touched(self) -> list[tuple[str, bool]]:
        """Files that its process asked for and may have, its host's own among them, and whether to
        write."""
        return self._worker.touched

    @property
    def disk_faults(self) -> int:
        """How often the plugin's writes have met with a disk that is full or slow."""
        return self._worker.disk_faults

    @property
    def slow_reads(self) -> int:
        """How often the plugin has waited for what it reads, or maps."""
        return self._worker.slow_reads

    @property
    def written_without_room(self) -> list[str]:
        """Files that it wrote to through memory while the disk was full: where it is, the kernel
        kills who does that."""
        return self._worker.written_without_room

    def kill(self) -> None:
        """SIGKILL, as the kernel does for want of memory."""
        self._workshop.wait(_killed(self._worker))

    def close(self) -> None:
        self._workshop.wait(_ended(self._worker))

    def _perform(self, calls: Sequence[AnyCall]) -> list[CallResult]:
        began = len(self.log.calls)
        self.log.calls += calls
        limit_s = self._workshop.timeout_s * self._patience
        if isinstance(calls[0], InjectFaults):
            self._faults = calls[0]
        faults = self._faults
        most_ms = round(1000 * limit_s * _SLOW_DISK_PART)
        self._worker.set_disk(faults.disk_full, faults.write_ms, faults.read_ms, most_ms)
        asked = self._workshop.ask(
            self._worker,
            self.log.plugin,
            Perform(list(calls)),
            limit_s,
            _TIMES_LIMIT * limit_s + _TIMES_SLOWER * _sound_s(calls),
            self.log.memory_mb,
            unwinds=self._unwinds,
        )
        try:
            answer = self._workshop.wait(asked)
        except PluginDied as died:
            last = died.call if died.call is not None and died.call >= began else None
            if last is not None:
                del self.log.calls[last + 1 :]
            self.log.end = died.end
            raise
        self.denials += [denial for denial in answer.denials if denial not in self.denials]
        results: list[CallResult] = answer.reply.results
        if len(results) != len(calls):
            raise WorkerError(f"{self.log.plugin}: its worker answered {len(results)} calls")
        self.log.digests += [result.digest for result in results]
        return results


@contextlib.contextmanager
def open_rig(
    workshop: Workshop,
    plugin: str,
    *,
    sample_rate: float = 48000.0,
    max_frames: int = 512,
    memory_mb: int | None = None,
    patience: float = 1.0,
    unwinds: bool = True,
    offline: bool = False,
    disk_watched: bool = False,
    direct: bool = False,
    display: str = "",
) -> Iterator[Rig]:
    """A plugin in a new worker, which ends with the context. `memory_mb` that it may have; None:
    what is usual. `patience`: times the workshop's time limit. Without `unwinds`, deaths have no
    backtraces and no signatures, and are told sooner. `offline`: without a network, whatever its
    permissions say (but where these do not confine it). `disk_watched`: InjectFaults can make its
    disk full or slow, where permissions confine it; each read and write takes some 12 µs more.
    `direct`: a VST3 or LV2 plugin meets the rig's own buffers, as those of other formats do, not
    JUCE's copies. `display`: of X11, which it may reach to open its editor there. Raises
    PluginRefused, PluginDied."""
    limit_s = workshop.timeout_s * patience
    reach = (socket_of(display),) if display else ()

    async def opened() -> tuple[WorkerProcess, Answer]:
        worker = await workshop.visitor(
            plugin, memory_mb, offline=offline, reach=reach, disk_watched=disk_watched
        )
        try:
            mount = Mount(plugin, sample_rate, max_frames, display, direct)
            answer = await workshop.ask(
                worker, plugin, mount, limit_s, _TIMES_LIMIT * limit_s, memory_mb, unwinds=unwinds
            )
        except BaseException:
            worker.kill()
            with contextlib.suppress(WorkerError):
                await worker.stop()
            raise
        return worker, answer

    log = CallLog(
        plugin=plugin,
        sample_rate=sample_rate,
        max_frames=max_frames,
        memory_mb=memory_mb,
        offline=offline,
        audits=workshop.audits,
        disk_watched=disk_watched,
        direct=direct,
    )
    try:
        worker, answer = workshop.wait(opened())
    except PluginDied as died:
        log.end, died.log = died.end, log
        raise
    rig = Rig(workshop, worker, answer.reply, log, patience=patience, unwinds=unwinds)
    rig.denials += answer.denials
    try:
        yield rig
    finally:
        rig.close()


def _portions(calls: Sequence[AnyCall]) -> Iterator[Sequence[AnyCall]]:
    """As much as a request may hold. What faults are injected, the host has to know before it."""
    portion: list[AnyCall] = []
    size = 0
    for call in calls:
        more = len(call.data) if isinstance(call, SetState) else 0
        is_full = len(portion) == _PORTION or size + more > _PORTION_BYTES
        if portion and (is_full or isinstance(call, InjectFaults)):
            yield portion
            portion, size = [], 0
        portion.append(call)
        size += more
    if portion:
        yield portion


def _sound_s(calls: Sequence[AnyCall]) -> float:
    """Of all renders, at the lowest rate that is usual."""
    return sum(call.frames for call in calls if isinstance(call, Render)) / 44100


def sound_in(result: CallResult) -> Sound:
    """(channels, frames), of a render that was kept."""
    planes = np.frombuffer(result.data, np.float32)
    if result.channels == 0 or len(planes) % result.channels:
        return np.zeros((max(1, result.channels), 0), np.float32)
    return planes.reshape(result.channels, -1)


async def _killed(worker: WorkerProcess) -> None:
    worker.kill()


async def _ended(worker: WorkerProcess) -> None:
    with contextlib.suppress(WorkerError):
        await worker.stop()
