# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that several commands share, so that they are spelled and explained the same."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import typer

JsonOption = Annotated[
    bool, typer.Option("--json", help="Print JSON for programs instead of text for people.")
]

ProfileOption = Annotated[
    Literal["strict", "default", "open"] | None,
    typer.Option("--profile", help="What plugins may do, instead of what is set for them."),
]

GroupingOption = Annotated[
    Literal["plugin", "chain", "vendor", "all", "auto"] | None,
    typer.Option("--grouping", help="Which plugins share a process, whatever the song says."),
]

CatalogueOption = Annotated[
    str | None,
    typer.Option(
        "--catalogue",
        metavar="FILE|URL",
        help="A file, or a postgresql:// URL, instead of ISOBOOTH_CATALOGUE or your own.",
    ),
]


def number(least: float, most: float) -> Callable[[str], float]:
    """A parser of numbers from `least` to `most`. NaN is none, and the message says the range."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            raise typer.BadParameter(f"expected a number from {least:g} to {most:g}, got '{text}'")
        return value

    return parse


def file_name(text: str) -> Path:
    """A parser of file names. An empty one, as of a shell's unset variable, would be the folder."""
    if not text:
        raise typer.BadParameter("expected a file name, got ''")
    return Path(text)
