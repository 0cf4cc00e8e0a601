# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress bars on a terminal; nothing at all elsewhere, where they would fill logs."""

import sys
from types import TracebackType
from typing import TYPE_CHECKING

from tools.console import printable

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_NAME_CELLS = 32


class Bars:
    """A bar for each file that is being rendered, and one for all if there are several. Use as a
    context manager; its methods may be called from any thread."""

    def __init__(self, files: int, shown: bool | None = None) -> None:
        """`shown`: None looks whether standard error is a terminal."""
        self._progress: Progress | None = None
        self._all: TaskID | None = None
        if shown if shown is not None else sys.stderr.isatty():
            self._progress = _make_progress()
            if files > 1:
                self._all = self._progress.add_task(f"{files} files", total=files, note="")

    def __enter__(self) -> "Bars":
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

    def file(self, name: str) -> "FileBar":
        """The bar of one file, shown from its first frame on."""
        return FileBar(self._progress, printable(name))

    def file_ended(self) -> None:
        if self._progress is not None and self._all is not None:
            self._progress.advance(self._all)


class FileBar:
    """A render's listener; `close` takes the bar away."""

    def __init__(self, progress: "Progress | None", name: str) -> None:
        self._progress = progress
        self._name = name if len(name) <= _NAME_CELLS else f"…{name[1 - _NAME_CELLS :]}"
        self._task: TaskID | None = None

    def begin(self, frames: int) -> None:
        if self._progress is None:
            return
        if self._task is None:
            self._task = self._progress.add_task(self._name, total=frames, note="")
        else:
            note = "once more, after a fault"
            self._progress.reset(self._task, total=frames, note=note)

    def advance(self, frames: int) -> None:
        if self._progress is not None and self._task is not None:
            self._progress.advance(self._task, frames)

    def close(self) -> None:
        if self._progress is not None and self._task is not None:
            self._progress.remove_task(self._task)
            self._task = None


def _make_progress() -> "Progress":
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[note]}", markup=False),
        console=Console(stderr=True),
        transient=True,
    )
