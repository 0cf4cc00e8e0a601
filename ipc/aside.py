# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs what may wait for a disk beside an asyncio loop, for a limited time.

On a daemon thread of its own: asyncio's are waited for at the end of the loop, and a network folder
that is gone never answers.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from functools import partial
from typing import TypeVar

T = TypeVar("T")


async def aside(work: Callable[[], T], limit_s: float) -> T:
    """Returns or raises what `work` does; TimeoutError after `limit_s`, and `work` goes on."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        try:
            result = work()
        except Exception as error:
            _tell(loop, done, partial(done.set_exception, error))
        else:
            _tell(loop, done, partial(done.set_result, result))

    threading.Thread(target=run, name="isb-aside", daemon=True).start()
    async with asyncio.timeout(limit_s):
        return await done


def _tell(
    loop: asyncio.AbstractEventLoop, done: "asyncio.Future[T]", settle: Callable[[], None]
) -> None:
    def tell() -> None:
        if not done.done():
            settle()

    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(tell)
