# SPDX-License-Identifier: GPL-3.0-or-later
"""A slot's own window, with a worker that is played: what it tells is taken as far as it may be."""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from host import slot_window
from host.journal import Journal
from host.permissions import PermissionRules, PluginRule
from host.slot_context import SlotContext
from host.slot_window import SlotWindow
from host.song import Slot
from host.tenure import Tenure
from ipc.connection import RequestFailed
from ipc.errors import WorkerError
from ipc.messages import (
    CloseWindow,
    Failed,
    GetParameters,
    Message,
    OpenWindow,
    Parameters,
    WindowEdit,
    WindowNews,
)

PARAMETERS = 400


class Played:
    """A worker, and its time in a slot. `on_open` is what it does while it opens a window."""

    alive = True
    on_open: Callable[[], Awaitable[None]] | None = None

    def __init__(self) -> None:
        self.worker = self
        self.has_window = False
        self.asked: list[type[Message]] = []
        self.on_window: Callable[[WindowNews], None] = lambda news: None

    async def request(self, message: Message, timeout_s: float) -> object:
        self.asked.append(type(message))
        await asyncio.sleep(0)
        if isinstance(message, GetParameters):
            return Parameters(values=[0.5] * PARAMETERS)
        if isinstance(message, OpenWindow) and self.on_open is not None:
            await self.on_open()
        return None

    def tells(self, *edits: WindowEdit, is_closed: bool = False) -> None:
        self.on_window(WindowNews(edits=list(edits), is_closed=is_closed))


class PlayedSlot:
    """Its owner: counts what is journalled."""

    status, reason = "active", ""

    def __init__(self, tenure: Played) -> None:
        self.spec = Slot(id="a0", plugin="builtin:gain")
        parameter = SimpleNamespace(read_only=False)
        self.description = SimpleNamespace(parameters=[parameter] * PARAMETERS, has_editor=True)
        self.journal = Journal()
        self.edits: list[tuple[int, float]] = []
        self._tenure = tenure

    async def playing_tenure(self, with_display: bool) -> Played:
        await asyncio.sleep(0)
        return self._tenure

    def edited_in_window(self, parameter: int, value: float, is_heard: bool) -> None:
        self.edits.append((parameter, value))
        self.journal.edit(parameter, value)


class Stage:
    def __init__(self) -> None:
        self.worker = Played()
        self.slot = PlayedSlot(self.worker)
        context = SimpleNamespace(
            config=SimpleNamespace(faults=SimpleNamespace(save_limit_s=1.0)),
            permissions=PermissionRules(rules=(PluginRule(id="*", display=True),)),
        )
        self.window = SlotWindow(cast(Any, self.slot), cast(SlotContext, context))
        self.window.watch(cast(Tenure, self.worker))

    async def open(self) -> None:
        await self.window.open("Title", 0)

    def steps(self) -> list[int]:
        """Of undo, that come of what was told."""
        self.window.tick()
        steps = dict.fromkeys(change.gesture for change in self.window.changes)
        self.window.changes.clear()
        return list(steps)


