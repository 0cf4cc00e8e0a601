# SPDX-License-Identifier: GPL-3.0-or-later
"""Many files into a folder: what is checked before, and what surrounds the batch."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from host.audio_file import container_of
from host.control import Control
from host.song import Slot
from host.store.database import Database
from host.user_file import file_error, path_text
from ipc.errors import InputError
from tools.console import counted
from tools.foreground import Stop, in_foreground
from tools.render.batch import Batch, Job, check_chain, plan_jobs
from tools.render.batch_journal import BatchJournal
from tools.render.progress import Bars
from tools.render.report import BatchReport, RenderReport
from tools.render.settings import RenderSettings
from tools.render.song_render import RenderContext

# The chain is tried at this rate, if the files' own are used.
_USUAL_RATE = 48000


@dataclass(frozen=True)
class Folder:
    """Where a batch goes. `suffix`: .wav or .flac. `force` replaces files that no render made;
    `resume` leaves out what is finished. `workers`: files at a time."""

    path: Path
    suffix: str = ".wav"
    force: bool = False
    resume: bool = False
    workers: int = 1


def render_many(
    sources: Sequence[Path],
    slots: tuple[Slot, ...],
    folder: Folder,
    settings: RenderSettings,
    *,
    database: Database | None = None,
    tell: Callable[[RenderReport], None] = lambda report: None,
    warn: Callable[[str], None] = lambda line: None,
    show_progress: bool | None = None,
) -> BatchReport:
    """Renders every file, and reports in the order of `sources`. Raises InputError before
    anything is rendered, KeyboardInterrupt once all is cleared away."""
    jobs = plan_jobs(sources, folder.path, folder.suffix)
    for job in jobs:
        container_of(job.output, settings.sample_format)
    try:
        folder.path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise file_error(folder.path, "written", error) from None
    with BatchJournal(folder.path, _what_matters(slots, settings)) as journal:
        _refuse_existing(jobs, journal, folder)
        if folder.resume:
            _tell_changed_settings(jobs, journal, warn)
        journal.clear_remains()

        def work(stop: Stop) -> BatchReport:
            with Control() as control, Bars(len(jobs), show_progress) as bars:
                context = RenderContext(control, database, stop)
                for line in check_chain(
                    slots, settings.sample_rate or _USUAL_RATE, settings, context
                ):
                    warn(line)
                batch = Batch(slots, settings, context, journal, tell)
                began = time.monotonic()
                files = batch.run(jobs, folder.workers, folder.resume, bars)
                return BatchReport.of(files, time.monotonic() - began)

        return in_foreground(work)


def _what_matters(slots: tuple[Slot, ...], settings: RenderSettings) -> dict[str, Any]:
    """All that makes a difference to an output, for the journal."""
    return {
        "chain": [{"plugin": slot.plugin, "parameters": slot.parameters} for slot in slots],
        "realtime": settings.realtime,
        "block": settings.block_frames,
        "rate": settings.sample_rate,
        "pipelined": settings.pipelined,
        "format": settings.sample_format.value,
        "tail_s": settings.tail_s,
        "keep_going": settings.keep_going,
    }


_OPTIONS = {
    "chain": "the chain",
    "realtime": "--realtime",
    "block": "--block",
    "rate": "--rate",
    "pipelined": "--pipelined",
    "format": "--format",
    "tail_s": "--tail",
    "keep_going": "--keep-going",
}


def _tell_changed_settings(
    jobs: Sequence[Job], journal: BatchJournal, warn: Callable[[str], None]
) -> None:
    """A whole night's work is not done again without a word."""
    changed = [others for job in jobs if (others := journal.other_settings(job.output))]
    if not changed:
        return
    names = [text for name, text in _OPTIONS.items() if any(name in others for others in changed)]
    are = "is not what it was" if len(names) == 1 else "are not what they were"
    again = "is" if len(changed) == 1 else "are"
    files = counted(len(changed), "file")
    warn(f"{', '.join(names)} {are} in the run before: {files} {again} rendered again")


def _refuse_existing(jobs: Sequence[Job], journal: BatchJournal, folder: Folder) -> None:
    """Other people's files are never replaced unasked; a render's own, where it is resumed."""
    if folder.force:
        return
    existing = [
        job.output
        for job in jobs
        if job.output.exists() and not (folder.resume and journal.is_ours(job.output))
    ]
    if not existing:
        return
    changed = [path for path in existing if folder.resume and journal.knows(path)]
    named = changed or existing
    more = f" and {counted(len(named) - 1, 'more output')}" if len(named) > 1 else ""
    where = f"{path_text(named[0])}{more}"
    exist, were, them = ("exist", "were", "them") if len(named) > 1 else ("exists", "was", "it")
    if changed:
        raise InputError(
            f"{where}: {were} changed since the render; move {them} away, or --force replaces "
            f"{them}"
        )
    go_on = any(journal.knows(path) for path in existing) and not folder.resume
    raise InputError(
        f"{where}: {exist} already; "
        + ("--resume leaves out what is finished, " if go_on else "")
        + f"--force replaces {them}"
    )
