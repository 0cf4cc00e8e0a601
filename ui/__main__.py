# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m ui --socket PATH`: a window for the host that waits there."""

import argparse
import sys


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m ui", description=__doc__)
    parser.add_argument("--socket", required=True, help="where the host waits for windows")
    parser.add_argument(
        "--tell-first-paint",
        action="store_true",
        help="print a line when the window has been drawn for the first time",
    )
    arguments = parser.parse_args()
    from ui.app import run

    return run(arguments.socket, arguments.tell_first_paint)


if __name__ == "__main__":
    sys.exit(main())
