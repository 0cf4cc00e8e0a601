# SPDX-License-Identifier: GPL-3.0-or-later
"""When a plugin is tried again, when it is given up, and whether for good."""

from host.config import FaultPolicy
from host.fault_history import FaultHistory

POLICY = FaultPolicy(
    crash_limit=3,
    crash_window_s=60.0,
    first_restart_s=0.0,
    next_restart_s=0.25,
    longest_restart_s=4.0,
)


def history(*faults: tuple[float, bool], policy: FaultPolicy = POLICY) -> FaultHistory:
    made = FaultHistory(policy)
    for when, own in faults:
        made.add(when, own)
    return made


def test_the_first_fault_is_followed_by_another_try_at_once_the_next_by_pauses() -> None:
    patient = FaultPolicy(crash_limit=100)
    pauses = []
    made = FaultHistory(patient)
    for second in range(8):
        made.add(float(second))
        pauses.append(made.back_off_s)
    assert pauses == [0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 4.0, 4.0]


def test_three_faults_of_its_own_are_its_own_doing() -> None:
    made = history((0, True), (1, True))
    assert not made.is_hopeless
    made.add(2)
    assert made.is_hopeless and made.is_own_doing
    assert str(made) == "failed 3 times in 60 s"


def test_kills_by_others_make_it_hopeless_but_not_its_own_doing() -> None:
    made = history((0, True), (1, False), (2, True))
    assert made.is_hopeless and not made.is_own_doing
    assert str(made) == "failed 3 times in 60 s, 1 of them killed by someone else"
    made.add(3)
    assert made.is_own_doing


def test_faults_beyond_the_window_count_no_longer() -> None:
    made = history((0, True), (1, True), (61.5, True))
    assert not made.is_hopeless
    assert made.back_off_s == 0.0
