# SPDX-License-Identifier: GPL-3.0-or-later
"""`isobooth demo`: see and hear that a mix plays on while its plugins fail."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tools import console
from tools.demo import DEFAULT_BLOCK_FRAMES, DEFAULT_SECONDS, MAX_SECONDS, MIN_SECONDS
from tools.options import JsonOption, number


def register(app: typer.Typer) -> None:
    """Add `demo` to the command line."""
    app.command("demo")(demo)


def demo(
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="Where the files go.")
    ] = Path("demo-out"),
    seconds: Annotated[
        float,
        typer.Option(
            "--seconds",
            parser=number(MIN_SECONDS, MAX_SECONDS),
            metavar="S",
            help=f"How long it plays, {MIN_SECONDS:g} to {MAX_SECONDS:g} seconds.",
        ),
    ] = DEFAULT_SECONDS,
    block: Annotated[
        int, typer.Option("--block", min=16, max=4096, help="Frames in a block.")
    ] = DEFAULT_BLOCK_FRAMES,
    song_only: Annotated[
        bool, typer.Option("--song-only", help="Only leave the song and its media, unplayed.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Play a song in real time while one plugin crashes, one is killed and one frozen.

    Needs no sound card. Leaves a WAV, a picture and the song; exits with 1 if a block was missing
    or a plugin did not come back as it was.
    """
    from tools.commands.store import open_store
    from tools.demo.progress import Progress
    from tools.demo.run import leave_song, perform
    from tools.demo.summary import lines, objects
    from tools.foreground import in_foreground

    if song_only:
        song = leave_song(out, seconds)
        if as_json:
            console.print_json({"song": str(song)})
        else:
            print(f"the demo's song is {console.printable(str(song))}")
        return
    with open_store() as database, Progress(seconds) as progress:
        take, files = in_foreground(
            lambda stop: perform(out, seconds, block, database, progress.tell, stop)
        )
    if as_json:
        console.print_json(objects(take, files))
    else:
        for line in lines(take, files):
            print(line)
    if not take.complete:
        raise typer.Exit(console.ExitCode.FAILED)
