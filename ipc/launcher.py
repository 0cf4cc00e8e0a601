# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's side of the launcher: a warm process that forks workers on request.

Forking from a process that has the plugin libraries imported costs milliseconds, where starting a
Python interpreter and importing them costs a quarter of a second; a crashed plugin is back before
its absence is a nuisance. The launcher may itself be killed at any moment: it holds nothing that
cannot be made anew, and live workers are the host's children, not its.
"""

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Self, TypeVar

import ipc
from ipc.connection import Connection, ConnectionLost, RequestFailed, RequestTimeout
from ipc.crash_file import CrashFile
from ipc.errors import IsoboothError, MachineError, WorkerError
from ipc.handshake import own_hello
from ipc.messages import (
    Inspect,
    Inspection,
    LauncherReply,
    Message,
    Request,
    Spawn,
    Spawned,
    Warm,
    Welcome,
    WorkerReply,
)
from ipc.names import WORKER_VARIABLE, host_mark
from ipc.output_tail import OutputTail, last_line
from ipc.processes import adopt_orphans, children_of, own_identity, process_stat
from ipc.worker_process import WorkerDied, WorkerProcess

R = TypeVar("R", bound=Message)

# Importing from a cold disk takes seconds.
_START_S = 30.0
_WARM_S = 30.0
# A fork takes about a millisecond; a launcher that needs longer than this is stopped or hung.
_SPAWN_S = 3.0
_CLOSE_S = 1.0
_KILLED_S = 3.0  # one that is traced, or stuck in the kernel, does not end for a SIGKILL either

# Without `site`: the path comes from the host, so that start-up files cost nothing.
_BOOT = "import sys; sys.path[:] = sys.argv[3:]; from sandbox.launcher import main; main()"

_ENVIRONMENT = {
    # No thread may exist in the launcher: a fork copies only the thread that forks.
    "MINIHOST_MESSAGE_THREAD": "0",
    "OPENBLAS_NUM_THREADS": "1",
}
_NOT_INHERITED = ("LD_PRELOAD", WORKER_VARIABLE)
# What plugins and loaders go by. All else differs from one terminal to the next, and with it what
# lies where in a process's memory.
_REPEATABLE = (
    *("HOME", "LANG", "LANGUAGE", "LC_*", "LOGNAME", "TMPDIR", "TZ", "USER", "XDG_*_DIRS"),
    *("XDG_*_HOME", "*_PATH", "*SAN_OPTIONS"),
)
_ROOM = "ISOBOOTH_ROOM"  # fills arguments and environment up to whole pages
_PAGE = 4096


# After these, another launcher may do better.
_LOST = (ConnectionLost, RequestTimeout, WorkerDied)


class Launcher:
    """Starts workers. Belongs to one asyncio loop; makes this process a child subreaper.

    `environment` is added to the launcher's (and so the workers'), e.g. LD_PRELOAD, which is
    otherwise not passed on. `repeatable`: all its workers have the same memory at the same
    addresses, as far as the machine allows that, from whatever terminal they are started, so that a
    plugin that follows wild pointers does the same each time.
    """

    def __init__(
        self, environment: Mapping[str, str] | None = None, *, repeatable: bool = False
    ) -> None:
        self._environment = dict(environment or {})
        self._repeatable = repeatable
        self._formats: list[str] = []
        self._process: _LauncherProcess | None = None
        self._workers: dict[int, WorkerProcess] = {}
        self._unclaimed: set[asyncio.Task[None]] = set()  # ends of workers that nobody waits for
        self._lock = asyncio.Lock()
        self._closed = False

    @property
    def pid(self) -> int | None:
        """None while there is no launcher: before the start, and after one was lost."""
        process = self._process
        return process.pid if process is not None and process.alive else None

    @property
    def workers(self) -> list[WorkerProcess]:
        """Those that have not been reaped yet."""
        return list(self._workers.values())

    async def start(self) -> None:
        """Raises MachineError if the launcher cannot be started."""
        async with self._lock:
            await self._running()

    async def warm(self, format: str) -> float:
        """Prepares a plugin format ("vst3", "lv2") or RIG, here and in every later launcher.

        Returns how long it took, ms. Raises RequestFailed if the format is not available.
        """
        async with self._lock:
            process = await self._running()
            if format in self._formats:
                return 0.0
            duration_ms = (await process.ask(Warm(format=format), _WARM_S)).duration_ms
            self._formats.append(format)
            return duration_ms

    async def inspect(self) -> Inspection:
        async with self._lock:
            return await (await self._running()).ask(Inspect(), _SPAWN_S)

    async def spawn(self) -> WorkerProcess:
        """A new worker, ready for its first request.

        A launcher that has died or hangs is replaced. Raises WorkerError or MachineError.
        """
        # In a task of its own, so that a caller that is cancelled cannot lose a process.
        task = asyncio.create_task(self._spawn())
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            ending = asyncio.create_task(_end_unclaimed(task))
            self._unclaimed.add(ending)
            ending.add_done_callback(self._unclaimed.discard)
            raise

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Ends everything: workers, what they started, the launcher."""
        for worker in self.workers:
            worker.kill()
        ends = (worker.stop() for worker in self.workers)
        await asyncio.gather(*ends, return_exceptions=True)  # one may resist
        await self.close()

    async def close(self) -> None:
        """Ends the launcher. Workers live on; they are stopped one by one, or by the host's end.
        Those that nobody waits for any more end first."""
        self._closed = True
        async with self._lock:
            if self._process is not None:
                await self._process.close()
            self._process = None
        if self._unclaimed:
            await asyncio.wait(self._unclaimed)

    async def _spawn(self) -> WorkerProcess:
        async with self._lock:
            try:
                return await self._spawn_from(await self._running())
            except _LOST:
                await self._discard()
            try:
                return await self._spawn_from(await self._running())
            except _LOST as error:
                words = await self._discard()
                if isinstance(error, WorkerDied):
                    words = last_line(error.exit.stderr_tail)
                raise WorkerError(
                    f"two launchers in a row could not start a worker ({error}); "
                    f"last words: {words}"
                ) from error

    async def _running(self) -> "_LauncherProcess":
        if self._closed:
            raise WorkerError("the launcher has been closed")
        if self._process is not None and not self._process.alive:
            await self._discard()
        if self._process is None:
            self._process = await _LauncherProcess.start(self._environment, self._repeatable)
            for format in self._formats:
                with contextlib.suppress(RequestFailed):  # then workers do without
                    await self._process.ask(Warm(format=format), _WARM_S)
        return self._process

    async def _discard(self) -> str:
        process, self._process = self._process, None
        if process is None:
            return "none"
        await process.kill()
        return process.last_words()

    async def _spawn_from(self, process: "_LauncherProcess") -> WorkerProcess:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        read_fd, write_fd = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        output = OutputTail(read_fd)
        connection = await Connection.open(ours, WorkerReply, "the worker")
        crash_file = CrashFile()
        hello = connection.send(own_hello())  # waits in the socket until the worker reads it
        try:
            try:
                asked = process.send(Spawn(), (theirs.fileno(), write_fd, crash_file.fd))
            finally:
                theirs.close()
                os.close(write_fd)
            pid = await self._new_pid(process, asked, connection, hello)
            connection.peer = f"worker {pid}"
            worker = WorkerProcess(pid, connection, output, crash_file, self._known)
        except BaseException:
            hello.cancel()
            connection.close()
            output.close()
            crash_file.close()
            raise
        self._workers[worker.pid] = worker
        worker.reaped.add_done_callback(lambda _: self._workers.pop(worker.pid, None))
        try:
            await worker.finish_greeting(hello)
        except BaseException:
            worker.kill()
            raise
        return worker

    async def _new_pid(
        self,
        process: "_LauncherProcess",
        asked: "asyncio.Future[Spawned]",
        worker: Connection,
        hello: "asyncio.Future[Welcome]",
    ) -> int:
        """Who was forked. If the launcher is lost before it says so, the new process itself may
        be there all the same, and must not be lost with it."""
        try:
            return (await process.reply(asked, Spawn(), _SPAWN_S)).pid
        except _LOST:
            await process.kill()  # then nobody but a worker holds the other end of its socket
            return (await worker.welcome(hello, _SPAWN_S)).pid

    def _known(self) -> set[int]:
        """Children of this process that no dead worker left behind."""
        known = {pid for pid, worker in self._workers.items() if worker.alive}
        if self._process is not None:
            known.add(self._process.pid)
        return known


