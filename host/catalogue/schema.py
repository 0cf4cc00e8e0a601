# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue's tables as the code of today sees them; how older ones become like this is told
in migrations.py. Types are those that SQLite and PostgreSQL share."""

from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, Double, ForeignKey, Integer, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# SQLite numbers rows of INTEGER keys only.
_Key = BigInteger().with_variant(Integer, "sqlite")


class Base(DeclarativeBase):
    """All tables of the catalogue."""

    type_annotation_map: ClassVar = {
        str: Text,
        int: BigInteger,
        float: Double,
        list[str]: JSON,
        list[Any]: JSON,
        dict[str, Any]: JSON,
    }


class FileRow(Base):
    """A file or bundle that is called like a plugin. `stamp` is NULL until it has been probed to
    its end; `fingerprint` is that of the content that it was, or is being, probed with."""

    __tablename__ = "files"
    __table_args__ = (UniqueConstraint("format", "path"),)

    id: Mapped[int] = mapped_column(_Key, primary_key=True)
    format: Mapped[str]
    path: Mapped[str]
    status: Mapped[str]  # ok: all its plugins are; else the worst word there is for one
    stamp: Mapped[str | None]
    fingerprint: Mapped[str | None]
    libraries: Mapped[list[str]]  # paths that it loads, whose change is its change
    is_deep: Mapped[bool]
    probe_version: Mapped[int]
    failures: Mapped[int]  # in a row, of the same fingerprint
    retry_at: Mapped[str | None]  # ISO 8601, UTC: not before
    scanned_at: Mapped[str | None]
    seen_at: Mapped[str]
    vanished_at: Mapped[str | None]


class PluginRow(Base):
    """One plugin of a file, or the file itself where it did not come to say what it holds. Lists
    read columns only; what is large is read when one plugin is shown."""

    __tablename__ = "plugins"
    __table_args__ = (UniqueConstraint("file_id", "plugin_id"),)

    id: Mapped[int] = mapped_column(_Key, primary_key=True)
    file_id: Mapped[int] = mapped_column(
        _Key, ForeignKey("files.id", ondelete="CASCADE"), index=True
    )
    run_id: Mapped[str]  # of the scan that probed it
    plugin_id: Mapped[str] = mapped_column(index=True)
    status: Mapped[str] = mapped_column(index=True)
    detail: Mapped[str]
    format: Mapped[str]
    path: Mapped[str]
    name: Mapped[str]
    vendor: Mapped[str]
    version: Mapped[str]
    category: Mapped[str]
    kind: Mapped[str]
    in_channels: Mapped[int]
    out_channels: Mapped[int]
    sidechain_channels: Mapped[int]
    accepts_midi: Mapped[bool]
    produces_midi: Mapped[bool]
    parameter_count: Mapped[int]
    program_count: Mapped[int]
    latency_frames: Mapped[int]
    tail_s: Mapped[float | None]  # NULL: endless
    load_ms: Mapped[float]
    process_ms: Mapped[float]
    memory_bytes: Mapped[int]
    state_bytes: Mapped[int]
    signature: Mapped[str | None]
    report: Mapped[str | None]
    first_seen_at: Mapped[str]
    probed_at: Mapped[str]
    vanished_at: Mapped[str | None]
    body: Mapped[str] = mapped_column(deferred=True)  # all of it, as JSON


class RunRow(Base):
    """A scan; one that was cut short is gone on with by the next that asks for the same."""

    __tablename__ = "runs"

    id: Mapped[str] = mapped_column(primary_key=True)
    asked_for: Mapped[str]  # what to scan and how, as JSON
    owner: Mapped[str]  # machine and process
    started_at: Mapped[str]
    finished_at: Mapped[str | None]
