# SPDX-License-Identifier: GPL-3.0-or-later
"""Clears away what a host that was killed left behind.

Workers and launcher of a dead host end by themselves, because their sockets close, but one that
is stopped (SIGSTOP, a debugger) cannot, and nobody is left to unlink the semaphores. Without the
sweep every crash of a host would cost memory until the next boot.
"""

import contextlib
import os
import select
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from ipc.confinement import remove_folder
from ipc.names import METERS_SUFFIX, SHM_DIR, owner_of_command, owner_of_file, runtime_folder
from ipc.processes import (
    ProcessIdentity,
    all_pids,
    command_line,
    is_elsewhere,
    mapped_files,
)

# SIGKILL takes effect within milliseconds unless the process is inside the kernel.
_KILL_WAIT_S = 1.0


@dataclass
class SweepReport:
    """What was cleared."""

    processes: list[int] = field(default_factory=list)
    files: list[str] = field(default_factory=list)  # in /dev/shm
    folders: list[str] = field(default_factory=list)  # of workers, in the runtime folder

    def __bool__(self) -> bool:
        return bool(self.processes or self.files or self.folders)

    def __str__(self) -> str:
        return (
            f"cleared away what a killed host had left: processes: {len(self.processes)}, files "
            f"in {SHM_DIR}: {len(self.files)}, temporary folders: {len(self.folders)}"
        )


class _Liveness:
    """Asks once per host whether it is alive."""

    def __init__(self) -> None:
        self._alive: dict[ProcessIdentity, bool] = {}

    def is_dead(self, host: ProcessIdentity) -> bool:
        if host not in self._alive:
            self._alive[host] = host.is_alive()
        return not self._alive[host]


def sweep_dead_hosts() -> SweepReport:
    """Kills the processes of this user's dead hosts, and removes their segments, semaphores and
    folders.

    What belongs to a living host is left alone, whoever runs it; so are the processes of a
    container, because nobody outside can tell whether their host lives. Its files are its own,
    unless it was given this /dev/shm.
    """
    report = SweepReport()
    hosts = _Liveness()
    report.processes = _kill_left_processes(hosts)
    for name in _left_files(hosts):
        try:
            os.unlink(f"{SHM_DIR}/{name}")
        except OSError:
            continue  # another host was faster
        report.files.append(name)
    place = runtime_folder()
    for name in _left_files(hosts, place, folders=True):
        remove_folder(f"{place}/{name}")
        report.folders.append(name)
    return report


def _left_files(hosts: _Liveness, place: str = SHM_DIR, folders: bool = False) -> Iterator[str]:
    with os.scandir(place) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False) is not folders:
                continue
            owner = owner_of_file(entry.name)
            if owner is None or not hosts.is_dead(owner):
                continue
            with contextlib.suppress(OSError):
                if entry.stat(follow_symlinks=False).st_uid == os.getuid():
                    yield entry.name


def _kill_left_processes(hosts: _Liveness) -> list[int]:
    # A plugin can overwrite its command line, but not what it has mapped. Looking at every
    # process's mappings takes a while, so it is done only where a dead host left files.
    look_at_mappings = any(True for _ in _left_files(hosts))
    killed = []
    with contextlib.ExitStack() as opened:
        poll = select.poll()
        for pid in all_pids():
            if not _is_left_behind(pid, hosts, look_at_mappings):
                continue
            try:
                pidfd = os.pidfd_open(pid)
                opened.callback(os.close, pidfd)
                # Asked again, now that the pid cannot become somebody else's.
                if _is_left_behind(pid, hosts, look_at_mappings):
                    signal.pidfd_send_signal(pidfd, signal.SIGKILL)
                    poll.register(pidfd, select.POLLIN)
                    killed.append(pid)
            except OSError:
                continue  # it has ended by itself
        _wait_for_all(poll, len(killed))
    return killed


def _wait_for_all(poll: select.poll, count: int) -> None:
    deadline = time.monotonic() + _KILL_WAIT_S
    while count > 0 and (left_s := deadline - time.monotonic()) > 0:
        for pidfd, _ in poll.poll(left_s * 1000):
            poll.unregister(pidfd)
            count -= 1


def _is_left_behind(pid: int, hosts: _Liveness, look_at_mappings: bool) -> bool:
    if pid == os.getpid() or not _is_own_user(pid):
        return False
    owner = owner_of_command(command_line(pid))
    if owner is not None:
        return hosts.is_dead(owner) and not is_elsewhere(pid)
    return look_at_mappings and _maps_only_dead_hosts(pid, hosts)


def _maps_only_dead_hosts(pid: int, hosts: _Liveness) -> bool:
    # A window that outlives its host has its meters mapped: it shows what was, and waits.
    paths = [path for path in mapped_files(pid) if not path.endswith(METERS_SUFFIX)]
    owners = [owner_of_file(path.removeprefix(f"{SHM_DIR}/")) for path in paths]
    ours = [owner for owner in owners if owner is not None]
    # A process that maps segments of a living host as well is that host's business.
    return bool(ours) and all(hosts.is_dead(owner) for owner in ours) and not is_elsewhere(pid)


def _is_own_user(pid: int) -> bool:
    try:
        return os.stat(f"/proc/{pid}").st_uid == os.getuid()
    except OSError:
        return False
