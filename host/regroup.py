# SPDX-License-Identifier: GPL-3.0-or-later
"""Other slots share processes from now on, while all play.

A process keeps the members that it began with (host/worker_groups.py), so a slot whose company
changes is loaded anew, with its state: faded out first, and covered until it is back.
"""

from collections.abc import Mapping

from host.mix import Mix
from host.next_blocks import fades_ended
from host.slot_context import SlotContext
from host.slot_supervisor import SlotSupervisor


async def regroup(mix: Mix, context: SlotContext, keys: Mapping[str, str]) -> None:
    """`keys`: what those that shall share a process have in common, by slot. Returns when those
    that have to move are on their way."""
    playing = [slot for slot in mix.slots() if not slot.is_given_up]
    names = {slot.spec.id for slot in playing}
    keys = {slot: key for slot, key in keys.items() if slot in names}
    heard = {keys[slot.spec.id] for slot in playing if slot.was_loaded and slot.spec.id in keys}
    context.workers.assign(keys, heard)
    moving = [slot for slot in playing if set(slot.shares_with) != _company(slot, keys)]
    if not moving:
        return
    await mix.keep_states({slot.spec.id for slot in moving})
    for slot in moving:
        slot.fade_out()
    await fades_ended(context.engine, context.config.block_s)
    for slot in moving:
        if slot.is_away:
            context.workers.move_out(slot.spec.id)  # nobody is silent until it comes
    for slot in moving:
        slot.regroup()


def _company(slot: SlotSupervisor, keys: Mapping[str, str]) -> set[str]:
    key = keys.get(slot.spec.id)
    if key is None:
        return set()
    return {other for other, of in keys.items() if of == key} - {slot.spec.id}
