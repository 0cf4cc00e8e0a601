# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds out whether every plugin was heard in every block, and which one is to blame if not.

The audio thread counts, for each slot, the blocks in which it was not heard: that count alone
decides, whatever the cause was and whenever the supervisor notices it. The supervisor is only
asked for the story. A plugin whose output was repaired for long was not heard either.
"""

import time

from host.host import Host, SlotReport
from ipc.status import SlotStatus
from tools.foreground import Stop
from tools.render.report import FaultEntry

_POLL_S = 0.005
_REPORT_S = 1.0  # for the end of a process to be noticed and written up
_FAILED = (SlotStatus.FAILED, SlotStatus.QUARANTINED)


def refused_states(host: Host, attempt: int) -> list[FaultEntry]:
    """Plugins that did not take the state that the song has for them."""
    faults = []
    for slot in host.mix.slots():
        if slot.state_refused:
            what = f"{slot.spec.label} refused the state saved in the song ({slot.state_refused})"
            faults.append(
                FaultEntry(
                    attempt=attempt,
                    slot=slot.spec.id,
                    plugin=slot.spec.plugin,
                    block=0,
                    time_s=0.0,
                    what=what,
                )
            )
    return faults


class SlotWatch:
    """Watches the slots of a host that renders offline."""

    def __init__(
        self, host: Host, attempt: int, stop: Stop, blocks: int, goes_without: bool
    ) -> None:
        """`blocks`: that will be rendered. `goes_without`: a plugin that is quarantined from the
        beginning is left out, as was asked for."""
        self._host = host
        self._attempt = attempt
        self._stop = stop
        self._blocks = blocks
        self._given_up = {
            slot.spec.id
            for slot in host.mix.slots()
            if slot.spec.bypassed or (goes_without and slot.status is SlotStatus.QUARANTINED)
        }
        self._spoiling: dict[str, int] = {}  # since which block
        self._known: dict[str, int] = {}  # bypassed blocks that were dealt with already

    def new_faults(self) -> list[FaultEntry]:
        """Faults since the last call, the first first; empty if every plugin was heard."""
        self._check_output()
        if not self._suspects():
            self._host.engine.read_misses()
            return []
        first_miss = self._first_misses()
        culprits = self._culprits(first_miss)
        faults = [self._fault(slot, first_miss.get(slot.id)) for slot in culprits]
        for slot in self._host.slots():
            self._known[slot.id] = slot.bypassed_blocks
        self._given_up.update(slot.id for slot in culprits)
        return sorted(faults, key=lambda fault: fault.block)

    def _check_output(self) -> None:
        for slot in self._host.slots():
            if slot.repaired_samples and slot.id not in self._given_up:
                since = self._host.check_output(slot.id, self._blocks)
                if since is not None:
                    self._spoiling[slot.id] = since

    def _suspects(self) -> list[SlotReport]:
        return [
            slot
            for slot in self._host.slots()
            if slot.id not in self._given_up
            and (
                slot.status in _FAILED
                or slot.id in self._spoiling
                or slot.bypassed_blocks > self._known.get(slot.id, 0)
            )
        ]

    def _culprits(self, first_miss: dict[str, int]) -> list[SlotReport]:
        """Slots behind one that failed miss the same block, and are not to blame."""
        faults = self._host.config.faults
        # A hang is called one once it has lasted; see SlotSupervisor.
        deadline = time.monotonic() + 3 * faults.hang_limit_s + _REPORT_S
        while time.monotonic() < deadline:
            failed = [slot for slot in self._suspects() if slot.status in _FAILED]
            if failed:
                return failed
            self._stop.pause(_POLL_S)
        suspects = self._suspects()
        missed = [slot for slot in suspects if slot.missed_blocks > 0]
        blamed = missed or sorted(suspects, key=lambda slot: first_miss.get(slot.id, 0))
        return blamed[:1]

    def _first_misses(self) -> dict[str, int]:
        """The first block that each slot missed since the last call."""
        ids = {slot.native.id: slot.spec.id for slot in self._host.mix.slots()}
        first: dict[str, int] = {}
        for block, _, _, slot, _, _ in self._host.engine.read_misses():
            first.setdefault(ids[slot], block)
        return first

    def _fault(self, slot: SlotReport, block: int | None) -> FaultEntry:
        # A worker that died between two blocks missed none: it was not asked any more.
        config = self._host.config
        at = slot.processed_blocks if block is None else block * config.batch
        at = self._spoiling.get(slot.id, at)
        is_exact = block is None or slot.id in self._spoiling or config.batch == 1
        until = None if is_exact else min(at + config.batch, max(self._blocks, at + 1))
        spec = self._host.mix.slot(slot.id).spec
        what = (
            slot.reason or f"{spec.label} did not answer within {config.offline_hang_limit_s:g} s"
        )
        return FaultEntry(
            attempt=self._attempt,
            slot=slot.id,
            plugin=slot.plugin,
            block=at,
            time_s=self._time_s(at),
            until_s=None if until is None else self._time_s(until),
            what=what,
            report=slot.crashes[-1] if slot.crashes else None,
        )

    def _time_s(self, block: int) -> float:
        """Where a block begins in the file."""
        frame = block * self._host.config.block_frames - self._host.mix.latency_frames
        return round(max(0, frame) / self._host.config.sample_rate, 4)
