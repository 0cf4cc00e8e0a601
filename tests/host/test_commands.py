# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands that do not fit into the ring wait, the newest of each target, in order."""

from collections.abc import Callable

from host.commands import CommandQueue


class Ring:
    """Takes `room` commands, then none."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.taken: list[str] = []

    def push(self, what: str) -> Callable[[], bool]:
        def command() -> bool:
            if len(self.taken) >= self.room:
                return False
            self.taken.append(what)
            return True

        return command


def test_what_fits_is_sent_at_once() -> None:
    ring, queue = Ring(10), CommandQueue()
    for what in ("a1", "b1", "a2"):
        queue.send(what[0], ring.push(what))
    assert ring.taken == ["a1", "b1", "a2"]
    assert len(queue) == 0


def test_what_does_not_fit_waits_the_newest_of_each_target() -> None:
    ring, queue = Ring(1), CommandQueue()
    for what in ("a1", "a2", "b1", "a3", "c1", "b2"):
        queue.send(what[0], ring.push(what))
    assert ring.taken == ["a1"]
    assert len(queue) == 3
    ring.room = 2
    queue.flush()
    ring.room = 10
    queue.flush()
    assert ring.taken == ["a1", "a3", "c1", "b2"]
    assert len(queue) == 0


def test_nothing_overtakes_what_waits() -> None:
    ring, queue = Ring(0), CommandQueue()
    queue.send("a", ring.push("a1"))
    ring.room = 10
    queue.send("b", ring.push("b1"))  # there is room, but a waits
    assert ring.taken == []
    queue.flush()
    assert ring.taken == ["a1", "b1"]