class _LauncherProcess:
    """One launcher from start to end."""

    def __init__(self, process: "subprocess.Popen[bytes]", output: OutputTail) -> None:
        self.pid = process.pid
        self._process = process
        self._output = output
        self._connection: Connection | None = None

    @classmethod
    async def start(cls, environment: Mapping[str, str], repeatable: bool) -> "_LauncherProcess":
        adopt_orphans()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        read_fd, write_fd = os.pipe2(os.O_CLOEXEC)
        output = OutputTail(read_fd)
        try:
            process = _execute(theirs, write_fd, environment, repeatable)
        except OSError as error:
            ours.close()
            output.close()
            raise MachineError(
                f"cannot start {sys.executable} as the launcher of plugin workers: {error.strerror}"
            ) from error
        finally:
            theirs.close()
            os.close(write_fd)
        self = cls(process, output)
        try:
            self._connection = await Connection.open(ours, LauncherReply, "the launcher")
            await self._connection.welcome(self._connection.send(own_hello()), _START_S)
        except WorkerError as error:
            await self.kill()
            raise MachineError(
                f"the launcher of plugin workers did not start ({error}); "
                f"its last words: {self.last_words()}"
            ) from error
        except BaseException:
            await self.kill()
            raise
        return self

    @property
    def alive(self) -> bool:
        return self._connection is not None and self._connection.failure is None

    async def ask(self, request: Request[R], timeout_s: float) -> R:
        return await self.reply(self.send(request), request, timeout_s)

    def send(self, request: Request[R], descriptors: tuple[int, ...] = ()) -> "asyncio.Future[R]":
        """Sends duplicates of the descriptors along."""
        return self._open_connection.send(request, descriptors)

    async def reply(self, asked: "asyncio.Future[R]", request: Request[R], timeout_s: float) -> R:
        return await self._open_connection.reply(asked, request, timeout_s)

    @property
    def _open_connection(self) -> Connection:
        if self._connection is None:
            raise ConnectionLost("the launcher was not started")
        return self._connection

    def last_words(self) -> str:
        return last_line(self._output.text())

    async def close(self) -> None:
        """Closing its socket ends a healthy launcher; any other is killed."""
        if self._connection is not None:
            self._connection.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                await self._ended()
        await self.kill()

    async def kill(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._process.kill()  # does nothing once it has been reaped
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_KILLED_S):
                await self._ended()
        self._output.close()
        await self._reap_halfway()

    async def _ended(self) -> None:
        pause_s = 0.0005
        while self._process.poll() is None:
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, 0.02)

    async def _reap_halfway(self) -> None:
        """A launcher killed in the middle of a fork leaves the process that was to fork the
        worker; it ends by itself, and as our child."""
        for _ in range(100):
            left = [
                pid
                for pid in children_of(os.getpid())
                if (stat := process_stat(pid)) is not None and stat.session == self.pid
            ]
            if not left:
                return
            for pid in left:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)
            await asyncio.sleep(0.002)


