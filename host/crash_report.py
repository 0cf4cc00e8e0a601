# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known about one fault of one plugin, as plain data.

A plugin's author gets this from a user and has to find the bug with it, so it holds what led to
the fault (last events, edits, state), what ended it (signal, exit code, stderr), and where (host,
rate, block). It must survive storage, export and e-mail unchanged: text that is no valid Unicode
and numbers that JSON does not know are made printable here, once, because a report that cannot be
written is worth nothing.
"""

from __future__ import annotations

import math
import platform
import secrets
import signal as signals
from datetime import UTC, datetime
from enum import StrEnum
from typing import Self

import msgspec

from host.backtrace.frames import Backtrace
from host.version import isobooth_version
from ipc.errors import InputError

# A plugin that prints in a loop fills pipes and databases; what it said last matters most.
STDERR_TAIL_BYTES = 64 * 1024

# The layout of the exported JSON; readers of a file refuse a higher number by name.
#     2  backtrace, signature, the faulty access
#     3  what the worker was loaded with
#     4  a plugin's own window is a phase
REPORT_SCHEMA = 4


class FaultKind(StrEnum):
    """How a plugin failed; lateness alone is no fault."""

    CRASH = "crash"  # ended by a signal
    KILLED = "killed"  # by a SIGKILL that was not ours: out of memory, or somebody's kill
    EXIT = "exit"  # called exit() or its worker returned
    HANG = "hang"  # did not come back within the hang limit and was killed
    NONFINITE = "nonfinite"  # NaN or Inf in its output above the limit
    RUNAWAY = "runaway"  # output level beyond any use
    LOAD_FAILED = "load_failed"  # said no when it was loaded
    LOAD_TIMEOUT = "load_timeout"  # did not load or prepare in time
    RESTORE_FAILED = "restore_failed"  # refused its own state, or hung on it


# Kinds of faults in which a thread did not come back; all stacks are taken before the end.
HANGS = (FaultKind.HANG, FaultKind.LOAD_TIMEOUT, FaultKind.RESTORE_FAILED)


class Phase(StrEnum):
    """What the worker was doing at the time."""

    LOAD = "load"
    RESTORE = "restore"
    WARM_UP = "warm_up"
    PROCESS = "process"
    IDLE = "idle"  # between two blocks: a thread of the plugin's own
    SAVE = "save"
    WINDOW = "window"  # its own, on the main thread


class Action(StrEnum):
    """What was done about it; other versions may know others."""

    RESTARTED = "restarted"
    QUARANTINED = "quarantined"
    BYPASSED = "bypassed"
    STANDBY_REPLACED = "standby replaced"  # the plugin played on
    STANDBY_GIVEN_UP = "standby given up"
    RENDERED_AGAIN = "rendered again"  # offline, the file from its start
    FILE_FAILED = "file failed"
    GIVEN_UP = "given up"  # it was only looked at, by a scan for one


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """The signal that ended a worker. The name travels along: numbers differ between machines."""

    number: int
    name: str

    @classmethod
    def of(cls, number: int) -> Self:
        """Name a signal number; real-time signals, which have no names of their own, included."""
        try:
            name = signals.Signals(number).name
        except ValueError:
            name = f"signal {number}"
        return cls(number=number, name=name)


class FaultyAccess(msgspec.Struct, frozen=True, kw_only=True):
    """What the kernel said about the signal, as the worker noted it: it may be wrong."""

    address: int | None = None  # of the memory that could not be used
    access: str = ""  # read, write, execute; empty: not known
    sender: int | None = None  # the process that sent the signal, where one did

    def __str__(self) -> str:
        if self.address is not None:
            what = {"execute": "jumped to", "": "faulted at"}.get(self.access, f"{self.access} at")
            null = " (a null pointer)" if self.address < _NULL_PAGE else ""
            return f"{what} {self.address:#x}{null}"
        return "" if self.sender is None else f"sent by process {self.sender}"


# Offsets from a null pointer are small; nothing is ever mapped there.
_NULL_PAGE = 65536


class ReportedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event that the plugin was given in its last blocks, decoded.

    `kind` is midi, sysex, parameter, program or transport; `detail` what belongs to it, for
    instance {"bytes": "903c64"} or {"parameter": 3, "value": 0.5}.
    """

    block: int  # generation
    frame: int  # offset within the block
    kind: str
    detail: dict[str, int | float | str | None]

    def __post_init__(self) -> None:
        clean = {storable_text(key): _storable_value(value) for key, value in self.detail.items()}
        msgspec.structs.force_setattr(self, "detail", clean)


class ReportedEdit(msgspec.Struct, frozen=True, kw_only=True):
    """One numbered parameter edit; `value` is normalized 0..1, None where it was not finite. Of
    parameter -1, the plugin's program, it is the index."""

    edit: int
    parameter: int
    value: float | None
    name: str | None = None  # the parameter's, where the plugin came to describe itself

    def __post_init__(self) -> None:
        if self.value is not None and not math.isfinite(self.value):
            msgspec.structs.force_setattr(self, "value", None)
        if self.name is not None:
            msgspec.structs.force_setattr(self, "name", storable_text(self.name))


