# SPDX-License-Identifier: GPL-3.0-or-later
"""fault:KIND. Plugins that misbehave on purpose, each at a known moment.

In a block (sandbox/native/fault_processor.hpp): segv, abort, exit, spin, deadlock, sleep, nan, inf,
loud, leak, stack-overflow, double-free, stop. Until then, and where they survive it, they are a
stereo gain with one parameter and a state. Options:

  after=N  blocks before the first fault (100), counted from loading: blocks that warm a worker up
           count, and a restarted worker counts anew
  every=N  from then on a fault in every Nth block (1)
  times=N  at most N faults; 0: without end (0)
  ms=N     how long sleep sleeps, milliseconds (50)
  mb=N     how much leak leaks a block, MiB (1)

At other moments: load-segv and load-hang while loading, restore-segv when a state is restored,
save-segv when one is saved, read-hang when its parameters are asked for. They are a plain gain
otherwise.
"""

from ipc.errors import NoSuchPlugin
from sandbox import _native
from sandbox.backends.own_parameters import OwnParametersPlugin
from sandbox.backends.plugin import LoadSettings
from sandbox.backends.plugin_id import OptionReader, PluginId

OTHER_MOMENTS = ("load-segv", "load-hang", "restore-segv", "save-segv", "read-hang")
_MOST = 2**31 - 1
_NEVER = _MOST


class FaultPlugin(OwnParametersPlugin):
    """A gain whose state is a trap where its kind says so."""

    moment = ""

    def get_parameters(self) -> list[float]:
        if self.moment == "read-hang":
            _native.commit_fault("deadlock")
        return super().get_parameters()

    def get_state(self) -> bytes:
        if self.moment == "save-segv":
            _native.commit_fault("segv")
        return super().get_state()

    def set_state(self, data: bytes) -> None:
        if self.moment == "restore-segv":
            _native.commit_fault("segv")
        super().set_state(data)


def warm() -> None:
    """Nothing to prepare: the faults are in the native core."""


def load(plugin: PluginId, settings: LoadSettings) -> FaultPlugin:
    kind = plugin.location
    in_block = kind in _native.fault_kinds()
    if not in_block and kind not in OTHER_MOMENTS:
        kinds = ", ".join([*_native.fault_kinds(), *OTHER_MOMENTS])
        raise NoSuchPlugin(f"{plugin.text}: there is no fault '{kind}'; there are {kinds}")
    options = OptionReader(plugin)
    if in_block:
        after = options.integer("after", 100, 0, _MOST)
        every = options.integer("every", 1, 1, _MOST)
        times = options.integer("times", 0, 0, _MOST)
        sleep_ms = options.integer("ms", 50, 0, _MOST) if kind == "sleep" else 0
        leak_mb = options.integer("mb", 1, 1, 1 << 20) if kind == "leak" else 1
    else:
        after, every, times, sleep_ms, leak_mb = _NEVER, 1, 0, 0, 1
    options.finish()
    if kind == "load-segv":
        _native.commit_fault("segv")
    if kind == "load-hang":
        _native.commit_fault("deadlock")
    processor = _native.FaultProcessor(
        settings.sample_rate, kind if in_block else "segv", after, every, times, sleep_ms, leak_mb
    )
    loaded = FaultPlugin(
        plugin.text,
        [processor],
        plugin_format="fault",
        name=f"Fault: {kind}",
        kind="fault",
        vendor="Isobooth",
        category="Test",
    )
    loaded.moment = kind
    return loaded
