# SPDX-License-Identifier: GPL-3.0-or-later
"""Plugins that are not loaded because they failed too often, until their file changes.

A user may also name a file by its content, wherever it lies, or a bug by its signature: a plugin
that crashes with that signature is not given its further chances.

Without it a song with a broken plugin would crash it anew at every start. An entry lifts itself
when the plugin was updated, or is lifted by the user; it stays as history either way, so that a
plugin that comes back broken is recognised.
"""

import re
from collections.abc import Sequence
from enum import StrEnum
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


class Rule(StrEnum):
    """What an entry goes by."""

    PLUGIN = "plugin"  # its id
    HASH = "hash"  # the content of its file, whatever its name
    SIGNATURE = "signature"  # that of a crash


class BlacklistEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One plugin, file or bug, once blacklisted; active until lifted."""

    id: int
    rule: Rule
    plugin_id: str  # empty where the rule goes by something else
    signature: str | None
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

    @property
    def subject(self) -> str:
        """What it is about, for people."""
        match self.rule:
            case Rule.PLUGIN:
                return self.plugin_id
            case Rule.HASH:
                return f"sha256 {self.sha256}" + (f" ({self.path})" if self.path else "")
            case Rule.SIGNATURE:
                return f"signature {self.signature}"


class Blacklist:
    """The entries in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def is_blacklisted(self, plugin_id: str) -> BlacklistEntry | None:
        """The plugin's active entry, or that of its file's content; an entry whose file has
        changed is lifted first. Where the id names no file (LV2), only the id counts."""
        return self._by_id(plugin_id) or self._by_content(plugin_id)

    def _by_content(self, plugin_id: str) -> BlacklistEntry | None:
        query = _active().where(BlacklistRow.rule == Rule.HASH)
        rules = self._database.run(lambda session: [_entry_of(r) for r in session.scalars(query)])
        file = _file_named_by(plugin_id) if rules else None
        content = sha256_of(file) if file else None
        return next((rule for rule in rules if content and rule.sha256 == content), None)

    def _by_id(self, plugin_id: str) -> BlacklistEntry | None:
        query = _active().where(
            BlacklistRow.rule == Rule.PLUGIN, BlacklistRow.plugin_id == plugin_id
        )

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
        self._by_id(plugin_id)  # what is added counts for the file as it is now
        file = _file_named_by(plugin_id) if path is None else path.absolute()
        # The stamp before the content: where the file changes in between, the stamp no longer
        # fits and the content is looked at again.
        stamp = stamp_of(file) if file else None
        content = sha256_of(file) if file else None

        def work(session: Session) -> BlacklistEntry:
            row = _row_for(session, Rule.PLUGIN, plugin_id=plugin_id)
            if file is not None:
                row.path, row.sha256, row.stamp = storable_text(str(file)), content, stamp
            return _counted(session, row, reason, reports)

        return self._database.run(work, write=True)

    def add_hash(
        self, content: str, path: Path | None, reason: str, reports: Sequence[str] = ()
    ) -> BlacklistEntry:
        """Blacklist every plugin whose file or bundle has this content: `content` is what
        `host.store.content.sha256_of` says of it, 64 hexadecimal digits. InputError if not."""
        if not re.fullmatch(r"[0-9a-f]{64}", content):
            raise InputError(f"{content!r} is no SHA-256: 64 hexadecimal digits were expected")

        def work(session: Session) -> BlacklistEntry:
            row = _row_for(session, Rule.HASH, sha256=content)
            if path is not None:
                row.path = storable_text(str(path.absolute()))
            return _counted(session, row, reason, reports)

        return self._database.run(work, write=True)

    def add_signature(self, signature: str, reason: str) -> BlacklistEntry:
        """Quarantine a plugin as soon as it fails with this signature. InputError if it is
        none."""
        if not re.fullmatch(r"[0-9a-f]{12}", signature):
            raise InputError(
                f"{signature!r} is no signature: 12 hexadecimal digits were expected, as "
                f"`isobooth crashes` shows them"
            )

        def work(session: Session) -> BlacklistEntry:
            row = _row_for(session, Rule.SIGNATURE, signature=signature)
            return _counted(session, row, reason, ())

        return self._database.run(work, write=True)

    def has_signature(self, signature: str) -> BlacklistEntry | None:
        """The active rule about a signature."""
        query = _active().where(
            BlacklistRow.rule == Rule.SIGNATURE, BlacklistRow.signature == signature
        )

        def find(session: Session) -> BlacklistEntry | None:
            row = session.scalars(query).first()
            return None if row is None else _entry_of(row)

        return self._database.run(find)

    def remove(self, plugin_id_or_number: str | int) -> BlacklistEntry:
        """Lift an active entry by its plugin id, hash, signature or number. InputError where
        there is none."""
        given = str(plugin_id_or_number).strip()
        text = storable_text(given)
        by = (
            BlacklistRow.id == int(given)
            if re.fullmatch(r"[0-9]{1,9}", given)
            else (BlacklistRow.rule == Rule.PLUGIN) & (BlacklistRow.plugin_id == text)
            | (BlacklistRow.rule == Rule.HASH) & (BlacklistRow.sha256 == text)
            | (BlacklistRow.rule == Rule.SIGNATURE) & (BlacklistRow.signature == text)
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

    def lift(self, entry: int, why: str) -> None:
        """Lift an active entry by its number, if it still is one."""
        active = (BlacklistRow.id == entry, BlacklistRow.lifted_at.is_(None))
        query = update(BlacklistRow).where(*active).values(lifted_at=utc_now(), lifted_why=why)
        self._database.run(lambda session: session.execute(query), write=True)

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
        if entry.rule is not Rule.PLUGIN or entry.path is None or entry.sha256 is None:
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


def _row_for(session: Session, rule: Rule, **by: str) -> BlacklistRow:
    """The active row of a rule, or a new one."""
    row = session.scalars(_active().where(BlacklistRow.rule == rule).filter_by(**by)).first()
    if row is None:
        subject = {"plugin_id": "", **by}
        row = BlacklistRow(rule=rule.value, count=0, reports=[], added_at=utc_now(), **subject)
        session.add(row)
    return row


def _counted(
    session: Session, row: BlacklistRow, reason: str, reports: Sequence[str]
) -> BlacklistEntry:
    row.reason = storable_text(reason)
    row.count += 1
    row.reports = list(dict.fromkeys([*row.reports, *reports]))
    row.last_at = utc_now()
    session.flush()
    return _entry_of(row)


def _file_named_by(plugin_id: str) -> Path | None:
    path = PluginId.parse(plugin_id).path
    return None if path is None else Path(path)


def _entry_of(row: BlacklistRow) -> BlacklistEntry:
    return BlacklistEntry(
        id=row.id,
        rule=Rule(row.rule),
        signature=row.signature,
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
