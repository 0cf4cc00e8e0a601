# SPDX-License-Identifier: GPL-3.0-or-later
"""Block times are counted, not kept, and still true to a quarter of a percent."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tools.block_log import BlockLog, BlockTimes


class _Engine:
    """Hands out what is put into `log`, once."""

    def __init__(self) -> None:
        self.log: list[float] = []

    def read_blocks(self) -> dict[str, Any]:
        log, self.log = self.log, []
        return {"duration_ns": np.array(log, dtype=np.uint64)}


@pytest.fixture
def engine() -> Any:
    return _Engine()


def _close(times: BlockTimes, median: float, p99: float, longest: float) -> bool:
    got = SimpleNamespace(**{name: getattr(times, name) for name in times.__struct_fields__})
    return (got.median, got.p99) == pytest.approx(
        (median, p99), rel=0.0051, abs=0.051
    ) and got.max == pytest.approx(longest, abs=0.051)


def test_times_are_in_microseconds_whatever_their_size(engine: Any) -> None:
    for scale in (0.01, 1, 1000, 1_000_000):
        log = BlockLog(engine)
        engine.log = [scale * 1000 * n for n in range(1, 101)]
        log.read()
        assert _close(log.times(), 50 * scale, 99 * scale, 100 * scale), scale


def test_no_blocks_take_no_time(engine: Any) -> None:
    log = BlockLog(engine)
    log.read()
    assert log.times() == log.recent() == BlockTimes()


def test_a_batch_counts_by_the_block(engine: Any) -> None:
    log = BlockLog(engine, batch=8)
    engine.log = [80_000] * 10
    log.read()
    assert _close(log.times(), 10, 10, 10)
    assert log.recent() == BlockTimes(10.0, 10.0, 10.0)


def test_all_reads_count_and_the_recent_ones_apart(engine: Any) -> None:
    log = BlockLog(engine)
    engine.log = [900_000] * 2000
    log.read()
    for _ in range(10):
        engine.log = [100_000] * 100
        log.read()
    assert _close(log.times(), 900, 900, 900)
    assert log.recent() == BlockTimes(100.0, 100.0, 100.0)


def test_median_and_longest_never_cross(engine: Any) -> None:
    """A counter's middle may lie beyond the longest block that it holds."""
    log = BlockLog(engine)
    for time_ns in range(1000, 100_000, 777):
        log = BlockLog(engine)
        engine.log = [time_ns]
        log.read()
        times = log.times()
        assert times.median <= times.p99 <= times.max


def test_a_block_of_no_time_at_all_is_counted(engine: Any) -> None:
    log = BlockLog(engine)
    engine.log = [0, 0]
    log.read()
    assert log.times() == BlockTimes()
