# SPDX-License-Identifier: GPL-3.0-or-later
"""How plugins have behaved, from session to session."""

from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from host.conduct import Choice, Conduct
from host.crash_report import storable_text, utc_now
from host.store.database import Database
from host.store.schema import ConductRow
from ipc.errors import InputError


class Played(msgspec.Struct, frozen=True, kw_only=True):
    """What one plugin did in a session, all its slots together; `calm_s`: since its last failure,
    or all; `failed`: at all; `is_session`: it was played live, so that it counts as one."""

    plugin_id: str
    name: str
    vendor: str
    version: str
    played_s: float
    calm_s: float
    failed: bool
    is_session: bool


class ConductStore:
    """The entries in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, plugin_ids: Iterable[str]) -> dict[str, Conduct]:
        """Those that are known, by plugin id."""
        wanted = [storable_text(plugin) for plugin in plugin_ids]
        query = select(ConductRow).where(ConductRow.plugin_id.in_(wanted))
        return self._database.run(
            lambda session: {row.plugin_id: _conduct_of(row) for row in session.scalars(query)}
        )

    def list(self) -> Sequence[Conduct]:
        """By plugin id."""
        query = select(ConductRow).order_by(ConductRow.plugin_id)
        return self._database.run(lambda session: [_conduct_of(r) for r in session.scalars(query)])

    def failed(self, plugin_id: str, is_certain: bool) -> None:
        """It failed just now; not `is_certain`: another plugin of its process may have."""

        def work(session: Session) -> None:
            row = _row(session, plugin_id)
            row.calm_s, row.calm_sessions = 0.0, 0
            if is_certain:
                row.faults += 1
                row.last_fault = utc_now()

        self._database.run(work, write=True)

    def played(self, session_of_each: Iterable[Played]) -> None:
        """At the end of a session."""
        all_played = list(session_of_each)

        def work(session: Session) -> None:
            for played in all_played:
                row = _row(session, played.plugin_id)
                row.played_s += played.played_s
                row.name, row.vendor = storable_text(played.name), storable_text(played.vendor)
                version = storable_text(played.version)
                if not row.version:
                    row.version = version  # it failed before it could say so
                elif row.version != version:
                    # Another version is another plugin: what the old one did says little of it.
                    row.version, row.calm_s, row.calm_sessions = version, 0.0, 0
                    row.last_fault = row.last_fault if played.failed else None
                row.calm_s += played.calm_s
                row.calm_sessions += played.is_session and played.calm_s > 0 and not played.failed

        if all_played:
            self._database.run(work, write=True)

    def choose(self, plugin_id: str, choice: Choice) -> Conduct:
        """The user's word."""

        def work(session: Session) -> Conduct:
            row = _row(session, plugin_id)
            row.choice = choice.value
            session.flush()
            return _conduct_of(row)

        return self._database.run(work, write=True)

    def forget(self, plugin_id: str) -> None:
        """It is new the next time. InputError if it is not known."""

        def work(session: Session) -> bool:
            found = delete(ConductRow).where(ConductRow.plugin_id == storable_text(plugin_id))
            return bool(session.execute(found).rowcount)  # type: ignore[attr-defined]

        if not self._database.run(work, write=True):
            raise InputError(f"{plugin_id}: not known: `isobooth grouping` lists what is")


def _row(session: Session, plugin_id: str) -> ConductRow:
    plugin_id = storable_text(plugin_id)
    row = session.get(ConductRow, plugin_id)
    if row is None:
        row = ConductRow(
            plugin_id=plugin_id,
            name="",
            vendor="",
            version="",
            played_s=0.0,
            calm_s=0.0,
            calm_sessions=0,
            faults=0,
            choice=Choice.AUTO.value,
        )
        session.add(row)
    return row


def _conduct_of(row: ConductRow) -> Conduct:
    return Conduct(
        plugin_id=row.plugin_id,
        name=row.name,
        vendor=row.vendor,
        version=row.version,
        played_s=row.played_s,
        calm_s=row.calm_s,
        calm_sessions=row.calm_sessions,
        faults=row.faults,
        last_fault=row.last_fault,
        choice=Choice(row.choice),
    )
