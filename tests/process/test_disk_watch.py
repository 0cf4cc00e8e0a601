# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk that the host plays: by whatever call, on any thread and in any process a file is written,
it is full or slow, by whatever call it is read or mapped it is slow; what is written through memory
where there is no room shows; and nothing else does."""

import ctypes
import errno
import json
import mmap
import os
import platform
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
_SYS_IO_SETUP = 206 if platform.machine() == "x86_64" else 0
_LIBC = ctypes.CDLL(None, use_errno=True)
_MAP_FIXED = 0x10
_PAGES = 16 * mmap.PAGESIZE
_READ_AT_ONCE = 128 * 1024  # of what is mapped


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
    before: Callable[[], object] = lambda: None,
) -> tuple[object, int, list[str]]:
    """What a process says whose disk is so since it has done `before`, how often it met with that,
    and to which files it wrote through memory for which there was no room."""
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
                before()
                theirs.sendall(b"x")
                theirs.recv(1)
                said = json.dumps(body()).encode()
                theirs.sendall(said)
            finally:
                os._exit(0)
        theirs.close()  # who fails says nothing, and is not waited for
        _, descriptors, _, _ = socket.recv_fds(ours, 1, 1)
        watch = CallWatch(descriptors[0], child, ["/"], ["/"], True)
        try:
            ours.recv(1)
            watch.set_disk(full, ms, read_ms, most)
            ours.sendall(b"x")
            said = ours.recv(65536)
            faults = watch.slow_reads if read_ms else watch.disk_faults
        finally:
            os.waitpid(child, 0)
            watch.stop()
        return json.loads(said), faults, list(map(os.fsdecode, watch.written_without_room()))


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

    said, faults, _ = _told(tmp_path, body, full=True)
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

    said, faults, _ = _told(tmp_path, body, full=True, ms=1000, most=1000)
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

    said, faults, _ = _told(tmp_path, body, ms=200, most=800)
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

    said, reads, _ = _told(tmp_path, body, read_ms=200, most=10_000)
    assert isinstance(said, list)
    read, written, piped = said
    assert read >= 0.2 and written < 0.2 and piped < 0.2
    assert reads == 4


def test_without_faults_a_watched_disk_is_as_ever(tmp_path: Path) -> None:
    said, faults, _ = _told(tmp_path, lambda: os.write(_file(), b"four"))
    assert said == 4 and not faults


def _mapped(file: int, **how: int) -> mmap.mmap:
    os.ftruncate(file, _PAGES)
    return mmap.mmap(file, _PAGES, **how)


def test_what_is_written_through_memory_without_room_shows(tmp_path: Path) -> None:
    def write() -> object:
        memory = _mapped(file := _file())
        memory[5000] = 1  # where the disk is full, the kernel ends it here
        memory.close()
        os.close(file)
        os.unlink("file")
        return "written"

    said, faults, files = _told(tmp_path, write, full=True)
    assert said == "written" and not faults
    assert [Path(file).name for file in files] == ["file"]
    assert not _told(tmp_path, write)[2]


def test_a_mapping_from_before_the_disk_was_full_shows_too(tmp_path: Path) -> None:
    mapped: list[mmap.mmap] = []

    def begin() -> None:
        mapped.append(_mapped(_file(), prot=mmap.PROT_READ))
        mapped.append(_mapped(_file()))
        mapped[1][:8] = b"has room"

    def page(number: int) -> Callable[[], None]:
        return lambda: mapped[1].__setitem__(number * mmap.PAGESIZE, 1)

    assert not _told(tmp_path, page(0), full=True, before=begin)[2]
    (tmp_path / "file").unlink()
    assert _told(tmp_path, page(1), full=True, before=begin)[2]


def test_memory_that_needs_no_room_is_quiet_on_a_full_disk(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x" * _PAGES)

    def reserve() -> None:
        os.posix_fallocate(_file(), 0, _PAGES)

    def body() -> object:
        there = os.open("source", os.O_RDWR)
        shared = [
            _mapped(_file()),  # reserved
            _mapped(there),
            _mapped(there, flags=mmap.MAP_PRIVATE),
            _mapped(os.memfd_create("x")),
            mmap.mmap(-1, _PAGES),
        ]
        for memory in shared:
            memory[:] = b"y" * _PAGES
        hole = os.open("hole", os.O_RDWR | os.O_CREAT, 0o600)
        private = _mapped(hole, flags=mmap.MAP_PRIVATE)
        private[0] = 1
        return _mapped(hole)[0]  # which nobody writes to

    said, faults, files = _told(tmp_path, body, full=True, before=reserve)
    assert said == 0 and not faults and not files


def test_what_was_written_before_the_disk_was_full_is_quiet(tmp_path: Path) -> None:
    """Once it is on the disk, that takes room to keep where it lies."""
    held = []

    def write() -> None:
        held.append(_mapped(_file()))
        for page in range(0, 16, 2):
            held[0][page * mmap.PAGESIZE] = 1

    def body() -> object:
        held[0].flush()
        return "flushed"

    said, _, files = _told(tmp_path, body, full=True, before=write)
    assert said == "flushed" and not files


def _map_over(file: int) -> None:
    """As the loader maps the parts of a library."""
    _LIBC.mmap.restype = ctypes.c_void_p
    no_file = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    at = ctypes.c_void_p(_LIBC.mmap(None, mmap.PAGESIZE, mmap.PROT_READ, no_file, -1, 0))
    over = mmap.MAP_PRIVATE | _MAP_FIXED
    assert _LIBC.mmap(at, mmap.PAGESIZE, mmap.PROT_READ, over, file, 0) == at.value


def test_a_file_that_is_mapped_is_slow_as_if_it_were_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * (2 * _READ_AT_ONCE + 1))

    def body() -> object:
        file, hole = _file(), os.open("hole", os.O_RDWR | os.O_CREAT, 0o600)
        read = {"access": mmap.ACCESS_READ}
        ways: list[Callable[[], object]] = [
            lambda: mmap.mmap(file, 0, **read),
            lambda: mmap.mmap(file, 1, **read),
            lambda: mmap.mmap(file, 1, offset=2 * _READ_AT_ONCE, **read),
        ]
        quick: list[Callable[[], object]] = [
            lambda: mmap.mmap(file, 0, prot=0),
            lambda: _map_over(file),
            lambda: mmap.mmap(-1, 4 * _READ_AT_ONCE),
            lambda: _mapped(os.memfd_create("x")),
            lambda: _mapped(hole),
        ]
        return [[_took(way) for way in ways], max(_took(way) for way in quick)]

    said, reads, _ = _told(tmp_path, body, read_ms=200, most=10_000)
    assert isinstance(said, list)
    [whole, first, last], quick = said
    assert whole >= 0.6 and first >= 0.2 and last >= 0.2 and quick < 0.2
    assert reads == 3


def test_a_large_file_that_is_mapped_takes_no_longer_than_what_is_left(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * (100 * _READ_AT_ONCE))

    def body() -> object:
        file = _file()
        return [_took(lambda: mmap.mmap(file, 0, access=mmap.ACCESS_READ)) for _ in range(2)]

    said, reads, _ = _told(tmp_path, body, read_ms=100, most=500)
    assert isinstance(said, list)
    assert 0.5 <= said[0] < 2.0 and said[1] < 0.2
    assert reads == 1


def test_a_file_is_written_by_no_call_that_nobody_sees(tmp_path: Path) -> None:
    """Not by the kernel's asynchronous calls."""

    def body() -> object:
        context = ctypes.c_ulong(0)
        _LIBC.syscall(_SYS_IO_SETUP, 1, ctypes.byref(context))
        return errno.errorcode[ctypes.get_errno()]

    assert _told(tmp_path, body)[0] == "ENOSYS"
