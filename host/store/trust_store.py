# SPDX-License-Identifier: GPL-3.0-or-later
"""What plugins' files were when they were trusted."""

from collections.abc import Sequence
from enum import StrEnum

import msgspec
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from host.crash_report import storable_text, utc_now
from host.store.database import Database
from host.store.schema import TrustRow
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
        def find(session: Session) -> TrustEntry | None:
            row = session.get(TrustRow, storable_text(plugin_id))
            return None if row is None else _entry_of(row)

        return self._database.run(find)

    def put(self, entry: TrustEntry) -> TrustEntry:
        """From now on these are the plugin's files."""
        now = utc_now()

        def work(session: Session) -> TrustEntry:
            row = session.get(TrustRow, storable_text(entry.plugin_id))
            if row is None:
                row = TrustRow(
                    plugin_id=storable_text(entry.plugin_id), first_at=now, since=now, sha256=""
                )
                session.add(row)
            if row.sha256 != entry.sha256:
                row.since = now
            row.path, row.sha256 = storable_text(entry.path), entry.sha256
            row.stamp, row.by, row.signer = entry.stamp, entry.by.value, entry.signer
            session.flush()
            return _entry_of(row)

        return self._database.run(work, write=True)

    def forget(self, plugin_id: str) -> None:
        """It is new the next time. InputError if it is not known."""

        def work(session: Session) -> bool:
            found = delete(TrustRow).where(TrustRow.plugin_id == storable_text(plugin_id))
            return bool(session.execute(found).rowcount)  # type: ignore[attr-defined]

        if not self._database.run(work, write=True):
            raise InputError(f"{plugin_id}: not known: `isobooth trust` lists what is")

    def list(self) -> Sequence[TrustEntry]:
        """By plugin id."""
        query = select(TrustRow).order_by(TrustRow.plugin_id)
        return self._database.run(lambda session: [_entry_of(r) for r in session.scalars(query)])


def _entry_of(row: TrustRow) -> TrustEntry:
    return TrustEntry(
        plugin_id=row.plugin_id,
        path=row.path,
        sha256=row.sha256,
        stamp=row.stamp,
        by=TrustedBy(row.by),
        signer=row.signer,
        first_at=row.first_at,
        since=row.since,
    )
