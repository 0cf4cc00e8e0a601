# SPDX-License-Identifier: GPL-3.0-or-later
"""Which core runs which chain, and which the audio thread.

Within a chain one plugin runs after the other, so its workers share a core: handing over there
costs about 4 µs, while waking an idle core costs 25 to 50 µs on a virtual machine. Different
chains run at the same time, so they are spread over the cores. The audio thread sleeps while the
first chain runs, so it shares that chain's core: a mix of one chain never wakes another core.

In real time only at real-time priority, where the audio thread preempts every worker at once: at
normal priority it must be free to run wherever the kernel finds room. Offline nothing is late.
"""

import os


class Placement:
    """Hands out cores to chains, in turn, from the cores this process may use."""

    def __init__(self, pin: bool = True, cores: list[int] | None = None) -> None:
        self._cores = sorted(os.sched_getaffinity(0)) if cores is None else cores
        # The first core usually takes the interrupts: start behind it.
        self._first = self._next = 1 if len(self._cores) > 1 else 0
        self._pin = pin and len(self._cores) > 1

    def core_for_audio(self, preempts: bool) -> int:
        """The audio thread's core: the first chain's; -1: any. `preempts`: it runs above the
        workers, or has all the time there is."""
        return self._cores[self._first] if self._pin and preempts else -1

    def core_for_chain(self) -> int:
        """The core for the next chain's workers; -1: any."""
        if not self._pin:
            return -1
        core = self._cores[self._next % len(self._cores)]
        self._next += 1
        return core

    def core_beside(self, core: int) -> int:
        """The core for the standbys of a chain on `core`: another one, so that they never run in
        its way; -1: any."""
        if core < 0:
            return -1
        return self._cores[(self._cores.index(core) + 1) % len(self._cores)]
