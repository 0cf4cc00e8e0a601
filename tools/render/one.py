# SPDX-License-Identifier: GPL-3.0-or-later
"""One song into one file, from a program or a command."""

import os
from pathlib import Path

from host.audio_file import SampleFormat
from host.control import Control
from host.permissions import PermissionRules
from host.song import Slot, Song
from host.song_file import load_song
from host.store.database import Database
from host.user_file import path_text
from ipc.errors import IsoboothError
from tools.foreground import Stop, in_foreground
from tools.render.batch import check_chain
from tools.render.progress import Bars
from tools.render.report import RenderReport
from tools.render.settings import RenderSettings
from tools.render.song_render import RenderContext, render_song


class RenderFailed(IsoboothError):
    """Plugins failed and there is no file. `report` has the whole story."""

    def __init__(self, report: RenderReport) -> None:
        super().__init__(f"{report.output}: not written: {report.reason}")
        self.report = report


def render_one(
    song: Song,
    output: Path,
    settings: RenderSettings,
    *,
    source: str,
    database: Database | None = None,
    check: tuple[Slot, ...] = (),
    show_progress: bool | None = None,
) -> RenderReport:
    """As `render_song`, with a host's surroundings made and ended around it; `check` is a chain
    to be looked at first. KeyboardInterrupt once all is cleared away, if interrupted."""

    def work(stop: Stop) -> RenderReport:
        with Control() as control, Bars(1, show_progress) as bars:
            context = RenderContext(control, database, stop)
            told = check_chain(check, song.sample_rate, settings, context) if check else []
            report = render_song(song, output, settings, context, bars.file(output.name), source)
            report.warnings = [*told, *report.warnings]
            return report

    return in_foreground(work)


def render(
    song: Song | str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    realtime: bool = False,
    block_frames: int = 128,
    sample_rate: int | None = None,
    pipelined: bool = False,
    sample_format: str = "24",
    tail_s: float | None = None,
    keep_going: bool = False,
    permissions: PermissionRules | None = None,
    database: Database | None = None,
) -> RenderReport:
    """Renders a song, or the song in a file, to a .wav or .flac file, which is replaced.

    Offline, or with `realtime` against the clock. `sample_format` is 16, 24, 32 or float. Plugins
    that fail offline cost one more try; a second failure raises RenderFailed, or with
    `keep_going` bypasses them from there on. `permissions` are what plugins may do. Raises
    InputError for what cannot be used.
    """
    source = "song" if isinstance(song, Song) else path_text(song)
    settings = RenderSettings(
        realtime=realtime,
        block_frames=block_frames,
        sample_rate=sample_rate,
        pipelined=pipelined,
        sample_format=SampleFormat(sample_format),
        tail_s=tail_s,
        keep_going=keep_going,
        permissions=permissions or PermissionRules(),
    )
    report = render_one(
        song if isinstance(song, Song) else load_song(song),
        Path(output),
        settings,
        source=source,
        database=database,
        show_progress=False,
    )
    if report.result != "done":
        raise RenderFailed(report)
    return report
