# SPDX-License-Identifier: GPL-3.0-or-later
"""What /proc says is read correctly, for odd names, ended processes and forks too."""

import mmap
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ipc.processes import (
    ProcessIdentity,
    children_of,
    command_line,
    mapped_files,
    own_identity,
    process_stat,
)


@pytest.fixture
def sleeper() -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()


def test_this_process_is_alive_and_a_later_one_of_its_pid_is_not_it() -> None:
    me = own_identity()
    assert me.pid == os.getpid()
    assert me.is_alive()
    assert not ProcessIdentity(me.pid, me.start_time + 1).is_alive()


def test_an_unreaped_process_is_dead(sleeper: "subprocess.Popen[bytes]") -> None:
    stat = process_stat(sleeper.pid)
    assert stat is not None
    assert not stat.dead
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    after = process_stat(sleeper.pid)
    assert after is not None
    assert after.dead
    assert not ProcessIdentity(sleeper.pid, stat.start_time).is_alive()


def test_a_process_that_does_not_exist_has_no_stat() -> None:
    assert process_stat(2**22 + 1) is None
    assert command_line(2**22 + 1) == []
    assert mapped_files(2**22 + 1) == set()
    assert children_of(2**22 + 1) == []


def test_a_name_full_of_parentheses_is_no_problem(tmp_path: Path) -> None:
    odd = tmp_path / ") R 1 (x"
    odd.symlink_to("/bin/sleep")
    process = subprocess.Popen([odd, "60"])
    try:
        stat = process_stat(process.pid)
        assert stat is not None
        assert stat.name == ") R 1 (x"
        assert stat.parent == os.getpid()
        assert stat.session == os.getsid(0)
    finally:
        process.kill()
        process.wait()


def test_children_are_found_ended_ones_too(sleeper: "subprocess.Popen[bytes]") -> None:
    assert sleeper.pid in children_of(os.getpid())
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    assert sleeper.pid in children_of(os.getpid())
    sleeper.wait()
    assert sleeper.pid not in children_of(os.getpid())


def test_mappings_are_told_apart_by_right_and_survive_deletion(tmp_path: Path) -> None:
    with mmap.mmap(-1, 4096):
        maps = []
        for name, protection in (("w", mmap.PROT_READ | mmap.PROT_WRITE), ("r", mmap.PROT_READ)):
            path = tmp_path / f"{name} file"
            path.write_bytes(bytes(4096))
            with path.open("r+b") as file:
                maps.append(mmap.mmap(file.fileno(), 4096, prot=protection))
        writable, both = str(tmp_path / "w file"), str(tmp_path / "r file")
        assert {writable, both} <= mapped_files(os.getpid())
        assert mapped_files(os.getpid(), writable=True) & {writable, both} == {writable}
        os.unlink(writable)
        assert writable in mapped_files(os.getpid(), writable=True)
        for each in maps:
            each.close()
    assert writable not in mapped_files(os.getpid())


def test_a_command_line_is_split_into_its_arguments() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", "input()", "a b", ""], stdin=subprocess.PIPE, text=True
    )
    try:
        deadline = time.monotonic() + 5.0
        while command_line(process.pid)[:1] != [sys.executable] and time.monotonic() < deadline:
            time.sleep(0.001)  # until exec
        assert command_line(process.pid)[1:5] == ["-c", "input()", "a b", ""]
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
