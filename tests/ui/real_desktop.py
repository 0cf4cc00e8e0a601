# SPDX-License-Identifier: GPL-3.0-or-later
"""A desktop that nobody sees: a display, openbox on it, and the bus that screen readers listen to.

The window runs there as it does at home, as a process of its own with Qt's platform for X11. What
is offscreen in other tests, such as who is told of a drag, who gets the keys and what a window
manager makes of a window, is real here.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from Xlib.display import Display as Connection

from host.stress.display import Display, virtual_display
from ipc.processes import children_of
from tests.process.ended import unreaped
from tests.process.jack import until
from tests.ui.screen_reader import ask_for_programs

SIZE = (1440, 1000)
_ACCESSIBILITY = Path("/usr/share/defaults/at-spi2/accessibility.conf")
_WANTED = {"Xvfb": "xvfb", "openbox": "openbox", "dbus-daemon": "dbus-daemon"}


def missing() -> str:
    """Debian packages that this machine lacks; "" if it has what it takes."""
    lacks = [package for program, package in _WANTED.items() if shutil.which(program) is None]
    if not _ACCESSIBILITY.exists():
        lacks.append("at-spi2-core")
    return ", ".join(lacks)


needs_desktop = pytest.mark.skipif(bool(missing()), reason=f"packages are missing: {missing()}")


@dataclass(frozen=True)
class Desktop:
    """`environment`: for programs that shall appear there."""

    display: Display
    bus: str
    environment: dict[str, str]


@contextlib.contextmanager
def real_desktop(size: tuple[int, int] = SIZE) -> Iterator[Desktop]:
    """Ends what it has started."""
    before = set(children_of(os.getpid()))
    with contextlib.ExitStack() as ends:
        # What the bus has started is ours where an earlier test has made us adopt orphans.
        ends.callback(
            until, lambda: not unreaped(set(children_of(os.getpid())) - before), "all ended"
        )
        display = ends.enter_context(virtual_display(size))
        folder = ends.enter_context(tempfile.TemporaryDirectory(prefix="isobooth-desktop-"))
        bus = f"unix:path={folder}/bus"
        environment = {
            **{name: value for name, value in os.environ.items() if name != "QT_SCALE_FACTOR"},
            "DISPLAY": display.name,
            "QT_QPA_PLATFORM": "xcb",
            "AT_SPI_BUS_ADDRESS": bus,
            # Of the one who runs the tests: nothing here is any business of that desktop.
            "DBUS_SESSION_BUS_ADDRESS": "disabled:",
        }
        for name in ("WAYLAND_DISPLAY", "XDG_CURRENT_DESKTOP", "DESKTOP_SESSION"):
            environment.pop(name, None)
        plain = {name: value for name, value in environment.items() if name != "LD_PRELOAD"}
        for command in (
            ["dbus-daemon", f"--config-file={_ACCESSIBILITY}", "--nofork", f"--address={bus}"],
            ["openbox", "--sm-disable"],
        ):
            ends.enter_context(_running(command, plain))
        until(Path(folder, "bus").exists, "the bus of screen readers")
        until(lambda: _is_managed(display.name), "the window manager")
        ask_for_programs(bus)  # that starts the one who knows them
        yield Desktop(display, bus, environment)


@contextlib.contextmanager
def _running(command: list[str], environment: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _is_managed(name: str) -> bool:
    """Whether a window manager has said that it is there."""
    connection = Connection(name)
    try:
        atom = connection.intern_atom("_NET_SUPPORTING_WM_CHECK")
        return connection.screen().root.get_full_property(atom, 0) is not None
    finally:
        connection.close()
