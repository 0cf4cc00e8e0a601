# SPDX-License-Identifier: GPL-3.0-or-later
"""What a worker announced before its end may be anything."""

import pytest

from host.scan.asking import Answer
from host.scan.verdict import Outcome, PhaseResult, Status
from host.stress.death import PluginDied


@pytest.mark.parametrize(
    ("phase", "call"),
    [
        ("call 12 render", 12),
        ("call 0 render", 0),
        ("call ² render", None),
        ("call ١ render", None),
        ("call -1 render", None),
        ("call", None),
        ("create", None),
        ("", None),
    ],
)
def test_the_call_that_it_died_of(phase: str, call: int | None) -> None:
    last = PhaseResult(phase=phase, outcome=Outcome.CRASHED, ms=1.0)
    assert PluginDied(Answer([last], status=Status.CRASHED)).call == call
