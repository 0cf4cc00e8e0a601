# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose plugin ended a process that several share?

In this order: whom the host has given up for a fault; whose thread, or whose code, the crash was
in; who said so itself at the end; who was at work then. Where that leaves several, all are
suspects. A plugin that wrote into a neighbour's memory can make that one look guilty: a report
names who shared its process.
"""

import os

from host.backtrace.memory_map import MemoryMap
from host.worker_group import GroupMember, WorkerGroup
from ipc._native import CrashSnapshot
from ipc.messages import EXIT_MEMBER, member_thread_name
from ipc.worker_process import WorkerExit

# Of the innermost calls. What is deeper is no news.
_SEARCHED_BYTES = 16 * 1024


def blamed(group: WorkerGroup, exit: WorkerExit) -> list[GroupMember]:
    """Empty if it is nobody's doing."""
    accused = [member for member in group.present if member.is_accused]
    if accused or group.is_ended_on_purpose:
        return accused
    if exit.killed_by_host:  # it was lost to us; what it did at that moment tells nothing
        return list(group.present)
    known = _culprits(group, exit)
    return known or [m for m in group.present if _is_at_work(m)] or list(group.present)


def _is_at_work(member: GroupMember) -> bool:
    place = member.place
    return member.is_asked or place.chain.is_in_block(place.record)


def _culprits(group: WorkerGroup, exit: WorkerExit) -> list[GroupMember]:
    snapshot = exit.evidence
    if snapshot is not None:
        ran = group.member_of_thread(snapshot.thread_id) or _named(group, snapshot)
        return [ran] if ran in group.present else _owners(group, snapshot)
    if exit.exit_code is not None:
        return [m for m in group.present if EXIT_MEMBER + m.number == exit.exit_code]
    return []


def _named(group: WorkerGroup, snapshot: CrashSnapshot) -> GroupMember | None:
    name = snapshot.thread_name.decode(errors="replace")
    return next((m for m in group.members if member_thread_name(m.number) == name), None)


def _owners(group: WorkerGroup, snapshot: CrashSnapshot) -> list[GroupMember]:
    """Whose file the code is from, the innermost that is anybody's: a plugin may have threads of
    its own, and may have called abort() or exit() there."""
    memory = MemoryMap(snapshot.maps)
    files = {m: os.path.realpath(m.path) for m in group.present if m.path}
    stack = snapshot.stack[: min(len(snapshot.stack), _SEARCHED_BYTES) // 8 * 8]
    for address in (snapshot.pc, *memoryview(stack).cast("Q")):
        place = memory.at(address)
        if place is None or not place.executable or not place.is_file:
            continue
        if owners := [m for m, file in files.items() if _is_in(place.path, file)]:
            return owners
    return []


def _is_in(file: str, plugin: str) -> bool:
    return file == plugin or file.startswith(f"{plugin}/")