def _execute(
    control: socket.socket,
    output_fd: int,
    environment: Mapping[str, str],
    repeatable: bool,
) -> "subprocess.Popen[bytes]":
    root = str(Path(ipc.__file__).resolve().parents[1])
    # What was started lies where nothing else does, and elsewhere each time.
    started = str(Path(sys.argv[0]).absolute().parent)
    paths = [root, *(path for path in sys.path if path and path not in (root, started))]
    command = [
        *(sys.executable, "-I", "-S", "-c", _BOOT),
        *(host_mark(own_identity()), str(control.fileno()), *paths),
    ]
    whole = {**_inherited(repeatable), **_ENVIRONMENT, **environment}
    if repeatable:
        whole[_ROOM] = _room(command, whole)
        command = [*_fixing_addresses(), *command]
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=output_fd,
        stderr=output_fd,
        pass_fds=[control.fileno()],
        # Ctrl-C in the terminal is the host's business; it ends the others in order.
        start_new_session=True,
        env=whole,
    )


def _inherited(repeatable: bool) -> dict[str, str]:
    return {
        name: value
        for name, value in sorted(os.environ.items())
        if name not in _NOT_INHERITED
        and (not repeatable or any(fnmatchcase(name, each) for each in _REPEATABLE))
    }


def _room(command: Sequence[str], environment: Mapping[str, str]) -> str:
    """As much as makes whole pages of it all, above the stack."""
    texts = [*command, *(f"{name}={value}" for name, value in environment.items()), f"{_ROOM}="]
    return "-" * (-sum(len(os.fsencode(text)) + 1 for text in texts) % _PAGE)


@cache
def _fixing_addresses() -> list[str]:
    """What a command is started by so that its addresses are the same each time; nothing where
    that is not to be had, as in some containers."""
    tool = shutil.which("setarch")
    if tool is None:
        return []
    command = [tool, "--addr-no-randomize"]
    tried = subprocess.run(
        [*command, "/bin/true"], stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    return command if tried.returncode == 0 else []


async def _end_unclaimed(spawning: "asyncio.Task[WorkerProcess]") -> None:
    """Ends a worker that whoever asked for it does not wait for any more."""
    try:
        worker = await spawning
    except (IsoboothError, OSError):
        return
    worker.kill()
    await asyncio.wait([worker.reaped], timeout=_KILLED_S)
