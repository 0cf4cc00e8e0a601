# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables as the code of today sees them.

How an older file becomes like this is told in migrations.py, which also owns the version table; a
test holds both to the same shape.
Types are those that SQLite and PostgreSQL share.
"""

from typing import ClassVar

from sqlalchemy import JSON, LargeBinary, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """All tables of the store."""

    type_annotation_map: ClassVar = {str: Text, list[str]: JSON}


class CrashRow(Base):
    """A crash report: what lists show in columns, all of it but the state in `body`."""

    __tablename__ = "crash_reports"

    # Order of arrival, for the retention limit: clocks are set back, sequences are not.
    sequence: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(unique=True)
    when: Mapped[str]
    plugin_id: Mapped[str] = mapped_column(index=True)
    kind: Mapped[str]
    cause: Mapped[str]  # "SIGSEGV", "exit code 3" or empty
    slot: Mapped[str]
    song: Mapped[str | None]
    action: Mapped[str]
    signature: Mapped[str | None] = mapped_column(index=True)
    body: Mapped[str] = mapped_column(deferred=True)
    state: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)


class TrustRow(Base):
    """What a plugin's files were when they were trusted."""

    __tablename__ = "trusted_plugins"

    plugin_id: Mapped[str] = mapped_column(primary_key=True)
    path: Mapped[str]
    sha256: Mapped[str]  # of its code and descriptions
    stamp: Mapped[str]
    by: Mapped[str]
    signer: Mapped[str | None]
    first_at: Mapped[str]
    since: Mapped[str]


class ConductRow(Base):
    """How a plugin has behaved so far."""

    __tablename__ = "plugin_conduct"

    plugin_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    vendor: Mapped[str]
    version: Mapped[str]
    played_s: Mapped[float]
    calm_s: Mapped[float]  # since it last failed, if ever
    calm_sessions: Mapped[int]
    faults: Mapped[int]
    last_fault: Mapped[str | None]
    choice: Mapped[str]  # the user's: auto, alone, share


class BlacklistRow(Base):
    """What is not to be loaded, until its file changes or the user lifts it.

    Lifted rows stay as history; at most one row of a plugin, hash or signature is not lifted.
    """

    __tablename__ = "blacklist"

    id: Mapped[int] = mapped_column(primary_key=True)
    rule: Mapped[str]  # what it goes by: plugin, hash or signature
    plugin_id: Mapped[str] = mapped_column(index=True)  # empty where it goes by something else
    signature: Mapped[str | None]
    path: Mapped[str | None]
    sha256: Mapped[str | None]  # of the code, None where there is no file
    stamp: Mapped[str | None]  # names, sizes and times of the files; same stamp, same content
    reason: Mapped[str]
    count: Mapped[int]
    reports: Mapped[list[str]]
    added_at: Mapped[str]
    last_at: Mapped[str]
    lifted_at: Mapped[str | None]
    lifted_why: Mapped[str | None]
