# SPDX-License-Identifier: GPL-3.0-or-later
"""Is a worker stuck, or did the machine give it no time?

A worker that wants to run but gets no processor looks like one that hangs. Killing it would blame
the plugin for what the machine did, so its own CPU clock is asked.
"""

import os

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class StallWatch:
    """Follows one worker from the moment it is seen stuck."""

    def __init__(self, pid: int, since_ns: int) -> None:
        self.since_ns = since_ns
        self._pid = pid
        self._used_at_first = _cpu(pid)[1]

    def starved(self, limit_s: float) -> bool:
        """True if it is ready to run, not asleep or stopped, and has had less than half of
        `limit_s` of CPU time since it was first seen stuck."""
        state, used_s = _cpu(self._pid)
        return state == "R" and used_s - self._used_at_first < 0.5 * limit_s


def _cpu(pid: int) -> tuple[str, float]:
    """State letter and CPU seconds of a process; ("X", 0) if it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return "X", 0.0
    return fields[0], (int(fields[11]) + int(fields[12])) / _TICKS_PER_S
