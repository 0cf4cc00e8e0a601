# SPDX-License-Identifier: GPL-3.0-or-later
"""Songs for the tests of a whole host: media whose every sample is known, chains, and a host that
plays them in real time while something happens to its workers.

Blocks are long where a test asks for exact audio in real time: with 20 ms and more a block, no
other load of the machine makes a plugin late, and what is heard is decided by the test alone.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import mido
import numpy as np
import soundfile
from numpy.typing import NDArray

from host.config import FaultPolicy, HostConfig
from host.crash_report import CrashReport
from host.events import HostEvent, HostEventKind
from host.host import Host, SlotReport
from host.song import AudioSource, Master, MidiSource, Slot, Song, Track
from host.store.crash_store import CrashStore
from host.store.database import Database
from ipc.status import SlotStatus

RATE = 48000
Audio = NDArray[np.float32]  # (2, frames)

# Ends in seconds what takes a minute in a session, but leaves a busy machine its time.
QUICK = FaultPolicy(
    hang_limit_s=0.4,
    next_restart_s=0.05,
    longest_restart_s=0.1,
    crash_limit=100,
    hold_blocks=12,
    hold_s=0.4,
    snapshot_after_edit_s=0.05,
    snapshot_good_blocks=4,
)


# ---------------------------------------------------------------- media


def noise(frames: int, seed: int = 1, level: float = 0.5) -> Audio:
    rng = np.random.default_rng(seed)
    return rng.uniform(-level, level, (2, frames)).astype(np.float32)


def sine(frames: int, frequency: float = 440.0, level: float = 0.5, rate: int = RATE) -> Audio:
    wave = level * np.sin(2 * np.pi * frequency / rate * np.arange(frames))
    return np.stack([wave, wave]).astype(np.float32)


def write_clip(path: Path, samples: Audio, rate: int = RATE) -> str:
    """A float WAV: the file holds the very bits."""
    soundfile.write(path, samples.T, rate, subtype="FLOAT")
    return str(path)


# ---------------------------------------------------------------- songs


def chain(*plugins: str, prefix: str = "", **fields: object) -> tuple[Slot, ...]:
    """Slots named by their place: a0, a1, … for the prefix a."""
    return tuple(
        Slot(id=f"{prefix}{i}", plugin=plugin, **fields)  # type: ignore[arg-type]
        for i, plugin in enumerate(plugins)
    )


def audio_track(track_id: str, file: str, *plugins: str, **fields: object) -> Track:
    """A track that plays a file through a chain; its slots are named track_id0, track_id1, …"""
    return Track(
        id=track_id,
        audio=AudioSource(file=file),
        chain=chain(*plugins, prefix=track_id),
        **fields,  # type: ignore[arg-type]
    )


# ---------------------------------------------------------------- playing


class Playing:
    """A host that plays a song in real time and keeps all it plays. `stop` gives the audio: (2,
    frames) from the song's frame 0 on."""

    def __init__(
        self, song: Song, config: HostConfig, database: Database | None, playing: bool
    ) -> None:
        self.host = Host(config, database)
        self._parts: list[Audio] = []
        try:
            self.host.load(song)
            if playing:
                self.host.start()
        except BaseException:
            self.host.close()
            raise

    def __enter__(self) -> "Playing":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.host.close()

    def read(self) -> None:
        self._parts.append(self.host.engine.read_capture(1 << 30).T)

    def heard(self) -> Audio:
        """All that was played so far: (2, frames)."""
        self.read()
        return np.concatenate(self._parts, axis=1)

    def run(self, blocks: int) -> None:
        """Lets this many more blocks be played."""
        until = self.host.engine.block_count + blocks
        self.until(lambda: self.host.engine.block_count >= until, f"{blocks} blocks")

    def until(self, condition: Callable[[], object], what: str, timeout_s: float = 30.0) -> None:
        deadline = time.monotonic() + timeout_s
        while not condition():
            self.read()
            if time.monotonic() > deadline:
                raise AssertionError(
                    f"not within {timeout_s} s: {what}; {self.host.slots()}; "
                    f"{self.host.events_since(0)}"
                )
            time.sleep(0.002)

    def slot(self, slot_id: str) -> SlotReport:
        return next(slot for slot in self.host.slots() if slot.id == slot_id)

    def until_status(self, slot_id: str, status: SlotStatus) -> None:
        self.until(lambda: self.slot(slot_id).status is status, f"{slot_id} {status}")

    def until_restarts(self, slot_id: str, restarts: int) -> None:
        self.until(
            lambda: (
                self.slot(slot_id).restarts >= restarts
                and self.slot(slot_id).status in (SlotStatus.ACTIVE, SlotStatus.BYPASSED)
            ),
            f"{slot_id}: {restarts} restarts",
        )

    def until_heard(self, slot_id: str, blocks: int = 3) -> None:
        """Until the slot has processed this many more blocks."""
        before = self.slot(slot_id).processed_blocks
        self.until(
            lambda: self.slot(slot_id).processed_blocks >= before + blocks, f"{slot_id} heard"
        )

    def pid(self, slot_id: str) -> int:
        pid = self.host.worker_pid(slot_id)
        assert pid is not None, self.host.slots()
        return pid

    def kill(self, slot_id: str, number: signal.Signals = signal.SIGKILL) -> None:
        os.kill(self.pid(slot_id), number)

    def kill_and_wait(self, slot_id: str, number: signal.Signals = signal.SIGKILL) -> None:
        before = self.slot(slot_id).restarts
        self.kill(slot_id, number)
        self.until_restarts(slot_id, before + 1)

    def events(self, kind: HostEventKind) -> list[HostEvent]:
        return [event for event in self.host.events_since(0) if event.kind is kind]

    def report(self, report_id: str, database: Database) -> CrashReport:
        """A crash report, once it is written."""
        store = CrashStore(database)
        self.until(
            lambda: any(report.id == report_id for report in store.list()), f"report {report_id}"
        )
        return store.get(report_id)

    def stop(self) -> Audio:
        """Stops the clock; every block that was rendered must be there."""
        self.host.stop()
        self.read()
        engine = self.host.engine
        heard = np.concatenate(self._parts, axis=1)
        assert engine.lost_capture_frames == 0
        assert heard.shape[1] == engine.block_count * engine.block_frames
        return heard


