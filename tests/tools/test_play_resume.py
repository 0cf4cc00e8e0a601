# SPDX-License-Identifier: GPL-3.0-or-later
"""`isobooth play --resume`: what a killed `isobooth play` leaves is shown, told, gone on with."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from host.session.folder import unended
from ipc.processes import children_of, process_stat
from tests.tools.conftest import RunCli

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[2]


@pytest.fixture
def song(tmp_path: Path) -> Path:
    path = tmp_path / "song.json"
    chain = [{"id": "tone", "plugin": "builtin:tone"}]
    tracks = [{"id": "a", "chain": chain}]
    path.write_text(
        json.dumps({"format": "isobooth-song", "version": 1, "length_s": 60, "tracks": tracks})
    )
    return path


def _play(song: Path) -> "subprocess.Popen[str]":
    """`isobooth play`, once it plays."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "tools.cli", "play", str(song)),
            *("--device", "null", "--block", "256", "--profile", "strict", "--json"),
        ],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    while "playing to nowhere" not in process.stderr.readline():
        assert process.poll() is None
    return process


@pytest.fixture
def killed(song: Path, data_folder: Path, wait_until: object) -> Iterator[str]:
    """The id of a session whose host was killed after a second of playing."""
    process = _play(song)
    time.sleep(1.5)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.stderr is not None
    process.stderr.close()
    ((session_id, about),) = unended()
    assert about.song == str(song)
    assert about.playing.profile == "strict"  # nothing is allowed that was not
    yield session_id
    deadline = time.monotonic() + 5.0
    while _reap_adopted() and time.monotonic() < deadline:
        time.sleep(0.01)


def _reap_adopted() -> bool:
    left = False
    for pid in children_of(os.getpid()):
        stat = process_stat(pid)
        if stat is None or not stat.name.startswith("isb-"):
            continue
        try:
            left = os.waitpid(pid, os.WNOHANG)[0] == 0 or left
        except ChildProcessError:
            continue
    return left


def test_the_last_session_is_resumed_where_it_was(killed: str, run_cli: RunCli) -> None:
    ended = run_cli("play", "--resume", "--seconds", "0.3", "--json")
    assert ended.code == 0, ended.err
    report = json.loads(ended.out)
    assert report["block_frames"] == 256  # as it was played
    assert report["device"] is None
    assert report["song"].endswith("song.json")
    begin_s = float(ended.err.partition("song.json at ")[2].split()[0])
    assert begin_s >= 0.5
    assert unended() == []  # ended in order


def test_a_session_can_be_named_and_is_listed(killed: str, run_cli: RunCli) -> None:
    listed = json.loads(run_cli("play", "--resume", "list", "--json").out)
    assert [one["id"] for one in listed["sessions"]] == [killed]
    assert set(listed["sessions"][0]) == {"id", "song", "started"}
    assert killed in run_cli("play", "--resume", "list").out
    ended = run_cli("play", "--resume", killed, "--seconds", "0.2", "--block", "512", "--json")
    assert json.loads(ended.out)["block_frames"] == 512  # asked anew
    assert "no session to resume" in run_cli("play", "--resume", "list").out


def test_play_tells_that_there_is_one_to_resume(killed: str, song: Path, run_cli: RunCli) -> None:
    ended = run_cli("play", str(song), "--device", "null", "--seconds", "0.2")
    assert ended.code == 0
    assert f"`isobooth play --resume {killed}` goes on with it" in ended.err
    assert [session_id for session_id, _ in unended()] == [killed]  # its own ended in order


def test_what_cannot_be_resumed_is_one_line(data_folder: Path, run_cli: RunCli) -> None:
    none = run_cli("play", "--resume")
    assert (none.code, none.out) == (2, "")
    assert none.err.strip().endswith("there is no session to resume: all have ended in order")
    unknown = run_cli("play", "--resume", "20260101-000000-1")
    assert unknown.code == 2
    assert "there is no session '20260101-000000-1' to resume" in unknown.err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_only_its_user_ends_a_session(
    number: signal.Signals, song: Path, data_folder: Path
) -> None:
    process = _play(song)
    time.sleep(0.5)
    process.send_signal(number)
    process.wait(20)
    assert process.stderr is not None
    process.stderr.close()
    assert len(unended()) == (0 if number == signal.SIGINT else 1)
