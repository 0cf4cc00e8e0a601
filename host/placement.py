# SPDX-License-Identifier: GPL-3.0-or-later
"""Which core runs which chain.

Within a chain one plugin runs after the other, so its workers share a core: handing over there
costs about 2 µs, while waking another core costs 5 to 25 µs. Different chains run at the same
time, so they are spread over the cores. A core is only a preference of the chain's workers among
themselves: the audio thread stays unpinned and waits wherever the kernel puts it.
"""

import os


class Placement:
    """Hands out cores to chains, in turn, from the cores this process may use."""

    def __init__(self, pin: bool = True, cores: list[int] | None = None) -> None:
        self._cores = sorted(os.sched_getaffinity(0)) if cores is None else cores
        # The first core usually takes the interrupts: start behind it.
        self._next = 1 if len(self._cores) > 1 else 0
        self._pin = pin and len(self._cores) > 1

    def core_for_chain(self) -> int:
        """The core for the next chain's workers; -1: any."""
        if not self._pin:
            return -1
        core = self._cores[self._next % len(self._cores)]
        self._next += 1
        return core
