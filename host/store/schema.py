# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables as the code of today sees them.

How an older file becomes like this is told in migrations.py, which also owns the version table; a
test holds both to the same shape.
Types are those that SQLite and PostgreSQL share.
"""

from sqlalchemy import (
    JSON,
    Column,
    Double,
    Integer,
    LargeBinary,
    MetaData,
    Named,
    Table,
    Text,
    TypedColumns,
)

TABLES = MetaData()


class CrashColumns(TypedColumns):
    """A crash report: what lists show in columns, all of it but the state in `body`."""

    # Order of arrival, for the retention limit: clocks are set back, sequences are not.
    sequence: Named[int] = Column(Integer, primary_key=True)
    id: Named[str] = Column(Text, unique=True)
    when: Named[str] = Column(Text)
    plugin_id: Named[str] = Column(Text, index=True)
    kind: Named[str] = Column(Text)
    cause: Named[str] = Column(Text)  # "SIGSEGV", "exit code 3" or empty
    slot: Named[str] = Column(Text)
    song: Named[str | None] = Column(Text)
    action: Named[str] = Column(Text)
    signature: Named[str | None] = Column(Text, index=True)
    body: Named[str] = Column(Text)
    state: Named[bytes | None] = Column(LargeBinary)


CRASHES = Table("crash_reports", TABLES, CrashColumns)


class TrustColumns(TypedColumns):
    """What a plugin's files were when they were trusted."""

    plugin_id: Named[str] = Column(Text, primary_key=True)
    path: Named[str] = Column(Text)
    sha256: Named[str] = Column(Text)  # of its code and descriptions
    stamp: Named[str] = Column(Text)
    by: Named[str] = Column(Text)
    signer: Named[str | None] = Column(Text)
    first_at: Named[str] = Column(Text)
    since: Named[str] = Column(Text)


TRUSTED = Table("trusted_plugins", TABLES, TrustColumns)


class ConductColumns(TypedColumns):
    """How a plugin has behaved so far."""

    plugin_id: Named[str] = Column(Text, primary_key=True)
    name: Named[str] = Column(Text)
    vendor: Named[str] = Column(Text)
    version: Named[str] = Column(Text)
    played_s: Named[float] = Column(Double)
    calm_s: Named[float] = Column(Double)  # since it last failed, if ever
    calm_sessions: Named[int] = Column(Integer)
    faults: Named[int] = Column(Integer)
    last_fault: Named[str | None] = Column(Text)
    choice: Named[str] = Column(Text)  # the user's: auto, alone, share


CONDUCT = Table("plugin_conduct", TABLES, ConductColumns)


class BlacklistColumns(TypedColumns):
    """What is not to be loaded, until its file changes or the user lifts it.

    Lifted rows stay as history; at most one row of a plugin, hash or signature is not lifted.
    """

    id: Named[int] = Column(Integer, primary_key=True)
    rule: Named[str] = Column(Text)  # what it goes by: plugin, hash or signature
    plugin_id: Named[str] = Column(Text, index=True)  # empty where it goes by something else
    signature: Named[str | None] = Column(Text)
    path: Named[str | None] = Column(Text)
    sha256: Named[str | None] = Column(Text)  # of the code, None where there is no file
    # Names, sizes and times of the files: same stamp, same content.
    stamp: Named[str | None] = Column(Text)
    reason: Named[str] = Column(Text)
    count: Named[int] = Column(Integer)
    reports: Named[list[str]] = Column(JSON)
    added_at: Named[str] = Column(Text)
    last_at: Named[str] = Column(Text)
    lifted_at: Named[str | None] = Column(Text)
    lifted_why: Named[str | None] = Column(Text)


BLACKLIST = Table("blacklist", TABLES, BlacklistColumns)
