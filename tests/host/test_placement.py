# SPDX-License-Identifier: GPL-3.0-or-later
"""Chains are spread over the cores, and standbys keep out of their chain's way."""

from host.placement import Placement


def test_chains_take_the_cores_in_turn_behind_the_first() -> None:
    placement = Placement(cores=[2, 3, 5])
    assert [placement.core_for_chain() for _ in range(4)] == [3, 5, 2, 3]


def test_a_standby_runs_on_another_core_than_its_chain() -> None:
    placement = Placement(cores=[2, 3, 5])
    assert [placement.core_beside(core) for core in (2, 3, 5)] == [3, 5, 2]


def test_where_nothing_is_pinned_a_standby_is_not_either() -> None:
    assert Placement(pin=False).core_beside(Placement(pin=False).core_for_chain()) == -1
    one = Placement(cores=[0])
    assert one.core_beside(one.core_for_chain()) == -1
