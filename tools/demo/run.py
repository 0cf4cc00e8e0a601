# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo from beginning to end: material, song, a take in real time, files.

Everything is made in a folder of its own inside the destination and moved to its name at the very
end: a demo that is interrupted or fails leaves nothing behind, and the last good one stays.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from host.audio_file import AudioWriter
from host.config import HostConfig
from host.host import Host
from host.song_file import save_song
from host.store.database import Database
from host.user_file import file_error
from ipc.errors import IsoboothError
from ipc.status import SlotStatus
from tools.demo.machine import require_plugins
from tools.demo.material import MEDIA_FOLDER, make_material
from tools.demo.sabotage import crash_after_blocks, stage
from tools.demo.song import SAMPLE_RATE, build_song
from tools.demo.take import CAPTURE_S, Take, Tell, play
from tools.foreground import Stop

NAME = "isobooth-demo"


@dataclass(frozen=True)
class Files:
    """What the demo leaves."""

    wav: Path
    picture: Path
    song: Path
    media: Path

    @classmethod
    def within(cls, folder: Path) -> "Files":
        return cls(
            folder / f"{NAME}.wav",
            folder / f"{NAME}.png",
            folder / f"{NAME}.json",
            folder / MEDIA_FOLDER,
        )


def perform(
    folder: Path,
    length_s: float,
    block_frames: int,
    database: Database | None,
    tell: Tell,
    stop: Stop,
) -> tuple[Take, Files]:
    """Plays the demo and leaves its files in `folder`; `tell` hears how far it is, and
    `stop` ends it.

    Raises MachineError if plugins are missing, IsoboothError if one does not load.
    """
    config = HostConfig(sample_rate=SAMPLE_RATE, block_frames=block_frames, capture_s=CAPTURE_S)
    require_plugins(build_song(folder, length_s, None))
    with _workshop(folder) as workshop:
        made = Files.within(workshop)
        make_material(workshop, length_s, SAMPLE_RATE)
        save_song(build_song(workshop, length_s, None), made.song)
        take = _play(workshop, length_s, config, database, tell, stop)
        with AudioWriter(made.wav, SAMPLE_RATE) as writer:
            writer.write(take.audio[:, take.first_frame :])
        tell(length_s, "drawing the picture")
        stop.check()
        _draw(take, made.picture)
        stop.check()
        files = Files.within(folder)
        _publish(made, files)
    return take, files


def leave_song(folder: Path, length_s: float) -> Path:
    """Leaves the song and its media in `folder`, unplayed, and returns the song's file. Raises
    MachineError if plugins are missing, InputError if nothing can be written."""
    require_plugins(build_song(folder, length_s, None))
    with _workshop(folder) as workshop:
        made, final = Files.within(workshop), Files.within(folder)
        make_material(workshop, length_s, SAMPLE_RATE)
        save_song(build_song(workshop, length_s, None), made.song)
        _publish(made, final)
    return final.song


def _play(
    folder: Path,
    length_s: float,
    config: HostConfig,
    database: Database | None,
    tell: Tell,
    stop: Stop,
) -> Take:
    sabotages = stage(length_s)
    crash = next(sabotage for sabotage in sabotages if sabotage.act is None)
    song = build_song(folder, length_s, crash_after_blocks(crash, config))
    tell(0.0, "loading the plugins")
    with Host(config, database) as host, stop.covering(host):
        host.load(song)
        stop.check()
        for report in host.slots():
            if report.status is not SlotStatus.ACTIVE:
                raise IsoboothError(
                    f"the demo cannot be played: {report.plugin}: {report.reason or report.status}"
                )
        return play(host, song, sabotages, length_s, tell, stop)


def _draw(take: Take, path: Path) -> None:
    from tools.demo.picture import draw  # matplotlib takes a second to import

    draw(take, path)


@contextlib.contextmanager
def _workshop(folder: Path) -> Iterator[Path]:
    """A folder inside `folder`, which is made if need be; both are gone if nothing came of it."""
    there_before = folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        workshop = tempfile.TemporaryDirectory(prefix=f".{NAME}-", dir=folder)
    except OSError as error:
        raise file_error(folder, "written", error) from None
    try:
        with workshop as name:
            yield Path(name)
    finally:
        if not there_before:
            with contextlib.suppress(OSError):  # it is not empty: all went well
                folder.rmdir()


def _publish(made: Files, final: Files) -> None:
    """Moves every file to its name; the song last, because it names the others."""
    try:
        final.media.mkdir(exist_ok=True)
        for file in made.media.iterdir():
            os.replace(file, final.media / file.name)
        for source, target in (
            (made.wav, final.wav),
            (made.picture, final.picture),
            (made.song, final.song),
        ):
            if source.exists():  # of a song that was not played there is no more
                os.replace(source, target)
    except OSError as error:
        raise file_error(final.song.parent, "written", error) from None
