# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m ui --socket PATH`: a window for the host that waits there."""

import argparse
import sys

from ui.needed import missing, unusable

_MACHINE = 3  # as of all commands: the machine lacks something (tools/console.py)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m ui", description=__doc__)
    parser.add_argument("--socket", required=True, help="where the host waits for windows")
    parser.add_argument(
        "--tell-first-paint",
        action="store_true",
        help="print a line when the window has been drawn for the first time",
    )
    arguments = parser.parse_args()
    if problem := missing():
        return _refuse(problem)
    try:
        from ui.app import run
    except ImportError as error:
        return _refuse(unusable(error))
    return run(arguments.socket, arguments.tell_first_paint)


def _refuse(problem: str) -> int:
    print(f"error: {problem}", file=sys.stderr)
    return _MACHINE


if __name__ == "__main__":
    sys.exit(main())
