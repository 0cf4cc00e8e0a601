# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes note of how the plugins of a session behave: when one fails, and at the end."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from host.config import HostConfig
from host.fault_archive import FaultArchive
from host.store.conduct_store import ConductStore, Played
from ipc.errors import IsoboothError

if TYPE_CHECKING:
    from host.slot_supervisor import SlotSupervisor


class ConductKeeper:
    """Writes behind the crash reports, on the archive's thread: nobody waits for a disk."""

    def __init__(self, store: ConductStore, archive: FaultArchive, config: HostConfig) -> None:
        self._store = store
        self._archive = archive
        self._block_s = config.block_s
        self._is_live = not config.offline
        self._failed_at: dict[str, int] = {}  # the engine's block, by plugin

    def failed(self, plugin: str, block: int, is_certain: bool) -> None:
        self._failed_at[plugin] = block
        self._do(lambda: self._store.failed(plugin, is_certain))

    def close(self, slots: Iterable[SlotSupervisor], blocks: int) -> None:
        """`blocks`: that the engine has rendered."""
        each: dict[str, Played] = {}
        for slot in slots:
            about = slot.description
            if about is None:
                continue
            plugin = slot.spec.plugin
            played = slot.native.processed_blocks
            failed_at = self._failed_at.get(plugin)
            calm = played if failed_at is None else min(played, max(0, blocks - failed_at))
            before = each.get(plugin)
            each[plugin] = Played(
                plugin_id=plugin,
                name=about.name,
                vendor=about.vendor or "",
                version=about.version or "",
                played_s=played * self._block_s + (before.played_s if before else 0.0),
                calm_s=calm * self._block_s + (before.calm_s if before else 0.0),
                failed=failed_at is not None,
                is_session=self._is_live,
            )
        self._do(lambda: self._store.played(each.values()))

    def _do(self, work: Callable[[], None]) -> None:
        def write() -> None:
            with contextlib.suppress(IsoboothError):  # it is known a little less well
                work()

        self._archive.do(write)
