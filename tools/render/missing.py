# SPDX-License-Identifier: GPL-3.0-or-later
"""Says what MISSING in a table of slots means: a mix can be on time and yet lack its plugins."""

from collections.abc import Iterator, Sequence

from tools.console import counted
from tools.render.report import SlotEntry


def remarks_on_missing(slots: Sequence[SlotEntry]) -> Iterator[str]:
    """For people, after a session or a render in real time."""
    missed = sum(slot.missed_blocks for slot in slots)
    if missed:
        yield (
            f"plugins missed {counted(missed, 'deadline')}; a larger --block or --pipelined gives "
            "them more time"
        )
    if any(slot.bypassed_blocks for slot in slots):
        yield (
            "MISSING counts the blocks in which a plugin was not heard: its dry input was, or "
            "silence"
        )
