# SPDX-License-Identifier: GPL-3.0-or-later
"""Plugins that are not loaded because they failed too often, until their file changes.

A user may also name a file by its content, wherever it lies, or a bug by its signature: a plugin
that crashes with that signature is not given its further chances.

Without it a song with a broken plugin would crash it anew at every start. An entry lifts itself
when the plugin was updated, or is lifted by the user; it stays as history either way, so that a
plugin that comes back broken is recognised.
"""

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path

import msgspec
from sqlalchemy import Connection, Executable, insert, select, update

from host.crash_report import storable_text, utc_now
from host.plugin_id import PluginId
from host.store.content import sha256_of, stamp_of
from host.store.database import Database
from host.store.schema import BLACKLIST
from ipc.errors import InputError

LIFTED_BY_CHANGE = "its file changed"
LIFTED_BY_USER = "removed by the user"

_ACTIVE = BLACKLIST.c.lifted_at.is_(None)


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
        query = select(BLACKLIST).where(_ACTIVE, BLACKLIST.c.rule == Rule.HASH)
        rules = self._database.run(lambda connection: _entries(connection, query))
        file = _file_named_by(plugin_id) if rules else None
        content = sha256_of(file) if file else None
        return next((rule for rule in rules if content and rule.sha256 == content), None)

    def _by_id(self, plugin_id: str) -> BlacklistEntry | None:
        query = select(BLACKLIST).where(
            _ACTIVE, BLACKLIST.c.rule == Rule.PLUGIN, BLACKLIST.c.plugin_id == plugin_id
        )
        found = self._database.run(lambda connection: _stamped_entries(connection, query))
        if not found:
            return None
        entry, stamp = found[0]
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
        found: dict[str, str | None] = {}
        if file is not None:
            found = {"path": storable_text(str(file)), "sha256": content, "stamp": stamp}
        subject = {"plugin_id": plugin_id}
        return self._counted(Rule.PLUGIN, subject, found, reason, reports)

    def add_hash(
        self, content: str, path: Path | None, reason: str, reports: Sequence[str] = ()
    ) -> BlacklistEntry:
        """Blacklist every plugin whose file or bundle has this content: `content` is what
        `host.store.content.sha256_of` says of it, 64 hexadecimal digits. InputError if not."""
        if not re.fullmatch(r"[0-9a-f]{64}", content):
            raise InputError(f"{content!r} is no SHA-256: 64 hexadecimal digits were expected")
        found = {} if path is None else {"path": storable_text(str(path.absolute()))}
        return self._counted(Rule.HASH, {"sha256": content}, found, reason, reports)

    def add_signature(self, signature: str, reason: str) -> BlacklistEntry:
        """Quarantine a plugin as soon as it fails with this signature. InputError if it is
        none."""
        if not re.fullmatch(r"[0-9a-f]{12}", signature):
            raise InputError(
                f"{signature!r} is no signature: 12 hexadecimal digits were expected, as "
                f"`isobooth crashes` shows them"
            )
        return self._counted(Rule.SIGNATURE, {"signature": signature}, {}, reason, ())

    def _counted(
        self,
        rule: Rule,
        subject: Mapping[str, str],
        found: Mapping[str, str | None],
        reason: str,
        reports: Sequence[str],
    ) -> BlacklistEntry:
        """The active entry of a rule about a subject, or a new one, counted once more; `found`
        goes into it."""
        about = (BLACKLIST.c[name] == value for name, value in subject.items())
        same = (_ACTIVE, BLACKLIST.c.rule == rule, *about)
        query = select(BLACKLIST).where(*same)

        def work(connection: Connection) -> BlacklistEntry:
            known = connection.execute(query).mappings().first()
            now = utc_now()
            values = {
                **found,
                "reason": storable_text(reason),
                "count": 1 + (known["count"] if known else 0),
                "reports": list(dict.fromkeys([*(known["reports"] if known else ()), *reports])),
                "last_at": now,
            }
            if known is None:
                new = {"rule": rule, "plugin_id": "", "added_at": now, **subject, **values}
                connection.execute(insert(BLACKLIST).values(new))
            else:
                connection.execute(update(BLACKLIST).where(*same).values(values))
            return _entries(connection, query)[0]

        return self._database.run(work, write=True)

    def has_signature(self, signature: str) -> BlacklistEntry | None:
        """The active rule about a signature."""
        query = select(BLACKLIST).where(
            _ACTIVE, BLACKLIST.c.rule == Rule.SIGNATURE, BLACKLIST.c.signature == signature
        )
        found = self._database.run(lambda connection: _entries(connection, query))
        return found[0] if found else None

    def remove(self, plugin_id_or_number: str | int) -> BlacklistEntry:
        """Lift an active entry by its plugin id, hash, signature or number. InputError where
        there is none."""
        given = str(plugin_id_or_number).strip()
        text = storable_text(given)
        by = (
            BLACKLIST.c.id == int(given)
            if re.fullmatch(r"[0-9]{1,9}", given)
            else (BLACKLIST.c.rule == Rule.PLUGIN) & (BLACKLIST.c.plugin_id == text)
            | (BLACKLIST.c.rule == Rule.HASH) & (BLACKLIST.c.sha256 == text)
            | (BLACKLIST.c.rule == Rule.SIGNATURE) & (BLACKLIST.c.signature == text)
        )

        def work(connection: Connection) -> BlacklistEntry:
            found = _entries(connection, select(BLACKLIST).where(_ACTIVE, by))
            if not found:
                raise InputError(
                    f"{given!r} is not blacklisted: `isobooth blacklist` lists what is, "
                    "each with its number"
                )
            lifted = {"lifted_at": utc_now(), "lifted_why": LIFTED_BY_USER}
            this = BLACKLIST.c.id == found[0].id
            connection.execute(update(BLACKLIST).where(this).values(lifted))
            return msgspec.structs.replace(found[0], **lifted)

        return self._database.run(work, write=True)

    def lift(self, entry: int, why: str) -> None:
        """Lift an active entry by its number, if it still is one."""
        active = (BLACKLIST.c.id == entry, _ACTIVE)
        query = update(BLACKLIST).where(*active).values(lifted_at=utc_now(), lifted_why=why)
        self._database.run(lambda connection: connection.execute(query), write=True)

    def list(self, *, history: bool = False) -> Sequence[BlacklistEntry]:
        """Active entries, oldest first, or with `history` lifted ones too.

        Looks at the files as `is_blacklisted` does: what is listed as active is.
        """
        every = select(BLACKLIST).order_by(BLACKLIST.c.id)
        active = every.where(_ACTIVE)
        for entry, stamp in self._database.run(lambda each: _stamped_entries(each, active)):
            self._lifted_by_change(entry, stamp)
        query = every if history else active
        return self._database.run(lambda connection: _entries(connection, query))

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
            BLACKLIST.c.id == entry.id,
            _ACTIVE,
            BLACKLIST.c.sha256 == entry.sha256,
        )
        query = update(BLACKLIST).where(*unchanged).values(values)
        self._database.run(lambda connection: connection.execute(query), write=True)
        return changed


def _file_named_by(plugin_id: str) -> Path | None:
    path = PluginId.parse(plugin_id).path
    return None if path is None else Path(path)


def _entries(connection: Connection, query: Executable) -> list[BlacklistEntry]:
    return [entry for entry, _ in _stamped_entries(connection, query)]


def _stamped_entries(
    connection: Connection, query: Executable
) -> list[tuple[BlacklistEntry, str | None]]:
    rows = connection.execute(query).mappings()
    return [(msgspec.convert(row, BlacklistEntry), row["stamp"]) for row in rows]
