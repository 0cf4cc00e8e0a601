# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk that the host plays: by whatever call, on any thread and in any process a file is written,
it is full or slow, by whatever call it is read it is
slow; and nothing else is."""

import ctypes
import errno
import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ipc._native import CallWatch
from sandbox._native import install_filter

pytestmark = pytest.mark.process

_PR_SET_NO_NEW_PRIVS = 38
_LIBC = ctypes.CDLL(None, use_errno=True)


def _outcome(act: Callable[[], object]) -> str:
    try:
        act()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "done"


def _took(act: Callable[[], object]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began


def _told(
    folder: Path,
    body: Callable[[], object],
    *,
    full: bool = False,
    ms: int = 0,
    read_ms: int = 0,
    most: int = 0,
) -> tuple[object, int]:
    """What a process says whose disk is so, and how often it met with that."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        child = os.fork()
        if child == 0:
            try:
                os.chdir(folder)
                _LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
                listener = install_filter(False, 0, True, True)
                socket.send_fds(theirs, [b"x"], [listener])
                os.close(listener)
                theirs.recv(1)
                said = json.dumps(body()).encode()
                theirs.sendall(said)
            finally:
                os._exit(0)
        _, descriptors, _, _ = socket.recv_fds(ours, 1, 1)
        watch = CallWatch(descriptors[0], child, ["/"], ["/"], True)
        try:
            watch.set_disk(full, ms, read_ms, most)
            ours.sendall(b"x")
            said = ours.recv(65536)
            faults = watch.slow_reads if read_ms else watch.disk_faults
        finally:
            os.waitpid(child, 0)
            watch.stop()
        return json.loads(said), faults


def _file() -> int:
    return os.open("file", os.O_RDWR | os.O_CREAT, 0o600)


def test_every_way_to_write_finds_a_full_disk_full(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x" * 100)

    def stdio() -> None:
        with open("other", "w") as file:
            file.write("x")

    def on_a_thread(act: Callable[[], object]) -> str:
        told: list[str] = []
        thread = threading.Thread(target=lambda: told.append(_outcome(act)))
        thread.start()
        thread.join()
        return told[0]

    def body() -> object:
        file, read = _file(), os.open("source", os.O_RDONLY)
        ways: list[Callable[[], object]] = [
            lambda: os.write(file, b"x"),
            lambda: os.pwrite(file, b"x", 0),
            lambda: os.writev(file, [b"x"]),
            lambda: os.pwritev(file, [b"x"], 0),
            lambda: os.posix_fallocate(file, 0, 10),
            lambda: os.sendfile(file, read, 0, 10),
            lambda: os.copy_file_range(read, file, 10),
            stdio,
        ]
        shell = subprocess.run(
            ["sh", "-c", "echo x >third"], stderr=subprocess.DEVNULL, check=False
        )
        return [*map(_outcome, ways), on_a_thread(ways[0]), shell.returncode != 0]

    said, faults = _told(tmp_path, body, full=True)
    assert said == [*["ENOSPC"] * 9, True]
    assert faults >= 10
    assert not (tmp_path / "file").stat().st_size and not (tmp_path / "third").stat().st_size


def test_what_is_no_file_on_a_disk_is_never_full(tmp_path: Path) -> None:
    def body() -> object:
        end, begin = os.pipe()
        null = os.open("/dev/null", os.O_WRONLY)
        memory = os.memfd_create("x")
        name = os.open("/proc/self/comm", os.O_WRONLY)
        written = [os.write(one, b"x") for one in (begin, null, memory, name)]
        os.close(closed := os.dup(null))
        return [written, len(os.read(end, 1)), _outcome(lambda: os.write(closed, b"x"))]

    said, faults = _told(tmp_path, body, full=True, ms=1000, most=1000)
    assert said == [[1, 1, 1, 1], 1, "EBADF"] and not faults


def test_a_slow_disk_is_slow_for_each_and_not_for_ever(tmp_path: Path) -> None:
    def body() -> object:
        file = _file()
        began = time.monotonic()
        threads = [threading.Thread(target=os.pwrite, args=(file, b"x", 0)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        together = time.monotonic() - began
        synced = _took(lambda: os.fsync(file))
        after = _took(lambda: [os.write(file, b"x") for _ in range(10)])
        return [together, synced, after]

    said, faults = _told(tmp_path, body, ms=200, most=800)
    assert isinstance(said, list)
    together, synced, after = said
    assert 0.2 <= together < 0.55 and synced >= 0.2 and after < 0.2
    assert faults == 4 and (tmp_path / "file").stat().st_size == 10


def test_every_way_to_read_is_slow_on_a_slow_disk(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 100)

    def body() -> object:
        file, room = _file(), bytearray(4)
        end, begin = os.pipe()
        os.write(begin, b"pipe")
        ways: list[Callable[[], object]] = [
            lambda: os.read(file, 4),
            lambda: os.pread(file, 4, 0),
            lambda: os.readv(file, [room]),
            lambda: os.preadv(file, [room], 0),
        ]
        took = [_took(way) for way in ways]
        return [min(took), _took(lambda: os.write(file, b"x")), _took(lambda: os.read(end, 4))]

    said, reads = _told(tmp_path, body, read_ms=200, most=10_000)
    assert isinstance(said, list)
    read, written, piped = said
    assert read >= 0.2 and written < 0.2 and piped < 0.2
    assert reads == 4


def test_without_faults_a_watched_disk_is_as_ever(tmp_path: Path) -> None:
    said, faults = _told(tmp_path, lambda: os.write(_file(), b"four"))
    assert said == 4 and not faults
