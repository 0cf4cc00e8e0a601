# SPDX-License-Identifier: GPL-3.0-or-later
"""Words of others as part of our own: plugins, files and peers write what they like, and terminals
obey it."""

from collections.abc import Sequence


def some_of(names: Sequence[str], most: int) -> str:
    """Such as "a, b and 3 more"."""
    left_out = len(names) - most
    return ", ".join(names[:most]) + (f" and {left_out} more" if left_out > 0 else "")


def one_line(text: str, most: int | None = None) -> str:
    """The text without line ends and control characters, cut to `most` characters."""
    if most is not None and len(text) > most:
        text = text[: most - 1] + "…"
    if text.isprintable():
        return text
    # What is escaped becomes longer: what does not fit is cut again, now free of surprises.
    escaped = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text
    )
    return escaped if most is None or len(escaped) <= most else escaped[: most - 1] + "…"
