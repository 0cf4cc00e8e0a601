# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls that a plugin was given, so that it can be given them again.

A log holds no sound and no times: sources and seeds say what the plugin heard. Of what it answered
it holds digests, by which a replay tells whether everything was the same to the bit.
"""

from pathlib import Path

import msgspec

from host.user_file import AtomicFile, path_text, read_input
from ipc.errors import InputError
from ipc.rig_calls import AnyCall
from ipc.text import one_line

SCHEMA = 1
_MAX_BYTES = 256 * 1024 * 1024  # states are in it


class LogEnd(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the plugin, where it did not survive the last call or a check complained."""

    verdict: str
    message: str
    signal: str = ""
    signature: str = ""


class CallLog(msgspec.Struct, kw_only=True):
    """A plugin on a rig, from its creation on. `digests`: of the answers, as far as there are any;
    empty where an answer has none."""

    schema: int = SCHEMA
    plugin: str
    check: str = ""
    seed: int = 0
    sample_rate: float = 48000.0
    max_frames: int = 512
    memory_mb: int | None = None
    calls: list[AnyCall] = []
    digests: list[str] = []
    end: LogEnd | None = None

    def cut(self, calls: list[AnyCall]) -> "CallLog":
        """The same plugin with other calls, which nothing is known of."""
        return msgspec.structs.replace(self, calls=calls, digests=[], end=None)


class _Head(msgspec.Struct):
    """What is in a log of any version, or it is none."""

    schema: int
    calls: msgspec.Raw


def write_log(log: CallLog, path: Path) -> None:
    """Raises InputError or MachineError where it cannot be written."""
    with AtomicFile(path) as file:
        file.file.write(msgspec.json.format(msgspec.json.encode(log), indent=1) + b"\n")


def read_log(path: Path) -> CallLog:
    """Raises InputError where it is none."""
    data = read_input(path, "a log of calls", _MAX_BYTES)
    try:
        head = msgspec.json.decode(data, type=_Head)
        if head.schema != SCHEMA:
            raise InputError(
                f"{path_text(path)}: of version {head.schema}, where version {SCHEMA} is read; "
                "replay it with the version that wrote it"
            )
        return msgspec.json.decode(data, type=CallLog)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(
            f"{path_text(path)}: no log of calls as `isobooth stress` writes them: "
            + one_line(str(error), 200)
        ) from None
