# SPDX-License-Identifier: GPL-3.0-or-later
"""Who ended a process that several share, from what is known of its end."""

import signal
from types import SimpleNamespace
from typing import Any

import pytest

from host.group_blame import blamed
from ipc.messages import EXIT_MEMBER, SHARED_IDLE_NAME, member_thread_name

PID = 1000
THREADS = (1001, 1002, 1003)
MAPS = b"".join(
    b"%x-%x r-xp 00000000 fe:00 %d /p/%s.so\n" % (at, at + 0x1000, at, name)
    for at, name in ((0x10000, b"a"), (0x20000, b"b"), (0x30000, b"libc"))
)


class Group:
    """Three members: /p/a.so, /p/b.so and /p/b.so again."""

    def __init__(self) -> None:
        self.members = [self.member(n, f"/p/{name}.so") for n, name in enumerate("abb")]
        self.present = list(self.members)
        self.is_ended_on_purpose = False
        self.process = SimpleNamespace(pid=PID)
        self.asked: list[Any] = []

    def member(self, number: int, path: str) -> Any:
        return SimpleNamespace(
            number=number,
            path=path,
            thread_id=THREADS[number],
            is_accused=False,
            is_asked=False,
            place=SimpleNamespace(
                chain=SimpleNamespace(is_in_block=lambda record: record < 0), record=number
            ),
        )

    def member_of_thread(self, thread: int) -> Any:
        if thread == PID:
            return self.asked[0] if self.asked else None
        return next((m for m in self.members if m.thread_id == thread), None)

    def named(self, name: str) -> list[Any]:
        if name == SHARED_IDLE_NAME:
            return list(self.members)
        return [m for m in self.members if member_thread_name(m.number) == name]


def crash(thread: int, name: str = "", pc: int = 0x30010, stack: tuple[int, ...] = ()) -> Any:
    snapshot = SimpleNamespace(
        thread_id=thread,
        thread_name=name.encode(),
        pc=pc,
        maps=MAPS,
        stack=b"".join(word.to_bytes(8, "little") for word in stack),
    )
    return ended(signal.SIGSEGV, evidence=snapshot)


def ended(number: int | None, **fields: Any) -> Any:
    usual = {"signal": number, "exit_code": None, "killed_by_host": False, "evidence": None}
    return SimpleNamespace(**{**usual, **fields})


def found(group: Group, exit: Any) -> list[int]:
    return [member.number for member in blamed(group, exit)]  # type: ignore[arg-type]


def test_the_thread_of_a_member_tells() -> None:
    assert found(Group(), crash(THREADS[1])) == [1]


def test_of_the_main_thread_its_name_goes_before_who_is_asked() -> None:
    group = Group()
    group.asked = [group.members[1]]
    assert found(group, crash(PID, member_thread_name(0))) == [0]
    assert found(group, crash(PID)) == [1]


def test_in_a_turn_for_all_the_code_tells() -> None:
    group = Group()
    group.asked = [group.members[2]]
    assert found(group, crash(PID, SHARED_IDLE_NAME, pc=0x10010)) == [0]
    assert found(group, crash(PID, SHARED_IDLE_NAME, pc=0x20010)) == [1, 2]


def test_the_innermost_code_that_is_somebody_s_tells() -> None:
    assert found(Group(), crash(7, stack=(0x30020, 5, 0x10040, 0x20040))) == [0]
    assert found(Group(), crash(7, stack=(0x30020,))) == [0, 1, 2]


def test_nobody_is_blamed_for_what_one_left_behind() -> None:
    group = Group()
    group.present = group.present[1:]
    assert found(group, crash(THREADS[0])) == []
    assert found(group, crash(7, pc=0x10010)) == []


def test_a_crash_that_came_first_goes_before_an_accusation() -> None:
    group = Group()
    group.members[2].is_accused = True
    died = crash(THREADS[0])
    died.killed_by_host = True
    assert found(group, died) == [0]
    assert found(group, ended(signal.SIGKILL, killed_by_host=True)) == [2]


def test_an_end_on_purpose_is_nobody_s_doing() -> None:
    group = Group()
    group.is_ended_on_purpose = True
    assert found(group, ended(signal.SIGKILL, killed_by_host=True)) == []
    assert found(group, ended(None, exit_code=0)) == []


def test_who_ends_the_worker_by_itself_says_so() -> None:
    assert found(Group(), ended(None, exit_code=EXIT_MEMBER + 1)) == [1]


@pytest.mark.parametrize("exit_code", [0, 7])
def test_who_was_at_work_may_have_called_exit(exit_code: int) -> None:
    group = Group()
    assert found(group, ended(None, exit_code=exit_code)) == [0, 1, 2]
    group.members[0].place.record = -1
    group.members[2].is_asked = True
    assert found(group, ended(None, exit_code=exit_code)) == [0, 2]
