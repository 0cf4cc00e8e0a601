# SPDX-License-Identifier: GPL-3.0-or-later
"""What moves all the time, in shared memory: written by the host, mapped read-only by windows.

One writer, any number of readers, no waiting: a counter is odd while the writer is at it, and a
reader that finds it odd, or another one behind what it read, reads again (a sequence lock). The
places of strips and slots are those of the state with the same `revision` (ipc/desk/state.py):
tracks in their order, the master last; slots track by track.
"""

import mmap
import os
from multiprocessing import resource_tracker
from multiprocessing.shared_memory import SharedMemory

import numpy as np
from numpy.typing import NDArray

from ipc.errors import MachineError
from ipc.names import new_meters_name, segment_path

MAX_STRIPS = 1024
MAX_SLOTS = 4096

_MAGIC = 0x4D544253  # "SBTM"
_VERSION = 2  # 2: preview_frames
_TRIES = 64

_STRIP = np.dtype([("peaks", "<f4", 2)])  # linear, the highest since the last look
_SLOT = np.dtype([("status", "u1"), ("process_us", "<f4"), ("missed_blocks", "<u8")], align=True)
_LAYOUT = np.dtype(
    [
        ("magic", "<u4"),
        ("version", "<u4"),
        ("sequence", "<u8"),
        ("revision", "<u8"),
        ("time_ns", "<u8"),  # CLOCK_MONOTONIC, of this writing
        ("position_frames", "<i8"),  # of what is heard
        ("preview_frames", "<i8"),  # of the file that is heard over it; -1: none is
        ("block_count", "<u8"),
        ("late_blocks", "<u8"),
        ("machine_late_blocks", "<u8"),
        ("xruns", "<u8"),
        ("playing", "u1"),
        ("device_alive", "u1"),
        ("deadline_us", "<f4"),
        ("block_us", "<f4"),  # median of the last second
        ("longest_block_us", "<f4"),  # of the last second
        ("load", "<f4"),  # block_us over the period
        ("cpu", "<f4"),  # of host and workers: 1 is one core
        ("strips", _STRIP, MAX_STRIPS),
        ("slots", _SLOT, MAX_SLOTS),
    ],
    align=True,
)

Meters = NDArray[np.void]


class MeterWriter:
    """The host's end. Raises MachineError if /dev/shm cannot hold it."""

    def __init__(self) -> None:
        self.name = new_meters_name()
        self._closed = False
        try:
            self._segment = SharedMemory(
                self.name.removeprefix("/"), create=True, size=_LAYOUT.itemsize
            )  # mode 0600
        except OSError as error:
            raise MachineError(f"/dev/shm cannot hold the meters: {error.strerror}") from None
        # As for chains (ipc/segment.py): what a killed host leaves, the next one sweeps.
        resource_tracker.unregister(f"/{self._segment.name}", "shared_memory")
        self._shared: Meters = np.ndarray((), _LAYOUT, buffer=self._segment.buf)
        self._shared["magic"] = _MAGIC
        self._shared["version"] = _VERSION
        self.next: Meters = np.zeros((), _LAYOUT)

    def write(self) -> None:
        """Shows `next`."""
        shared, sequence = self._shared, int(self._shared["sequence"])
        self.next["magic"], self.next["version"] = _MAGIC, _VERSION
        shared["sequence"] = self.next["sequence"] = sequence + 1
        shared[...] = self.next
        shared["sequence"] = sequence + 2

    def close(self) -> None:
        """Readers keep what they have mapped. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        del self._shared
        self._segment.close()
        os.unlink(segment_path(self.name))


class MeterReader:
    """A window's end. Raises MachineError if there is none, or one of another version."""

    def __init__(self, name: str) -> None:
        try:
            descriptor = os.open(segment_path(name), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError as error:
            raise MachineError(f"the host's meters cannot be read: {error.strerror}") from None
        try:
            if os.fstat(descriptor).st_size < _LAYOUT.itemsize:
                raise MachineError("the host's meters are of another version")
            self._map = mmap.mmap(descriptor, _LAYOUT.itemsize, prot=mmap.PROT_READ)
        finally:
            os.close(descriptor)
        self._shared: Meters = np.frombuffer(self._map, _LAYOUT)[0]
        if self._shared["magic"] != _MAGIC or self._shared["version"] != _VERSION:
            raise MachineError("the host's meters are of another version")
        self._last: Meters = np.zeros((), _LAYOUT)

    def read(self) -> Meters:
        """As they were at one moment; those before, if the writer is at it all the time."""
        for _ in range(_TRIES):
            before = int(self._shared["sequence"])
            taken = self._shared.copy()
            if before % 2 == 0 and int(self._shared["sequence"]) == before:
                self._last = taken
                break
        return self._last

    def close(self) -> None:
        del self._shared
        self._map.close()
