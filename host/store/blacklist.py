# SPDX-License-Identifier: GPL-3.0-or-later
"""Plugins that are not loaded because they failed too often, until their file changes.

Without it a song with a broken plugin would crash it anew at every start. An entry lifts itself
when the plugin was updated, or is lifted by the user; it stays as history either way, so that a
plugin that comes back broken is recognised.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import msgspec
from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from host.crash_report import storable_text, utc_now
from host.plugin_id import PluginId
from host.store.content import sha256_of, stamp_of
from host.store.database import Database
from host.store.schema import BlacklistRow
from ipc.errors import InputError

LIFTED_BY_CHANGE = "its file changed"
LIFTED_BY_USER = "removed by the user"


class BlacklistEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One plugin, once blacklisted; active until lifted."""

    id: int
    plugin_id: str
    path: str | None
    sha256: str | None
    reason: str
    count: int  # how often it was added
    reports: list[str]  # ids of crash reports, oldest first
    added_at: str  # ISO 8601, UTC
    last_at: str
    lifted_at: str | None
    lifted_why: str | None

    @property
    def active(self) -> bool:
        """Whether the plugin is kept from being loaded."""
        return self.lifted_at is None


class Blacklist:
    """The entries in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def is_blacklisted(self, plugin_id: str) -> BlacklistEntry | None:
        """The plugin's active entry; an entry whose file has changed is lifted first."""
        query = _active().where(BlacklistRow.plugin_id == plugin_id)

        def find(session: Session) -> tuple[BlacklistEntry, str | None] | None:
            row = session.scalars(query).first()
            return None if row is None else (_entry_of(row), row.stamp)

        found = self._database.run(find)
        if found is None:
            return None
        entry, stamp = found
        return None if self._lifted_by_change(entry, stamp) else entry

    def add(
        self, plugin_id: str, path: Path | None, reason: str, reports: Sequence[str] = ()
    ) -> BlacklistEntry:
        """Blacklist a plugin, or count once more where it is already.

        `path` is its file or bundle; None takes it from the id, and where that has none (an LV2
        URI, a built-in device) the id alone counts and only the user lifts the entry. InputError
        where the id is none.
        """
        self.is_blacklisted(plugin_id)  # what is added counts for the file as it is now
        file = _file_named_by(plugin_id) if path is None else path.absolute()
        # The stamp before the content: where the file changes in between, the stamp no longer
        # fits and the content is looked at again.
        stamp = stamp_of(file) if file else None
        content = sha256_of(file) if file else None
        now = utc_now()

        def work(session: Session) -> BlacklistEntry:
            row = session.scalars(_active().where(BlacklistRow.plugin_id == plugin_id)).first()
            if row is None:
                row = BlacklistRow(plugin_id=plugin_id, count=0, reports=[], added_at=now)
                session.add(row)
            if file is not None:
                row.path, row.sha256, row.stamp = storable_text(str(file)), content, stamp
            row.reason = storable_text(reason)
            row.count += 1
            row.reports = list(dict.fromkeys([*row.reports, *reports]))
            row.last_at = now
            session.flush()
            return _entry_of(row)

        return self._database.run(work, write=True)

    def remove(self, plugin_id_or_number: str | int) -> BlacklistEntry:
        """Lift an active entry by its plugin id or its number. InputError where there is none."""
        given = str(plugin_id_or_number).strip()
        by = (
            BlacklistRow.id == int(given)
            if re.fullmatch(r"[0-9]{1,9}", given)
            else BlacklistRow.plugin_id == storable_text(given)
        )

        def work(session: Session) -> BlacklistEntry:
            row = session.scalars(_active().where(by)).first()
            if row is None:
                raise InputError(
                    f"{given!r} is not blacklisted: `isobooth blacklist` lists what is, "
                    "each with its number"
                )
            row.lifted_at, row.lifted_why = utc_now(), LIFTED_BY_USER
            return _entry_of(row)

        return self._database.run(work, write=True)

    def list(self, *, history: bool = False) -> Sequence[BlacklistEntry]:
        """Active entries, oldest first, or with `history` lifted ones too.

        Looks at the files as `is_blacklisted` does: what is listed as active is.
        """

        def find(session: Session) -> list[tuple[BlacklistEntry, str | None]]:
            rows = session.scalars(_active().order_by(BlacklistRow.id))
            return [(_entry_of(row), row.stamp) for row in rows]

        for entry, stamp in self._database.run(find):
            self._lifted_by_change(entry, stamp)
        query = select(BlacklistRow) if history else _active()
        query = query.order_by(BlacklistRow.id)
        return self._database.run(lambda session: [_entry_of(r) for r in session.scalars(query)])

    def _lifted_by_change(self, entry: BlacklistEntry, stamp: str | None) -> bool:
        """Lift the entry if its file is another one now; a file that is gone changes nothing."""
        if entry.path is None or entry.sha256 is None:
            return False
        path = Path(entry.path)
        stamp_now = stamp_of(path)
        if stamp_now is None or stamp_now == stamp:
            return False
        content_now = sha256_of(path)
        if content_now is None:
            return False
        changed = content_now != entry.sha256
        values = (
            {"lifted_at": utc_now(), "lifted_why": LIFTED_BY_CHANGE}
            if changed
            else {"stamp": stamp_now}
        )
        # Only where the entry still stands as it was read: another process may have added to it.
        unchanged = (
            BlacklistRow.id == entry.id,
            BlacklistRow.lifted_at.is_(None),
            BlacklistRow.sha256 == entry.sha256,
        )
        self._database.run(
            lambda session: session.execute(update(BlacklistRow).where(*unchanged).values(values)),
            write=True,
        )
        return changed


def _active() -> Select[BlacklistRow]:
    return select(BlacklistRow).where(BlacklistRow.lifted_at.is_(None))


def _file_named_by(plugin_id: str) -> Path | None:
    path = PluginId.parse(plugin_id).path
    return None if path is None else Path(path)


def _entry_of(row: BlacklistRow) -> BlacklistEntry:
    return BlacklistEntry(
        id=row.id,
        plugin_id=row.plugin_id,
        path=row.path,
        sha256=row.sha256,
        reason=row.reason,
        count=row.count,
        reports=list(row.reports),
        added_at=row.added_at,
        last_at=row.last_at,
        lifted_at=row.lifted_at,
        lifted_why=row.lifted_why,
    )
