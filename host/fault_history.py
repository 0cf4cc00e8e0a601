# SPDX-License-Identifier: GPL-3.0-or-later
"""How often something failed lately, and what follows from it: back-off, and giving up.

A SIGKILL that the host did not send, from the kernel short of memory or from an administrator, may
not be the plugin's fault. It counts, because a worker that is killed again and again is no use to
the mix, but it does not put the plugin on the persistent blacklist.
"""

from collections import deque

from host.config import FaultPolicy


class FaultHistory:
    """Times are time.monotonic()."""

    def __init__(self, policy: FaultPolicy) -> None:
        self._policy = policy
        self._faults: deque[tuple[float, bool]] = deque()  # when, and whether it was its own

    def add(self, now: float, own: bool = True) -> None:
        self._faults.append((now, own))
        while now - self._faults[0][0] > self._policy.crash_window_s:
            self._faults.popleft()

    def forget(self) -> None:
        """It starts anew."""
        self._faults.clear()

    @property
    def is_repeated(self) -> bool:
        """It failed more than once."""
        return len(self._faults) > 1

    @property
    def is_hopeless(self) -> bool:
        """It failed too often to be tried again."""
        return len(self._faults) >= self._policy.crash_limit

    @property
    def is_own_doing(self) -> bool:
        """It failed too often even without what others did to it."""
        return sum(own for _, own in self._faults) >= self._policy.crash_limit

    @property
    def back_off_s(self) -> float:
        """How long to wait before it is tried again: not at all after a first fault."""
        policy, earlier = self._policy, len(self._faults) - 1
        if earlier <= 0:
            return policy.first_restart_s
        return float(min(policy.longest_restart_s, policy.next_restart_s * 2 ** (earlier - 1)))

    def __str__(self) -> str:
        count, window_s = len(self._faults), self._policy.crash_window_s
        text = f"failed {count} times in {window_s:g} s"
        outside = sum(not own for _, own in self._faults)
        return text if not outside else f"{text}, {outside} of them killed by someone else"
