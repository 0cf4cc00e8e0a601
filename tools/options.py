# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that several commands share, so that they are spelled and explained the same."""

from typing import Annotated, Literal

import typer

JsonOption = Annotated[
    bool, typer.Option("--json", help="Print JSON for programs instead of text for people.")
]

ProfileOption = Annotated[
    Literal["strict", "default", "open"] | None,
    typer.Option("--profile", help="What plugins may do, instead of what is set for them."),
]
