# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that a user names: read with errors that fit one line, written whole or not at all.

A song or a render that is half on the disk after a crash, a full disk or Ctrl-C is worse than
none, because it looks finished. So everything is written beside its final name and renamed at the
end. Reading refuses folders, pipes and devices first: opening a pipe would wait for ever.
"""

import contextlib
import errno
import fcntl
import glob
import os
import secrets
import stat
import time
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from ipc.errors import InputError, IsoboothError, MachineError
from ipc.text import one_line

FilePath = str | os.PathLike[str]

# What AtomicFile adds to a name while the file is written.
PART = f".{'[0-9a-f]' * 8}.part"
_LOCKING_S = 1.0  # between making such a file and locking it

# What the machine lacks, as against what the user should name differently.
_MACHINE_ERRNOS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "your disk quota is used up",
    errno.EFBIG: "the file would be larger than this disk or your limits allow",
    errno.EIO: "the disk reports an error",
    errno.EMFILE: "too many files are open",
    errno.ENFILE: "too many files are open on this machine",
    errno.ENOMEM: "the machine is out of memory",
}


def path_text(path: FilePath) -> str:
    """The path for a message: one line, printable on every terminal."""
    return one_line(os.fspath(path))


def file_error(path: FilePath, action: str, error: OSError) -> IsoboothError:
    """What the user is told of an OSError; `action` is "read" or "written"."""
    where = path_text(path)
    if error.errno in _MACHINE_ERRNOS:
        return MachineError(f"{where}: cannot be {action}: {_MACHINE_ERRNOS[error.errno]}")
    match error.errno:
        case errno.ENOENT if action == "written":
            folder = Path(path).parent
            what = "takes no files" if folder.is_dir() else "does not exist"
            return InputError(f"{where}: cannot be written: the folder {path_text(folder)} {what}")
        case errno.ENOENT:
            return InputError(f"{where}: no such file")
        case errno.EACCES | errno.EPERM:
            return InputError(f"{where}: cannot be {action}: permission denied")
        case errno.EROFS:
            return InputError(f"{where}: cannot be written: the file system is read-only")
    reason = error.strerror or str(error) or type(error).__name__
    return InputError(f"{where}: cannot be {action}: {reason[:1].lower()}{reason[1:]}")


def open_input(path: FilePath, expected: str, max_bytes: int | None = None) -> BinaryIO:
    """Open a regular, non-empty file for reading, or InputError.

    `expected` is what it should hold ("a song file"), for the messages.
    """
    where = path_text(path)
    try:
        # Without O_NONBLOCK, open() of a pipe waits for its writer.
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise file_error(path, "read", error) from None
    except ValueError:  # a NUL in the name
        raise InputError(f"{where}: not a file name") from None
    file = os.fdopen(handle, "rb", closefd=True) if not _is_folder(handle) else None
    if file is None:
        raise InputError(f"{where}: is a folder, expected {expected}")
    status = os.fstat(file.fileno())
    problem = ""
    if not stat.S_ISREG(status.st_mode):
        problem = f"is a pipe or a device, expected {expected}"
    elif status.st_size == 0:
        problem = f"is empty, expected {expected}"
    elif max_bytes is not None and status.st_size > max_bytes:
        problem = (
            f"is {status.st_size / 1e6:.1f} MB, more than the {max_bytes / 1e6:.0f} MB "
            f"that {expected} may have"
        )
    if problem:
        file.close()
        raise InputError(f"{where}: {problem}")
    return file


def _is_folder(handle: int) -> bool:
    if not stat.S_ISDIR(os.fstat(handle).st_mode):
        return False
    os.close(handle)  # fdopen() refuses folders with an error of its own
    return True


def read_input(path: FilePath, expected: str, max_bytes: int) -> bytes:
    """The whole content of a regular, non-empty file of at most `max_bytes`, or InputError."""
    with open_input(path, expected, max_bytes) as file:
        try:
            return file.read(max_bytes)
        except OSError as error:
            raise file_error(path, "read", error) from None


def _without_waiting(path: str, flags: int) -> int:
    """A pipe that somebody put there opens at once, and shows that it is none of ours."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW)


class AtomicFile:
    """A new file that stands under its name complete or not at all.

    Inside `with`, write to `file`; leaving the block without an exception publishes it (flush,
    fsync, rename), leaving by an exception or after `discard()` removes it. Meanwhile it is
    NAME.XXXXXXXX.part in the same folder, visible, so that what a power cut leaves can be found;
    the next one of this name removes it.
    A symbolic link is followed, so that the link stays one.
    """

    def __init__(self, path: FilePath) -> None:
        self.path = Path(path)
        self.file: BinaryIO
        self._discarded = False
        self._target = Path()
        self._temporary = Path()

    def __enter__(self) -> "AtomicFile":
        try:
            self._target = Path(os.path.realpath(self.path))
            mode = self._replaced_mode()
            self._clear_remains()
            name = f"{self._target.name}.{secrets.token_hex(4)}.part"
            self._temporary = self._target.with_name(name)
            # "x" asks for a new file, so that nobody's link is followed here; the rights of a
            # new file are the user's umask, as with any other program.
            self.file = open(self._temporary, "x+b")
            with contextlib.suppress(OSError):  # a file system without locks
                fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if mode is not None:
                os.fchmod(self.file.fileno(), mode)
        except OSError as error:
            raise file_error(self.path, "written", error) from None
        except ValueError:  # a NUL in the name, or no name at all
            raise InputError(f"{path_text(self.path)}: not a file name") from None
        return self

    def _clear_remains(self) -> None:
        """Removes what killed programs left half-written of this file. Who still writes holds a
        lock, or is about to take it."""
        for path in self._target.parent.glob(glob.escape(self._target.name) + PART):
            with contextlib.suppress(OSError), open(path, "rb", opener=_without_waiting) as remains:
                status = os.fstat(remains.fileno())
                fcntl.flock(remains, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if stat.S_ISREG(status.st_mode) and time.time() - status.st_mtime > _LOCKING_S:
                    path.unlink()

    def _replaced_mode(self) -> int | None:
        """The rights of the file that will be replaced; refuses what must not be replaced."""
        try:
            status = self._target.stat()
        except FileNotFoundError:
            return None
        if stat.S_ISDIR(status.st_mode):
            raise InputError(f"{path_text(self.path)}: is a folder, expected a file name")
        if not stat.S_ISREG(status.st_mode):  # a rename would replace /dev/null for everybody
            raise InputError(f"{path_text(self.path)}: is a device or pipe, expected a file name")
        if not os.access(self._target, os.W_OK):
            raise InputError(f"{path_text(self.path)}: is write-protected; name another file")
        return stat.S_IMODE(status.st_mode)

    def discard(self) -> None:
        """Leave nothing behind at the end, although no exception happened."""
        self._discarded = True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        published = False
        try:
            if kind is None and not self._discarded:
                self.file.flush()
                os.fsync(self.file.fileno())
                os.replace(self._temporary, self._target)
                published = True
                self._sync_folder()
        except OSError as failure:
            raise file_error(self.path, "written", failure) from None
        finally:
            with contextlib.suppress(OSError):
                self.file.close()
            if not published:
                self._temporary.unlink(missing_ok=True)

    def _sync_folder(self) -> None:
        """Make the rename itself last through a power cut, where the file system can."""
        with contextlib.suppress(OSError):
            handle = os.open(self._target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
