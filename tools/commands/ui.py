# SPDX-License-Identifier: GPL-3.0-or-later
"""`isobooth ui`: another window for a host that runs."""

from __future__ import annotations

from typing import Annotated

import typer

from tools import console


def register(app: typer.Typer) -> None:
    """Add `ui` to the command line."""
    app.command("ui")(ui_command)


def ui_command(
    socket: Annotated[
        str | None,
        typer.Argument(metavar="SOCKET", help="Which host; none: the one begun last."),
    ] = None,
    attach: Annotated[
        bool, typer.Option("--attach", help="Join a host that runs: what it does anyway.")
    ] = True,
) -> int:
    """Open a window for a host that runs, such as one whose window was closed or has crashed."""
    from ipc.desk.places import desk_sockets
    from ipc.errors import InputError
    from tools.desk.run import answers, require_screen, start_window

    require_screen()
    found = [socket] if socket is not None else [str(path) for path in desk_sockets()]
    alive = next((path for path in found if answers(path)), None)
    if alive is None:
        where = f"at {socket}" if socket is not None else "for windows"
        raise InputError(f"no host waits {where}: `isobooth open SONG.json` starts one")
    code = start_window(alive).wait()
    return console.ExitCode.OK if code == 0 else console.ExitCode.FAILED
