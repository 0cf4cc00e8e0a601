# SPDX-License-Identifier: GPL-3.0-or-later
"""Many files through one chain: each is rendered or named, and none costs another its result.

The launcher stays warm from file to file; every file gets workers of its own, so that no plugin
carries the tail of one file, or the damage of a crash, into the next.
"""

import contextlib
import gc
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from host.host import Host
from host.plugin_files import missing_file
from host.song import Slot, Song, Track
from host.store.blacklist import Blacklist
from host.user_file import path_text
from ipc.errors import InputError, IsoboothError
from tools.job_files import check_not_input
from tools.render.batch_journal import BatchJournal
from tools.render.chain_song import TRACK, chain_song
from tools.render.progress import Bars
from tools.render.report import RenderReport
from tools.render.settings import RenderSettings
from tools.render.song_render import (
    RenderContext,
    check_not_blacklisted,
    check_trusted,
    render_song,
)


@dataclass(frozen=True)
class Job:
    """One file to render."""

    source: Path
    output: Path


def plan_jobs(sources: Sequence[Path], folder: Path, suffix: str) -> list[Job]:
    """Names the outputs: an input's name in `folder` with `suffix`. InputError if two inputs
    would become one file, or an output is an input."""
    jobs: dict[str, Job] = {}
    for source in sources:
        job = Job(source, folder / (source.stem + suffix))
        other = jobs.setdefault(job.output.name, job)
        if other is not job:
            raise InputError(
                f"{path_text(other.source)} and {path_text(source)} would both become "
                f"{path_text(job.output)}; render them into different folders"
            )
    check_not_input([job.output for job in jobs.values()], sources)
    return list(jobs.values())


def check_chain(
    slots: tuple[Slot, ...], sample_rate: int, settings: RenderSettings, context: RenderContext
) -> list[str]:
    """Loads the chain once, before anything is rendered: InputError for a plugin that is not
    there, is blacklisted, has changed and must not be loaded, or lacks a parameter. One that
    crashes is left to the renders, and so are crash reports. Returns what is to be told."""
    for slot in slots:
        if missing := missing_file(slot.plugin_id):
            raise InputError(f"--chain {slot.plugin}: {missing}")
    told: list[str] = []
    if context.database is not None:
        blacklist = Blacklist(context.database)
        if settings.goes_without:
            slots = tuple(s for s in slots if blacklist.is_blacklisted(s.plugin) is None)
        for slot in slots:
            check_not_blacklisted(slot.plugin, blacklist)
            told += check_trusted(slot.plugin, context.database, settings)
    song = Song(sample_rate=sample_rate, tracks=(Track(id=TRACK, chain=slots),), length_s=1.0)
    config = RenderSettings(block_frames=settings.block_frames).host_config(song)
    with Host(config, None, context.control) as host, context.stop.covering(host):
        host.load(song)
        context.stop.check()
        for slot in slots:
            loaded = host.supervisor_of(slot.id)
            if loaded.refused:
                raise InputError(f"--chain {loaded.refused}")
            for rejected in loaded.rejected_parameters:
                raise InputError(f"--param: {slot.id}: {rejected}")
    return told


class Batch:
    """The jobs of one command. `tell` is given each file's report when it has ended."""

    def __init__(
        self,
        slots: tuple[Slot, ...],
        settings: RenderSettings,
        context: RenderContext,
        journal: BatchJournal,
        tell: Callable[[RenderReport], None],
    ) -> None:
        self._slots = slots
        self._settings = settings
        self._context = context
        self._journal = journal
        self._tell = tell
        self._telling = threading.Lock()

    def run(
        self, jobs: Sequence[Job], workers: int, resume: bool, bars: Bars
    ) -> list[RenderReport]:
        """Renders `workers` files at a time. Raises Interrupted."""
        with _prompt_collection():
            return self._run(jobs, workers, resume, bars)

    def _run(
        self, jobs: Sequence[Job], workers: int, resume: bool, bars: Bars
    ) -> list[RenderReport]:

        def one(job: Job) -> RenderReport:
            self._context.stop.check()
            skipped = resume and self._journal.is_finished(job.source, job.output)
            report = _skipped(job) if skipped else self._render(job, bars)
            with self._telling:
                self._tell(report)
            bars.file_ended()
            gc.collect()
            return report

        with ThreadPoolExecutor(workers, thread_name_prefix="isb-render") as pool:
            futures = [pool.submit(one, job) for job in jobs]
            try:
                return [future.result() for future in futures]
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def _render(self, job: Job, bars: Bars) -> RenderReport:
        bar = bars.file(job.source.name)
        source = path_text(job.source)
        try:
            song = chain_song(job.source, self._slots, self._settings.sample_rate)
            self._journal.begin(job.source, job.output)
            report = render_song(song, job.output, self._settings, self._context, bar, source)
            if report.result == "done":
                self._journal.finish(job.output)
            return report
        except IsoboothError as error:
            return RenderReport(
                result="failed", reason=str(error), input=source, output=path_text(job.output)
            )
        finally:
            bar.close()


@contextlib.contextmanager
def _prompt_collection() -> Iterator[None]:
    """Makes a collection after each file cheap: 1 ms instead of 20. A closed host is a circle of
    objects that hold its mappings; left to itself, Python lets dozens of them stand about, 300 MB
    after a hundred files instead of 80."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _skipped(job: Job) -> RenderReport:
    return RenderReport(
        result="skipped",
        reason="finished and unchanged",
        input=path_text(job.source),
        output=path_text(job.output),
    )
