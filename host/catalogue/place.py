# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a catalogue is kept: in a SQLite file of the user's, or on a PostgreSQL server that several
machines share."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from sqlalchemy import URL, Connection, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from host.catalogue.migrations import MIGRATIONS
from host.store.database import Database
from host.store.folder import data_folder
from host.store.migrations import migrate
from host.store.unkept import UnkeptDatabase
from ipc.errors import InputError, MachineError

FILE_NAME = "catalogue.db"
VARIABLE = "ISOBOOTH_CATALOGUE"

_FORMS = "a catalogue is a file, or postgresql://USER:PASSWORD@HOST/DATABASE"
_SQLITE = b"SQLite format 3\0"
_ELSEWHERE = f"choose another catalogue with --catalogue or {VARIABLE}"

# A server that does not answer must not hold a scan for ever.
_CONNECT_S = 10
_LIMITS = "-c statement_timeout=60000 -c lock_timeout=60000"

# Any number that no other program asks for: writers of one catalogue queue, as SQLite's do.
_WRITERS = 0x150B007

_T = TypeVar("_T")


class Transactions(Protocol):
    """What a catalogue needs of a database."""

    def run(self, work: Callable[[Connection], _T], *, write: bool = False) -> _T:
        """Does `work` in one transaction; it may be called twice."""

    def close(self) -> None: ...


def open_place(
    where: str | None, warn: Callable[[str], None], *, create: bool = True
) -> Transactions:
    """`where`: a URL or a file; None: as ISOBOOTH_CATALOGUE says, or a file in the data folder. A
    file that was named is made only with `create`, and not touched if it is something else; without
    it, one that cannot be written is read. Raises InputError or MachineError."""
    where = where or os.environ.get(VARIABLE) or None
    if where is None:
        return _sqlite(data_folder(), FILE_NAME, warn, create)
    if "://" not in where:
        return _file(Path(where).expanduser(), warn, create)
    try:
        url = make_url(where)
    except (ArgumentError, ValueError):
        shown = re.sub(r"//.*@", "//…@", where)  # a password may be in it
        raise InputError(f"'{shown}' is no catalogue: {_FORMS}") from None
    match url.get_backend_name():
        case "sqlite" if url.database:
            return _file(Path(url.database).expanduser(), warn, create)
        case "postgresql":
            return Server(url)
    raise InputError(f"'{url.render_as_string()}' is no catalogue: {_FORMS}")


def _file(path: Path, warn: Callable[[str], None], create: bool) -> Database:
    path = path.absolute()
    if path.is_dir():
        raise InputError(f"{path} is a folder: name a file in it")
    try:
        with path.open("rb") as file:
            begin = file.read(len(_SQLITE))
    except FileNotFoundError:
        if not create:
            raise InputError(
                f"there is no catalogue {path}: `isobooth scan --catalogue {path}` makes one"
            ) from None
        begin = b""
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    if begin and begin != _SQLITE:
        raise InputError(f"{path} is no catalogue, but another file: it is left alone")
    return _sqlite(path.parent, path.name, warn, create)


def _sqlite(folder: Path, name: str, warn: Callable[[str], None], create: bool) -> Database:
    """Who only looks is shown what is there, also where nothing can be written."""
    try:
        return Database(folder, warn=warn, file_name=name, steps=MIGRATIONS)
    except MachineError:
        if create:
            raise
        copy = UnkeptDatabase(folder, warn=warn, file_name=name, steps=MIGRATIONS)
        if copy.is_whole:
            return copy
        copy.close()
        raise


class Server:
    """A PostgreSQL database. Use from any thread."""

    def __init__(self, url: URL) -> None:
        """Raises MachineError where it cannot be reached, InputError where it is not ours."""
        self._name = url.render_as_string()  # without the password
        try:
            self._engine = create_engine(
                url.set(drivername="postgresql+psycopg"),
                connect_args={"connect_timeout": _CONNECT_S, "options": _LIMITS},
                pool_pre_ping=True,  # a server that was started again
            )
        except (ImportError, NoSuchModuleError):
            raise MachineError(
                f"{self._name}: the package for PostgreSQL is missing: "
                "run `pip install 'isobooth[postgresql]'`"
            ) from None
        try:
            with self._engine.begin() as connection:
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_WRITERS})"))
                migrate(connection, self._name, MIGRATIONS, _ELSEWHERE)
        except DBAPIError as error:
            self._engine.dispose()
            raise self._told(error) from None
        except BaseException:
            self._engine.dispose()
            raise

    def run(self, work: Callable[[Connection], _T], *, write: bool = False) -> _T:
        try:
            with self._engine.begin() as connection:
                if write:
                    connection.execute(text(f"SELECT pg_advisory_xact_lock({_WRITERS})"))
                return work(connection)
        except DBAPIError as error:
            raise self._told(error) from None

    def close(self) -> None:
        self._engine.dispose()

    def _told(self, error: DBAPIError) -> MachineError:
        why = " ".join(str(error.orig).split())
        return MachineError(f"{self._name}: {why}; mend that, or {_ELSEWHERE}")
