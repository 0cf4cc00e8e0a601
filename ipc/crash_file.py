# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a crashing worker puts its last snapshot: an anonymous file, made by the host.

Not a pipe, because writing to one can block, and not the worker's memory, because the host reads
it after the death. Its size is sealed: a worker that shrank it could end the host's read early.
"""

import contextlib
import fcntl
import os
import resource

from ipc._native import CRASH_SNAPSHOT_BYTES, CrashSnapshot, read_crash_snapshot
from ipc.errors import MachineError


class CrashFile:
    """One worker's file; takes memory only once a crash is written into it."""

    def __init__(self) -> None:
        """MachineError where there is no descriptor left."""
        try:
            self.fd = os.memfd_create("isb-crash", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        except OSError as error:
            raise MachineError(
                f"cannot make a file for crash snapshots: {error.strerror}; "
                f"{resource.getrlimit(resource.RLIMIT_NOFILE)[0]} files may be open"
            ) from error
        os.ftruncate(self.fd, CRASH_SNAPSHOT_BYTES)
        fcntl.fcntl(
            self.fd,
            fcntl.F_ADD_SEALS,
            fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL,
        )

    def take(self) -> CrashSnapshot | None:
        """What the dead worker left, if it crashed and could; closes the file."""
        try:
            return read_crash_snapshot(os.pread(self.fd, CRASH_SNAPSHOT_BYTES, 0))
        except OSError:
            return None
        finally:
            self.close()

    def close(self) -> None:
        """Its memory goes when the worker's mapping has gone too."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            with contextlib.suppress(OSError):
                os.close(fd)
