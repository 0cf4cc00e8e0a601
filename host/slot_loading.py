# SPDX-License-Identifier: GPL-3.0-or-later
"""What a worker is asked to load for a slot: the plugin, its state, its place in the chain."""

from host.chain_host import ChainHost
from host.config import HostConfig
from host.journal import Restore
from host.permissions import PermissionRules
from host.song import Slot
from host.worker_place import standby_priority
from ipc.messages import ChainGeometry, Load


def load_request(
    spec: Slot,
    config: HostConfig,
    permissions: PermissionRules,
    chain: ChainHost,
    record: int,
    restore: Restore,
    stands_by: bool = False,
) -> Load:
    """The song's program and parameters belong to its own state; a later state holds them."""
    geometry = chain.geometry
    priority = config.worker_priority if config.realtime and not config.offline else 0
    return Load(
        plugin=spec.plugin,
        sample_rate=float(config.sample_rate),
        max_frames=config.block_frames,
        sidechain=spec.sidechain is not None,
        offline=config.offline,
        geometry=ChainGeometry(
            records=geometry.records,
            max_frames=geometry.max_frames,
            sample_rate=geometry.sample_rate,
        ),
        segments=chain.segments.names,
        record=record,
        states=[] if restore.state is None else [restore.state],
        program=spec.program if restore.is_first else None,
        parameters=dict(spec.parameters) if restore.is_first else {},
        edits=[(e.number, e.parameter, e.value) for e in restore.edits],
        priority=standby_priority(priority) if stands_by else priority,
        cpu=chain.standby_cpu if stands_by else chain.cpu,
        warm_up_blocks=0 if config.offline else config.warm_up_blocks,
        permissions=permissions.of(spec.plugin),
    )
