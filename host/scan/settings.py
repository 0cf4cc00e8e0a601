# SPDX-License-Identifier: GPL-3.0-or-later
"""How plugins are probed."""

import msgspec

from ipc.permissions import machine_memory_mb

# Several workers at once, each of which may fill what it is given.
_MEMORY_MB = min(1024, max(256, machine_memory_mb() // 8))


class ProbeSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`timeout_s`: for one plugin alone. `memory_mb`: for a worker, where no rule says more."""

    sample_rate: float = 48000.0
    max_frames: int = 512
    timeout_s: float = 30.0
    deep: bool = False
    alone: bool = False  # every plugin in a worker of its own
    memory_mb: int = _MEMORY_MB
