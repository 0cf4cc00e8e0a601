# SPDX-License-Identifier: GPL-3.0-or-later
"""`isobooth render`: a song into a file, or files through a chain of plugins."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tools import console
from tools.options import GroupingOption, ProfileOption, file_name, number

if TYPE_CHECKING:
    from tools.render.many import Folder
    from tools.render.report import BatchReport, RenderReport
    from tools.render.settings import RenderSettings

_OUTPUTS = (".wav", ".flac")
_NO_SONGS = (".wav", ".flac", ".aif", ".aiff", ".ogg", ".mid", ".midi")


@dataclass(frozen=True)
class _Wanted:
    """What was typed."""

    inputs: list[Path]
    output: Path
    chain: list[str]
    parameters: list[str]
    settings: RenderSettings
    folder: Folder | None  # None: `output` is a file
    force: bool
    json_file: str | None


def register(app: typer.Typer) -> None:
    """Add `render` to the command line."""
    app.command("render")(render_command)


def render_command(
    inputs: Annotated[
        list[Path],
        typer.Argument(
            parser=file_name,
            metavar="SONG.json|IN…",
            help="A song; with --chain, audio or MIDI files.",
        ),
    ],
    output: Annotated[
        str,
        typer.Option("--output", "-o", metavar="OUT", help="A .wav or .flac file, or a folder."),
    ],
    chain: Annotated[
        list[str] | None,
        typer.Option("--chain", metavar="PLUGIN_ID", help="A plugin; repeat it for the next one."),
    ] = None,
    param: Annotated[
        list[str] | None,
        typer.Option(
            "--param",
            metavar="SLOT.NAME=VALUE",
            help="A parameter of a --chain plugin, such as 1.Gain=0.5 or '2.Time=120 ms'.",
        ),
    ] = None,
    realtime: Annotated[
        bool,
        typer.Option(
            "--realtime/--offline",
            help="Against the clock, with deadlines; or exact, and as fast as it goes.",
        ),
    ] = False,
    block: Annotated[int, typer.Option(min=16, max=4096, help="Frames in a block.")] = 128,
    rate: Annotated[
        int | None,
        typer.Option(min=8000, max=192000, help="Sample rate, Hz; default: the song's or file's."),
    ] = None,
    pipelined: Annotated[
        bool, typer.Option("--pipelined", help="Plugins get a whole block's time, a block late.")
    ] = False,
    sample_format: Annotated[
        Literal["16", "24", "32", "float"],
        typer.Option("--format", help="How samples are stored."),
    ] = "24",
    kind: Annotated[
        Literal["wav", "flac"] | None,
        typer.Option("--type", help="Of the files in a folder OUT; default: wav."),
    ] = None,
    tail: Annotated[
        float | None,
        typer.Option(
            parser=number(0.0, 3600.0),
            metavar="S",
            help="Seconds after the end, at most 3600; default: the plugins'.",
        ),
    ] = None,
    keep_going: Annotated[
        bool,
        typer.Option("--keep-going", help="Bypass a plugin that failed twice, and say where."),
    ] = False,
    json_file: Annotated[
        str | None,
        typer.Option("--json", metavar="FILE", help="Write a report for programs; -: stdout."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Leave out what an interrupted run has finished.")
    ] = False,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=1, max=64, help="Files rendered at a time.")
    ] = 1,
    profile: ProfileOption = None,
    grouping: GroupingOption = None,
) -> int:
    """Render a song, or audio files through a chain of plugins.

    Offline, a plugin that fails costs one more try; failing again, no file and exit code 1.
    """
    from host.audio_file import SampleFormat
    from host.song import Grouping
    from tools.commands.permission_rules import permission_rules
    from tools.commands.trusted_files import trust_settings
    from tools.render.many import Folder
    from tools.render.settings import RenderSettings

    to_folder = chain is not None and (
        len(inputs) > 1 or output.endswith("/") or Path(output).is_dir()
    )
    _refuse(not to_folder and jobs > 1, "-j is for many files and a folder OUT")
    _refuse(not to_folder and resume, "--resume is for many files and a folder OUT")
    is_file = to_folder and Path(output).is_file()
    _refuse(is_file, f"{output}: is a file; many files need a folder")
    named_as_file = not output.endswith("/") and Path(output).suffix.lower() in _OUTPUTS
    _refuse(
        to_folder and named_as_file and not Path(output).is_dir(),
        f"{output}: {len(inputs)} files need a folder; if it is to be called that, end it with "
        f"/: {output}/",
    )
    no_kind = chain is not None and not to_folder and not Path(output).suffix
    _refuse(
        no_kind,
        f"{output}: cannot write a file without an extension; use .wav or .flac, or {output}/ "
        "for a folder",
    )
    _refuse(
        kind is not None and not to_folder and Path(output).suffix.lower() != f".{kind}",
        f"--type {kind} is for the files in a folder OUT; {output} says by its name what it is",
    )
    _refuse(not chain and bool(param), "--param belongs to --chain; a song holds its parameters")
    wanted = _Wanted(
        inputs=inputs,
        output=Path(output),
        chain=chain or [],
        parameters=param or [],
        settings=RenderSettings(
            realtime=realtime,
            block_frames=block,
            sample_rate=rate,
            pipelined=pipelined,
            sample_format=SampleFormat(sample_format),
            tail_s=tail,
            keep_going=keep_going,
            pin_workers=jobs == 1,
            permissions=permission_rules(profile),
            grouping=None if grouping is None else Grouping(grouping),
            trust=trust_settings(),
        ),
        folder=Folder(Path(output), f".{kind or 'wav'}", force, resume, jobs)
        if to_folder
        else None,
        force=force,
        json_file=json_file,
    )
    if not wanted.chain:
        return _render_song(wanted)
    return _render_file(wanted) if wanted.folder is None else _render_folder(wanted, wanted.folder)


def _render_song(wanted: _Wanted) -> int:
    from host.song_file import load_song
    from tools.commands.store import open_store
    from tools.commands.trusted_files import ask_about
    from tools.job_files import check_not_input, check_report
    from tools.render.one import render_one

    source = wanted.inputs[0]
    more = len(wanted.inputs) > 1 or source.suffix.lower() in _NO_SONGS
    _refuse(more, "without --chain, render takes one song; --chain names plugins for audio files")
    song = load_song(source)
    clips = [clip for track in song.tracks for clip in (track.audio, track.midi)]
    media = [song.locate(clip.file) for clip in clips if clip is not None]
    check_not_input([wanted.output], [source, *media])
    check_report(wanted.json_file, [wanted.output, source, *media], wanted.force)
    _refuse_existing(wanted)
    with open_store() as database:
        ask_about((slot.plugin for _, slot in song.slots()), database, wanted.settings.trust)
        report = render_one(
            song, wanted.output, wanted.settings, source=str(source), database=database
        )
    return _tell_one(report, wanted.json_file)


def _render_file(wanted: _Wanted) -> int:
    from tools.commands.store import open_store
    from tools.commands.trusted_files import ask_about
    from tools.job_files import check_not_input, check_report
    from tools.render.chain_song import chain_slots, chain_song
    from tools.render.one import render_one

    source = wanted.inputs[0]
    slots = chain_slots(wanted.chain, wanted.parameters)
    check_not_input([wanted.output], [source])
    check_report(wanted.json_file, [wanted.output, source], wanted.force)
    _refuse_existing(wanted)
    song = chain_song(source, slots, wanted.settings.sample_rate)
    with open_store() as database:
        ask_about((slot.plugin for slot in slots), database, wanted.settings.trust)
        report = render_one(
            song,
            wanted.output,
            wanted.settings,
            source=str(source),
            database=database,
            check=slots,
        )
    return _tell_one(report, wanted.json_file)


def _render_folder(wanted: _Wanted, folder: Folder) -> int:
    from tools.commands.store import open_store
    from tools.commands.trusted_files import ask_about
    from tools.job_files import check_report
    from tools.render.batch import plan_jobs
    from tools.render.batch_journal import NAME as JOURNAL
    from tools.render.chain_song import chain_slots
    from tools.render.many import render_many
    from tools.render.summary import print_batch

    slots = chain_slots(wanted.chain, wanted.parameters)
    jobs = plan_jobs(wanted.inputs, folder.path, folder.suffix)
    own = [folder.path / JOURNAL, *(job.output for job in jobs), *wanted.inputs]
    check_report(wanted.json_file, own, wanted.force)
    ended: list[RenderReport] = []

    def tell(report: RenderReport) -> None:
        ended.append(report)
        _tell_file(report)

    try:
        with open_store() as database:
            ask_about((slot.plugin for slot in slots), database, wanted.settings.trust)
            report = render_many(
                wanted.inputs,
                slots,
                folder,
                wanted.settings,
                database=database,
                tell=tell,
                warn=console.warn,
            )
    except KeyboardInterrupt:
        console.note(f"{len(ended)} of {len(wanted.inputs)} files had ended; --resume goes on")
        raise
    if wanted.json_file != "-":
        print_batch(report)
    _write_report(report, wanted.json_file)
    return console.ExitCode.FAILED if report.summary.failed else console.ExitCode.OK


def _tell_one(report: RenderReport, json_file: str | None) -> int:
    from tools.render.summary import print_song

    if json_file != "-":
        print_song(report)
    for warning in report.warnings:
        console.warn(warning)
    if report.result != "done":
        console.error(f"{report.output}: not written: {report.reason}")
    _write_report(report, json_file)  # the last: it may fail, and everything else is told
    return console.ExitCode.OK if report.result == "done" else console.ExitCode.FAILED


def _tell_file(report: RenderReport) -> None:
    """As soon as the file has ended: a batch may take a night."""
    from tools.render.summary import failure_line

    for warning in report.warnings:
        console.warn(f"{report.input}: {warning}")
    if report.result == "failed":
        console.error(failure_line(report))


def _write_report(report: RenderReport | BatchReport, json_file: str | None) -> None:
    from tools.job_files import write_report

    if json_file == "-":
        console.print_json(report)
    elif json_file is not None:
        write_report(json_file, report)


def _refuse_existing(wanted: _Wanted) -> None:
    from host.user_file import path_text

    exists = wanted.output.exists() and not wanted.force
    _refuse(exists, f"{path_text(wanted.output)}: exists already; --force replaces it")


def _refuse(wrong: bool, message: str) -> None:
    from ipc.errors import InputError

    if wrong:
        raise InputError(message)
