# SPDX-License-Identifier: GPL-3.0-or-later
"""Ctrl-C at any moment of a command: one line at most, never a traceback, always 130."""

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Interrupts itself as soon as a module is imported: what a hand does by chance.
CODE = """
import os, signal, sys, threading, time
moment, number, times, *words = sys.argv[1:]

def interrupt():
    os.kill(os.getpid(), int(number))

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == moment:
            sys.meta_path.remove(self)
            if int(times) > 1:
                threading.Timer(0.05, interrupt).start()
            interrupt()

sys.meta_path.insert(0, Finder())
sys.argv = ["isobooth", *words]
from tools.entry import main
main()
"""

# While the command line is imported, and while the libraries of a command are.
MOMENTS = ("tools.cli", "typer", "tools.commands.blacklist", "sqlalchemy", "host.store.schema")


def _run(moment: str, number: int, times: int, data: Path) -> subprocess.CompletedProcess[str]:
    def listen() -> None:  # a shell that runs tests in the background has them ignore Ctrl-C
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    return subprocess.run(
        [sys.executable, "-c", CODE, moment, str(int(number)), str(times), "blacklist"],
        cwd=ROOT,
        env=os.environ | {"ISOBOOTH_DATA": str(data)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=listen,
    )


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", MOMENTS)
def test_an_interrupt_while_python_imports_is_one_line_and_130(
    moment: str, number: int, times: int, tmp_path: Path
) -> None:
    ended = _run(moment, number, times, tmp_path)
    assert (ended.returncode, ended.stdout) == (130, "")
    assert ended.stderr in ("", "isobooth: interrupted\n")


def test_an_ignored_interrupt_stays_ignored(tmp_path: Path) -> None:
    """As under nohup, and in a shell's background jobs."""
    ended = subprocess.run(
        [sys.executable, "-c", CODE, "sqlalchemy", str(int(signal.SIGINT)), "1", "blacklist"],
        cwd=ROOT,
        env=os.environ | {"ISOBOOTH_DATA": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_IGN),
    )
    assert (ended.returncode, ended.stderr) == (0, "")
