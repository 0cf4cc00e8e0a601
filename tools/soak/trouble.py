# SPDX-License-Identifier: GPL-3.0-or-later
"""What a song of the soak goes through while it plays: one thing a second, edits all the time."""

import contextlib
import os
import random
import signal
from collections.abc import Callable

from host.host import Host
from ipc.errors import InputError, WorkerError


class Trouble:
    """Does one thing to a playing host at each call; which one is decided by the seed."""

    def __init__(self, host: Host, seed: int) -> None:
        self.done: dict[str, int] = {}
        self._host = host
        self._dice = random.Random(seed)
        self._deeds: tuple[Callable[[], None], ...] = (
            self._kill,
            self._stop,
            self._replan,
            self._kill_several,
            self._bypass,
            self._crash,
            self._capture,
            self._locate,
        )
        self._next = 0

    def edit(self) -> None:
        """As a user at the faders: some parameters and a mixer change."""
        host, dice = self._host, self._dice
        for slot in self._slots():
            host.set_parameter(slot, 0, dice.random())
        track = dice.choice(("drums", "keys", "voice", "band", "master"))
        host.set_gain(track, dice.uniform(-20.0, 0.0))
        if track != "master":
            host.set_pan(track, dice.uniform(-1.0, 1.0))
            host.set_mute(track, dice.random() < 0.1)

    def disturb(self) -> None:
        """The next thing in turn."""
        deed = self._deeds[self._next % len(self._deeds)]
        self._next += 1
        name = deed.__name__.strip("_")
        self.done[name] = self.done.get(name, 0) + 1
        with contextlib.suppress(WorkerError, InputError, ProcessLookupError):
            deed()

    def _slots(self) -> list[str]:
        return [slot.id for slot in self._host.slots() if slot.id != "faulty"]

    def _signal(self, number: signal.Signals, count: int = 1) -> None:
        for slot in self._dice.sample(self._slots(), count):
            pid = self._host.worker_pid(slot)
            if pid is not None:
                os.kill(pid, number)

    def _kill(self) -> None:
        self._signal(signal.SIGKILL)

    def _kill_several(self) -> None:
        self._signal(signal.SIGKILL, 3)

    def _stop(self) -> None:
        self._signal(signal.SIGSTOP)

    def _crash(self) -> None:
        self._signal(signal.SIGSEGV)

    def _replan(self) -> None:
        self._host.mix.latency_changed()  # a new plan, by the next tick

    def _bypass(self) -> None:
        slot = self._dice.choice(self._slots())
        self._host.set_bypass(slot, self._dice.random() < 0.5)

    def _capture(self) -> None:
        self._host.capture_slot(self._dice.choice(self._slots()))

    def _locate(self) -> None:
        self._host.locate(self._dice.randrange(96000))
