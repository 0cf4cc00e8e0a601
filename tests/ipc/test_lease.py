# SPDX-License-Identifier: GPL-3.0-or-later
"""A record belongs to one worker at a time, and a damaged one to nobody."""

import pytest

from ipc.lease import RecordPool


def test_records_are_leased_once_each_and_then_there_is_none() -> None:
    pool = RecordPool(3)
    assert [pool.lease() for _ in range(4)] == [0, 1, 2, None]
    assert pool.free == 0
    assert pool.leased == {0, 1, 2}


def test_a_returned_record_is_the_last_to_be_used_again() -> None:
    pool = RecordPool(3)
    first = pool.lease()
    assert first is not None
    pool.release(first)
    assert [pool.lease() for _ in range(3)] == [1, 2, 0]


def test_only_a_leased_record_can_be_returned() -> None:
    pool = RecordPool(2)
    with pytest.raises(ValueError, match="record 0 is not leased"):
        pool.release(0)
    record = pool.lease()
    assert record == 0
    pool.release(record)
    with pytest.raises(ValueError, match="record 0 is not leased"):
        pool.release(record)


def test_a_record_is_cleared_on_return_and_dropped_if_it_is_damaged() -> None:
    renewed: list[int] = []

    def renew(record: int) -> bool:
        renewed.append(record)
        return record != 1

    pool = RecordPool(2, renew)
    pool.lease(), pool.lease()
    pool.release(0)
    pool.release(1)
    assert renewed == [0, 1]
    assert pool.condemned == {1}
    assert [pool.lease(), pool.lease()] == [0, None]


def test_a_condemned_record_never_comes_back() -> None:
    pool = RecordPool(1)
    assert pool.lease() == 0
    pool.condemn(0)
    pool.release(0)  # its process tree has been reaped
    assert pool.lease() is None
