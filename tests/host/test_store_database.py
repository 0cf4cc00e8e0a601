# SPDX-License-Identifier: GPL-3.0-or-later
"""The user's file survives what disks, other programs and other versions do to it."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from host.store.blacklist import Blacklist
from host.store.database import FILE_NAME, Database, _locked
from host.store.folder import data_folder
from host.store.migrations import SCHEMA_VERSION, migrate
from host.store.schema import TABLES
from ipc.errors import InputError, IsoboothError, MachineError

PAGE_BYTES = 4096  # SQLite's default


@pytest.fixture
def warnings() -> list[str]:
    return []


@pytest.fixture
def database(tmp_path: Path, warnings: list[str]) -> Iterator[Database]:
    with Database(tmp_path, warn=warnings.append) as opened:
        yield opened


def _checkpoint(database: Database) -> None:
    """Bring everything from the write-ahead log into the file, and close it."""
    database.close()
    connection = sqlite3.connect(database.path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def test_what_is_written_is_there_after_reopening(tmp_path: Path) -> None:
    with Database(tmp_path) as first:
        Blacklist(first).add("lv2:urn:x", None, "crashed 3 times")
    with Database(tmp_path) as second:
        assert [entry.plugin_id for entry in Blacklist(second).list()] == ["lv2:urn:x"]


def test_the_file_is_in_wal_mode(database: Database) -> None:
    mode = database.run(
        lambda connection: connection.execute(sa.text("PRAGMA journal_mode")).scalar()
    )
    assert mode == "wal"


def test_migrations_make_the_tables_that_the_code_uses(database: Database) -> None:
    expected = {
        table.name: {(c.name, c.nullable, str(c.type)) for c in table.columns}
        for table in TABLES.sorted_tables
    }

    def shape(connection: sa.Connection) -> dict[str, set[tuple[str, bool, str]]]:
        inspector = sa.inspect(connection)
        return {
            name: {(c["name"], c["nullable"], str(c["type"])) for c in inspector.get_columns(name)}
            for name in inspector.get_table_names()
            if name != "schema_version"
        }

    assert database.run(shape) == expected


def test_a_file_of_a_newer_isobooth_is_refused_and_left_alone(tmp_path: Path) -> None:
    Database(tmp_path).close()
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    connection.execute("INSERT INTO schema_version VALUES (?, 'later', '99.0')", (99,))
    connection.commit()
    connection.close()
    with pytest.raises(InputError, match=r"newer Isobooth \(database layout 99, .* update"):
        Database(tmp_path)
    assert not list(tmp_path.glob("*damaged*"))


def test_an_older_file_is_brought_up_to_date_once(tmp_path: Path) -> None:
    Database(tmp_path).close()
    runs: list[int] = []

    def add_a_column(connection: sa.Connection) -> None:
        runs.append(1)
        connection.exec_driver_sql("ALTER TABLE blacklist ADD COLUMN vendor TEXT")

    engine = sa.create_engine(f"sqlite:///{tmp_path / FILE_NAME}")
    steps = (
        *[lambda connection: pytest.fail("was applied before")] * SCHEMA_VERSION,
        add_a_column,
    )
    for _ in range(2):
        with engine.begin() as connection:
            migrate(connection, str(tmp_path / FILE_NAME), steps)
    columns = {column["name"] for column in sa.inspect(engine).get_columns("blacklist")}
    engine.dispose()
    assert runs == [1]
    assert "vendor" in columns


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    connection.execute("CREATE TABLE photos (x)")
    connection.close()
    with pytest.raises(InputError, match=r"another program .*'photos'"):
        Database(tmp_path)


def test_an_empty_file_is_begun_anew_without_a_word(tmp_path: Path, warnings: list[str]) -> None:
    (tmp_path / FILE_NAME).touch()
    Database(tmp_path, warn=warnings.append).close()
    assert warnings == []


@pytest.mark.parametrize("damage", ["noise", "truncated"])
def test_a_damaged_file_is_moved_aside_and_a_new_one_begun(
    database: Database, warnings: list[str], damage: str
) -> None:
    Blacklist(database).add("lv2:urn:x", None, "crashed")
    _checkpoint(database)
    whole = database.path.read_bytes()
    broken = b"no database " * 1000 if damage == "noise" else whole[: len(whole) // 2]
    database.path.write_bytes(broken)

    with Database(database.path.parent, warn=warnings.append) as opened:
        assert Blacklist(opened).list() == []
        Blacklist(opened).add("lv2:urn:y", None, "crashed")
    (aside,) = database.path.parent.glob(f"{FILE_NAME}.damaged-*")
    assert aside.read_bytes() == broken
    assert len(warnings) == 1
    assert "\n" not in warnings[0]
    assert aside.name in warnings[0]
    with Database(database.path.parent, warn=warnings.append) as again:
        assert len(Blacklist(again).list()) == 1
    assert len(warnings) == 1


def test_damage_found_while_running_costs_the_content_but_not_the_work(
    database: Database, warnings: list[str]
) -> None:
    Blacklist(database).add("lv2:urn:old", None, "crashed")
    _checkpoint(database)
    pages = bytearray(database.path.read_bytes())
    # Only the blacklist's own page: opening, which reads the schema and its version, sees nothing.
    start = (_root_page(database.path, "blacklist") - 1) * PAGE_BYTES
    pages[start : start + PAGE_BYTES] = b"\xff" * PAGE_BYTES
    database.path.write_bytes(bytes(pages))

    with Database(database.path.parent, warn=warnings.append) as opened:
        assert warnings == []
        Blacklist(opened).add("lv2:urn:new", None, "crashed")
        assert [entry.plugin_id for entry in Blacklist(opened).list()] == ["lv2:urn:new"]
    assert len(warnings) == 1


def _root_page(path: Path, table: str) -> int:
    connection = sqlite3.connect(path)
    row = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,))
    page = int(row.fetchone()[0])
    connection.close()
    return page


def test_many_that_find_the_same_damage_move_it_aside_once(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"no database " * 1000)
    warnings: list[str] = []

    def open_and_add(number: int) -> None:
        with Database(tmp_path, warn=warnings.append) as opened:
            Blacklist(opened).add(f"lv2:urn:{number}", None, "crashed")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(open_and_add, range(8)))
    assert len(warnings) == 1
    with Database(tmp_path) as opened:
        assert len(Blacklist(opened).list()) == 8


def test_writers_of_several_connections_wait_for_each_other(tmp_path: Path) -> None:
    def add_some(writer: int) -> None:
        with Database(tmp_path) as opened:
            for _ in range(20):
                Blacklist(opened).add("lv2:urn:same", None, f"writer {writer}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add_some, range(4)))
    with Database(tmp_path) as opened:
        assert [entry.count for entry in Blacklist(opened).list()] == [80]


def test_a_writer_that_never_ends_is_told_in_one_line(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("host.store.database.BUSY_TIMEOUT_S", 0.1)
    other = sqlite3.connect(database.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(IsoboothError, match=r"isobooth\.db: another process .* try again$"):
        Database(database.path.parent)
    other.close()


def test_opening_waits_for_another_that_opens(tmp_path: Path) -> None:
    held = threading.Event()

    def hold() -> None:
        with _locked(tmp_path):
            held.set()
            time.sleep(0.2)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    began = time.monotonic()
    Database(tmp_path).close()
    assert time.monotonic() - began > 0.1
    holder.join()


def test_a_folder_that_cannot_be_made_is_the_machines_fault(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(MachineError, match=r"file/data: cannot make .*ISOBOOTH_DATA$"):
        Database(tmp_path / "file" / "data")


def test_a_file_that_cannot_be_opened_is_the_machines_fault(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).mkdir()
    with pytest.raises(MachineError, match=r"cannot be written: .*ISOBOOTH_DATA"):
        Database(tmp_path)


def test_a_file_that_turns_read_only_is_the_machines_fault(database: Database) -> None:
    def write(connection: sa.Connection) -> None:
        connection.execute(sa.text("PRAGMA query_only=ON"))
        connection.execute(sa.text("DELETE FROM blacklist"))

    with pytest.raises(MachineError, match=r"cannot be written"):
        database.run(write, write=True)


def test_a_mistake_in_our_own_sql_is_not_dressed_up(database: Database) -> None:
    with pytest.raises(sa.exc.OperationalError):
        database.run(lambda connection: connection.execute(sa.text("SELECT * FROM nothing")))


def test_a_failed_transaction_leaves_nothing_behind(database: Database) -> None:
    def half(connection: sa.Connection) -> None:
        connection.execute(sa.text("CREATE TABLE half_way (x)"))
        raise KeyError("in the middle")

    with pytest.raises(KeyError):
        database.run(half, write=True)
    tables = database.run(lambda connection: sa.inspect(connection).get_table_names())
    assert "half_way" not in tables


def test_the_data_folder_is_the_users_choice_or_the_desktops(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ISOBOOTH_DATA", str(tmp_path / "mine"))
    assert data_folder() == tmp_path / "mine"
    monkeypatch.delenv("ISOBOOTH_DATA")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    assert data_folder() == tmp_path / "xdg" / "isobooth"
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert data_folder() == tmp_path / ".local" / "share" / "isobooth"


def test_a_new_data_folder_is_private(tmp_path: Path) -> None:
    Database(tmp_path / "new").close()
    assert (tmp_path / "new").stat().st_mode & 0o077 == 0
