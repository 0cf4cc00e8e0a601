# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong around a plugin before it runs is never told, or kept, as the plugin's fault."""

import asyncio
import errno
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from host import slot_admission, slot_launch
from host.slot_loading import load_request
from host.store.blacklist import Blacklist
from host.store.crash_store import CrashStore
from host.store.database import Database
from ipc import confinement
from ipc.aside import aside
from ipc.messages import Load
from tests.process.songs import HostEventKind, Slot, SlotStatus, Song, Track, play

pytestmark = pytest.mark.process

SONG = Song(tracks=(Track(id="t", chain=(Slot(id="g", plugin="builtin:gain"),)),))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database(tmp_path) as opened:
        yield opened


def test_a_blacklist_that_does_not_answer_keeps_nobody_from_playing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, answered = threading.Event(), threading.Event()
    song = Song(
        tracks=(Track(id="t", chain=tuple(Slot(id=f"g{i}", plugin="builtin:gain") for i in "ab")),)
    )

    def wait(_list: Blacklist, _plugin: str) -> None:
        asked.set()
        answered.wait(30)

    monkeypatch.setattr(Blacklist, "is_blacklisted", wait)
    monkeypatch.setattr(slot_admission, "_LOOK_UP_S", 0.2)
    try:
        with play(song, database=database) as playing:
            assert asked.is_set()
            for slot in ("ga", "gb"):
                playing.until_status(slot, SlotStatus.ACTIVE)
            notices = [event.text for event in playing.events(HostEventKind.NOTICE)]
            assert sum("the blacklist cannot be read" in text for text in notices) == 2
    finally:
        answered.set()


def test_what_runs_aside_holds_up_nobody(
    wait_until: Callable[[Callable[[], object], float], None],
) -> None:
    release = threading.Event()

    async def both() -> float:
        started = time.monotonic()
        with pytest.raises(TimeoutError):
            await aside(lambda: release.wait(30), 0.05)
        assert await aside(lambda: 7, 5.0) == 7
        with pytest.raises(ZeroDivisionError):
            await aside(lambda: 1 // 0, 5.0)
        return time.monotonic() - started

    try:
        assert asyncio.run(both()) < 20
    finally:
        release.set()
    wait_until(lambda: not any(t.name == "isb-aside" for t in threading.enumerate()), 5.0)


def assert_nobody_is_blamed(database: Database, told: str) -> None:
    with play(SONG, database=database) as playing:
        playing.until_status("g", SlotStatus.FAILED)
        report = playing.slot("g")
        assert told in report.reason
        assert report.crashes == ()
        assert not playing.events(HostEventKind.FAULT)
    assert not CrashStore(database).list()
    assert not Blacklist(database).list()


def test_a_folder_that_cannot_be_made_for_a_plugin_is_not_its_fault(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full() -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(confinement, "new_private_folder", full)
    assert_nobody_is_blamed(database, "No space left on device")


def test_a_worker_that_cannot_be_prepared_is_not_the_plugin_s_fault(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def name_what_is_not_there(*arguments: Any) -> Load:
        request = load_request(*arguments)
        segments = msgspec.structs.replace(request.segments, end="/isobooth-nothing")
        return msgspec.structs.replace(request, segments=segments)

    monkeypatch.setattr(slot_launch, "load_request", name_what_is_not_there)
    assert_nobody_is_blamed(database, "no worker could be prepared")


def test_a_worker_that_names_a_stranger_s_thread_is_not_believed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(slot_launch, "is_thread_of", lambda thread, pid: False)
    with play(SONG) as playing:
        playing.until_status("g", SlotStatus.FAILED)
        assert "not its own" in playing.slot("g").reason
