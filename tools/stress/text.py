# SPDX-License-Identifier: GPL-3.0-or-later
"""Long texts of plugins, made fit to be shown: stderr and backtraces without what a terminal would
obey or a page would not end."""

from collections.abc import Sequence

from host.stress.verdict import CheckResult
from ipc.text import one_line

# What is shown of one line; a name of nested C++ templates has more.
LINE = 400


def said(check: CheckResult) -> str:
    """The message, and the signal before it, where it does not name that."""
    signal = "" if check.signal in check.message else check.signal
    return " ".join(filter(None, (signal, check.message)))


def block(text: str, most_lines: int, line: int = LINE) -> str:
    """The last lines of a text, which say most of an end; a line above says how many are gone."""
    lines = text.replace("\r\n", "\n").rstrip("\n").split("\n")
    gone = max(0, len(lines) - most_lines)
    shown = [_without_tabs(one, line) for one in lines[gone:]]
    return "\n".join([f"… {gone} lines before", *shown] if gone else shown)


def _without_tabs(text: str, most: int) -> str:
    return one_line(text[: most + 1].expandtabs(8), most)


def stack(frames: Sequence[str], most: int, line: int = LINE) -> list[str]:
    """Numbered calls, innermost first; of many, the innermost."""
    numbered = [f"#{depth:<2} {_frame(frame, line - 4)}" for depth, frame in enumerate(frames)]
    gone = len(numbered) - most
    return numbered if gone <= 1 else [*numbered[:most], f"… {gone} more"]


def _frame(frame: str, most: int) -> str:
    """Names of C++ templates run to hundreds of letters, and their beginning says enough; where it
    is stays."""
    frame = one_line(frame, 4 * LINE)
    name, within, place = frame.rpartition(" in ")
    room = most - len(within + place) - 1
    if len(frame) > most and room >= 12:
        return f"{name[:room]}…{within}{place}"
    return one_line(frame, most)
