# SPDX-License-Identifier: GPL-3.0-or-later
"""Every view of the window, drawn without a screen: `make screenshots`.

    python -m tools.screenshots [FOLDER]

A real host plays the demo's song, one plugin is made to crash, and each view is drawn in both
themes, at 1x and at 2x, as VIEW-THEME-1x.png.
"""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from host.desk.desk import Desk, DeskSettings
from host.desk.library import Library
from host.desk.server import DeskServer
from host.store.database import Database
from tools.commands.crashes import lines_of
from tools.commands.plugins import opened
from tools.demo.run import leave_song

FOLDER = Path("docs/images/window")
_SIZE = 1440, 900
_LOADED_S = 60.0
_PLAYED_S = 4.0
_SETTLE_S = 1.2
_LENGTH_S = 26.0


def main() -> int:
    """All of them; each theme and scale in a process of its own, because Qt asks once."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="isobooth-screenshots-") as home:
        environment = {
            **os.environ,
            "QT_QPA_PLATFORM": "offscreen",
            "XDG_CONFIG_HOME": f"{home}/config",
            "XDG_STATE_HOME": f"{home}/state",
            "ISOBOOTH_DATA": f"{home}/data",
        }
        song = leave_song(Path(home) / "demo", _LENGTH_S)
        _run([sys.executable, "-m", "tools.cli", "scan"], environment)
        for theme in ("dark", "light"):
            for scale in ("1", "2"):
                print(f"{theme}, {scale}x", flush=True)
                draw = ["-c", f"from tools.screenshots import draw; draw({str(song)!r}, "
                        f"{str(folder)!r}, {theme!r}, {scale!r})"]  # fmt: skip
                _run([sys.executable, *draw], {**environment, "QT_SCALE_FACTOR": scale})
    return 0


def _run(command: list[str], environment: dict[str, str]) -> None:
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)


def draw(song: str, folder: str, theme: str, scale: str) -> None:
    """In a process with QT_SCALE_FACTOR: all views in one theme."""
    # Drawing without a graphics card takes most of two cores: blocks that leave it room.
    settings = DeskSettings(device="null", block_frames=512)
    with Database() as database, Desk(database, settings) as desk:
        desk.open_file(song)
        server = DeskServer(
            desk,
            Library(database, lambda: opened(None), lines_of),
            [sys.executable, "-m", "tools.cli"],
        )
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            _draw_views(desk, server.path, Path(folder), theme, scale)
        finally:
            while thread.is_alive():
                server.stop()
                thread.join(0.1)
            server.close()


def _draw_views(desk: Desk, socket: str, folder: Path, theme_name: str, scale: str) -> None:
    from PyQt6.QtWidgets import QApplication

    from ui.desk import Desk as ShownDesk
    from ui.link import Link
    from ui.settings import Settings
    from ui.theme.theme import Theme
    from ui.window import Window

    application = QApplication(["isobooth"])
    theme = Theme("light" if theme_name == "light" else "dark")
    theme.apply()
    link = Link()
    shown = ShownDesk(link)
    with tempfile.TemporaryDirectory(prefix="isobooth-screenshots-") as kept:
        window = Window(shown, theme, Settings(Path(kept) / "window.ini"))
        window.resize(*_SIZE)
        window.show()
        shown.attach()
        link.open(socket)

        def wait(seconds: float, until: Callable[[], bool] = lambda: False) -> None:
            end = time.monotonic() + seconds
            while time.monotonic() < end and not until():
                application.processEvents()
                time.sleep(0.005)

        def shoot(view: str) -> None:
            wait(_SETTLE_S)
            window.grab().save(str(folder / f"{view}-{theme_name}-{scale}x.png"))

        def all_active() -> bool:
            slots = [slot for track in shown.state.tracks for slot in track.slots]
            return bool(slots) and all(slot.status == "active" for slot in slots)

        wait(_LOADED_S, all_active)
        desk.play(True)
        wait(_PLAYED_S)
        shoot("window")
        victim = next(slot for track in shown.state.tracks for slot in track.slots if slot.pid)
        window.panels.editors.open(victim.id)
        shoot("editor")
        dock = window.panels.editors.editor_of(victim.id)
        assert dock is not None
        dock.parentWidget().close()  # type: ignore[union-attr]
        assert victim.pid is not None
        os.kill(victim.pid, signal.SIGSEGV)
        wait(3.0)
        for view in ("crashes", "scan", "stress"):
            window.panels.show(view)
            shoot(view)
            window.panels.docks[view].hide()
        window.panels.show_welcome()
        wait(4.0)
        shoot("welcome")
        window.panels.close_commands()
        window.clock.close()
        link.close()


if __name__ == "__main__":
    sys.exit(main())
