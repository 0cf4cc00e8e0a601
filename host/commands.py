# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands that must reach the audio thread, even if its ring is full right now.

The ring never blocks. What does not fit waits here, the newest value of each target, and is sent
by the control thread's next tick.
"""

from collections.abc import Callable, Hashable


class CommandQueue:
    """`send(key, command)` runs `command()` until it returns True; a newer one of a key wins."""

    def __init__(self) -> None:
        self._waiting: dict[Hashable, Callable[[], bool]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def send(self, key: Hashable, command: Callable[[], bool]) -> None:
        # Behind others that wait, so that the order of different targets is kept too.
        if not self._waiting and command():
            return
        self._waiting.pop(key, None)
        self._waiting[key] = command

    def flush(self) -> None:
        for key, command in list(self._waiting.items()):
            if not command():
                return
            del self._waiting[key]
