# SPDX-License-Identifier: GPL-3.0-or-later
"""What fails for a plugin on a test rig, because somebody wants to see what it does then."""

import resource
import signal
from collections.abc import Callable
from pathlib import Path

import msgspec

from ipc.errors import WorkerError
from ipc.rig_calls import AnyCall, CallResult, InjectFaults, Render
from sandbox._native import FailingAllocation, FileAccess, landlock_abi, restrict_self
from sandbox.backends import code_of

_FILES_ONLY = 5  # the last version of Landlock before signals


class InjectedFaults:
    """Of one plugin. `disk_is_watched`: a disk that is full or slow is the host's doing, which is
    asked about each call for a file and knows what is injected."""

    def __init__(self, plugin_id: str, disk_is_watched: bool) -> None:
        self._plugin_id = plugin_id
        self._disk_is_watched = disk_is_watched
        self._allocation = 0
        self._largest_file = resource.getrlimit(resource.RLIMIT_FSIZE)[0]

    def set(self, call: InjectFaults) -> None:
        """Raises WorkerError for what cannot be made to fail here."""
        if call.allocation and not FailingAllocation.is_possible:
            raise WorkerError("no allocation can fail: libisobooth_audit.so is not preloaded")
        if (call.write_ms or call.read_ms) and not self._disk_is_watched:
            raise WorkerError("no disk can be slow: the host is not asked about any")
        self._allocation = call.allocation
        if not self._disk_is_watched:
            self._limit_files(call.disk_full)
        if call.read_only:
            _forbid_writing()

    def _limit_files(self, to_nothing: bool) -> None:
        """The kernel's own way to say no to whoever writes, by whatever call and on any thread; but
        with EFBIG instead of ENOSPC."""
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        limit = 0 if to_nothing else self._largest_file
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))

    def during(self, call: AnyCall, do: Callable[[AnyCall], CallResult]) -> CallResult:
        """Does it, and counts allocations where one may fail."""
        if not self._allocation or isinstance(call, Render | InjectFaults):
            return do(call)
        library = Path(code_of(self._plugin_id) or "").name
        failing = FailingAllocation(library, self._allocation)
        failing.begin()
        try:
            result = do(call)
        finally:
            failing.end()
        return msgspec.structs.replace(result, allocations=failing.asked)


def _forbid_writing() -> None:
    """On top of what the worker is confined to. Raises WorkerError without Landlock."""
    abi = landlock_abi(_FILES_ONLY)
    if not abi:
        raise WorkerError("writing cannot be forbidden: this kernel has no Landlock")
    restrict_self([("/", FileAccess.READ), ("/dev/null", FileAccess.DEVICE)], True, abi)
