# SPDX-License-Identifier: GPL-3.0-or-later
"""How every command speaks: results on stdout, all else on stderr, one line an error.

A script must be able to read stdout blindly, so with --json it holds JSON and nothing else, and
whether a command worked is said by its exit code (docs/cli.md). A person must never see a
traceback: it goes to a file, and the line says which.
"""

import contextlib
import errno
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum
from pathlib import Path
from typing import Any

from typer import Abort, TyperException

from host.user_file import path_text
from ipc.errors import IsoboothError

LOG_NAME = "errors.log"

# The log is for the last few bugs, not for years of them.
LOG_LIMIT_BYTES = 1_000_000


class ExitCode(IntEnum):
    """What a script learns of a command; documented in docs/cli.md."""

    OK = 0
    FAILED = 1  # the job failed in part or whole, and what failed was named
    USAGE = 2  # wrong arguments, or an input file that cannot be used
    MACHINE = 3  # a device, right or package is missing
    INTERRUPTED = 130  # Ctrl-C
    OUTPUT_CLOSED = 141  # the reader of a pipe went away, as a program ended by SIGPIPE


def print_json(value: Any) -> None:
    """`value` (plain data or msgspec structs) as indented JSON on stdout."""
    import msgspec

    text = msgspec.json.format(msgspec.json.encode(value), indent=2)
    print(text.decode())


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Aligned columns, each as wide as its widest cell: ids and paths must not be cut off."""
    from rich.cells import cell_len

    lines = [columns, *([printable(cell) for cell in row] for row in rows)]
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = zip(line, widths, strict=True)
        print("  ".join(cell + " " * (width - cell_len(cell)) for cell, width in cells).rstrip())


def printable(text: str) -> str:
    """One line without control characters: plugins write what they like, terminals obey it."""
    return path_text(text)


def counted(number: int, thing: str) -> str:
    """ "1 block", "2 blocks"."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def readable_time(when: str) -> str:
    """A stored ISO time, to the second."""
    return when[:19].replace("T", " ")


def note(message: str) -> None:
    """A hint for people, on stderr, where it is in no program's way."""
    print(message, file=sys.stderr)


def error(message: str) -> None:
    """One line on stderr."""
    _say(message)


def warn(message: str) -> None:
    """One line on stderr about what did not stop the command."""
    _say(f"warning: {message}")


def _say(message: str) -> None:
    line = " ".join(message.split())  # a library's message may have several lines
    with contextlib.suppress(OSError):  # whoever closed stderr does not want to know
        print(f"isobooth: {line}", file=sys.stderr, flush=True)


def ensure_standard_streams() -> None:
    """Open what was closed (`isobooth … >&-`) to nowhere; before anything else is opened.

    Otherwise the next file that is opened becomes standard output, and a library that prints
    writes into the database.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number, which is this one
            os.set_inheritable(descriptor, True)
    if sys.stdout is None:
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115 - for the life of the process
    if sys.stderr is None:
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115


def exit_code_of(command: Callable[[], object]) -> int:
    """Run a command to its end and turn whatever happens into lines and an exit code.

    `command` may return an exit code; None is success.
    """
    try:
        code = command()
        if code == ExitCode.INTERRUPTED:  # Typer's own translation of Ctrl-C
            error("interrupted")
        sys.stdout.flush()  # while a closed pipe can still be told from a bug
        return code if isinstance(code, int) else ExitCode.OK
    except IsoboothError as told:
        error(str(told))
        return told.exit_code
    except TyperException as usage:
        return _usage(usage)
    except BrokenPipeError:
        _discard_output()
        return ExitCode.OUTPUT_CLOSED
    except SystemExit as ended:  # how Typer and rich end when the reader of a pipe is gone
        if not isinstance(ended.__context__, BrokenPipeError):
            raise
        _discard_output()
        return ExitCode.OUTPUT_CLOSED
    except (KeyboardInterrupt, Abort):
        error("interrupted")
        return ExitCode.INTERRUPTED
    except OSError as failed:
        if failed.errno not in (errno.ENOSPC, errno.EDQUOT):
            error(_as_bug(failed))
            return ExitCode.FAILED
        _discard_output()
        place = failed.filename or "standard output"
        error(f"{place}: cannot be written: the disk is full")
        return ExitCode.MACHINE
    except Exception as bug:  # the one place that must let none through
        error(_as_bug(bug))
        return ExitCode.FAILED


def _usage(usage: TyperException) -> int:
    message = usage.format_message().replace("Value error, ", "")  # of the library that checks
    context = getattr(usage, "ctx", None)
    if message and context is not None:
        message += f" (see `{context.command_path} --help`)"
    if message:  # none where no command was given: Typer has shown the help then
        error(message)
    return ExitCode.USAGE


def _discard_output() -> None:
    """Python flushes stdout once more at its end, which would complain about the same pipe."""
    with contextlib.suppress(OSError, ValueError):
        sink = os.open(os.devnull, os.O_WRONLY)
        os.dup2(sink, sys.stdout.fileno())
        os.close(sink)


def _as_bug(bug: Exception) -> str:
    what = f"{type(bug).__name__}: {bug}"
    place = _write_log(bug)
    told = f"the details are in {place}" if place else "its details could not be written anywhere"
    return f"this is a bug: {what}; {told}: please report it"


def _write_log(bug: Exception) -> Path | None:
    """Append the traceback to the data folder's log, or a temporary file where that fails."""
    from host.store.folder import made_data_folder

    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    trace = "".join(traceback.format_exception(bug))
    text = f"--- {stamp} {' '.join(sys.argv)}\n{trace}".encode(errors="backslashreplace")
    with contextlib.suppress(OSError, IsoboothError):
        log = made_data_folder() / LOG_NAME
        full = log.exists() and log.stat().st_size > LOG_LIMIT_BYTES
        with log.open("wb" if full else "ab") as file:
            file.write(text)
        return log
    with contextlib.suppress(OSError):
        descriptor, name = tempfile.mkstemp(prefix="isobooth-error-", suffix=".log")
        with os.fdopen(descriptor, "wb") as file:
            file.write(text)
        return Path(name)
    return None