class LoadedWith(msgspec.Struct, frozen=True, kw_only=True):
    """What the worker that failed was given when it loaded the plugin, and how far it came. With
    this, the last events and the state, all can be done again."""

    state: bytes | None = None  # base64 in JSON
    same_state: bool = False  # it was the report's own `state`, which is not written twice
    program: int | None = None
    parameters: dict[str, float | str] = {}
    edits: list[ReportedEdit] = []
    sidechain: bool = False
    blocks: int = 0  # that it processed; the one it failed in came next

    def __post_init__(self) -> None:
        texts = {
            storable_text(name): storable_text(value) if isinstance(value, str) else value
            for name, value in self.parameters.items()
        }
        msgspec.structs.force_setattr(self, "parameters", texts)


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """The worker's memory."""

    rss_bytes: int | None = None  # the most that it ever held
    pss_bytes: int | None = None  # its share, when it was loaded or last asked for its state


class HostInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Where it happened."""

    version: str  # Isobooth's
    kernel: str
    sample_rate_hz: float
    block_frames: int

    @classmethod
    def here(cls, sample_rate_hz: float, block_frames: int) -> Self:
        """This process on this machine, at the engine's rate and block size."""
        return cls(
            version=isobooth_version(),
            kernel=f"{platform.system()} {platform.release()} {platform.machine()}",
            sample_rate_hz=sample_rate_hz,
            block_frames=block_frames,
        )


class CrashReport(msgspec.Struct, frozen=True, kw_only=True):
    """One fault. Made by the supervisor with `when=utc_now()` and `id=new_report_id(when)`."""

    id: str
    when: str  # ISO 8601, UTC
    kind: FaultKind
    phase: Phase
    plugin_id: str
    plugin_path: str | None
    plugin_version: str | None
    plugin_format: str  # vst3, lv2, ladspa, …
    slot: str
    song: str | None
    action: str  # an Action
    host: HostInfo
    signal: Signal | None = None
    exit_code: int | None = None
    block: int = 0  # generation at the fault
    uptime_s: float = 0.0  # since its worker was started, loading included
    blocks_processed: int = 0  # by the slot since the host started, all its workers together
    last_events: list[ReportedEvent] = msgspec.field(default_factory=list)
    last_edits: list[ReportedEdit] = msgspec.field(default_factory=list)
    process_us: list[float] = msgspec.field(default_factory=list)  # oldest first
    stderr_tail: str = ""
    state: bytes | None = None  # the last good snapshot; base64 in JSON
    memory: Memory = Memory()
    denials: list[str] = msgspec.field(default_factory=list)  # what it tried and may not
    access: FaultyAccess | None = None
    dropped: list[str] = msgspec.field(default_factory=list)  # not replayed any more: see POISON
    backtrace: Backtrace | None = None  # of a hang all threads
    signature: str | None = None  # the same for the same bug; None: not known (yet)
    loaded: LoadedWith | None = None  # None: not known
    # Slots in the same process: one of them may have broken what this one fell over; and those that
    # may have ended it just as well.
    shared_with: list[str] = msgspec.field(default_factory=list)
    suspects: list[str] = msgspec.field(default_factory=list)
    schema: int = REPORT_SCHEMA

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, str) and not isinstance(value, StrEnum):
                msgspec.structs.force_setattr(self, name, storable_text(value))
        msgspec.structs.force_setattr(self, "stderr_tail", _tail(self.stderr_tail))
        msgspec.structs.force_setattr(self, "denials", [storable_text(d) for d in self.denials])
        finite_us = [time_us for time_us in self.process_us if math.isfinite(time_us)]
        msgspec.structs.force_setattr(self, "process_us", finite_us)

    def to_json(self, *, indent: int | None = None) -> bytes:
        """UTF-8 JSON; `from_json` gives an equal report back."""
        encoded = msgspec.json.encode(self)
        return encoded if indent is None else msgspec.json.format(encoded, indent=indent)

    @classmethod
    def from_json(cls, text: bytes | str, *, source: str = "crash report") -> Self:
        """Read an exported report; `source` is the file's name for the message. InputError."""
        try:
            schema = msgspec.json.decode(text, type=_SchemaOnly).schema
            if schema > REPORT_SCHEMA:
                raise InputError(
                    f"{source}: crash report of layout {schema}, this Isobooth reads up to "
                    f"{REPORT_SCHEMA}: update Isobooth to read it"
                )
            return msgspec.json.decode(text, type=cls)
        except msgspec.DecodeError as error:
            raise InputError(f"{source}: not a crash report: {error}") from error


class _SchemaOnly(msgspec.Struct):
    """The one field that must be read before the others can be trusted."""

    schema: int


def utc_now() -> str:
    """Now as ISO 8601 in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def new_report_id(when: str) -> str:
    """A short id: random first, so that a few characters name a report; the date behind it."""
    return f"{secrets.token_hex(4)}-{when[:10].replace('-', '')}"


def storable_text(text: str) -> str:
    """Text that JSON and SQLite take: file names and stderr may hold bytes that are no UTF-8."""
    return text.encode(errors="backslashreplace").decode()


def _storable_value(value: int | float | str | None) -> int | float | str | None:
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _tail(text: str) -> str:
    """The last 64 KiB, counted in bytes, cut at a character."""
    encoded = text.encode()
    if len(encoded) <= STDERR_TAIL_BYTES:
        return text
    return encoded[-STDERR_TAIL_BYTES:].decode(errors="ignore")