def play(
    song: Song,
    *,
    block: int = 1024,
    faults: FaultPolicy = QUICK,
    database: Database | None = None,
    playing: bool = True,
    **config: object,
) -> Playing:
    """Loads and plays; use as a context manager."""
    return Playing(
        song,
        HostConfig(block_frames=block, faults=faults, capture_s=10.0, **config),  # type: ignore[arg-type]
        database,
        playing,
    )


@contextmanager
def offline(song: Song, *, block: int = 256, **config: object) -> Iterator[Host]:
    """A host that has loaded a song and plays from frame 0 with the first block rendered."""
    with Host(HostConfig(offline=True, block_frames=block, **config)) as host:  # type: ignore[arg-type]
        host.load(song)
        host.start()
        yield host


def render(song: Song, frames: int, *, block: int = 256, **config: object) -> Audio:
    """The song's first frames, offline, with the mix's latency taken off: (2, frames). All slots
    must have run in all blocks."""
    with offline(song, block=block, **config) as host:
        latency = host.mix.latency_frames
        heard = host.render(-(-(frames + latency) // block))
        for slot in host.slots():
            assert slot.status in (SlotStatus.ACTIVE, SlotStatus.BYPASSED), slot
            assert slot.missed_blocks == 0, slot
    return heard[:, latency : latency + frames]


# ---------------------------------------------------------------- MIDI


def write_midi(path: Path, messages: list[tuple[int, bytes]], rate: int = RATE) -> str:
    """A MIDI file with messages at frames, exact to the frame: one tick is one frame."""
    track = mido.MidiTrack()
    # One beat of `rate` ticks lasts a second; a file holds at most 32767 ticks a beat.
    beats = -(-rate // 32767)
    track.append(mido.MetaMessage("set_tempo", tempo=1_000_000 // beats, time=0))
    before = 0
    for frame, data in sorted(messages, key=lambda message: message[0]):
        track.append(mido.Message.from_bytes(list(data), time=frame - before))
        before = frame
    file = mido.MidiFile(type=0, ticks_per_beat=rate // beats)
    file.tracks.append(track)
    file.save(path)
    return str(path)


def midi_track(track_id: str, file: str, *plugins: str, **fields: object) -> Track:
    return Track(
        id=track_id,
        midi=MidiSource(file=file),
        chain=chain(*plugins, prefix=track_id),
        **fields,  # type: ignore[arg-type]
    )


__all__ = [
    "QUICK",
    "RATE",
    "Audio",
    "AudioSource",
    "HostEventKind",
    "Master",
    "Playing",
    "Slot",
    "SlotStatus",
    "Song",
    "Track",
    "audio_track",
    "chain",
    "midi_track",
    "noise",
    "offline",
    "play",
    "render",
    "sine",
    "write_clip",
    "write_midi",
]
