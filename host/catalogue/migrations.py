# SPDX-License-Identifier: GPL-3.0-or-later
"""How a catalogue of any earlier Isobooth becomes one of today's (see host/store/migrations.py:
each step is written once and never changed)."""

import sqlalchemy as sa

from host.store.migrations import Steps


def _first_tables(connection: sa.Connection) -> None:
    """1: files, plugins, runs."""
    tables = sa.MetaData()
    key = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    sa.Table(
        "files",
        tables,
        sa.Column("id", key, primary_key=True),
        sa.Column("format", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("stamp", sa.Text),
        sa.Column("fingerprint", sa.Text),
        sa.Column("libraries", sa.JSON, nullable=False),
        sa.Column("is_deep", sa.Boolean, nullable=False),
        sa.Column("probe_version", sa.BigInteger, nullable=False),
        sa.Column("failures", sa.BigInteger, nullable=False),
        sa.Column("retry_at", sa.Text),
        sa.Column("scanned_at", sa.Text),
        sa.Column("seen_at", sa.Text, nullable=False),
        sa.Column("vanished_at", sa.Text),
        sa.UniqueConstraint("format", "path"),
    )
    sa.Table(
        "plugins",
        tables,
        sa.Column("id", key, primary_key=True),
        sa.Column(
            "file_id",
            key,
            sa.ForeignKey("files.id", ondelete="CASCADE"),
            nullable=False,
            index=True,
        ),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("plugin_id", sa.Text, nullable=False, index=True),
        sa.Column("status", sa.Text, nullable=False, index=True),
        *(
            sa.Column(name, sa.Text, nullable=False)
            for name in ("detail", "format", "path", "name", "vendor", "version")
        ),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("category", "kind")),
        *(
            sa.Column(name, sa.BigInteger, nullable=False)
            for name in ("in_channels", "out_channels", "sidechain_channels")
        ),
        *(
            sa.Column(name, sa.Boolean, nullable=False)
            for name in ("accepts_midi", "produces_midi")
        ),
        *(
            sa.Column(name, sa.BigInteger, nullable=False)
            for name in ("parameter_count", "program_count", "latency_frames")
        ),
        sa.Column("tail_s", sa.Double),
        *(sa.Column(name, sa.Double, nullable=False) for name in ("load_ms", "process_ms")),
        *(
            sa.Column(name, sa.BigInteger, nullable=False)
            for name in ("memory_bytes", "state_bytes")
        ),
        *(sa.Column(name, sa.Text) for name in ("signature", "report")),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("first_seen_at", "probed_at")),
        sa.Column("vanished_at", sa.Text),
        sa.Column("body", sa.Text, nullable=False),
        sa.UniqueConstraint("file_id", "plugin_id"),
    )
    sa.Table(
        "runs",
        tables,
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("asked_for", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("started_at", sa.Text, nullable=False),
        sa.Column("finished_at", sa.Text),
    )
    tables.create_all(connection)


MIGRATIONS: Steps = (_first_tables,)
