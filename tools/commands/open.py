# SPDX-License-Identifier: GPL-3.0-or-later
"""`isobooth open`: work on a song in a window, while a host of its own plays it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tools import console


def register(app: typer.Typer) -> None:
    """Add `open` to the command line."""
    app.command("open")(open_command)


def open_command(
    song: Annotated[
        Path | None, typer.Argument(metavar="SONG.json", help="A song; none: an empty one.")
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(
            "--device",
            metavar="NAME|null",
            help="The audio device, or null for none (`play --device list` shows them); default: "
            "what was chosen last in a window.",
        ),
    ] = None,
    block: Annotated[
        int | None,
        typer.Option(
            "--block",
            min=16,
            max=4096,
            help="Frames in a block; default: what was chosen last in a window, else 128.",
        ),
    ] = None,
    resume: Annotated[
        str | None,
        typer.Option("--resume", metavar="SESSION", help="Go on with what a killed host has left."),
    ] = None,
    no_window: Annotated[
        bool, typer.Option("--no-window", help="Only the host; `isobooth ui` opens a window.")
    ] = False,
    play: Annotated[bool, typer.Option("--play", help="Begin to play at once.")] = False,
) -> int:
    """Open a song in a window.

    The window is a process of its own: if it ends, the music plays on, and `isobooth ui` opens
    another one. If the host ends, the window keeps what it shows and goes on with it on a click.
    """
    from host.desk.desk import DeskSettings
    from host.desk.last_device import last_device
    from ipc.errors import InputError
    from tools.commands.permission_rules import permission_rules
    from tools.commands.store import open_store
    from tools.commands.trusted_files import trust_settings
    from tools.desk.run import DeskJob, serve

    if song is not None and resume is not None:
        raise InputError("name a song or a session to resume, not both")
    last = last_device()
    settings = DeskSettings(
        device=last.device if device is None else device,
        block_frames=last.block_frames if block is None else block,
        permissions=permission_rules(),
        trust=trust_settings(),
    )
    job = DeskJob(song, resume, not no_window, play)
    with open_store() as database:
        kept = serve(job, settings, database)
    if kept:
        console.note("what was not saved is kept: `isobooth play --resume list` shows it")
    return console.ExitCode.OK
