# SPDX-License-Identifier: GPL-3.0-or-later
"""How a scan is followed: what is wrong is told as it is found, and on a terminal a line below says
how far it has come, with what, and how long it will take."""

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from host.scan.verdict import FINE, ScannedPlugin
from tools import console

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_NAME_CELLS = 48
# Where there is no terminal, for logs.
_LOG_PERIOD_S = 30.0


class ScanProgress:
    """Use as a context manager. `shown`: None looks whether standard error is a terminal; `quiet`
    tells nothing of results, which come as JSON."""

    def __init__(self, *, quiet: bool, shown: bool | None = None) -> None:
        self._quiet = quiet
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._planned = self._unplanned = self._done = self._bad = 0
        self._logged = time.monotonic()
        if shown if shown is not None else sys.stderr.isatty():
            self._progress = _make_progress()
            self._task = self._progress.add_task("looking for plugins", total=None, note="")

    def __enter__(self) -> Self:
        if self._progress is not None:
            self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._progress is not None:
            self._progress.stop()

    def looking(self, files: int) -> None:
        self._update(description=f"looking at {console.counted(files, 'file')}")

    def resuming(self) -> None:
        self._say("going on with the scan that was cut short")

    def expecting(self, plugins: int, files: int) -> None:
        self._planned += plugins
        self._unplanned = files
        self._update(description="probing", total=self._total)

    @property
    def _total(self) -> int:
        """As far as it can be told."""
        return max(self._planned + self._unplanned, self._done)

    def starting(self, what: str) -> None:
        self._update(note=_short(what))

    def result(self, plugin: ScannedPlugin, *, was_run: bool) -> None:
        if plugin.status not in FINE:
            self._bad += 1
            if not self._quiet:
                self._print(f"{plugin.status:<14}{plugin.id}: {plugin.detail}")
        if not was_run:
            return
        self._done += 1
        failed = f", {self._bad} not usable" if self._bad else ""
        self._update(completed=self._done, total=self._total, description=f"probing{failed}")
        if self._progress is None and time.monotonic() - self._logged >= _LOG_PERIOD_S:
            self._logged = time.monotonic()
            console.note(f"{self._done} of about {self._total} plugins probed{failed}")

    def warn(self, line: str) -> None:
        if self._progress is not None:
            self._progress.console.print(f"warning: {console.printable(line)}", markup=False)
        else:
            console.warn(line)

    def _print(self, line: str) -> None:
        if self._progress is not None and sys.stdout.isatty():
            self._progress.console.print(
                console.printable(line), markup=False, highlight=False, soft_wrap=True
            )
        else:
            print(console.printable(line), flush=True)

    def _say(self, line: str) -> None:
        if self._progress is not None:
            self._progress.console.print(line, markup=False, highlight=False)
        elif not self._quiet:
            console.note(line)

    def _update(self, **fields: object) -> None:
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, **fields)  # type: ignore[arg-type]


def _short(text: str) -> str:
    text = console.printable(text)
    return text if len(text) <= _NAME_CELLS else f"…{text[1 - _NAME_CELLS :]}"


def _make_progress() -> "Progress":
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        console=Console(stderr=True),
        transient=True,
    )
