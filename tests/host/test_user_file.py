# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that a user names are opened without waiting or guessing, and never left half written."""

import os
import stat
from pathlib import Path

import pytest

from host.user_file import AtomicFile, open_input, path_text, read_input
from ipc.errors import InputError, MachineError


def read_error(path: Path | str) -> str:
    with pytest.raises(InputError) as caught:
        open_input(path, "a test file")
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def write_error(path: Path | str) -> str:
    with pytest.raises(InputError) as caught, AtomicFile(path) as output:
        output.file.write(b"x")
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_what_is_no_readable_file_is_refused(tmp_path: Path) -> None:
    pipe, loop = tmp_path / "pipe", tmp_path / "loop"
    os.mkfifo(pipe)
    loop.symlink_to(loop)
    assert read_error(pipe).endswith("pipe: is a pipe or a device, expected a test file")
    assert "loop: cannot be read: " in read_error(loop)
    assert read_error("/dev/null") == "/dev/null: is a pipe or a device, expected a test file"
    assert "cannot be read: file name too long" in read_error(tmp_path / ("x" * 300))
    assert read_error("a\0b") == "a\\x00b: not a file name"
    assert "no such file" in read_error("")


def test_a_file_that_may_not_be_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("host.user_file.os.open", denied)  # root may read everything
    assert read_error(tmp_path / "a") == f"{tmp_path}/a: cannot be read: permission denied"


def test_the_whole_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert read_input(tmp_path / "a", "a test file", 3) == b"abc"
    with pytest.raises(InputError, match="more than the"):
        read_input(tmp_path / "a", "a test file", 2)


def test_a_path_is_one_printable_line_in_messages() -> None:
    assert path_text(os.fsdecode(b"a\nb\xff\x1b[1m ok")) == "a\\nb\\udcff\\x1b[1m ok"


def test_a_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    with AtomicFile(path) as output:
        output.file.write(b"whole")
        assert not path.exists()
        assert len(os.listdir(tmp_path)) == 1
    assert path.read_bytes() == b"whole"
    assert os.listdir(tmp_path) == ["out.txt"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_what_was_there(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "out.txt"
    path.write_text("old")
    with pytest.raises(error), AtomicFile(path) as output:
        output.file.write(b"new")
        raise error
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["out.txt"]


def test_a_discarded_file_leaves_nothing(tmp_path: Path) -> None:
    with AtomicFile(tmp_path / "out.txt") as output:
        output.file.write(b"new")
        output.discard()
    assert os.listdir(tmp_path) == []


def test_rights_and_links_stay(tmp_path: Path) -> None:
    real, link = tmp_path / "real.txt", tmp_path / "link.txt"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)
    with AtomicFile(link) as output:
        output.file.write(b"new")
    assert link.is_symlink()
    assert real.read_text() == "new"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


def test_a_new_file_has_the_users_rights(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        with AtomicFile(tmp_path / "a"):
            pass
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def test_what_cannot_be_replaced_is_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"  # not /dev/null: a mistake would replace it for the whole machine
    os.mkfifo(pipe)
    assert write_error(pipe) == f"{pipe}: is a device or pipe, expected a file name"
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert write_error(tmp_path).endswith(": is a folder, expected a file name")
    assert write_error(tmp_path / "no" / "a").endswith(
        f"cannot be written: the folder {tmp_path}/no does not exist"
    )
    (tmp_path / "file").touch()
    assert "not a directory" in write_error(tmp_path / "file" / "a")
    assert "file name too long" in write_error(tmp_path / ("x" * 250))
    assert "not a file name" in write_error("a\0")


def test_a_write_protected_file_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").touch()
    monkeypatch.setattr("host.user_file.os.access", lambda *_: False)  # root may write everything
    assert write_error(tmp_path / "a").endswith("a: is write-protected; name another file")


def test_a_full_disk_is_the_machines_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("host.user_file.os.fsync", full)
    with pytest.raises(MachineError, match="the disk is full"), AtomicFile(tmp_path / "a"):
        pass
    assert os.listdir(tmp_path) == []


def test_a_folder_that_takes_no_files_is_not_called_missing() -> None:
    with pytest.raises(InputError, match="the folder /proc takes no files"), AtomicFile("/proc/x"):
        pass


def test_what_a_killed_program_left_half_written_is_removed_by_the_next(tmp_path: Path) -> None:
    target = tmp_path / "out.wav"
    remains = tmp_path / "out.wav.0123abcd.part"
    others = [tmp_path / "out.wav.mine.part", tmp_path / "other.wav.0123abcd.part"]
    for path in (remains, *others):
        path.write_bytes(b"half")
        os.utime(path, (1, 1))
    with AtomicFile(target) as output:
        output.file.write(b"whole")
    assert not remains.exists()
    assert all(path.exists() for path in others)


def test_a_pipe_in_the_place_of_remains_holds_nobody_up(tmp_path: Path) -> None:
    pipe = tmp_path / "out.wav.0123abcd.part"
    os.mkfifo(pipe)
    os.utime(pipe, (1, 1))
    with AtomicFile(tmp_path / "out.wav") as output:
        output.file.write(b"whole")
    assert pipe.exists()


def test_what_another_program_writes_at_the_moment_stays(tmp_path: Path) -> None:
    target = tmp_path / "out.wav"
    with AtomicFile(target) as first:
        [part] = tmp_path.glob("*.part")
        os.utime(part, (1, 1))
        with AtomicFile(target) as second:
            second.file.write(b"second")
        first.file.write(b"first")
    assert target.read_bytes() == b"first"
