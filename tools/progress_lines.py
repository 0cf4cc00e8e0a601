# SPDX-License-Identifier: GPL-3.0-or-later
"""How a program follows a command: one JSON object a line on standard error, at once.

Standard output stays what it is without, and lines of standard error that do not begin with a
brace are for people, as ever. The window (ui/pages/) is followed by this.
"""

import sys
import threading
from typing import Annotated, Literal

import msgspec
import typer

ProgressOption = Annotated[
    Literal["auto", "json"],
    typer.Option(
        "--progress",
        help="auto: for people; json: for programs, an object a line on standard error.",
    ),
]


class ProgressLines:
    """May be told from any thread. A reader that goes away ends the command, as that of any pipe
    does."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def tell(self, event: str, **fields: object) -> None:
        line = msgspec.json.encode({"event": event, **fields})
        with self._lock:
            sys.stderr.buffer.write(line + b"\n")
            sys.stderr.buffer.flush()
