# SPDX-License-Identifier: GPL-3.0-or-later
"""Is a worker stuck, or did the machine give it no time?

A worker that wants to run but gets no processor looks like one that hangs. Killing it would blame
the plugin for what the machine did, so the CPU clock of its audio thread is asked.
"""

import os

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_A_MOMENT_S = 0.05


class StallWatch:
    """Follows a worker's audio thread from the moment it is seen stuck. Its main thread, which
    the process's own state tells of, sleeps all the while."""

    def __init__(self, pid: int, thread_id: int, since_ns: int) -> None:
        self.since_ns = since_ns
        self._thread = f"/proc/{pid}/task/{thread_id}/stat"
        self._used_at_first = _cpu(self._thread)[1]

    def starved(self, limit_s: float) -> bool:
        """True if it is ready to run, not asleep or stopped, and has had less than half of
        `limit_s` of CPU time since it was first seen stuck."""
        state, used_s = _cpu(self._thread)
        return state == "R" and used_s - self._used_at_first < 0.5 * limit_s

    @property
    def is_stopped(self) -> bool:
        """True if it was stopped, by somebody's signal, as soon as it was stuck. The watchdog stops
        one that spins for moments only."""
        state, used_s = _cpu(self._thread)
        return state == "T" and used_s - self._used_at_first < _A_MOMENT_S


def _cpu(thread: str) -> tuple[str, float]:
    """State letter and CPU seconds of a thread; ("X", 0) if it is gone."""
    try:
        with open(thread, encoding="ascii", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return "X", 0.0
    return fields[0], (int(fields[11]) + int(fields[12])) / _TICKS_PER_S
