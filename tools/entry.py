# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the `isobooth` command begins: ready for Ctrl-C before anything else is imported.

Importing the command line takes a moment, the libraries of a command up to a second, and Python
answers an interrupt meanwhile, or a second one while the first is dealt with, with a traceback. So
this imports next to nothing, and from its first line to the process's end an interrupt is one line
and exit code 130.
"""

import contextlib
import gc
import os
import signal
import sys
import time
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_INTERRUPTED = 130  # tools.console.ExitCode.INTERRUPTED, which is not imported yet

# Of objects that may be garbage before Python looks for circles of it. Libraries make a hundred
# thousand while they are imported, none of which is: looking as often as usual takes a tenth of it.
_GARBAGE_THRESHOLD = 50_000

# An impatient hand presses twice; who presses again after this long wants no tidying up.
_PATIENCE_S = 2.0


def main() -> None:
    """Run the command that was typed, and exit."""
    interrupts = _Interrupts()
    sys.unraisablehook = interrupts.swallowed
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup, or a job in the background
            signal.signal(number, interrupts.handle)
    gc.set_threshold(_GARBAGE_THRESHOLD)
    try:
        from tools import cli, console

        console.ensure_standard_streams()
        interrupts.raising = True
        code = cli.run(sys.argv[1:])
    except KeyboardInterrupt:  # where nobody was prepared for it
        code = _INTERRUPTED
    interrupts.raising = False  # nothing is left to be tidied up
    sys.exit(code)


class _Interrupts:
    """Raises KeyboardInterrupt once, while a command runs; ends the process before and after."""

    def __init__(self) -> None:
        self.raising = False
        self._raised_at = 0.0

    def handle(self, number: int, frame: FrameType | None) -> None:
        if not self.raising:
            self._leave()
        elif not self._raised_at:
            self._raised_at = time.monotonic()
            raise KeyboardInterrupt
        elif time.monotonic() - self._raised_at > _PATIENCE_S:
            self._leave()

    def swallowed(self, unraisable: "sys.UnraisableHookArgs") -> None:
        """Python drops an exception that rises in a destructor or a callback of the importer."""
        if isinstance(unraisable.exc_value, KeyboardInterrupt):
            self._leave()
        sys.__unraisablehook__(unraisable)

    def _leave(self) -> None:
        if not self._raised_at:
            with contextlib.suppress(OSError):  # whoever closed stderr does not want to know
                os.write(2, b"isobooth: interrupted\n")
        os._exit(_INTERRUPTED)
