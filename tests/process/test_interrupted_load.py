# SPDX-License-Identifier: GPL-3.0-or-later
"""Ctrl-C while plugins load: over soon, nothing left behind, nobody blamed."""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from host.config import HostConfig
from host.host import Host
from host.song import Slot, Song, Track
from host.store.crash_store import CrashStore
from host.store.database import Database

pytestmark = pytest.mark.process

QUIET = HostConfig(realtime=False)


def _song(*plugins: str) -> Song:
    slots = [Slot(id=f"s{i}", plugin=plugin) for i, plugin in enumerate(plugins)]
    return Song(tracks=(Track(id="only", chain=tuple(slots)),), length_s=1)


@pytest.mark.parametrize("after_s", [0.02, 0.15, 0.5])
def test_a_load_that_is_interrupted_ends_with_its_host(
    after_s: float, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """While the launcher starts, while it warms, while a plugin hangs."""
    with Database(tmp_path / "db") as database:
        with pytest.raises(KeyboardInterrupt), Host(QUIET, database) as host:
            timer = threading.Timer(after_s, os.kill, (os.getpid(), signal.SIGINT))
            timer.start()
            try:
                host.load(_song("builtin:gain", "fault:load-hang"))
            finally:
                timer.cancel()
                timer.join()
                begun = time.monotonic()
        assert time.monotonic() - begun < 5.0
        assert CrashStore(database).list() == []
    assert [r.message for r in caplog.records if r.levelno >= logging.WARNING] == []


def test_interrupt_frees_a_load_and_blames_no_plugin(
    tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    with Database(tmp_path / "db") as database, Host(QUIET, database) as host:
        song = _song("fault:load-hang", "fault:load-hang")
        loading = threading.Thread(target=host.load, args=(song,))
        loading.start()

        def freed() -> bool:
            host.interrupt()
            return not loading.is_alive()

        wait_until(freed, 10.0)
        assert CrashStore(database).list() == []
