# SPDX-License-Identifier: GPL-3.0-or-later
"""Which records of a chain are free.

A restarted plugin takes a fresh record, with its own file and semaphore, because the process
tree of the last worker may still be writing to the old ones. The old record comes back only when
that whole tree is gone, and only if the tree did not damage it.
"""

from collections import deque
from collections.abc import Callable


class RecordPool:
    """Leases the records 0 … records-1, the one that was free longest first.

    `renew(record)` clears a returned record and says whether it can be used again
    (ChainSegments.renew).
    """

    def __init__(self, records: int, renew: Callable[[int], bool] = lambda record: True) -> None:
        self._renew = renew
        self._free = deque(range(records))
        self._leased: set[int] = set()
        self.condemned: set[int] = set()

    @property
    def free(self) -> int:
        return len(self._free)

    @property
    def leased(self) -> frozenset[int]:
        return frozenset(self._leased)

    def lease(self) -> int | None:
        """A free record; None if there is none, which is when a chain needs new segments."""
        if not self._free:
            return None
        record = self._free.popleft()
        self._leased.add(record)
        return record

    def condemn(self, record: int) -> None:
        """Takes a leased record out of use for good: its file was truncated under the host."""
        self._leased.remove(record)
        self.condemned.add(record)

    def release(self, record: int) -> None:
        """Gives a leased record back. Only after its worker's process tree has been reaped.

        Does nothing for a condemned record. Raises ValueError if the record is not leased.
        """
        if record in self.condemned:
            return
        if record not in self._leased:
            raise ValueError(f"record {record} is not leased")
        self._leased.remove(record)
        if self._renew(record):
            self._free.append(record)
        else:
            self.condemned.add(record)
