# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that several commands share, so that they are spelled and explained the same."""

from typing import Annotated

import typer

JsonOption = Annotated[
    bool, typer.Option("--json", help="Print JSON for programs instead of text for people.")
]
