# SPDX-License-Identifier: GPL-3.0-or-later
"""Every number that decides how a host runs, with the reason for its default."""

from dataclasses import dataclass, field
from typing import Literal

from host.crash_report import Action
from host.permissions import PermissionRules
from host.song import Grouping
from host.trust.settings import TrustSettings

ChainMode = Literal["relayed", "hosted", "pipelined"]


@dataclass(frozen=True, kw_only=True)
class FaultPolicy:
    """What counts as a fault, and what is done about it."""

    hang_limit_s: float = 1.0  # of not coming back from a block
    load_limit_s: float = 20.0  # sample libraries take seconds, a wedged plugin takes forever
    save_limit_s: float = 5.0
    crash_limit: int = 3  # faults within crash_window_s quarantine the plugin
    crash_window_s: float = 60.0
    first_restart_s: float = 0.0  # a first crash costs only the load time
    next_restart_s: float = 0.25  # doubled with each further fault in the window
    longest_restart_s: float = 4.0
    nonfinite_blocks: int = 32  # in a row: a filter that holds a NaN never recovers by itself
    overlevel_blocks: int = 64  # in a row: muted, then restarted
    late_blocks: int = 3  # in a row: shown as late
    hold_blocks: int = 64  # in a row: held bypassed, tried again after hold_s
    hold_s: float = 2.0
    snapshot_after_edit_s: float = 0.5
    snapshot_interval_s: float = 5.0
    snapshot_good_blocks: int = 50  # blocks survived after its capture


@dataclass(frozen=True, kw_only=True)
class HostConfig:
    sample_rate: int = 48000
    block_frames: int = 128  # what a plugin is called with
    offline: bool = False
    mode: ChainMode = "relayed"  # for chains that do not ask for another
    deadline_fraction: float = 0.7  # of a block; the rest is for mixing and for waking late
    # Offline, a chain may be woken for several blocks at once: the plugins see the same blocks, and
    # handing over costs a fraction. The mix then moves in steps of engine_frames.
    offline_batch: int = 1
    offline_hang_limit_s: float = 10.0
    offline_action: Action = Action.BYPASSED  # what becomes of a fault: crash reports say so
    realtime: bool = True  # SCHED_FIFO where the machine allows it
    audio_priority: int = 70
    watchdog_priority: int = 65
    worker_priority: int = 60
    pin_workers: bool = True  # the slots of a chain on one core
    prewake: bool = True  # workers shortly before each block: handing over is quicker then
    records: int = 24  # slots, and restarts under way, that a chain has room for
    warm_up_blocks: int = 8  # of silence, live only: offline, every sample counts
    capture_s: float = 0.0  # ring of what is played, for recording it; 0: none
    ignore_blacklist: bool = False
    grouping: Grouping | None = None  # None: as the song says
    permissions: PermissionRules = field(default_factory=PermissionRules)
    trust: TrustSettings = field(
        default_factory=TrustSettings
    )  # where there is a database to remember in
    faults: FaultPolicy = field(default_factory=FaultPolicy)

    @property
    def batch(self) -> int:
        """Blocks that the engine renders at a time."""
        return self.offline_batch if self.offline else 1

    @property
    def engine_frames(self) -> int:
        """Frames that the engine renders at a time."""
        return self.block_frames * self.batch

    @property
    def block_s(self) -> float:
        return self.block_frames / self.sample_rate


def offline_batch(block_frames: int) -> int:
    """A batch that makes waking workers cheap and still fits a processor's cache."""
    return max(1, 8192 // block_frames)