def on_stage(body: Callable[[Stage], Awaitable[None]]) -> None:
    async def run() -> None:
        await body(Stage())

    asyncio.run(run())


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds, which only the test lets pass."""
    now = [1000.0]
    monkeypatch.setattr(slot_window, "screen_here", lambda: None)
    monkeypatch.setattr(slot_window, "monotonic_ns", lambda: int(now[0] * 1e9))
    return now


def edit(value: float, gesture: int = 1, parameter: int = 0) -> WindowEdit:
    return WindowEdit(parameter, value, 0.5, gesture)


# ---------------------------------------------------------------- what a worker may tell


def test_a_worker_whose_window_is_not_open_changes_nothing() -> None:
    async def body(stage: Stage) -> None:
        stage.worker.tells(edit(0.75), is_closed=True)
        assert not stage.steps()
        await stage.open()
        await stage.window.close()
        stage.worker.tells(edit(0.75), is_closed=True)
        assert not stage.steps() and not stage.slot.edits

    on_stage(body)


def test_what_is_told_between_two_ticks_is_one_edit_a_parameter_however_often_it_says_closed() -> (
    None
):
    async def body(stage: Stage) -> None:
        await stage.open()
        for number in range(100):
            edits = [edit(number / 100, number, parameter) for parameter in range(5)]
            stage.worker.tells(*edits, is_closed=True)
        stage.window.tick()
        assert stage.slot.edits == [(parameter, 0.0) for parameter in range(5)]
        assert stage.window.status == "shut"

    on_stage(body)


def test_gestures_make_no_more_steps_than_a_hand(clock: list[float]) -> None:
    async def body(stage: Stage) -> None:
        await stage.open()
        steps: set[int] = set()
        for number in range(1000):  # in 10 s
            clock[0] += 0.01
            stage.worker.tells(edit(number / 1000, number))
            steps.update(stage.steps())
        assert 10 <= len(steps) <= 40
        # Those of a hand are one step each, as long as they last.
        steps.clear()
        for number in range(2000, 2010):
            for _ in range(100):
                clock[0] += 0.01
                stage.worker.tells(edit(0.25, number))
                steps.update(stage.steps())
        assert len(steps) == 10

    on_stage(body)


def test_what_waits_to_be_shown_of_one_slot_is_bounded_and_takes_no_other_s_place(
    clock: list[float],
) -> None:
    async def body(stage: Stage) -> None:
        other = Stage()
        await stage.open()
        await other.open()
        other.worker.tells(edit(0.75))
        other.window.tick()
        for number in range(100):
            stage.worker.tells(*(edit(0.1, number, parameter) for parameter in range(PARAMETERS)))
            stage.window.tick()
        assert len(stage.window.changes) < 100 * PARAMETERS
        assert [change.value for change in other.window.changes] == [0.75]

    on_stage(body)


def test_a_window_that_is_opened_again_goes_on_with_no_gesture(clock: list[float]) -> None:
    async def body(stage: Stage) -> None:
        steps: list[int] = []
        for _ in range(3):  # each counts its gestures from 1
            await stage.open()
            stage.worker.tells(edit(0.75, 1))
            stage.worker.tells(is_closed=True)
            steps += stage.steps()
            clock[0] += 0.01
        assert len(set(steps)) == 3

    on_stage(body)


# ---------------------------------------------------------------- opened and closed at once


def test_a_user_who_closes_it_before_it_is_known_to_be_open_has_closed_it() -> None:
    async def body(stage: Stage) -> None:
        async def closed_at_once() -> None:
            stage.worker.tells(edit(0.75), is_closed=True)

        stage.worker.on_open = closed_at_once
        await stage.open()
        assert stage.window.status == "shut" and not stage.worker.has_window
        assert stage.steps() and stage.slot.edits == [(0, 0.75)]  # what was changed before counts
        stage.worker.on_open = None
        await stage.open()
        assert stage.window.status == "open"

    on_stage(body)


def test_one_that_is_closed_while_it_is_asked_to_the_front_opens_anew() -> None:
    async def body(stage: Stage) -> None:
        async def the_first_is_closed() -> None:
            stage.worker.tells(is_closed=True)

        await stage.open()
        stage.worker.on_open = the_first_is_closed
        await stage.open()
        assert stage.window.status == "open" and stage.worker.has_window

    on_stage(body)


def test_close_is_not_lost_while_it_opens() -> None:
    async def body(stage: Stage) -> None:
        is_served = asyncio.Event()

        async def slowly() -> None:
            await is_served.wait()

        stage.worker.on_open = slowly
        opening = asyncio.create_task(stage.open())
        while OpenWindow not in stage.worker.asked:
            await asyncio.sleep(0)
        closing = asyncio.create_task(stage.window.close())
        settled = asyncio.create_task(stage.window.settled())
        for _ in range(10):
            await asyncio.sleep(0)
        assert stage.window.status == "opening" and not settled.done()
        is_served.set()
        await asyncio.gather(opening, closing, settled)
        assert stage.window.status == "shut" and stage.worker.asked[-1] is CloseWindow

    on_stage(body)


def test_one_that_is_closed_before_its_worker_is_asked_is_not_opened() -> None:
    async def body(stage: Stage) -> None:
        await asyncio.gather(stage.open(), stage.window.close())
        assert stage.window.status == "shut" and OpenWindow not in stage.worker.asked

    on_stage(body)


def test_what_was_changed_just_before_it_is_closed_counts() -> None:
    async def body(stage: Stage) -> None:
        await stage.open()
        closing = asyncio.create_task(stage.window.close())
        await asyncio.sleep(0)
        stage.worker.tells(edit(0.75))
        await closing
        stage.window.tick()
        assert stage.slot.edits == [(0, 0.75)]

    on_stage(body)


# ---------------------------------------------------------------- refused


@pytest.mark.parametrize("no_editor", [False, True])
def test_only_a_plugin_that_has_no_editor_is_not_asked_again(no_editor: bool) -> None:
    async def body(stage: Stage) -> None:
        async def refuses() -> None:
            words = "no editor can be opened: the display :0 cannot be reached"
            raise RequestFailed(Failed("window", words, no_editor=no_editor))

        stage.worker.on_open = refuses
        with pytest.raises(WorkerError, match="cannot be reached"):
            await stage.open()
        assert stage.window.status == ("none" if no_editor else "shut")

    on_stage(body)
