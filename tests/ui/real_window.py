# SPDX-License-Identifier: GPL-3.0-or-later
"""`isobooth open` on a real desktop, steered and seen from outside.

What the window shows is asked of it as a screen reader does; what the host has made of it is asked
of the host, as another window.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from ipc.desk.state import DeskState
from ipc.processes import children_of, command_line
from ipc.status import SlotStatus
from tests.process.desks import Window as Watcher
from tests.process.ended import unreaped
from tests.process.jack import until
from tests.ui.hands import Hands
from tests.ui.real_desktop import Desktop
from tests.ui.screen_reader import ScreenReader, Thing

_OPTIONS = ("--device", "null", "--block", "512")
_START_S = 60.0
_PATIENCE_S = 40.0


@dataclass
class RealWindow:
    """`eyes` find things, `hands` use them; `host` tells what has come of it."""

    process: "subprocess.Popen[bytes]"
    socket: str
    host: Watcher
    eyes: ScreenReader
    hands: Hands
    desktop: Desktop

    @property
    def state(self) -> DeskState:
        """As the host has it now."""
        return self.host.ask_state()

    @property
    def window_pid(self) -> int:
        return next(pid for pid in children_of(self.process.pid) if is_window(pid))

    def click(self, name: str, role: str | None = None, within: Thing | None = None) -> None:
        """On what has this name."""
        self.hands.click(self.eyes.find(name, role, within).middle)

    def slot(self, name: str | Callable[[str], bool], track: str) -> Thing:
        """Its row in the mixer. The name says how it is, too: "Gain, active"."""
        return self.eyes.find(name, within=self.eyes.find(f"Strip of {track}"))

    def until(self, condition: Callable[[DeskState], object], what: str) -> DeskState:
        """Until the host has it so."""
        deadline = time.monotonic() + _PATIENCE_S
        while not condition(state := self.state):
            assert time.monotonic() < deadline, f"not within {_PATIENCE_S:g} s: {what}"
            time.sleep(0.05)
        return state

    def until_active(self) -> None:
        """All plugins play."""
        self.until(
            lambda s: all(
                slot.status is SlotStatus.ACTIVE
                for track in (*s.tracks, s.master)
                for slot in track.slots
            ),
            "all plugins are active",
        )


def is_window(pid: int) -> bool:
    """Whether the process is one of `python -m ui`."""
    words = command_line(pid)
    return ("-m", "ui") in pairwise(words)


def is_shown(eyes: ScreenReader) -> bool:
    """Whether there is a window on the screen."""
    return eyes.sees(lambda name: name.endswith("– Isobooth"), "frame")


def remember_the_user(desktop: Desktop, **settings: str) -> None:
    """As somebody who has been here before: no welcome."""
    file = Path(desktop.environment["XDG_CONFIG_HOME"], "isobooth", "window.ini")
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{name}={value}" for name, value in {"is_known": "true", **settings}.items()]
    file.write_text("\n".join(["[General]", *lines, ""]))


@contextlib.contextmanager
def opened(desktop: Desktop, song: Path, scale: str = "") -> Iterator[RealWindow]:
    """Waits until the song is shown. Ends host and window if nobody else has."""
    environment = {**desktop.environment, **({"QT_SCALE_FACTOR": scale} if scale else {})}
    before = set(children_of(os.getpid()))
    log = song.with_suffix(".log")
    with log.open("wb") as told, contextlib.ExitStack() as ends:
        process = subprocess.Popen(
            [sys.executable, "-m", "tools.cli", "open", str(song), *_OPTIONS],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=told,
        )
        ends.callback(_ended, process, before)
        until(lambda: "served at" in log.read_text(), "the host serves windows", _START_S)
        line = next(line for line in log.read_text().splitlines() if "served at" in line)
        host = Watcher(line.split()[-1])
        ends.callback(host.close)
        eyes = ScreenReader(desktop.bus)
        ends.callback(eyes.close)
        hands = Hands(desktop.display.name, eyes.settle)
        ends.callback(hands.close)
        window = RealWindow(process, line.split()[-1], host, eyes, hands, desktop)
        until(lambda: is_shown(eyes), "the window", _START_S)
        ends.callback(_kill_window, next(filter(is_window, children_of(process.pid))))
        for track in window.state.tracks:
            eyes.find(f"Strip of {track.name}")
        yield window


def _kill_window(pid: int) -> None:
    """Its host may be dead, and it nobody's child."""
    if is_window(pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _ended(process: "subprocess.Popen[bytes]", before: set[int]) -> None:
    for pid in children_of(process.pid):
        _kill_window(pid)
    process.send_signal(signal.SIGINT)
    process.wait(30)
    # Where an earlier test has made this process adopt orphans.
    until(lambda: not unreaped(set(children_of(os.getpid())) - before - {process.pid}), "all ended")
