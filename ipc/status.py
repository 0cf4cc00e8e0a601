# SPDX-License-Identifier: GPL-3.0-or-later
"""The one word that says how a plugin slot is doing, used by host, reports, CLI and UI alike."""

from enum import StrEnum


class SlotStatus(StrEnum):
    """What a listener hears of a slot right now, and why."""

    ACTIVE = "active"  # processes every block
    LATE = "late"  # alive, but missed recent deadlines; covered by the dry signal
    BYPASSED = "bypassed"  # by the user, or held bypassed after too many misses
    RESTARTING = "restarting"  # its worker ended; a new one is being prepared
    STANDBY = "standby"  # its standby plays; there is no other yet
    QUARANTINED = "quarantined"  # failed too often; blacklisted until its file changes
    FAILED = "failed"  # could not be loaded or restored
