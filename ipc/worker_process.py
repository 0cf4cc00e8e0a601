# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker as the host holds it: requests, output, memory, and above all its end.

The kernel tells of the end through a pidfd; signal and usage come from reaping that pid and no
other. All of it happens on the asyncio loop that spawned the worker.
"""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import msgspec

from ipc._native import CrashSnapshot
from ipc.confinement import Confinement
from ipc.connection import Connection, ConnectionLost, RequestFailed
from ipc.crash_file import CrashFile
from ipc.denial import Denial
from ipc.errors import ProtocolError, WorkerError
from ipc.messages import (
    CloseWindow,
    Describe,
    Gather,
    ListPlugins,
    Load,
    Member,
    Message,
    Mount,
    OpenWindow,
    Perform,
    Probe,
    Request,
    SaveState,
    Stop,
    Visit,
    Welcome,
    WindowNews,
)
from ipc.names import segment_path
from ipc.output_tail import OutputTail
from ipc.permissions import Permissions
from ipc.process_tree import ProcessTree, kill_group
from ipc.processes import ProcessIdentity, oom_kills, process_stat

R = TypeVar("R", bound=Message)
T = TypeVar("T")

# The connection of a dying process closes a moment before the kernel reports the death; this is
# how long a request waits for the better explanation.
_DEATH_NEWS_S = 1.0

_GREETING_S = 5.0

# Requests with which a worker gives its rights up.
_LOCKS_DOWN = Gather | Load | Describe | Visit

# A killed process ends within milliseconds, one that writes a large file in the kernel in
# seconds; one that is traced, or waits for a disk that is gone, never.
_KILLED_S = 3.0


@dataclass(frozen=True)
class WorkerExit:
    """How a worker ended."""

    pid: int
    signal: int | None  # None: it exited by itself
    exit_code: int | None  # None: a signal ended it
    phase: str  # idle, load, restore, …, process, save: what it was doing
    killed_by_host: bool
    uptime_s: float
    user_s: float
    system_s: float
    max_rss_bytes: int
    last_pss_bytes: int | None  # when it was last looked at; None: it was not
    stderr_tail: str
    # Of a crash, or of a call of exit(), where the worker could still take one.
    snapshot: CrashSnapshot | None = None
    # Whether the kernel ended processes for want of memory since it was last looked at; None:
    # nobody knows.
    memory_ran_out: bool | None = None

    @property
    def evidence(self) -> CrashSnapshot | None:
        """The snapshot, if it is one of this very end."""
        snapshot = self.snapshot
        return snapshot if snapshot and snapshot.signal in (0, self.signal) else None

    @property
    def called_exit(self) -> bool:
        """The plugin called exit(), whatever came of it: much is run then, and may crash."""
        return self.snapshot is not None and self.snapshot.signal == 0

    @property
    def is_outside_kill(self) -> bool:
        """A SIGKILL that the host did not send: the kernel's, short of memory, or somebody's."""
        return self.signal == signal.SIGKILL and not self.killed_by_host

    @property
    def killer(self) -> str:
        """Who sent a SIGKILL that the host did not send, as far as it can be known."""
        if self.memory_ran_out is None:
            return "someone else (out of memory?)"
        return "the kernel, short of memory" if self.memory_ran_out else "someone else"

    @property
    def signal_name(self) -> str | None:
        if self.signal is None:
            return None
        try:
            return signal.Signals(self.signal).name
        except ValueError:
            return f"signal {self.signal}"

    def __str__(self) -> str:
        how = self.signal_name or f"exit code {self.exit_code}"
        return f"worker {self.pid} ended with {how} during {self.phase}"


@dataclass(frozen=True)
class WorkerMemory:
    """Bytes. `pss` counts shared pages by share; `private` are the worker's alone."""

    rss: int
    pss: int
    private: int


class WorkerDied(WorkerError):
    """The worker ended while it was asked for something; `exit` says how."""

    def __init__(self, exit: WorkerExit) -> None:
        super().__init__(str(exit))
        self.exit = exit


