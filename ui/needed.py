# SPDX-License-Identifier: GPL-3.0-or-later
"""What the window needs beside the host, and one line where it is missing. Imports none of it."""

import sys
from importlib.util import find_spec

_PACKAGES = {"PyQt6": "PyQt6", "qtawesome": "QtAwesome"}  # module: what pip calls it


def missing() -> str:
    """What to install, in a line; "" if all is there."""
    absent = [name for module, name in _PACKAGES.items() if find_spec(module) is None]
    if not absent:
        return ""
    return (
        f"the window needs {' and '.join(absent)}, which this Python does not have: "
        f"`{sys.executable} -m pip install {' '.join(absent)}`; `isobooth open --no-window` and "
        "all other commands work without"
    )


def unusable(error: ImportError) -> str:
    """It is there, and cannot be loaded: mostly a library of the system's is missing."""
    return (
        f"the window cannot be shown, because a part of Qt cannot be loaded: {error}; install what "
        "it names (on Debian: apt install libgl1 libegl1 libxkbcommon0 libdbus-1-3)"
    )
