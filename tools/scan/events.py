# SPDX-License-Identifier: GPL-3.0-or-later
"""A scan as a program follows it (`scan --progress json`); docs/scan.md has the keys."""

import threading
from types import TracebackType
from typing import Self

from host.scan.verdict import FINE, ScannedPlugin
from tools.progress_lines import ProgressLines


class ScanEvents:
    """What ScanProgress (tools/scan/progress.py) is for people."""

    def __init__(self) -> None:
        self._lines = ProgressLines()
        self._lock = threading.Lock()
        self._planned = self._unplanned = self._done = self._bad = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass

    def looking(self, files: int) -> None:
        self._lines.tell("looking", files=files)

    def resuming(self) -> None:
        self._lines.tell("resuming")

    def expecting(self, plugins: int, files: int) -> None:
        with self._lock:
            self._planned += plugins
            self._unplanned = files
        self._tell_count()

    def starting(self, what: str) -> None:
        self._lines.tell("starting", what=what)

    def result(self, plugin: ScannedPlugin, *, was_run: bool) -> None:
        with self._lock:
            self._bad += plugin.status not in FINE
            self._done += was_run
        self._lines.tell(
            "result",
            id=plugin.id,
            name=plugin.name,
            vendor=plugin.vendor,
            format=plugin.format,
            kind=plugin.kind,
            status=plugin.status,
            detail=plugin.detail,
            was_run=was_run,
        )
        if was_run:
            self._tell_count()

    def warn(self, line: str) -> None:
        self._lines.tell("warning", text=line)

    def _tell_count(self) -> None:
        with self._lock:
            total = max(self._planned + self._unplanned, self._done)
            done, bad = self._done, self._bad
        self._lines.tell("count", done=done, total=total, failed=bad)
