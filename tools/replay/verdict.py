# SPDX-License-Identifier: GPL-3.0-or-later
"""Is a fault the one of a report?"""

from enum import StrEnum

import msgspec

from host.crash_report import CrashReport


class Verdict(StrEnum):
    SAME = "same"
    DIFFERENT = "different"
    NONE = "none"  # it did not fail


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one attempt; the keys of `--json`."""

    start: str
    sound: str
    blocks: int  # at most
    verdict: Verdict
    kind: str | None = None
    phase: str | None = None
    signal: str | None = None
    signature: str | None = None

    @property
    def what(self) -> str:
        """How it failed, for people."""
        words = [self.kind or "", self.signal or "", f"in phase {self.phase}"]
        text = " ".join(word for word in words if word)
        return text + (f" (signature {self.signature})" if self.signature else "")


def compare(report: CrashReport, found: CrashReport | None) -> Verdict:
    """By signature where both have one, else by how it ended."""
    if found is None:
        return Verdict.NONE
    if report.kind is not found.kind:
        return Verdict.DIFFERENT
    if report.signature is not None and found.signature is not None:
        same = report.signature == found.signature
    else:
        same = (report.signal, report.exit_code, report.phase) == (
            found.signal,
            found.exit_code,
            found.phase,
        )
    return Verdict.SAME if same else Verdict.DIFFERENT
