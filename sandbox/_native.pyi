# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker's native half. `Processor` subclasses (one a format) follow at the end."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ipc._native import Geometry

class Processor:
    """A plugin instance as the block loop sees it; made by a backend."""

    @property
    def in_channels(self) -> int: ...
    @property
    def out_channels(self) -> int: ...
    @property
    def sidechain_channels(self) -> int: ...
    @property
    def accepts_midi(self) -> bool: ...
    @property
    def produces_midi(self) -> bool: ...
    def latency_frames(self) -> int: ...

class Slot:
    """A plugin fitted to the stereo bus (rules in slot.hpp). Keeps its processors alive."""

    @staticmethod
    def is_dual_mono(in_channels: int, out_channels: int) -> bool: ...
    def __init__(self, processors: Sequence[Processor], max_frames: int) -> None: ...
    @property
    def accepts_midi(self) -> bool: ...
    @property
    def produces_midi(self) -> bool: ...
    def latency_frames(self) -> int: ...
    def process(
        self,
        audio: NDArray[np.float32],
        midi: Sequence[tuple[int, bytes]] = (),
        parameters: Sequence[tuple[int, int, float]] = (),
        sidechain: NDArray[np.float32] | None = None,
        position_frames: int = 0,
        tempo_bpm: float = 120.0,
        playing: bool = True,
        sample_rate: float = 48000.0,
    ) -> tuple[NDArray[np.float32], list[tuple[int, bytes]]]:
        """Processes one block in this process, on this thread, with denormals off.

        `audio` is (2, frames) float32, frames ≤ max_frames; midi is (offset, bytes), parameters
        (offset, index, normalized value), each sorted by offset. Returns the output (2, frames)
        and the MIDI sent. Raises ValueError for a wrong shape.
        """

class ChainPorts:
    """A worker's hold on its chain, attached by name before any plugin code is loaded."""

    def __init__(
        self,
        geometry: Geometry,
        host: str,
        activation: str,
        outputs: Sequence[str],
        semaphores: Sequence[str],
        end_semaphore: str,
        record: int,
    ) -> None:
        """`record` is this worker's. Raises RuntimeError naming what cannot be opened or fit."""

class BlockLoop:
    """The worker's audio thread: waits, claims, processes, hands on (relay.hpp). No GIL."""

    def __init__(self, slot: Slot, ports: ChainPorts) -> None: ...
    def warm_up(self, blocks: int) -> None:
        """Processes silence, so that the first real block finds caches and pages warm."""
    def start(self, priority: int, cpu: int) -> None:
        """Starts the thread: SCHED_FIFO at `priority` (0: normal) on core `cpu` (-1: any)."""
    def activate(self, applied_edit: int, tail_s: float) -> None:
        """OFFLINE → IDLE: from now on the host may link this record."""
    def stop(self) -> None:
        """Ends the thread after the block it is in."""
    @property
    def thread_id(self) -> int: ...
    @property
    def realtime(self) -> bool:
        """Whether the thread got the priority it asked for."""
    @property
    def applied_edit(self) -> int: ...
    @property
    def blocks(self) -> int: ...

def run_in_process(
    slots: Sequence[Slot],
    audio: NDArray[np.float32],
    block_frames: int,
    period_ns: int = 0,
    priority: int = 0,
    cpu: int = -1,
    sample_rate: float = 48000.0,
) -> tuple[NDArray[np.float32], NDArray[np.uint64]]:
    """Runs a chain of slots over `audio` (2, n) in this process, without the GIL: the reference
    for the bits and the cost of sandboxed rendering.

    `period_ns`: one block every so often, 0 as fast as it goes. Returns the output (2, whole
    blocks) and each block's time, ns.
    """

def start_guard(control_fd: int) -> None:
    """Starts the thread that kills this process group when the socket's peer closes."""
