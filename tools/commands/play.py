# SPDX-License-Identifier: GPL-3.0-or-later
"""`isobooth play`: a song on an audio device, live input and MIDI included."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tools import console
from tools.options import GroupingOption, JsonOption, ProfileOption, file_name, number

if TYPE_CHECKING:
    from host.session.recovery import Recovered
    from host.song import Song
    from tools.play.report import PlayReport
    from tools.play.session import PlaySettings

_LIST = "list"


def register(app: typer.Typer) -> None:
    """Add `play` to the command line."""
    app.command("play")(play)


def play(
    song: Annotated[
        Path | None,
        typer.Argument(
            parser=file_name,
            metavar="SONG.json",
            help="The song; with --resume: a session's id.",
        ),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|null|list",
            help="An audio device: its number or (part of) its name; null: none; list: show all.",
        ),
    ] = None,
    block: Annotated[
        int | None, typer.Option(min=16, max=4096, help="Frames in a block; default: 128.")
    ] = None,
    rate: Annotated[
        int | None,
        typer.Option(min=8000, max=192000, help="Sample rate, Hz; default: the song's."),
    ] = None,
    pipelined: Annotated[
        bool, typer.Option("--pipelined", help="Plugins get a whole block's time, a block late.")
    ] = False,
    loop: Annotated[bool, typer.Option("--loop", help="Begin again at the end.")] = False,
    seconds: Annotated[
        float | None,
        typer.Option(parser=number(0.0, 86400.0), metavar="S", help="Stop after so many seconds."),
    ] = None,
    profile: ProfileOption = None,
    grouping: GroupingOption = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on with a session that did not end in order, the last or the one named: its "
            "song, edits, plugin states and position. `--resume list` shows them.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> int:
    """Play a song on an audio device until it ends; Ctrl-C ends it sooner.

    A plugin that crashes or hangs is replaced while the mix plays on, and so is a device that is
    unplugged.
    """
    from host.song import Grouping
    from ipc.errors import InputError
    from tools.play.session import PlaySettings

    if device is not None and device.casefold() == _LIST:
        return _list_devices(as_json)
    if resume and song is not None and str(song) == _LIST:
        return _list_sessions(as_json)
    if song is None and not resume:
        raise InputError("which song? `isobooth play SONG.json`, or `--device list`")
    settings = PlaySettings(
        device=device,
        block_frames=block,
        sample_rate=rate,
        pipelined=pipelined,
        loop=loop,
        seconds=seconds,
        profile=profile,
        grouping=None if grouping is None else Grouping(grouping),
    )
    if resume:
        return _tell(_resume(None if song is None else str(song), settings), as_json)
    assert song is not None
    return _tell(_play_file(song, settings), as_json)


def _play_file(path: Path, settings: PlaySettings) -> PlayReport:
    from host.song_file import load_song
    from host.user_file import path_text
    from tools.play.resume import hint

    song = load_song(path)
    if (line := hint()) is not None:
        console.note(line)
    return _play(song, settings, path_text(path), None)


def _resume(session_id: str | None, asked: PlaySettings) -> PlayReport:
    from tools.play.resume import at_rate, resume, settings_of

    recovered = resume(session_id)
    settings = settings_of(recovered, asked)
    recovered = at_rate(recovered, settings.sample_rate or recovered.song.sample_rate)
    name = recovered.folder.about.song
    begin_s = recovered.position_frames / recovered.song.sample_rate
    console.note(f"going on with {console.printable(name)} at {begin_s:.1f} s")
    for line in recovered.notes:
        console.warn(line)
    return _play(recovered.song, settings, name, recovered)


def _play(song: Song, settings: PlaySettings, name: str, resumes: Recovered | None) -> PlayReport:
    from dataclasses import replace

    from tools.commands.permission_rules import permission_rules
    from tools.commands.store import open_store
    from tools.commands.trusted_files import ask_about, trust_settings
    from tools.foreground import in_foreground
    from tools.play.screen import Screen
    from tools.play.session import play_song

    settings = replace(
        settings, permissions=permission_rules(settings.profile), trust=trust_settings()
    )
    with open_store() as database, Screen() as screen:
        ask_about((slot.plugin for _, slot in song.slots()), database, settings.trust)
        return in_foreground(
            lambda stop: play_song(
                song,
                settings,
                name=name,
                database=database,
                stop=stop,
                screen=screen,
                resumes=resumes,
            )
        )


def _tell(report: PlayReport, as_json: bool) -> int:
    from tools.play.report import print_report

    if as_json:
        console.print_json(report)
    else:
        print_report(report)
    if report.result == "interrupted":
        return console.ExitCode.INTERRUPTED
    for slot in report.out_of_play:
        console.error(f"{slot.id} ended without its plugin ({slot.status}): {slot.reason}")
    return console.ExitCode.FAILED if report.out_of_play else console.ExitCode.OK


def _list_sessions(as_json: bool) -> int:
    from tools.play.resume import gather, print_listing

    listing = gather()
    if as_json:
        console.print_json(listing)
    else:
        print_listing(listing)
    return console.ExitCode.OK


def _list_devices(as_json: bool) -> int:
    from tools.play.listing import gather, print_listing

    listing = gather()
    if as_json:
        console.print_json(listing)
    else:
        print_listing(listing)
    return console.ExitCode.OK
