# SPDX-License-Identifier: GPL-3.0-or-later
"""A chain as the control thread holds it: shared memory, free records, the native relay."""

import itertools

from host.config import ChainMode, HostConfig
from host.engine_module import Chain
from ipc._native import MAX_RECORDS, Geometry
from ipc.errors import InputError
from ipc.lease import RecordPool
from ipc.segment import ChainSegments

_ids = itertools.count(1)

# Records beyond one a slot: for restarts whose predecessor is not yet reaped.
SPARE_RECORDS = 8


class ChainHost:
    """Creates a chain's segments and the engine's view of them; `close` removes them.

    Raises InputError for more slots than a chain can carry, MachineError if memory is short.
    """

    def __init__(
        self,
        config: HostConfig,
        slots: int,
        mode: ChainMode,
        cpu: int,
        name: str,
        standbys: int = 0,
        standby_cpu: int = -1,
    ) -> None:
        if slots + standbys > MAX_RECORDS - SPARE_RECORDS:
            counted = f"{slots} plugins" + (f" and {standbys} standbys" if standbys else "")
            raise InputError(
                f"{name}: a chain of {counted} is too long, at most "
                f"{MAX_RECORDS - SPARE_RECORDS} fit; split it into a track and a group"
            )
        self.name = name
        self.mode = mode
        self.cpu = cpu
        self.standby_cpu = standby_cpu
        self.standbys = standbys
        records = min(MAX_RECORDS, max(config.records, slots + standbys + SPARE_RECORDS))
        self.geometry = Geometry(records, config.engine_frames, float(config.sample_rate))
        self.segments = ChainSegments(self.geometry)
        try:
            self.pool = RecordPool(records, self.segments.renew)
            names = self.segments.names
            self.native: Chain | None = Chain(
                next(_ids),
                self.geometry,
                self.segments.host,
                self.segments.activation,
                self.segments.outputs,
                list(names.semaphores),
                names.end,
            )
        except BaseException:
            self.segments.close()
            raise

    def lease(self) -> int | None:
        """A free record for a new worker, whatever the chain's other workers, who can reach its
        word and the files that it must attach, have written there; None if none is free."""
        record = self.pool.lease()
        if record is not None and self.native is not None:
            self.native.reset(record)
            self.segments.mend_headers()
        return record

    def retire(self, record: int) -> None:
        """The record's worker is dead: nobody waits for it any longer."""
        if self.native is not None:
            self.native.retire(record)
        if self.lost(record) or not self.segments.is_intact(record):
            self.segments.mend(record)

    def lost(self, record: int) -> bool:
        """The record's file was truncated under the host."""
        return self.native is not None and self.native.lost(record)

    def is_stuck(self, record: int) -> bool:
        """The record, which is in no block, is not free for one either."""
        return self.native is not None and self.native.is_stuck(record)

    def is_in_block(self, record: int) -> bool:
        """The record's worker has begun a block and not ended it, as it says itself."""
        return self.native is not None and self.native.is_in_block(record)

    @property
    def has_lost_pages(self) -> bool:
        """What all workers of the chain share was truncated, and the host has noticed it."""
        return self.native is not None and self.native.shared_lost

    @property
    def is_damaged(self) -> bool:
        """The same, and whether what a new worker would attach is still what was created."""
        return self.native is None or self.has_lost_pages or not self.segments.is_shared_intact()

    @property
    def locked(self) -> bool:
        """Whether the kernel keeps the chain's shared memory in RAM."""
        return self.native is not None and self.native.locked

    def release(self, record: int) -> None:
        """The record's whole process tree is gone: it may be leased again."""
        if self.native is not None:
            self.native.reset(record)
            self.pool.release(record)

    def close(self) -> None:
        """After the engine has left every plan with this chain."""
        self.native = None
        self.segments.close()
