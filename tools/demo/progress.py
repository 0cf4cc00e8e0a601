# SPDX-License-Identifier: GPL-3.0-or-later
"""How far the demo is: a bar on a terminal, and a line for everything that happens.

On stderr, so that what the demo says at its end can be piped.
"""

import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar


class Progress:
    """Use as a context manager; the bar disappears at the end, the lines stay."""

    def __init__(self, length_s: float) -> None:
        self._console = Console(file=sys.stderr, highlight=False, soft_wrap=True)
        self._bar = Bar(
            TextColumn("{task.completed:6.1f} s"),
            BarColumn(bar_width=50),
            TextColumn("{task.total:.0f} s"),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("demo", total=length_s)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def tell(self, position_s: float, what: str) -> None:
        """Moves the bar; prints what happened there, if anything did."""
        self._bar.update(self._task, completed=position_s)
        if what:
            self._console.print(f"{position_s:6.1f} s  {what}", markup=False)
