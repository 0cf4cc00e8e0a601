# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps crash reports and blacklist entries, in order, on a thread of its own.

Another process may hold the database for seconds, and a large plugin's file takes as long to be
read; neither may hold up the restart of a plugin, nor the supervision of the others.
"""

import asyncio
import contextlib
import queue
import threading
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path

from host.crash_explainer import Explained
from host.crash_report import CrashReport
from host.store.blacklist import Blacklist, BlacklistEntry
from host.store.crash_store import CrashStore
from ipc.errors import IsoboothError

# A little more than the database waits for others.
CLOSE_LIMIT_S = 8.0

# Called on the asyncio loop: the id under which the report stands, or None and why it does not.
Kept = Callable[[str | None, str], None]
Ruled = Callable[[BlacklistEntry], None]


class FaultArchive:
    """Use on one asyncio loop; `close` it."""

    def __init__(self, crashes: CrashStore, blacklist: Blacklist) -> None:
        self._crashes = crashes
        self._blacklist = blacklist
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def keep(self, report: CrashReport, kept: Kept) -> None:
        loop = asyncio.get_running_loop()

        def write() -> None:
            stored, problem = None, ""
            try:
                stored = self._crashes.add(report)
            except IsoboothError as error:
                problem = str(error)
            _tell(loop, partial(kept, stored, problem))

        self.do(write)

    def complete(self, report_id: str, explained: Explained, ruled: Ruled) -> None:
        """Adds a backtrace to a report. `ruled` is called on the loop if the blacklist has a rule
        about that very bug. What fails is not told: the report stands without."""
        loop = asyncio.get_running_loop()
        signature = explained.signature

        def write() -> None:
            with contextlib.suppress(IsoboothError):
                self._crashes.explain(report_id, explained.backtrace, signature)
            with contextlib.suppress(IsoboothError):
                rule = self._blacklist.has_signature(signature) if signature else None
                if rule is not None:
                    _tell(loop, partial(ruled, rule))

        self.do(write)

    def blacklist(
        self,
        plugin: str,
        file: Path | None,
        reason: str,
        reports: list[str],
        failed: Callable[[str], None],
    ) -> None:
        """`failed` is called on the loop, with the reason."""
        loop = asyncio.get_running_loop()

        def write() -> None:
            try:
                self._blacklist.add(plugin, file, reason, reports)
            except IsoboothError as error:
                _tell(loop, partial(failed, str(error)))

        self.do(write)

    async def close(self) -> bool:
        """Waits until all is written; False if that takes too long."""
        thread, self._thread = self._thread, None
        if thread is None:
            return True
        loop = asyncio.get_running_loop()
        written = asyncio.Event()
        self._jobs.put(partial(_tell, loop, written.set))
        self._jobs.put(None)
        try:
            async with asyncio.timeout(CLOSE_LIMIT_S):
                await written.wait()
        except TimeoutError:
            return False
        thread.join()  # it has nothing left to do
        return True

    def do(self, job: Callable[[], None]) -> None:
        """Has it done after all that was asked for before."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="isb-archive", daemon=True)
            self._thread.start()
        self._jobs.put(job)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job()
            except Exception:  # a mistake of ours: the jobs behind it are somebody else's
                traceback.print_exc()


def _tell(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    with contextlib.suppress(RuntimeError):  # nobody is there to be told any more
        loop.call_soon_threadsafe(call)
