# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder of `--report`: all reports of a run, and the logs of what did not go well."""

import contextlib
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from host.stress.runner import StressOptions
from host.stress.verdict import StressReport
from host.user_file import file_error, path_text
from ipc.errors import InputError
from tools.stress.outputs import Outputs


class ReportFolder:
    """Made before the run, so that nobody waits an hour to hear that it cannot be. Without one,
    logs go to a folder of this name beside the command, made when there is something to keep."""

    def __init__(self, path: Path | None, *, keeps_logs: bool, force: bool = False) -> None:
        self._path = path
        self._force = force
        self._keeps_logs = keeps_logs

    def __enter__(self) -> Self:
        if self._path is not None:
            try:
                self._logs.mkdir(parents=True, exist_ok=True)
            except (FileExistsError, NotADirectoryError):
                raise InputError(
                    f"--report {path_text(self._path)}: is no folder; name one, or a new one"
                ) from None
            except OSError as error:
                raise file_error(self._path, "written", error) from None
            self._outputs.check([], self._force)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._path is not None:
            with contextlib.suppress(OSError):  # there are some
                self._logs.rmdir()

    def with_logs(self, options: StressOptions) -> StressOptions:
        return replace(options, logs=self._logs) if self._keeps_logs else options

    def write(self, report: StressReport) -> None:
        """report.json, report.html and junit.xml."""
        if self._path is not None:
            self._outputs.write(report)

    @property
    def _outputs(self) -> Outputs:
        names = ("report.json", "junit.xml", "report.html")
        return Outputs(*(str((self._path or Path()) / name) for name in names))

    @property
    def _logs(self) -> Path:
        return (self._path or Path()) / "logs"
