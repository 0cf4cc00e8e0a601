# SPDX-License-Identifier: GPL-3.0-or-later
"""The host behind a window, from its first song to its end."""

import os
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from host.desk.desk import Desk, DeskSettings
from host.desk.library import Library
from host.desk.server import DeskServer
from host.store.database import Database
from ipc.errors import MachineError
from tools import console
from tools.cli import SCREENS
from tools.commands.crashes import lines_of
from tools.commands.plugins import opened
from tools.play.resume import resume
from ui.needed import missing


@dataclass(frozen=True)
class DeskJob:
    """What to open: a song file, a session to go on with, or an empty song."""

    song: Path | None = None
    session: str | None = None
    with_window: bool = True
    play: bool = False


def require_screen() -> None:
    """Raises MachineError where no window can be shown."""
    if problem := missing():
        raise MachineError(problem)
    if not any(os.environ.get(name) for name in SCREENS):
        raise MachineError(
            "there is no screen for a window (DISPLAY and WAYLAND_DISPLAY are not set): begin it "
            "from a desktop, or `isobooth open --no-window` for the host alone"
        )


def serve(job: DeskJob, settings: DeskSettings, database: Database) -> bool:
    """Serves windows until one says quit, or the user ends it. Whether a session is kept, because
    nobody has said that it is over. Raises InputError or MachineError."""
    if job.with_window:
        require_screen()
    command = [sys.executable, "-m", "tools.cli"]
    library = Library(database, lambda: opened(None), lines_of)
    with Desk(database, settings) as desk:
        if job.session is not None:
            recovered = resume(job.session)
            for line in recovered.notes:
                console.warn(line)
            desk.resume(recovered)
        elif job.song is not None:
            desk.open_file(str(job.song))
        else:
            desk.new_song()
        if job.play:
            desk.play(True)
        try:
            server = DeskServer(
                desk,
                library,
                command,
                lambda: ["open", "--no-window", *_options(desk.settings), "--resume"],
            )
        except OSError as error:
            raise MachineError(f"no window can be served: {error.strerror or error}") from None
        try:
            console.note(f"windows are served at {server.path}")
            window = start_window(server.path) if job.with_window else None
            if window is not None:
                threading.Thread(target=_tell_end, args=(window, server), daemon=True).start()
            server.run()
            if window is not None and not server.was_asked_to_quit:
                window.terminate()
        finally:
            server.close()
        # Behind the last request that was still at work.
        keeps = not server.was_asked_to_quit and desk.history.is_modified
        desk.close(keep=keeps)
        return keeps


def _tell_end(window: "subprocess.Popen[bytes]", server: DeskServer) -> None:
    """That the music plays on, where the window ends without a word: it crashed, or never came."""
    code = window.wait()
    if not server.was_asked_to_quit and not server.is_ending:
        console.warn(
            f"the window has ended ({_how(code)}); the song plays on: `isobooth ui` opens another "
            "window, Ctrl-C ends the host"
        )


def _how(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def start_window(path: str) -> "subprocess.Popen[bytes]":
    """The window's process. It ends when it likes, and outlives whoever started it."""
    command = [sys.executable, "-m", "ui", "--socket", path]
    environment = {**os.environ, "PYTHONPATH": _import_path()}
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, env=environment)


def _import_path() -> str:
    """That of this process, so that the window is of the same version."""
    here = str(Path(__file__).resolve().parents[2])
    known = os.environ.get("PYTHONPATH", "")
    return f"{here}{os.pathsep}{known}" if known else here


def _options(settings: DeskSettings) -> list[str]:
    device = ["--device", settings.device] if settings.device is not None else []
    return [*device, "--block", str(settings.block_frames)]


def answers(path: str) -> bool:
    """Whether a host waits for windows there."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except OSError:
            return False
        return True
