# SPDX-License-Identifier: GPL-3.0-or-later
"""How a database file of any earlier Isobooth becomes one of today's.

Each step is written once and never changed, with its own copy of the tables as they were then: a
step that used today's definitions would make another file tomorrow. A file from a newer Isobooth
is refused, because writing to tables one does not know loses what is in them.
"""

from collections.abc import Callable

import sqlalchemy as sa

from host.crash_report import utc_now
from host.version import isobooth_version
from ipc.errors import InputError


def _first_tables(connection: sa.Connection) -> None:
    """1: crash reports and the blacklist."""
    tables = sa.MetaData()
    sa.Table(
        "crash_reports",
        tables,
        sa.Column("sequence", sa.Integer, primary_key=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("when", sa.Text, nullable=False),
        sa.Column("plugin_id", sa.Text, nullable=False, index=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("slot", sa.Text, nullable=False),
        sa.Column("song", sa.Text),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("state", sa.LargeBinary),
    )
    sa.Table(
        "blacklist",
        tables,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("plugin_id", sa.Text, nullable=False, index=True),
        sa.Column("path", sa.Text),
        sa.Column("sha256", sa.Text),
        sa.Column("stamp", sa.Text),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("reports", sa.JSON, nullable=False),
        sa.Column("added_at", sa.Text, nullable=False),
        sa.Column("last_at", sa.Text, nullable=False),
        sa.Column("lifted_at", sa.Text),
        sa.Column("lifted_why", sa.Text),
    )
    tables.create_all(connection)


def _signatures(connection: sa.Connection) -> None:
    """2: crash reports have a signature, and blacklist entries may be about one, or about
    a file's content."""
    for statement in (
        "ALTER TABLE crash_reports ADD COLUMN signature TEXT",
        "CREATE INDEX ix_crash_reports_signature ON crash_reports (signature)",
        "ALTER TABLE blacklist ADD COLUMN rule TEXT NOT NULL DEFAULT 'plugin'",
        "ALTER TABLE blacklist ADD COLUMN signature TEXT",
    ):
        connection.exec_driver_sql(statement)


def _trust(connection: sa.Connection) -> None:
    """3: what plugins' files were when they were trusted."""
    sa.Table(
        "trusted_plugins",
        sa.MetaData(),
        sa.Column("plugin_id", sa.Text, primary_key=True),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("stamp", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("signer", sa.Text),
        sa.Column("first_at", sa.Text, nullable=False),
        sa.Column("since", sa.Text, nullable=False),
    ).create(connection)


def _conduct(connection: sa.Connection) -> None:
    """4: how plugins have behaved."""
    sa.Table(
        "plugin_conduct",
        sa.MetaData(),
        sa.Column("plugin_id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("vendor", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("played_s", sa.Double, nullable=False),
        sa.Column("calm_s", sa.Double, nullable=False),
        sa.Column("calm_sessions", sa.Integer, nullable=False),
        sa.Column("faults", sa.Integer, nullable=False),
        sa.Column("last_fault", sa.Text),
        sa.Column("choice", sa.Text, nullable=False),
    ).create(connection)


# Step n brings a file from version n to n + 1.
Steps = tuple[Callable[[sa.Connection], None], ...]
MIGRATIONS: Steps = (
    _first_tables,
    _signatures,
    _trust,
    _conduct,
)

SCHEMA_VERSION = len(MIGRATIONS)

# One row a step applied; the largest is the file's version. This table alone never changes: every
# Isobooth, older or newer, must be able to read it.
_VERSIONS = sa.Table(
    "schema_version",
    sa.MetaData(),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("applied_at", sa.Text, nullable=False),
    sa.Column("isobooth", sa.Text, nullable=False),
)


def migrate(
    connection: sa.Connection,
    where: str,
    steps: Steps = MIGRATIONS,
    elsewhere: str = "set ISOBOOTH_DATA to another folder",
) -> None:
    """Bring a database up to date, inside the caller's transaction. InputError if it is not ours.
    `where` names it, `elsewhere` is what a user can do to get another one."""
    version = _version_of(connection, where, elsewhere)
    if version > len(steps):
        raise InputError(
            f"{where}: written by a newer Isobooth (database layout {version}, this one knows "
            f"{len(steps)}): update Isobooth, or {elsewhere}"
        )
    if version == 0:
        _VERSIONS.create(connection, checkfirst=True)
    for number, step in enumerate(steps[version:], start=version + 1):
        step(connection)
        row = {"version": number, "applied_at": utc_now(), "isobooth": isobooth_version()}
        connection.execute(sa.insert(_VERSIONS).values(row))


def _version_of(connection: sa.Connection, where: str, elsewhere: str) -> int:
    """0 for an empty file."""
    tables = sa.inspect(connection).get_table_names()
    if _VERSIONS.name in tables:
        return connection.scalar(sa.select(sa.func.max(_VERSIONS.c.version))) or 0
    if tables:
        raise InputError(
            f"{where}: a database of another program (it has a table {tables[0]!r}): "
            f"move it away, or {elsewhere}"
        )
    return 0
