# SPDX-License-Identifier: GPL-3.0-or-later
"""`isobooth open` as a process: it is killed, goes on, ends in order, and leaves nothing."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from host.song import Slot, Song, Track
from host.song_file import save_song
from ipc.desk.places import desk_sockets
from ipc.desk.requests import Change, Play, Quit, SetParameter, SetTrack
from ipc.processes import children_of
from ipc.status import SlotStatus
from tests.process.desks import Window
from tests.process.ended import unreaped
from tests.process.jack import until

pytestmark = pytest.mark.process


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {
        **os.environ,
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "ISOBOOTH_DATA": str(tmp_path / "data"),
    }


@pytest.fixture
def started(environment: dict[str, str]) -> Iterator[list[subprocess.Popen[str]]]:
    """Whatever is in the list is ended."""
    before = set(children_of(os.getpid()))
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        process.kill()
        process.communicate()
    # Where an earlier test made this process a child subreaper, the orphans of the hosts are ours.
    until(lambda: not unreaped(set(children_of(os.getpid())) - before), "all ended")


def serve(
    started: list["subprocess.Popen[str]"], environment: dict[str, str], *command: str
) -> tuple["subprocess.Popen[str]", Window]:
    process = subprocess.Popen(
        command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    started.append(process)
    assert process.stderr is not None
    line = process.stderr.readline()
    while line and "windows are served at" not in line:
        line = process.stderr.readline()
    assert line, "it has ended"
    return process, Window(line.split()[-1])


def isobooth(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "tools.cli", *arguments]


def test_what_a_killed_host_played_goes_on(
    started: list["subprocess.Popen[str]"], environment: dict[str, str], tmp_path: Path
) -> None:
    slot = Slot(id="g", plugin="builtin:gain")
    song = tmp_path / "song.json"
    save_song(Song(name="Mine", tracks=(Track(id="a", chain=(slot,)),), length_s=60.0), song)
    options = ["--no-window", "--device", "null", "--block", "512"]
    host, window = serve(started, environment, *isobooth("open", str(song), *options))
    window.ask(Play(True))
    window.ask(Change((SetTrack(track="a", gain_db=-7.0, name="Kept"),)))
    window.ask(Change((SetParameter(slot="g", parameter=0, value=0.25),)))
    time.sleep(1.0)  # what is written within a quarter of a second
    restart = window.state.restart
    host.kill()
    host.wait()
    window.close()
    again, window = serve(started, environment, *restart)
    assert window.pid == again.pid
    state = window.until(lambda s: s.tracks[0].slots[0].status is SlotStatus.ACTIVE, "active")
    assert (state.tracks[0].name, state.tracks[0].gain_db) == ("Kept", -7.0)
    assert state.path == str(song)
    assert state.is_modified
    assert Path(desk_sockets()[0]).exists()
    window.ask(Quit())
    assert again.wait(20) == 0
    window.close()
    assert not any(str(again.pid) in str(path) for path in desk_sockets())


def test_ctrl_c_keeps_what_was_not_saved(
    started: list["subprocess.Popen[str]"], environment: dict[str, str]
) -> None:
    host, window = serve(started, environment, *isobooth("open", "--no-window", "--device", "null"))
    window.ask(Change((SetTrack(track="master", gain_db=-3.0),)))
    window.close()
    host.send_signal(signal.SIGINT)
    assert host.wait(20) == 0
    listed = subprocess.run(
        isobooth("play", "--resume", "list", "--json"),
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(json.loads(listed.stdout)["sessions"]) == 1


def test_a_second_ctrl_c_loses_nothing_either(
    started: list["subprocess.Popen[str]"], environment: dict[str, str], tmp_path: Path
) -> None:
    host, window = serve(started, environment, *isobooth("open", "--no-window", "--device", "null"))
    window.ask(Change((SetTrack(track="master", gain_db=-3.0),)))
    window.close()
    host.send_signal(signal.SIGINT)
    time.sleep(0.03)
    host.send_signal(signal.SIGINT)
    host.wait(20)
    sessions = tmp_path / "state" / "isobooth" / "sessions"
    assert len([path for path in sessions.iterdir() if path.is_dir()]) == 1


def test_no_window_without_a_host(environment: dict[str, str], tmp_path: Path) -> None:
    empty = {
        **environment,
        "QT_QPA_PLATFORM": "offscreen",
        "XDG_RUNTIME_DIR": str(tmp_path),
        "TMPDIR": str(tmp_path),
    }
    tmp_path.chmod(0o700)
    done = subprocess.run(isobooth("ui"), env=empty, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no host waits" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["open", "ui"])
def test_no_window_without_a_screen(environment: dict[str, str], command: str) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        environment.pop(name, None)
    done = subprocess.run(
        isobooth(command), env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 3
    assert "there is no screen" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_song_that_is_none_is_one_line(environment: dict[str, str], tmp_path: Path) -> None:
    done = subprocess.run(
        isobooth("open", str(tmp_path / "missing.json"), "--no-window"),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
