# SPDX-License-Identifier: GPL-3.0-or-later
"""How a plugin has behaved so far, and whether it may therefore share a process.

A plugin that failed lately runs alone, whatever a song asks for; one that played for long without
a failure has earned trust. Both pass: what counts is what was played since the last failure, with
the version that is installed. A user's word goes before all of it.
"""

from enum import StrEnum

import msgspec

# Played by all its slots together; a plugin that stood idle in a session proved little.
PROVEN_S = 10 * 3600.0
PROVEN_SESSIONS = 5


class Choice(StrEnum):
    """What the user says; AUTO: nothing, experience decides."""

    AUTO = "auto"
    ALONE = "alone"
    SHARE = "share"


class Standing(StrEnum):
    """What follows for sharing a process."""

    ALONE = "alone"  # never with others
    UNPROVEN = "unproven"  # where a song asks for it
    PROVEN = "proven"  # also where songs leave it to experience


class Conduct(msgspec.Struct, frozen=True, kw_only=True):
    """Of one plugin; the keys of `isobooth grouping --json`."""

    plugin_id: str
    name: str = ""
    vendor: str = ""
    version: str = ""  # the one that all figures but `played_s` and `faults` are of
    played_s: float = 0.0  # in all
    calm_s: float = 0.0  # since its last failure
    calm_sessions: int = 0
    faults: int = 0  # of its own doing, in all
    last_fault: str | None = None  # ISO 8601, UTC
    choice: Choice = Choice.AUTO

    @property
    def is_calm(self) -> bool:
        """It has played for long since it last failed, if ever."""
        return self.calm_s >= PROVEN_S and self.calm_sessions >= PROVEN_SESSIONS

    @property
    def standing(self) -> Standing:
        if self.choice is Choice.ALONE:
            return Standing.ALONE
        if self.choice is Choice.SHARE or self.is_calm:
            return Standing.PROVEN
        return Standing.ALONE if self.last_fault is not None else Standing.UNPROVEN

    @property
    def why(self) -> str:
        """For people."""
        if self.choice is not Choice.AUTO:
            return "you said so"
        sessions = f"{self.calm_sessions} session{'' if self.calm_sessions == 1 else 's'}"
        played = f"{self.calm_s / 3600:.1f} h in {sessions}"
        if self.last_fault is not None:
            return f"it failed on {self.last_fault[:10]}; since then it played {played}"
        return f"it played {played} and never failed"
