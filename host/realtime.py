# SPDX-License-Identifier: GPL-3.0-or-later
"""May this process run real-time threads, and what should a user do if not?"""

import os
import threading


def may_run_realtime(priority: int = 70) -> bool:
    """Tries SCHED_FIFO on a thread of its own, so that nothing else is touched."""
    granted: list[bool] = []

    def attempt() -> None:
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
            granted.append(True)
        except (PermissionError, OSError):
            granted.append(False)

    thread = threading.Thread(target=attempt, name="isb-try-fifo")
    thread.start()
    thread.join()
    return granted == [True]


REALTIME_ADVICE = (
    "no right to real-time priority: blocks may be late when the machine is busy; "
    "`isobooth doctor` says how to get it"
)
