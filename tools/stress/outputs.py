# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a stress run: looked at before it, written after it, whole or not at all."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from host.stress.storable import storable
from host.stress.verdict import StressReport
from host.user_file import AtomicFile, path_text
from ipc.errors import InputError
from tools import console
from tools.job_files import behind_the_work, check_report, check_writable, write_report


@dataclass(frozen=True)
class Outputs:
    """Where the reports go; None: nowhere. `json` may be "-", for standard output."""

    json: str | None = None
    junit: str | None = None
    html: str | None = None

    def check(self, inputs: list[Path], force: bool = False) -> None:
        """InputError if one of them cannot be written, would replace an input (a baseline, a
        suppression file) or another one, or is there and is no such report."""
        from tools.stress.html import MARK as HTML_MARK
        from tools.stress.junit import MARK as JUNIT_MARK

        taken = list(inputs)
        for option, file, mark in (
            ("--junit", self.junit, JUNIT_MARK),
            ("--html", self.html, HTML_MARK),
        ):
            if file is not None:
                _check_file(option, file, mark, taken, force)
                taken.append(Path(file))
        check_report(self.json, taken, force)

    def write(self, report: StressReport) -> None:
        """Each of them, whatever becomes of the others; raises what went wrong. Also where
        standard output, which "-" goes to, is closed: that comes last."""
        report = storable(report)
        with ExitStack() as stack:  # calls all of them, the last one first
            stack.callback(self._write_json, report)
            stack.callback(self._write_html, report)
            stack.callback(self._write_junit, report)

    def _write_junit(self, report: StressReport) -> None:
        if self.junit is not None:
            from tools.stress.junit import junit_xml

            _write(self.junit, junit_xml(report))

    def _write_html(self, report: StressReport) -> None:
        if self.html is not None:
            from tools.stress.html import html_page

            _write(self.html, html_page(report))

    def _write_json(self, report: StressReport) -> None:
        if self.json == "-":
            console.print_json(report)
        elif self.json is not None:
            write_report(self.json, report)


def _check_file(option: str, file: str, mark: bytes, taken: list[Path], force: bool) -> None:
    path, where = Path(file), f"{option} {path_text(file)}"
    folder = path.absolute().parent
    if not folder.is_dir():
        raise InputError(f"{where}: the folder {path_text(folder)} does not exist")
    if path.resolve() in {other.resolve() for other in taken}:
        raise InputError(f"{where}: is an input or output of the same run; name another file")
    if path.exists() and not path.is_file():
        raise InputError(f"{where}: is no file; name one")
    if path.exists() and not force and not _begins_with(path, mark):
        raise InputError(
            f"{where}: exists already and is no such report; name another file, or --force "
            "replaces it"
        )
    check_writable(option, path)


def _begins_with(path: Path, mark: bytes) -> bool:
    with path.open("rb") as file:
        return mark in file.read(4096)


def _write(path: str, content: bytes) -> None:
    with behind_the_work(), AtomicFile(path) as output:
        output.file.write(content)
