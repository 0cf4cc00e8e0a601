# SPDX-License-Identifier: GPL-3.0-or-later
"""What all slots of a host share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from host.chain_host import ChainHost
from host.commands import CommandQueue
from host.conduct_keeper import ConductKeeper
from host.config import HostConfig
from host.crash_explainer import CrashExplainer
from host.engine_module import Engine, Watchdog
from host.events import EventLog, HostEventKind
from host.fault_archive import FaultArchive
from host.permissions import PermissionRules
from host.session.session import Session
from host.store.blacklist import Blacklist
from host.trust.gate import TrustGate
from host.worker_groups import WorkerGroups
from ipc.aside import aside
from ipc.launcher import Launcher

T = TypeVar("T")


class Mix(Protocol):
    """What a slot asks of the mix it belongs to."""

    def latency_changed(self) -> None: ...

    def chain_damaged(self, chain: ChainHost) -> None: ...

    async def keep_states(self, slots: Collection[str]) -> None: ...


@dataclass
class SlotContext:
    config: HostConfig
    engine: Engine
    commands: CommandQueue
    launcher: Launcher
    workers: WorkerGroups
    watchdog: Watchdog | None
    archive: FaultArchive | None  # None: nothing is kept
    explainer: CrashExplainer
    conduct: ConductKeeper | None
    blacklist: Blacklist | None
    trust: TrustGate | None
    events: EventLog
    mix: Mix
    permissions: PermissionRules  # for the plugins that are loaded from now on
    song_name: str | None = None
    session: Session | None = None
    missing_told: bool = False
    # One look-up at a time: each that waits for the database at once would open it once more.
    _looking_up: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def look_up(self, work: Callable[[], T], limit_s: float) -> T:
        """As `aside`, of what lies in the database or in plugins' files."""
        async with self._looking_up:
            return await aside(work, limit_s)

    def tell_missing(self, missing: list[str]) -> None:
        """Once, for all plugins: what of their confinement this kernel cannot do."""
        if not self.missing_told:
            self.missing_told = True
            self.events.add(
                HostEventKind.NOTICE,
                f"this kernel cannot confine plugins' {', '.join(missing)}; `isobooth doctor` says "
                "what that means",
            )
