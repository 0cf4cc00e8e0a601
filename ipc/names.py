# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of everything in /dev/shm and on command lines that belongs to one host process.

Every name carries the host's pid and start time, so that a later host can tell what a killed one
left behind from what a living one still uses (ipc/sweep.py). A chain's names are

    /isobooth-PID-START-N-host        chain host segment
    /isobooth-PID-START-N-act         chain activation segment
    /isobooth-PID-START-N-out-RR      output segment of record RR
    /isobooth-PID-START-N-meters      what windows are shown of levels and block times
    /isobooth-PID-START-N-sem-RR      semaphore of record RR
    /isobooth-PID-START-N-end         semaphore of the chain's end

where N counts the host's chains. A worker's private folder is isobooth-PID-START-tmp-N in the
user's runtime folder. In /dev/shm a segment has that name without the slash, a
semaphore has "sem." before it.
"""

import itertools
import os
import re
import stat
import tempfile
from collections.abc import Sequence

import msgspec

from ipc.processes import ProcessIdentity, own_identity

SHM_DIR = "/dev/shm"

# What the command line of a launcher, and so of its workers, carries: isobooth-host=PID-START.
HOST_MARK = "isobooth-host="

# The environment variable that everything a worker starts inherits, also across exec: the
# worker's own PID-START.
WORKER_VARIABLE = "ISOBOOTH_WORKER"

_FILE = re.compile(r"(?:sem\.)?isobooth-(\d+)-(\d+)-.+")
_MARK = re.compile(re.escape(HOST_MARK) + r"(\d+)-(\d+)")

_chain_numbers = itertools.count(1)
_folder_numbers = itertools.count(1)


class SegmentNames(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The names of a chain's files and semaphores, one output and one semaphore a record."""

    host: str
    activation: str
    outputs: tuple[str, ...]
    semaphores: tuple[str, ...]
    end: str

    @property
    def segments(self) -> tuple[str, ...]:
        return (self.host, self.activation, *self.outputs)

    @property
    def all_semaphores(self) -> tuple[str, ...]:
        return (*self.semaphores, self.end)


METERS_SUFFIX = "-meters"


def new_segment_names(records: int) -> SegmentNames:
    """Names that no other chain of this or any other host process has."""
    prefix = f"/isobooth-{own_identity()}-{next(_chain_numbers)}"
    return SegmentNames(
        host=f"{prefix}-host",
        activation=f"{prefix}-act",
        outputs=tuple(f"{prefix}-out-{record:02}" for record in range(records)),
        semaphores=tuple(f"{prefix}-sem-{record:02}" for record in range(records)),
        end=f"{prefix}-end",
    )


def new_meters_name() -> str:
    """Of the segment in which a host shows its levels to windows."""
    return f"/isobooth-{own_identity()}-{next(_chain_numbers)}{METERS_SUFFIX}"


def runtime_folder() -> str:
    """Where this user's programs keep what lives no longer than they do; only the user may enter.

    The system's folder for temporary files where there is none; what we make there is 0700.
    """
    folder = os.environ.get("XDG_RUNTIME_DIR", "")
    try:
        status = os.stat(folder)
    except OSError:
        return tempfile.gettempdir()
    private = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
    usable = private and not status.st_mode & 0o077 and os.access(folder, os.W_OK)
    return folder if usable else tempfile.gettempdir()


def new_private_folder() -> str:
    """Makes a folder that only this user may enter, for one worker. Raises OSError."""
    while True:
        name = f"isobooth-{own_identity()}-tmp-{next(_folder_numbers)}"
        path = os.path.join(os.path.realpath(runtime_folder()), name)
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:
            continue  # by a stranger, in a folder for all
        return path


def segment_path(name: str) -> str:
    """The file of a segment, as it appears in /proc/PID/maps."""
    return f"{SHM_DIR}/{name.removeprefix('/')}"


def semaphore_path(name: str) -> str:
    return f"{SHM_DIR}/sem.{name.removeprefix('/')}"


def owner_of_file(file_name: str) -> ProcessIdentity | None:
    """The host that a file in /dev/shm belongs to; None if it is not one of ours."""
    found = _FILE.fullmatch(file_name)
    return ProcessIdentity(int(found[1]), int(found[2])) if found else None


def host_mark(identity: ProcessIdentity) -> str:
    return f"{HOST_MARK}{identity}"


def owner_of_command(arguments: Sequence[str]) -> ProcessIdentity | None:
    """The host that a process belongs to, by its command line; None if it is not one of ours."""
    for argument in arguments:
        if found := _MARK.fullmatch(argument):
            return ProcessIdentity(int(found[1]), int(found[2]))
    return None
