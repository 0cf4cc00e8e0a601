# SPDX-License-Identifier: GPL-3.0-or-later
"""Ctrl-C, so that it leaves nothing behind: no half-written file, no process, no segment.

An exception that may rise between any two instructions of starting or ending a host cannot be
cleaned up after. So the work runs in a thread and looks, where it can stop, whether it should;
the main thread takes the signal and frees the work from whatever plugin it waits for.
"""

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Protocol, TypeVar

T = TypeVar("T")

_POLL_S = 0.1
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(Exception):
    """The user has had enough. Ends the work; never shown."""


class Interruptible(Protocol):
    """What may wait for a plugin: a host, a workshop."""

    def interrupt(self) -> None:
        """From another thread: whoever waits is freed."""


class Stop:
    """The request to stop, and the hosts that may be stuck in a plugin when it comes."""

    def __init__(self) -> None:
        self.requested = False  # plain flags: a signal handler must not wait for a lock
        self.by_user = False  # Ctrl-C; else the terminal or the machine goes down
        self._hosts: dict[int, Interruptible] = {}

    def check(self) -> None:
        """Raises Interrupted if it is time to stop."""
        if self.requested:
            raise Interrupted

    def pause(self, duration_s: float) -> None:
        """Sleeps; a short while, as it looks only afterwards."""
        time.sleep(duration_s)
        self.check()

    @contextlib.contextmanager
    def covering(self, host: Interruptible) -> Iterator[None]:
        """Within, a request frees this host's thread."""
        self._hosts[id(host)] = host
        try:
            self.check()
            yield
        finally:
            del self._hosts[id(host)]

    def free_hosts(self) -> None:
        for host in list(self._hosts.values()):
            host.interrupt()


def in_foreground(work: Callable[[Stop], T]) -> T:
    """Runs the work to its end; raises KeyboardInterrupt if it was interrupted."""
    stop = Stop()
    with _listening(stop), ThreadPoolExecutor(1, thread_name_prefix="isb-render") as pool:
        future = pool.submit(work, stop)
        while not wait([future], timeout=_POLL_S).done:
            # Each time anew: a worker may have been started since.
            if stop.requested:
                stop.free_hosts()
        try:
            return future.result()
        except Interrupted:
            raise KeyboardInterrupt from None


@contextlib.contextmanager
def _listening(stop: Stop) -> Iterator[None]:
    """Signals set the flag. Outside the main thread, they are left to whoever has it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def request(number: int, frame: object) -> None:
        stop.by_user = stop.by_user or number == signal.SIGINT
        stop.requested = True

    before = {}
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup, or a job in the background
            before[number] = signal.signal(number, request)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
