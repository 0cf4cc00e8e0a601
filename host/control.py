# SPDX-License-Identifier: GPL-3.0-or-later
"""The control thread: an asyncio loop, and the launcher that workers are forked from.

A host makes its own. Programs that run one host after another, or several at a time, share one
between them: starting the launcher and warming it costs more than loading a plugin, and two
launchers in a process would not know each other's workers.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from ipc.errors import MachineError
from ipc.launcher import Launcher

T = TypeVar("T")


class Control:
    """Use as a context manager. `close` it after every host that uses it."""

    def __init__(self) -> None:
        self.launcher = Launcher()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run_loop, name="isb-control", daemon=True)
        self._thread.start()
        self._lock = threading.Lock()
        self._closed = False

    def __enter__(self) -> "Control":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs it on the control thread and waits for its result. Raises what it raises, and
        MachineError if the control thread is closed."""
        with self._lock:  # what comes behind the loop's end would be waited for without end
            if self._closed:
                work.close()
                raise MachineError("the host has ended")
            result = asyncio.run_coroutine_threadsafe(work, self._loop)
        return result.result()

    def call(self, work: Callable[[], T]) -> T:
        """The same for a plain function."""

        async def run() -> T:
            return work()

        return self.run(run())

    def post(self, work: Callable[[], object]) -> None:
        """Has it done soon, without waiting; not at all if the control thread is closed."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(work)

    def close(self) -> None:
        """Ends the launcher and the thread. Safe to call twice."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            end = asyncio.run_coroutine_threadsafe(self.launcher.close(), self._loop)
        try:
            end.result()
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def _run_loop(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
