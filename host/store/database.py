# SPDX-License-Identifier: GPL-3.0-or-later
"""A SQLite file of the user's: opened, brought up to date, and replaced when it is damaged.

Several processes use it at once (a session that plays, a render, a command), so it is in WAL mode
and writers queue. What goes wrong on a disk must never stop a session: a damaged file is moved
aside, with one line of warning, and a new one begun. Everything else becomes one clear line.
"""

import errno
import fcntl
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, Self, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from host.store.folder import DATA_VARIABLE, made_data_folder
from host.store.migrations import MIGRATIONS, Steps, migrate
from ipc.errors import IsoboothError, MachineError

FILE_NAME = "isobooth.db"

# A writer holds the file for milliseconds; a minute of waiting would only hide a stuck process.
BUSY_TIMEOUT_S = 5.0

# Opening under the lock takes milliseconds too; a thorough check of a large damaged file longer.
OPEN_TIMEOUT_S = 30.0

_WRITES = "isobooth_writes"
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}

_T = TypeVar("_T")
_log = logging.getLogger("isobooth.store")


class Database:
    """The open file. Use from any thread; every `run` is one transaction on its own connection."""

    def __init__(
        self,
        folder: Path | None = None,
        *,
        warn: Callable[[str], None] = _log.warning,
        file_name: str = FILE_NAME,
        steps: Steps = MIGRATIONS,
    ) -> None:
        """Open or make the file in `folder` (default: the data folder); `steps` are what brings
        its tables up to date.

        `warn` gets the line that says a damaged file was moved aside. MachineError where the
        folder cannot be used, InputError where the file is newer than this code or not ours.
        """
        self.path = made_data_folder(folder) / file_name
        self._steps = steps
        self._warn = warn
        self._replacing = threading.Lock()
        self._engine = self._opened(thorough=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back to the system."""
        self._engine.dispose()

    def run(self, work: Callable[[Connection], _T], *, write: bool = False) -> _T:
        """Do `work` in one transaction and return its result; it may be called twice.

        It is called again where the file turns out to be damaged: then it works on a new, empty
        one. What leaves `work` must be plain data; rows end with the transaction.
        """
        engine = self._engine
        try:
            return _in_transaction(engine, work, write)
        except (sqlite3.Error, DBAPIError) as error:
            if not _is_damage(error):
                _tell(error, self.path)
        try:
            return _in_transaction(self._replaced(engine), work, write)
        except (sqlite3.Error, DBAPIError) as error:
            _tell(error, self.path)

    def _replaced(self, damaged: Engine) -> Engine:
        """A working engine after `damaged` failed; only the first of several threads makes it."""
        with self._replacing:
            if self._engine is damaged:
                damaged.dispose()
                self._engine = self._opened(thorough=True)
            return self._engine

    def _opened(self, *, thorough: bool) -> Engine:
        """Open, check and migrate. Locked: two processes must not both move the same file aside."""
        with _locked(self.path.parent):
            try:
                return _ready_engine(self.path, self._steps, thorough=thorough)
            except (sqlite3.Error, DBAPIError) as error:
                if not _is_damage(error):
                    _tell(error, self.path)
            aside = _move_aside(self.path)
            self._warn(f"{self.path} was damaged: moved to {aside.name}, a new one was begun")
            try:
                return _ready_engine(self.path, self._steps, thorough=False)
            except (sqlite3.Error, DBAPIError) as error:
                _tell(error, self.path)


def _ready_engine(path: Path, steps: Steps, *, thorough: bool) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)), connect_args={"timeout": BUSY_TIMEOUT_S}
    )
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    try:
        with engine.execution_options(**{_WRITES: True}).begin() as connection:
            if thorough:
                _check_every_page(connection)
            migrate(connection, str(path), steps)
    except BaseException:
        engine.dispose()
        raise
    return engine


def _set_up(connection: sqlite3.Connection, record: object) -> None:
    # Transactions are begun by _begin alone: Python's sqlite3 would begin none for a SELECT or a
    # CREATE TABLE, and a migration that stops half-way would stay half-way.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    # In WAL mode this loses at most the last transactions at a power cut, never the file.
    connection.execute("PRAGMA synchronous=NORMAL")


def _begin(connection: Connection) -> None:
    # A transaction that begins as a reader and then writes fails at once where another one wrote
    # in between, whatever the busy timeout; one that begins as a writer waits its turn.
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN DEFERRED")


def _check_every_page(connection: Connection) -> None:
    answer = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
    if answer != "ok":
        damage = sqlite3.DatabaseError(str(answer))
        damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise damage


def _in_transaction(engine: Engine, work: Callable[[Connection], _T], write: bool) -> _T:
    with engine.execution_options(**{_WRITES: write}).begin() as connection:
        return work(connection)


def _sqlite_code(error: Exception) -> int:
    """SQLite's primary result code, 0 where the error is none of SQLite's own."""
    original: Any = error.orig if isinstance(error, DBAPIError) else error
    return int(getattr(original, "sqlite_errorcode", 0)) & 0xFF


def _is_damage(error: Exception) -> bool:
    return _sqlite_code(error) in _DAMAGE


def _tell(error: Exception, path: Path) -> NoReturn:
    """Raise the line for the user; what is neither the disk's nor another process's goes on."""
    choose = f"or set {DATA_VARIABLE} to another folder"
    told: IsoboothError
    match _sqlite_code(error):
        case sqlite3.SQLITE_BUSY:
            told = IsoboothError(
                f"{path}: another process has been writing for {BUSY_TIMEOUT_S:g} s: try again"
            )
        case sqlite3.SQLITE_FULL:
            told = MachineError(f"{path}: the disk is full: free some space, {choose}")
        case sqlite3.SQLITE_IOERR:
            told = MachineError(f"{path}: the disk failed to read or write: check it, {choose}")
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            told = MachineError(f"{path}: cannot be written: give yourself the right, {choose}")
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            told = MachineError(f"{path}: damaged again at once: check the disk, {choose}")
        case _:
            raise error
    raise told from error


def _move_aside(path: Path) -> Path:
    """Rename the file and what belongs to it, so that nothing is lost and nothing is mixed up."""
    date = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    aside = path.with_name(f"{path.name}.damaged-{date}")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.damaged-{date}-{number}")
    try:
        for suffix in ("-wal", "-shm", ""):  # the log first: left behind, it would be played
            part = path.with_name(path.name + suffix)  # into the new file
            if part.exists():
                part.rename(aside.with_name(aside.name + suffix))
    except OSError as error:
        raise MachineError(
            f"{path}: damaged, and cannot be moved aside ({error.strerror}): move it away yourself"
        ) from error
    return aside


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder for this process's opening of the file; a killed holder lets go."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise MachineError(
            f"{folder}: cannot be opened ({error.strerror}): "
            f"give yourself the right, or set {DATA_VARIABLE} to another folder"
        ) from error
    try:
        _wait_for_lock(descriptor, folder)
        yield
    finally:
        os.close(descriptor)


def _wait_for_lock(descriptor: int, folder: Path) -> None:
    deadline = time.monotonic() + OPEN_TIMEOUT_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise IsoboothError(
                    f"{folder}: another process has been opening the database for "
                    f"{OPEN_TIMEOUT_S:g} s: end it and try again"
                ) from None
        except OSError as error:
            # Some network file systems know no locks; a race over a damaged file is then possible
            # but no reason to refuse the user's folder.
            if error.errno in (errno.ENOLCK, errno.EOPNOTSUPP):
                return
            raise
        time.sleep(0.02)
