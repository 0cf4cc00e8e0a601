# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue's tables as the code of today sees them; how older ones become like this is told
in migrations.py. Types are those that SQLite and PostgreSQL share."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Integer,
    MetaData,
    Named,
    Table,
    Text,
    TypedColumns,
    UniqueConstraint,
)

TABLES = MetaData()

# SQLite numbers rows of INTEGER keys only.
_Key = BigInteger().with_variant(Integer, "sqlite")


class FileColumns(TypedColumns):
    """A file or bundle that is called like a plugin. `stamp` is NULL until it has been probed to
    its end; `fingerprint` is that of the content that it was, or is being, probed with."""

    id: Named[int] = Column(_Key, primary_key=True)
    format: Named[str] = Column(Text)
    path: Named[str] = Column(Text)
    status: Named[str] = Column(Text)  # ok: all its plugins are; else the worst word for one
    stamp: Named[str | None] = Column(Text)
    fingerprint: Named[str | None] = Column(Text)
    libraries: Named[list[str]] = Column(JSON)  # paths that it loads, whose change is its change
    is_deep: Named[bool] = Column(Boolean)
    probe_version: Named[int] = Column(BigInteger)
    failures: Named[int] = Column(BigInteger)  # in a row, of the same fingerprint
    retry_at: Named[str | None] = Column(Text)  # ISO 8601, UTC: not before
    scanned_at: Named[str | None] = Column(Text)
    seen_at: Named[str] = Column(Text)
    vanished_at: Named[str | None] = Column(Text)


FILES = Table("files", TABLES, FileColumns, UniqueConstraint("format", "path"))


class PluginColumns(TypedColumns):
    """One plugin of a file, or the file itself where it did not come to say what it holds. Lists
    read columns only; what is large is read when one plugin is shown."""

    id: Named[int] = Column(_Key, primary_key=True)
    file_id: Named[int] = Column(_Key, ForeignKey("files.id", ondelete="CASCADE"), index=True)
    run_id: Named[str] = Column(Text)  # of the scan that probed it
    plugin_id: Named[str] = Column(Text, index=True)
    status: Named[str] = Column(Text, index=True)
    detail: Named[str] = Column(Text)
    format: Named[str] = Column(Text)
    path: Named[str] = Column(Text)
    name: Named[str] = Column(Text)
    vendor: Named[str] = Column(Text)
    version: Named[str] = Column(Text)
    category: Named[str] = Column(Text)
    kind: Named[str] = Column(Text)
    in_channels: Named[int] = Column(BigInteger)
    out_channels: Named[int] = Column(BigInteger)
    sidechain_channels: Named[int] = Column(BigInteger)
    accepts_midi: Named[bool] = Column(Boolean)
    produces_midi: Named[bool] = Column(Boolean)
    parameter_count: Named[int] = Column(BigInteger)
    program_count: Named[int] = Column(BigInteger)
    latency_frames: Named[int] = Column(BigInteger)
    tail_s: Named[float | None] = Column(Double)  # NULL: endless
    load_ms: Named[float] = Column(Double)
    process_ms: Named[float] = Column(Double)
    memory_bytes: Named[int] = Column(BigInteger)
    state_bytes: Named[int] = Column(BigInteger)
    signature: Named[str | None] = Column(Text)
    report: Named[str | None] = Column(Text)
    first_seen_at: Named[str] = Column(Text)
    probed_at: Named[str] = Column(Text)
    vanished_at: Named[str | None] = Column(Text)
    body: Named[str] = Column(Text)  # all of it, as JSON


PLUGINS = Table("plugins", TABLES, PluginColumns, UniqueConstraint("file_id", "plugin_id"))


class RunColumns(TypedColumns):
    """A scan; one that was cut short is gone on with by the next that asks for the same."""

    id: Named[str] = Column(Text, primary_key=True)
    asked_for: Named[str] = Column(Text)  # what to scan and how, as JSON
    owner: Named[str] = Column(Text)  # machine and process
    started_at: Named[str] = Column(Text)
    finished_at: Named[str | None] = Column(Text)


RUNS = Table("runs", TABLES, RunColumns)
