# SPDX-License-Identifier: GPL-3.0-or-later
"""What plugins' files were when they were trusted."""

from collections.abc import Sequence
from enum import StrEnum

import msgspec
from sqlalchemy import Connection, delete, insert, select

from host.crash_report import storable_text, utc_now
from host.store.database import Database
from host.store.schema import TRUSTED
from ipc.errors import InputError


class TrustedBy(StrEnum):
    """Why a plugin's files are trusted."""

    FIRST_USE = "first use"
    USER = "user"
    SIGNATURE = "signature"
    WARNED = "warned"  # policy `warn`: changed, told, and gone on


class TrustEntry(msgspec.Struct, frozen=True, kw_only=True):
    """The files of one plugin; the keys of `isobooth trust --json`."""

    plugin_id: str
    path: str
    sha256: str
    stamp: str
    by: TrustedBy
    signer: str | None = None  # the name of a trusted key
    first_at: str = ""  # ISO 8601, UTC
    since: str = ""  # with this content


class TrustStore:
    """The entries in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, plugin_id: str) -> TrustEntry | None:
        return self._database.run(lambda connection: _entry(connection, plugin_id))

    def put(self, entry: TrustEntry) -> TrustEntry:
        """From now on these are the plugin's files."""
        now = utc_now()

        def work(connection: Connection) -> TrustEntry:
            known = _entry(connection, entry.plugin_id)
            is_same = known is not None and known.sha256 == entry.sha256
            kept = msgspec.structs.replace(
                entry,
                plugin_id=storable_text(entry.plugin_id),
                path=storable_text(entry.path),
                first_at=known.first_at if known else now,
                since=known.since if known and is_same else now,
            )
            connection.execute(delete(TRUSTED).where(TRUSTED.c.plugin_id == kept.plugin_id))
            connection.execute(insert(TRUSTED).values(msgspec.structs.asdict(kept)))
            return kept

        return self._database.run(work, write=True)

    def forget(self, plugin_id: str) -> None:
        """It is new the next time. InputError if it is not known."""
        query = delete(TRUSTED).where(TRUSTED.c.plugin_id == storable_text(plugin_id))
        if not self._database.run(
            lambda connection: connection.execute(query).rowcount, write=True
        ):
            raise InputError(f"{plugin_id}: not known: `isobooth trust` lists what is")

    def list(self) -> Sequence[TrustEntry]:
        """By plugin id."""
        query = select(TRUSTED).order_by(TRUSTED.c.plugin_id)
        return self._database.run(
            lambda connection: msgspec.convert(
                connection.execute(query).mappings().all(), list[TrustEntry]
            )
        )


def _entry(connection: Connection, plugin_id: str) -> TrustEntry | None:
    query = select(TRUSTED).where(TRUSTED.c.plugin_id == storable_text(plugin_id))
    row = connection.execute(query).mappings().first()
    return None if row is None else msgspec.convert(row, TrustEntry)
