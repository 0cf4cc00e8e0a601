# SPDX-License-Identifier: GPL-3.0-or-later
"""A program that kills its plugin when it is chosen, and again when it is replayed."""

from types import SimpleNamespace
from typing import Any

from host.crash_report import FaultKind
from host.journal import PROGRAM, Edit
from host.poison import PoisonWatch

CHOSEN = Edit(3, PROGRAM, 2.0)


def _tenure(**given: object) -> Any:
    return SimpleNamespace(
        **{
            "fault_of": lambda _: (FaultKind.CRASH, None),
            "restore": SimpleNamespace(edits=()),
            "seat": 0,
            "program": None,
            "program_is_set": False,
            "processed_before": 0,
            **given,
        }
    )


def _exit(phase: str) -> Any:
    return SimpleNamespace(phase=phase, evidence=None, signal=11, exit_code=None)


NATIVE: Any = SimpleNamespace(
    generation=lambda _: 1000, processed_blocks=5000, recent_events=lambda _: []
)


def test_a_program_that_kills_twice_is_found() -> None:
    watch = PoisonWatch()
    assert watch.judge(_tenure(program=CHOSEN), _exit("process"), NATIVE) == []
    restored = _tenure(restore=SimpleNamespace(edits=(CHOSEN,)))
    [found] = watch.judge(restored, _exit("parameters"), NATIVE)
    assert str(found) == "program 2"


def test_one_that_was_set_and_played_is_not_suspected() -> None:
    watch = PoisonWatch()
    played = _tenure(program=CHOSEN, program_is_set=True)
    assert watch.judge(played, _exit("process"), NATIVE) == []
    restored = _tenure(restore=SimpleNamespace(edits=(CHOSEN,)))
    assert watch.judge(restored, _exit("parameters"), NATIVE) == []