class WorkerProcess:
    """Made by Launcher.spawn. `exited` gets its result as soon as the worker has ended, `reaped`
    when all that it started is gone too: True, or False if something resisted. Only then, and
    only if True, may its record be used again."""

    def __init__(
        self,
        pid: int,
        connection: Connection,
        output: OutputTail,
        crash_file: CrashFile,
        siblings: Callable[[], Collection[int]],
    ) -> None:
        loop = asyncio.get_running_loop()
        stat = process_stat(pid)
        if stat is None:
            raise WorkerError(
                f"worker {pid} was reaped by someone else; no other part of the program may "
                f"wait for children that it did not start"
            )
        self.pid = pid
        self.started_monotonic = time.monotonic()
        self._oom_kills = oom_kills()
        self.exited: asyncio.Future[WorkerExit] = loop.create_future()
        self.reaped: asyncio.Future[bool] = loop.create_future()
        # What it was denied, as it happens; and what of its confinement this kernel cannot do.
        self.on_denial: Callable[[Denial], None] = lambda denial: None
        self.on_missing: Callable[[list[str]], None] = lambda missing: None
        self.on_phase: Callable[[str], None] = lambda phase: None  # it has come to another one
        # How many of how many frames of a render it has played.
        self.on_advance: Callable[[int, int], None] = lambda done, frames: None
        self.on_window: Callable[[WindowNews], None] = lambda news: None  # of its own window
        self.shows_windows = False  # it was permitted the display, which was there
        self._connection = connection
        self._output = output
        self._confinement: Confinement | None = None
        self._crash_file = crash_file
        self._tree = ProcessTree(ProcessIdentity(pid, stat.start_time), siblings)
        self._loaded = False
        self._asked: list[_Asked] = []
        self._killed_by_host = False
        self._last_pss: int | None = None
        self._ending: asyncio.Task[None] | None = None
        connection.on_progress = self._note_phase
        connection.on_advance = self._note_advance
        connection.on_window = self._note_window
        connection.on_lost = self._connection_lost
        self._pidfd = os.pidfd_open(pid)  # a child that nobody has reaped: it is there
        loop.add_reader(self._pidfd, self._died)

    async def finish_greeting(self, hello: "asyncio.Future[Welcome]") -> None:
        await self._explained(self._connection.welcome(hello, _GREETING_S))

    @property
    def phase(self) -> str:
        """What the worker is doing: idle, a phase of Load, process, save."""
        for asked in self._asked:
            if asked.phase is not None:
                return asked.phase
        return "process" if self._loaded else "idle"

    @property
    def alive(self) -> bool:
        return not self.exited.done()

    async def request(self, message: Request[R], timeout_s: float) -> R:
        """Raises RequestFailed, RequestTimeout, WorkerDied, ConnectionLost (all WorkerError),
        ProtocolError, or MachineError where a plugin cannot be confined. A timeout leaves the
        worker as it is: whether to kill it is the caller's decision."""
        for place in _places_of(message):
            output = place.segments.outputs[place.record]
            self._tree.owned_files.add(segment_path(output))
        descriptors: tuple[int, ...] = ()
        if isinstance(message, _LOCKS_DOWN) and self._confinement is None:
            confinement = self._confine(message.permissions)
            self.shows_windows = confinement.permissions.can_show_windows
            asks = msgspec.structs.replace(message, permissions=confinement.permissions)
            message = cast(Request[R], asks)
            descriptors = (confinement.descriptor.fileno(),)
        asked = _Asked(_phase_of(message))
        self._asked.append(asked)
        try:
            reply = await self._explained(self._connection.request(message, timeout_s, descriptors))
        except RequestFailed:
            self._answered(asked)
            raise
        if isinstance(message, Load):
            self._loaded = True
        self._answered(asked)
        if isinstance(message, Load | SaveState) and (memory := self.memory()):
            self._last_pss = memory.pss  # seldom enough for what it costs
            self._oom_kills = oom_kills()
        return reply

    async def stop(self, timeout_s: float = 1.0) -> WorkerExit:
        """Asks the worker to end, kills it if it does not, waits for all that it started.

        Raises WorkerError if it does not end even so: nobody can wait for it any longer, and the
        next host sweeps it away.
        """
        with contextlib.suppress(WorkerError, ProtocolError):
            if self.alive:
                await self.request(Stop(), timeout_s)
        if not await self._ends_within(timeout_s):
            self.kill()
            if not await self._ends_within(_KILLED_S):
                self._abandon()
        if self.exited.cancelled():
            raise WorkerError(
                f"worker {self.pid} does not end even when it is killed (traced by a debugger, or "
                f"waiting inside the kernel); it is left to the next start of isobooth"
            )
        await asyncio.shield(self.reaped)  # has a limit of its own
        return self.exited.result()

    def forget_denials(self) -> None:
        """What it was denied before is told again when it is denied again."""
        if self._confinement is not None:
            self._confinement.forget()

    async def settle_denials(self) -> None:
        """Waits until all that it was denied so far has been told; for a bounded time."""
        if self._confinement is not None:
            await self._confinement.settle()

    def set_disk(self, full: bool, wait_ms: int, read_ms: int, most_ms: int) -> None:
        """What a disk does from now on to one that asks about its files (CallWatch)."""
        if self._confinement is not None:
            self._confinement.set_disk(full, wait_ms, read_ms, most_ms)

    @property
    def touched(self) -> list[tuple[str, bool]]:
        """Files that it asked for and may have, and whether to write."""
        return self._confinement.touched if self._confinement is not None else []

    @property
    def disk_faults(self) -> int:
        """Writes that failed or waited because of it, and waits for them."""
        return self._confinement.disk_faults if self._confinement is not None else 0

    @property
    def slow_reads(self) -> int:
        """Reads that waited because of it, and mappings."""
        return self._confinement.slow_reads if self._confinement is not None else 0

    @property
    def written_without_room(self) -> list[str]:
        """Files that it wrote to through memory while the disk was full."""
        return self._confinement.written_without_room if self._confinement is not None else []

    def kill(self) -> None:
        """SIGKILL, to the worker alone; what it started follows when its end is noticed."""
        if not self.alive or self._ending is not None:
            return
        self._killed_by_host = True
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def stderr_tail(self) -> str:
        return self._output.text()

    def memory(self) -> WorkerMemory | None:
        """None once the worker has ended. Takes the kernel some 100 µs."""
        try:
            with open(f"/proc/{self.pid}/smaps_rollup", encoding="ascii") as file:
                fields = dict(line.split(":", 1) for line in file.read().splitlines()[1:])
        except OSError:
            return None
        size = {name: int(value.split()[0]) * 1024 for name, value in fields.items()}
        private = size["Private_Clean"] + size["Private_Dirty"]
        return WorkerMemory(rss=size["Rss"], pss=size["Pss"], private=private)

    # -- inside ---------------------------------------------------------------------------------

    async def _ends_within(self, timeout_s: float) -> bool:
        await asyncio.wait([self.exited], timeout=timeout_s)
        return self.exited.done()

    def _abandon(self) -> None:
        """Lets go of all that waits for its end."""
        if self.exited.done():
            return  # by another stop
        if self._ending is not None:
            self._ending.cancel()
        else:
            asyncio.get_running_loop().remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._output.close()
        self._connection.on_lost = lambda: None
        self._connection.close()
        if self._confinement is not None:
            self._confinement.stop()  # the next host clears its folder away
        self.exited.cancel()
        self.reaped.set_result(False)

    def _confine(self, permissions: Permissions) -> Confinement:
        self._confinement = Confinement(
            permissions,
            self.pid,
            self._tell_denial,
            self.on_missing,
        )
        return self._confinement

    def _tell_denial(self, denial: Denial) -> None:
        self.on_denial(denial)  # who is told may change

    def _note_phase(self, phase: str) -> None:
        for asked in self._asked:
            if asked.phase is not None:
                asked.phase = phase
                self.on_phase(phase)
                return

    def _note_advance(self, done: int, frames: int) -> None:
        self.on_advance(done, frames)  # who is told may change

    def _note_window(self, news: WindowNews) -> None:
        self.on_window(news)  # who is told may change

    def _answered(self, asked: "_Asked") -> None:
        """A worker serves one after the other: what was asked before, and timed out, is over."""
        if asked in self._asked:
            del self._asked[: self._asked.index(asked) + 1]

    def _connection_lost(self) -> None:
        """A worker without a connection is of no use, and one that sent nonsense is dangerous."""
        if isinstance(self._connection.failure, ProtocolError):
            self.kill()
        else:
            asyncio.get_running_loop().call_later(_DEATH_NEWS_S, self.kill)

    async def _explained(self, work: Awaitable[T]) -> T:
        """Awaits a request; if the worker died of it, says so rather than "connection lost"."""
        try:
            return await work
        except ConnectionLost:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_DEATH_NEWS_S):
                    await asyncio.shield(self.exited)
            if self.exited.done():
                raise WorkerDied(self.exited.result()) from None
            raise

    def _died(self) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._pidfd)
        kill_group(self.pid)
        self._ending = loop.create_task(self._end())

    def _memory_ran_out(self) -> bool | None:
        before, now = self._oom_kills, oom_kills()
        return None if before is None or now is None else now > before

    async def _end(self) -> None:
        uptime_s = time.monotonic() - self.started_monotonic
        status, usage = await self._wait()
        os.close(self._pidfd)
        self._output.close()
        self._connection.on_lost = lambda: None
        result = WorkerExit(
            pid=self.pid,
            signal=-status if status is not None and status < 0 else None,
            exit_code=status if status is not None and status >= 0 else None,
            phase=self.phase,
            killed_by_host=self._killed_by_host,
            uptime_s=uptime_s,
            user_s=usage[0],
            system_s=usage[1],
            max_rss_bytes=usage[2],
            last_pss_bytes=self._last_pss,
            stderr_tail=self._output.text(),
            snapshot=self._crash_file.take(),
            memory_ran_out=self._memory_ran_out(),
        )
        if self._confinement is not None:
            self._confinement.stop()
            self._tree.leavers = self._confinement.leavers
            await self._confinement.tell_last()
        self.exited.set_result(result)
        self._connection.close()
        ended = await self._tree.end()
        if self._confinement is not None:
            await self._confinement.remove()
        self.reaped.set_result(ended)

    async def _wait(self) -> tuple[int | None, tuple[float, float, int]]:
        """The exit code (negative: the signal) and usage; nothing of both if someone else has
        reaped the worker."""
        pause_s = 0.001
        while self._tree.worker.exists():
            try:
                pid, status, usage = os.wait4(self.pid, os.WNOHANG)
            except ChildProcessError:
                pid = 0  # not ours yet: the process that forked it for us has not ended
            if pid == self.pid:
                code = os.waitstatus_to_exitcode(status)
                return code, (usage.ru_utime, usage.ru_stime, usage.ru_maxrss * 1024)
            await asyncio.sleep(pause_s)  # or a tracer has not let go of it
            pause_s = min(2 * pause_s, 0.05)
        return None, (0.0, 0.0, 0)


@dataclass(eq=False)
class _Asked:
    """A request that has not been answered; `phase` if it puts the worker into one."""

    phase: str | None


def _places_of(message: Request[Any]) -> Sequence[Load | Member]:
    if isinstance(message, Gather):
        return message.members
    return [message] if isinstance(message, Load) else []


def _phase_of(message: Request[Any]) -> str | None:
    if isinstance(message, _LOCKS_DOWN | ListPlugins | Probe | Mount):
        return "load"
    if isinstance(message, Perform):
        return "call"
    if isinstance(message, OpenWindow | CloseWindow):
        return "window"
    return "save" if isinstance(message, SaveState) else None
