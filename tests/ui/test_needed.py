# SPDX-License-Identifier: GPL-3.0-or-later
"""Where Qt is missing, a window is one line that says what to install."""

import subprocess
import sys
from pathlib import Path

import pytest

from ui.needed import unusable

_COMMANDS = (("ui", "--socket", "/nowhere"), ("tools.cli", "open"), ("tools.cli", "ui"))


@pytest.mark.parametrize("command", _COMMANDS, ids=" ".join)
def test_without_qt_it_is_one_line(command: tuple[str, ...], tmp_path: Path) -> None:
    # As if it were not installed: in this process alone.
    code = (
        "import runpy, sys, importlib.util as util\n"
        "found = util.find_spec\n"
        "import ui.needed\n"
        "ui.needed.find_spec = lambda name: None if name == 'PyQt6' else found(name)\n"
        f"sys.argv = {list(command)!r}\n"
        f"runpy.run_module({command[0]!r}, run_name='__main__')\n"
    )
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "ISOBOOTH_DATA": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60,
        check=False, env=environment,
    )  # fmt: skip
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert done.returncode == 3, done
    assert len(lines) == 1 and "pip install PyQt6" in lines[0], done.stderr


def test_a_part_that_cannot_be_loaded_is_named() -> None:
    said = unusable(ImportError("libEGL.so.1: cannot open shared object file"))
    assert "libEGL.so.1" in said and "\n" not in said
