# SPDX-License-Identifier: GPL-3.0-or-later
"""The display of the editors' check: it comes in time or not at all, and stays behind nobody."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from host.stress import display
from host.stress.checks import ALL
from host.stress.checks.editor import OpensItsEditor
from host.stress.display import is_there, virtual_display
from host.stress.rig import open_rig
from host.stress.runner import StressOptions, StressRun
from host.stress.verdict import Verdict
from host.stress.workshop import Workshop
from ipc.errors import WorkerError
from ipc.names import runtime_folder
from ipc.processes import adopt_orphans, children_of, command_line, own_identity, process_stat
from ipc.sweep import sweep_dead_hosts
from tests.fixtures.build import fixture_library

pytestmark = pytest.mark.process
needs_display = pytest.mark.skipif(
    not is_there(), reason="there is no Xvfb on this machine (package xvfb)"
)

HOST = """
import sys, time
from host.stress.display import virtual_display
with virtual_display() as shown:
    print(shown.name, flush=True)
    time.sleep(60)
"""


def _servers(parent: int) -> list[int]:
    return [pid for pid in children_of(parent) if "-displayfd" in command_line(pid)]


def _folders(owner: object) -> list[Path]:
    return list(Path(runtime_folder()).glob(f"isobooth-{owner}-tmp-*"))


def _stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = folder / "Xvfb"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("exec sleep 60", "no display after 0.5 s"),
        ("exit 1", "ended before it had a display"),
        ("echo nonsense >/proc/self/fd/$2; exec sleep 60", "no number"),
    ],
)
def test_a_display_that_does_not_come_costs_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, words: str
) -> None:
    _stand_in(tmp_path, monkeypatch, script)
    monkeypatch.setattr(display, "_START_S", 0.5)
    began = time.monotonic()
    with pytest.raises(WorkerError, match=words) as told, virtual_display():
        pytest.fail("there is none")
    assert "\n" not in str(told.value)
    assert time.monotonic() - began < 5.0
    assert not _servers(os.getpid()) and not _folders(own_identity())


@needs_display
def test_a_display_ends_with_its_host_however_that_ends(
    wait_until: Callable[..., None],
) -> None:
    adopt_orphans()
    host = subprocess.Popen([sys.executable, "-c", HOST], stdout=subprocess.PIPE)
    assert host.stdout is not None
    with host.stdout as told:
        number = told.readline().decode().strip().removeprefix(":")
    [server] = _servers(host.pid)
    [folder] = [one for one in Path(runtime_folder()).glob(f"isobooth-{host.pid}-*-tmp-*")]
    # Ctrl-C in a terminal is for the foreground group, which it is not in.
    assert os.getpgid(server) == server
    host.kill()
    host.wait()
    wait_until(lambda: (stat := process_stat(server)) is None or stat.state == "Z")
    with contextlib.suppress(ChildProcessError):
        os.waitpid(server, 0)  # ours where an earlier test has made us adopt orphans
    wait_until(lambda: not Path(f"/tmp/.X11-unix/X{number}").exists())
    sweep_dead_hosts()
    assert not folder.exists()


@needs_display
def test_displays_at_the_same_time_are_different_ones() -> None:
    with virtual_display() as first, virtual_display() as second:
        assert first.name != second.name


CLIENT = """
import ctypes, os, sys
os.setgroups([])
os.setgid(int(sys.argv[2]))
os.setuid(int(sys.argv[2]))
library = ctypes.CDLL("libX11.so.6")
library.XOpenDisplay.restype = ctypes.c_void_p
print("in" if library.XOpenDisplay(sys.argv[1].encode()) else "out")
"""


@needs_display
@pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")
def test_a_display_is_for_its_user_alone() -> None:
    def enters(user: int, name: str) -> str:
        words = [sys.executable, "-I", "-S", "-c", CLIENT, name, str(user)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        return done.stdout.strip()

    with virtual_display() as shown:
        assert enters(0, shown.name) == "in"
        assert enters(65534, shown.name) == "out"


@needs_display
def test_a_display_listens_to_no_network_and_keeps_its_screen_to_itself() -> None:
    with virtual_display() as shown:
        [server] = _servers(os.getpid())
        [folder] = _folders(own_identity())
        listening: set[str] = set()
        for kind in ("tcp", "tcp6", "udp", "udp6"):
            lines = Path(f"/proc/{server}/net/{kind}").read_text().splitlines()[1:]
            listening |= {line.split()[9] for line in lines}
        held = {os.readlink(one) for one in Path(f"/proc/{server}/fd").iterdir()}
        assert any(one.startswith("socket:") for one in held)
        assert not held & {f"socket:[{inode}]" for inode in listening}
        assert folder.stat().st_mode & 0o077 == 0
        assert (folder / "authority").stat().st_mode & 0o077 == 0
        assert (folder / "Xvfb_screen0").exists()
        assert shown.pixels(1, 1).shape == (1, 1, 3)


@needs_display
def test_a_display_brings_no_network_with_it() -> None:
    plugin = f"clap:{fixture_library('stress_fixture')}#waits"
    with (
        virtual_display() as shown,
        Workshop(timeout_s=10.0) as workshop,
        open_rig(workshop, plugin, display=shown.name) as rig,
    ):
        rig.recreate()
        assert any("network socket" in denial for denial in rig.denials), rig.denials


@needs_display
def test_the_death_of_a_display_is_no_crash_of_the_plugin(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def kill(*_: object) -> None:
        for server in _servers(os.getpid()):
            os.kill(server, signal.SIGTERM)

    monkeypatch.setattr(OpensItsEditor, "_look", kill)
    plugin = f"clap:{fixture_library('stress_fixture')}#editor"
    options = StressOptions(only=frozenset({OpensItsEditor.name}), reruns=0)
    with Workshop(timeout_s=10.0) as workshop:
        report = StressRun([plugin], ALL, options, workshop, None).run()
    [result] = report.plugins[0].checks
    assert result.verdict is Verdict.ERROR, result
    assert "Xvfb has ended" in result.message
