# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks a slot's worker for the plugin's state: for restarts, and for saving the song.

A state holds the edits that the worker had been given when it was captured. What was edited since
may still wait for a block, in the engine's command ring or the slot's event queue, so whoever keeps
a state keeps the later edits with it.
"""

from collections.abc import Mapping

import msgspec

from host.config import HostConfig
from host.engine_module import Engine, PluginSlot
from host.journal import Edit, Journal
from host.next_blocks import next_blocks
from host.song import Slot
from host.tenure import Tenure
from ipc.messages import SavedState, SaveState

# The command ring is drained by the next block, and the slot is given its events by one more.
_BLOCKS_UNTIL_APPLIED = 3


class SlotState:
    """Raises WorkerError and ProtocolError as the worker's requests do."""

    def __init__(
        self, journal: Journal, native: PluginSlot, engine: Engine, config: HostConfig
    ) -> None:
        self._journal = journal
        self._native = native
        self._engine = engine
        self._config = config
        self._last_snapshot_s = 0.0
        self._snapshot_edit = 0

    def restarted(self, tenure: Tenure, applied_edit: int) -> None:
        """The plugin was loaded with the edits up to this one."""
        self._snapshot_edit = self._held_by(tenure, applied_edit)

    def is_due(self, tenure: Tenure, now: float, last_edit_s: float) -> bool:
        """Is it time for a snapshot? Both times are time.monotonic(). True once for each."""
        policy = self._config.faults
        since = now - self._last_snapshot_s
        # Edits of a slot that does not run are held: they are no news of its plugin yet.
        edited = self._held_by(tenure, self._native.applied_edit) > self._snapshot_edit
        calm = min(since, now - last_edit_s) > policy.snapshot_after_edit_s
        if self._config.offline or not (since > policy.snapshot_interval_s or (edited and calm)):
            return False
        self._last_snapshot_s = now
        return True

    def postpone(self, now: float) -> None:
        """The interval between snapshots begins now."""
        self._last_snapshot_s = now

    async def snapshot(self, tenure: Tenure) -> None:
        """Adds a snapshot to the journal, if the worker is still there with its answer."""
        saved = await self._ask(tenure)
        if not tenure.worker.alive:
            return
        self._snapshot_edit = saved.applied_edit
        self._journal.add_snapshot(saved.data, self._snapshot_edit, self._native.processed_blocks)

    async def capture(self, spec: Slot, tenure: Tenure, runs: bool) -> Slot:
        """The song's slot as the plugin is now, with every edit made before the call. `runs`:
        whether the plugin is given blocks."""
        last_edit = self._journal.last_edit
        saved = await self._ask(tenure)
        if runs and saved.applied_edit < last_edit:
            # Worth a moment: what the plugin makes of its edits is then in its state.
            await next_blocks(self._engine, _BLOCKS_UNTIL_APPLIED)
            saved = await self._ask(tenure)
        later = self._journal.edits_after(saved.applied_edit)
        return with_state(spec, saved.data, later)

    def last_known(self, spec: Slot) -> Slot:
        """The same, of a plugin that cannot say: its last good state and the edits since. The
        song's own, even if this plugin refused it: another version may take it."""
        restore = self._journal.next_restore()
        edits = self._journal.edits_after(restore.applied_edit)
        if not restore.is_first:
            return with_state(spec, restore.state, edits)
        return with_state(spec, self._journal.song_state, edits, spec.program, spec.parameters)

    async def _ask(self, tenure: Tenure) -> SavedState:
        """With the last edit that the state holds."""
        told = self._held_by(tenure, 0)  # before it is asked: what it is told meanwhile may lack
        saved = await tenure.worker.request(SaveState(), self._config.faults.save_limit_s)
        held = min(max(saved.applied_edit, told), self._journal.last_edit)
        return SavedState(data=saved.data, applied_edit=held)

    def _held_by(self, tenure: Tenure, reported: int) -> int:
        """The last edit that the worker holds: what was restored, a program that it has set since,
        and what it says it was given (it counts only what comes with blocks), which cannot be more
        than there were."""
        program = tenure.program.number if tenure.program and tenure.program_is_set else 0
        return min(max(reported, tenure.restore.applied_edit, program), self._journal.last_edit)


def with_state(
    spec: Slot,
    state: bytes | None,
    edits: tuple[Edit, ...],
    program: int | None = None,
    parameters: Mapping[str, float | str] | None = None,
) -> Slot:
    """The slot with a state, then the program, then parameters, the edits last."""
    chosen = next((edit for edit in edits if edit.is_program), None)
    if chosen is not None:  # all that was set before it is its own now
        program, parameters = int(chosen.value), {}
        edits = tuple(edit for edit in edits if edit.number > chosen.number)
    edited = {str(edit.parameter): edit.value for edit in edits}
    return msgspec.structs.replace(
        spec, state=state, program=program, parameters={**(parameters or {}), **edited}
    )
