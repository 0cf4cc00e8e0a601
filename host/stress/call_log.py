# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls that a plugin was given, so that it can be given them again.

A log holds no sound and no times: sources and seeds say what the plugin heard. Of what it answered
it holds digests, by which a replay tells whether everything was the same to the bit.

Versions of the file
    1  first
    2  each state stands once, in `states`, and calls name it; `memory_mb`; `offline` came
       later and may be missing
    3  what worker it was, and what the check was asked: `audits`, `disk_watched`, `level`
    4  that it met the rig's own buffers: `direct`; the `key` of a render came with it
"""

import hashlib
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from host.user_file import AtomicFile, path_text, read_input
from ipc.errors import InputError, WorkerError
from ipc.permissions import MemoryMb
from ipc.rig_calls import (
    MAX_STATE_BYTES,
    AnyCall,
    Call,
    InjectFaults,
    MaxFrames,
    Render,
    SampleRate,
    SetState,
)
from ipc.text import one_line

SCHEMA = 4
_READ = (1, 2, 3, SCHEMA)
_MAX_BYTES = 256 * 1024 * 1024  # states are in it
_DIGEST_BYTES = 12


class LogTooLarge(WorkerError):
    """Nobody could read it; what it is a log of goes on."""


class LogEnd(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the plugin, where it did not survive the last call or a check complained."""

    verdict: str
    message: str
    signal: str = ""
    signature: str = ""
    # Of a log that was made shorter: how often it came to this end in its last runs.
    failed: int = 0
    runs: int = 0

    @property
    def flaky(self) -> str:
        """Empty where it came to this end each time."""
        return f"flaky: {self.failed} of {self.runs}" if self.failed < self.runs else ""


class CallLog(msgspec.Struct, kw_only=True):
    """A plugin on a rig, from its creation on. `digests`: of the answers, as far as there are any;
    empty where an answer has none."""

    schema: int = SCHEMA
    plugin: str
    check: str = ""
    seed: int = 0
    level: int = 0  # of the run; 0: not known
    sample_rate: SampleRate = 48000.0
    max_frames: MaxFrames = 512
    memory_mb: MemoryMb | None = None  # that it may have; None: what is usual
    offline: bool = False  # it has no network, whatever its permissions say
    audits: bool = False  # its worker sees what it allocates, and can let that fail
    disk_watched: bool = False  # its disk can be full or slow
    direct: bool = False  # it meets the rig's own buffers, past JUCE
    calls: list[AnyCall] = []
    digests: list[str] = []
    end: LogEnd | None = None

    @property
    def needs_audit(self) -> bool:
        """Earlier versions do not say it; but their calls do."""
        return self.audits or any(
            (isinstance(call, InjectFaults) and call.allocation > 0)
            or (isinstance(call, Render) and call.audit)
            for call in self.calls
        )

    def cut(self, calls: list[AnyCall]) -> "CallLog":
        """The same plugin with other calls, which nothing is known of."""
        return msgspec.structs.replace(self, calls=calls, digests=[], end=None)


class _SetKnownState(Call, frozen=True, tag="set_known_state"):
    """In a file, a SetState whose data stand in `states`."""

    state: str


class _File(CallLog, kw_only=True):
    """As it is written: `calls` with each state once, by its digest."""

    calls: list[AnyCall | _SetKnownState] = []  # type: ignore[assignment]
    states: dict[str, Annotated[bytes, Meta(max_length=MAX_STATE_BYTES)]] = {}


class _Head(msgspec.Struct):
    """What is in a log of any version, or it is none."""

    schema: int
    calls: msgspec.Raw


def write_log(log: CallLog, path: Path) -> None:
    """Raises InputError or MachineError where it cannot be written, and LogTooLarge."""
    data = msgspec.json.format(msgspec.json.encode(_packed(log)), indent=1) + b"\n"
    if len(data) > _MAX_BYTES:
        raise LogTooLarge(
            f"{path_text(path)}: not written: the log of calls would have {len(data) >> 20} MiB, "
            f"and none of more than {_MAX_BYTES >> 20} MiB is read"
        )
    with AtomicFile(path) as file:
        file.file.write(data)


def read_log(path: Path) -> CallLog:
    """Raises InputError where it is none."""
    data = read_input(path, "a log of calls", _MAX_BYTES)
    try:
        head = msgspec.json.decode(data, type=_Head)
        if head.schema not in _READ:
            raise InputError(
                f"{path_text(path)}: of version {head.schema}, where versions up to {SCHEMA} are "
                "read; replay it with the version that wrote it"
            )
        return _unpacked(msgspec.json.decode(data, type=_File))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(
            f"{path_text(path)}: no log of calls as `isobooth stress` writes them: "
            + one_line(str(error), 200)
        ) from None


def _packed(log: CallLog) -> _File:
    states: dict[str, bytes] = {}
    calls: list[AnyCall | _SetKnownState] = []
    for call in log.calls:
        if isinstance(call, SetState):
            digest = hashlib.blake2b(call.data, digest_size=_DIGEST_BYTES).hexdigest()
            states[digest] = call.data
            calls.append(_SetKnownState(digest))
        else:
            calls.append(call)
    return _File(**_fields(log, calls=calls, schema=SCHEMA), states=states)


def _unpacked(file: _File) -> CallLog:
    calls: list[AnyCall] = []
    for call in file.calls:
        if isinstance(call, _SetKnownState):
            if call.state not in file.states:
                raise msgspec.ValidationError(f"there is no state {one_line(call.state, 40)}")
            calls.append(SetState(file.states[call.state]))
        else:
            calls.append(call)
    return CallLog(**_fields(file, calls=calls, schema=SCHEMA))


def _fields(log: CallLog, **others: object) -> dict[str, Any]:
    """Of any log, with others instead."""
    kept = {name: getattr(log, name) for name in CallLog.__struct_fields__}
    return {**kept, **others}
