# SPDX-License-Identifier: GPL-3.0-or-later
"""What counts against a plugin that does not answer: neither its steps, nor a busy machine."""

import asyncio
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from host.scan import patience
from host.scan.patience import Patience, StandsStill, TooSlow
from ipc.connection import RequestTimeout
from ipc.messages import RIG_THREAD_NAME, Perform
from ipc.worker_process import WorkerProcess

LIMIT_S = 0.5
LOOKS = 20  # far more than the limit allows one that stands still


class _Worker:
    """Answers after so many looks, or not before the longest time; steps on each look."""

    pid = 1

    def __init__(self, answers: bool, step: Callable[[int], None] = lambda look: None) -> None:
        self.looks = 0
        self.step = step
        self.ended = asyncio.Event() if answers else None

    def look(self, pid: int, cpu_s: float, wants_core: bool) -> Any:
        self.looks += 1
        self.step(self.looks)
        if self.looks == LOOKS and self.ended is not None:
            self.ended.set()
        return patience._Use(pid, cpu_s * self.looks, wants_core)

    async def request(self, request: Any, most_s: float) -> str:
        if self.ended is not None:
            await self.ended.wait()
            return "answer"
        await asyncio.sleep(most_s)
        raise RequestTimeout("too late")


def _ask(
    monkeypatch: pytest.MonkeyPatch,
    *,
    cpu_s: float = 0.0,
    wants_core: bool = False,
    answers: bool = True,
    step: Callable[[Patience, int], None] = lambda given, look: None,
    most_s: float = 60.0,
) -> Any:
    async def asked() -> Any:
        given = Patience(LIMIT_S, most_s)
        worker = _Worker(answers, lambda look: step(given, look))
        monkeypatch.setattr(patience, "_use_of", lambda pid, _: worker.look(pid, cpu_s, wants_core))
        return await given.request(cast(WorkerProcess, worker), Perform([]))

    return asyncio.run(asked())


def test_one_that_waits_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StandsStill) as raised:
        _ask(monkeypatch)
    assert not raised.value.spins


def test_one_that_calculates_without_a_step_spins(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StandsStill) as raised:
        _ask(monkeypatch, cpu_s=0.1, wants_core=True)
    assert raised.value.spins


def test_one_that_waits_for_a_core_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _ask(monkeypatch, wants_core=True) == "answer"


def test_a_step_gives_it_its_whole_time_again(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _ask(monkeypatch, step=lambda given, look: given.note_advance(look, 99)) == "answer"
    assert _ask(monkeypatch, step=lambda given, look: given.note_phase()) == "answer"


def test_a_step_that_was_told_before_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StandsStill):
        _ask(monkeypatch, step=lambda given, look: given.note_advance(1, 99))


def test_patience_with_one_that_gets_on_ends_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TooSlow, match="of 99 frames in"):
        _ask(
            monkeypatch,
            answers=False,
            step=lambda given, look: given.note_advance(look, 99),
            most_s=4 * LIMIT_S,
        )


def test_one_that_had_no_core_to_the_end_of_all_patience_is_slow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(TooSlow):
        _ask(monkeypatch, wants_core=True, answers=False, most_s=3 * LIMIT_S)


def test_the_thread_that_plays_is_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()
    began = threading.Event()

    def play() -> None:
        Path(f"/proc/self/task/{threading.get_native_id()}/comm").write_text(RIG_THREAD_NAME)
        began.set()
        ended.wait()

    player = threading.Thread(target=play)
    player.start()
    try:
        began.wait()
        pid = os.getpid()
        thread = patience.rig_thread(pid)
        assert thread == player.native_id
        looked: list[str] = []
        monkeypatch.setattr(os, "listdir", lambda path: looked.append(path) or [str(thread)])
        assert patience.rig_thread(pid, thread) == thread and not looked
        use = patience._use_of(pid, thread)
        assert use is not None and use.thread == thread and not looked
        assert patience.rig_thread(pid, pid) == thread and looked
        # Whoever was the player is none any more.
        assert patience.rig_thread(pid, threading.get_native_id()) == thread
    finally:
        ended.set()
        player.join()
