# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a worker's audio thread runs, and how urgently: with the others of its chain if it plays;
beside them, one priority below all who do, if it stands by."""

import contextlib
import os

from host.engine_module import PluginSlot
from host.tenure import Tenure
from ipc.processes import is_thread_of


def standby_priority(priority: int) -> int:
    """Of one whose slot plays at `priority`; 0: normal."""
    return max(1, priority - 1) if priority > 0 else 0


def settle(tenure: Tenure, native: PluginSlot, stands_by: bool) -> None:
    """Puts it where its part belongs, and tells the watchdog."""
    chain, thread = tenure.chain, tenure.thread_id
    priority = standby_priority(tenure.priority) if stands_by else tenure.priority
    if tenure.worker.alive and is_thread_of(thread, tenure.worker.pid):
        core = chain.standby_cpu if stands_by else chain.cpu
        with contextlib.suppress(OSError):  # it is gone, or stays where it is
            if core >= 0:
                os.sched_setaffinity(thread, {core})
            if priority > 0:
                policy = os.SCHED_FIFO | os.SCHED_RESET_ON_FORK
                os.sched_setscheduler(thread, policy, os.sched_param(priority))
    native.set_worker(thread, priority, tenure.stoppable_pid, tenure.seat)
