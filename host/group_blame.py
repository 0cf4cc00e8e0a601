# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose plugin ended a process that several share?

In this order: whom the host has given up for a fault; whose thread, or whose code, the crash was
in; who said so itself at the end; who was at work then. Where that leaves several, all are
suspects. A plugin that wrote into a neighbour's memory can make that one look guilty: a report
names who shared its process.
"""

import signal

from host.backtrace.memory_map import MemoryMap
from host.worker_group import GroupMember, WorkerGroup
from ipc._native import CrashSnapshot
from ipc.messages import EXIT_MEMBER
from ipc.worker_process import WorkerExit

# Of the innermost calls. What is deeper is no news.
_SEARCHED_BYTES = 16 * 1024


def blamed(group: WorkerGroup, exit: WorkerExit) -> list[GroupMember]:
    """Of those present; empty if it is nobody's doing."""
    present = group.present
    if group.is_ended_on_purpose and exit.signal is None:
        return []
    if exit.killed_by_host and exit.signal == signal.SIGKILL:
        accused = [member for member in present if member.is_accused]
        if accused or group.is_ended_on_purpose:
            return accused
        return list(present)  # it was lost to us; what it did at that moment tells nothing
    known = _culprits(group, exit)
    if known:
        # What one left behind that is not present any more is nobody else's doing.
        return [member for member in known if member in present]
    return [member for member in present if _is_at_work(member)] or list(present)


def _is_at_work(member: GroupMember) -> bool:
    place = member.place
    return member.is_asked or place.chain.is_in_block(place.record)


def _culprits(group: WorkerGroup, exit: WorkerExit) -> list[GroupMember]:
    snapshot = exit.evidence
    if snapshot is not None:
        ran = _on_main_thread(group, snapshot)
        if not ran and (member := group.member_of_thread(snapshot.thread_id)) is not None:
            ran = [member]
        return ran if len(ran) == 1 else _owners(group, snapshot)
    if exit.exit_code is not None:
        return [m for m in group.members if EXIT_MEMBER + m.number == exit.exit_code]
    return []


def _on_main_thread(group: WorkerGroup, snapshot: CrashSnapshot) -> list[GroupMember]:
    if snapshot.thread_id != group.process.pid:
        return []
    return group.named(snapshot.thread_name.decode(errors="replace"))


def _owners(group: WorkerGroup, snapshot: CrashSnapshot) -> list[GroupMember]:
    """Whose file the code is from, the innermost that is anybody's: a plugin may have threads of
    its own, and may have called abort() or exit() there."""
    memory = MemoryMap.parse(snapshot.maps)
    stack = snapshot.stack[: min(len(snapshot.stack), _SEARCHED_BYTES) // 8 * 8]
    for address in (snapshot.pc, *memoryview(stack).cast("Q")):
        place = memory.at(address)
        if place is None or not place.executable or not place.is_file:
            continue
        if owners := [m for m in group.members if m.path and _is_in(place.path, m.path)]:
            return owners
    return []


def _is_in(file: str, plugin: str) -> bool:
    return file == plugin or file.startswith(f"{plugin}/")
