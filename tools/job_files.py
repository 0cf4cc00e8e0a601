# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of one command: none of them replaces another, nor one of somebody else's unasked.

Looked at before the work, not after an hour of it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from host.user_file import AtomicFile, FilePath, path_text, read_input
from ipc.errors import InputError, IsoboothError, MachineError

# A report of a hundred thousand files.
_MAX_REPORT_BYTES = 256_000_000


class _Mark(msgspec.Struct):
    """What all reports of ours have, and hardly another file: a layout and one of the rest."""

    schema: int
    result: str | None = None  # of a render
    summary: dict[str, Any] | None = None  # of many
    verdicts: list[Any] | None = None  # of a measurement


def check_not_input(outputs: Sequence[Path], inputs: Sequence[Path]) -> None:
    """InputError if an output would replace an input, by whatever name."""
    real = {path.resolve() for path in inputs}
    for output in outputs:
        if output.resolve() in real:
            raise InputError(f"{path_text(output)}: is an input; name another output")


def check_report(file: str | None, job: Sequence[Path], force: bool) -> None:
    """InputError if a report cannot be written to `file`: it is one of the job's own inputs or
    outputs, or exists and is no report of ours. A job that runs every night replaces its last
    report; None and "-" are no files."""
    if file is None or file == "-":
        return
    path, where = Path(file), path_text(file)
    folder = path.absolute().parent
    if not folder.is_dir():
        raise InputError(f"--json {where}: the folder {path_text(folder)} does not exist")
    if path.resolve() in {other.resolve() for other in job}:
        raise InputError(
            f"--json {where}: is an input or output of the same job; name another file"
        )
    if path.exists() and not path.is_file():
        raise InputError(f"--json {where}: is no file; name one, or - for standard output")
    if path.exists() and not force and not _is_report(path):
        raise InputError(
            f"--json {where}: exists already and is no report; name another file, or --force "
            "replaces it"
        )
    check_writable("--json", file)


def check_writable(option: str, file: FilePath) -> None:
    """InputError or MachineError if no file of this name can be written there: one is begun. Some
    folders take none whatever their rights say."""
    try:
        with AtomicFile(file) as begun:
            begun.discard()
    except (InputError, MachineError) as error:
        raise type(error)(f"{option} {error}") from None


@contextmanager
def behind_the_work() -> Iterator[None]:
    """What could be written before and cannot be now is no wrong usage."""
    try:
        yield
    except InputError as error:
        raise IsoboothError(str(error)) from None


def write_report(file: str, report: object) -> None:
    """As indented JSON; complete or not at all. IsoboothError or MachineError if it cannot be."""
    with behind_the_work(), AtomicFile(file) as output:
        output.file.write(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")


def _is_report(path: Path) -> bool:
    try:
        mark = msgspec.json.decode(read_input(path, "a report", _MAX_REPORT_BYTES), type=_Mark)
    except (IsoboothError, msgspec.DecodeError):
        return False
    return any(part is not None for part in (mark.result, mark.summary, mark.verdicts))
