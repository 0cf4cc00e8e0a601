# SPDX-License-Identifier: GPL-3.0-or-later
"""The shared layout, as Python may see it (ipc/native/layout.hpp, relay.hpp)."""

from enum import Enum

from typing_extensions import Buffer

LAYOUT_VERSION: int
MAX_RECORDS: int
MAX_FRAMES: int
MAX_REPORTED_LATENCY: int  # frames

class SegmentKind(Enum):
    CHAIN_HOST = 1
    CHAIN_ACTIVATION = 2
    RECORD_OUTPUT = 3

class RecordStatus(Enum):
    OFFLINE = 0
    IDLE = 1
    WAITING = 2
    TRIGGERED = 3
    RUNNING = 4
    FINISHED = 5
    ABANDONED = 6

class Geometry:
    """Sizes of a chain's files: records 1..64, frames a block 1..8192, rate in Hz."""

    def __init__(self, records: int, max_frames: int, sample_rate: float) -> None: ...
    @property
    def records(self) -> int: ...
    @property
    def max_frames(self) -> int: ...
    @property
    def sample_rate(self) -> float: ...
    def size_of(self, kind: SegmentKind) -> int: ...

def write_header(buffer: Buffer, kind: SegmentKind, geometry: Geometry) -> None: ...
def header_mismatch(buffer: Buffer, kind: SegmentKind, geometry: Geometry) -> str: ...
def record_state(
    activation: Buffer, geometry: Geometry, record: int
) -> tuple[RecordStatus, int]: ...
def monotonic_ns() -> int: ...

MAX_THREADS: int
FORK_BURST: int

class CallWatch:
    """Answers the system calls that a confined worker's filter hands over, on a native thread.

    Takes the descriptor `listener` over. `readable` and `writable` are absolute paths, these and
    all below, that are allowed: only what lies elsewhere is noted. `reachable` are sockets by
    absolute path, which the worker is connected to where it asks for that.
    """

    def __init__(
        self,
        listener: int,
        worker: int,
        readable: list[str],
        writable: list[str],
        signals_scoped: bool,
        reachable: list[str] = ...,
    ) -> None: ...
    def stop(self) -> None:
        """Ends the thread; whatever is asked from now on fails."""
    def fileno(self) -> int:
        """Readable when there is something to `read`."""
    def read(self) -> list[tuple[str, bytes, bool, bool, int, int]]:
        """What was denied or may have been: (call, path or address, it writes, it was refused here,
        argument, thread)."""
    def touched(self) -> list[tuple[bytes, bool]]:
        """Files that were asked for and are allowed, and whether to write; the first 512."""
    def leavers(self) -> list[tuple[int, int]]:
        """(pid, start time as /proc says it) of all that left the worker's session or program."""
    def set_disk(self, full: bool, wait_ms: int, read_ms: int, most_ms: int) -> None:
        """What a disk does from now on to a worker that was to ask about its calls for files: each
        write fails with ENOSPC where it is `full`; each, and each wait for one, takes `wait_ms`,
        and each read `read_ms` (of a file that is mapped, each 128 KiB of it), until `most_ms` have
        been waited."""
    @property
    def disk_faults(self) -> int:
        """Writes that failed or waited because of it, and waits for them."""
    @property
    def slow_reads(self) -> int:
        """Reads that waited because of it, and mappings."""
    def written_without_room(self) -> list[bytes]:
        """Files that it wrote to through memory while the disk was full."""
    @property
    def answered(self) -> int: ...
    @property
    def lost(self) -> int:
        """Acts that there was no room to note."""

CRASH_SNAPSHOT_BYTES: int

class CrashSnapshot:
    """What a crashing worker left behind (ipc/native/crash_snapshot.hpp): counts are bounded,
    but every value may be a lie."""

    @property
    def thread_id(self) -> int: ...
    @property
    def thread_name(self) -> bytes: ...
    @property
    def signal(self) -> int:
        """0..64; 0: the process called exit()."""
    @property
    def signal_code(self) -> int:
        """si_code: above 0 the kernel raised it, else a process sent it."""
    @property
    def sender(self) -> int:
        """The process that sent the signal; 0: none did."""
    @property
    def fault_address(self) -> int: ...
    @property
    def access(self) -> str:
        """How the memory there was used: read, write, execute, or empty: unknown."""
    @property
    def pc(self) -> int: ...
    @property
    def sp(self) -> int: ...
    @property
    def registers(self) -> list[int]:
        """By DWARF number."""
    @property
    def stack_address(self) -> int: ...
    @property
    def stack(self) -> bytes:
        """What lay from `stack_address` up."""
    @property
    def maps(self) -> bytes:
        """/proc/self/maps, perhaps cut."""

def read_crash_snapshot(data: bytes) -> CrashSnapshot | None:
    """The snapshot in the copy of a worker's file; None where no crash has left one."""
