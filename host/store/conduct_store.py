# SPDX-License-Identifier: GPL-3.0-or-later
"""How plugins have behaved, from session to session."""

from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import Connection, Executable, delete, insert, select

from host.conduct import Choice, Conduct
from host.crash_report import storable_text, utc_now
from host.store.database import Database
from host.store.schema import CONDUCT
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
        query = select(CONDUCT).where(CONDUCT.c.plugin_id.in_(wanted))
        known = self._database.run(lambda connection: _all(connection, query))
        return {each.plugin_id: each for each in known}

    def list(self) -> Sequence[Conduct]:
        """By plugin id."""
        query = select(CONDUCT).order_by(CONDUCT.c.plugin_id)
        return self._database.run(lambda connection: _all(connection, query))

    def failed(self, plugin_id: str, is_certain: bool) -> None:
        """It failed just now; not `is_certain`: another plugin of its process may have."""

        def work(connection: Connection) -> None:
            known = _known(connection, plugin_id)
            faults, last_fault = known.faults, known.last_fault
            if is_certain:
                faults, last_fault = faults + 1, utc_now()
            _keep(
                connection,
                msgspec.structs.replace(
                    known, calm_s=0.0, calm_sessions=0, faults=faults, last_fault=last_fault
                ),
            )

        self._database.run(work, write=True)

    def played(self, session_of_each: Iterable[Played]) -> None:
        """At the end of a session."""
        all_played = list(session_of_each)

        def work(connection: Connection) -> None:
            for played in all_played:
                _keep(connection, _after(_known(connection, played.plugin_id), played))

        if all_played:
            self._database.run(work, write=True)

    def choose(self, plugin_id: str, choice: Choice) -> Conduct:
        """The user's word."""

        def work(connection: Connection) -> Conduct:
            chosen = msgspec.structs.replace(_known(connection, plugin_id), choice=choice)
            _keep(connection, chosen)
            return chosen

        return self._database.run(work, write=True)

    def forget(self, plugin_id: str) -> None:
        """It is new the next time. InputError if it is not known."""
        query = delete(CONDUCT).where(CONDUCT.c.plugin_id == storable_text(plugin_id))
        if not self._database.run(
            lambda connection: connection.execute(query).rowcount, write=True
        ):
            raise InputError(f"{plugin_id}: not known: `isobooth grouping` lists what is")


def _after(before: Conduct, played: Played) -> Conduct:
    version = storable_text(played.version)
    # Another version is another plugin: what the old one did says little of it. One without a
    # version failed before it could say so.
    is_other = before.version not in ("", version)
    is_calm_session = played.is_session and played.calm_s > 0 and not played.failed
    return msgspec.structs.replace(
        before,
        name=storable_text(played.name),
        vendor=storable_text(played.vendor),
        version=version,
        played_s=before.played_s + played.played_s,
        calm_s=played.calm_s + (0.0 if is_other else before.calm_s),
        calm_sessions=is_calm_session + (0 if is_other else before.calm_sessions),
        last_fault=None if is_other and not played.failed else before.last_fault,
    )


def _known(connection: Connection, plugin_id: str) -> Conduct:
    """What is known of a plugin; of a new one nothing is."""
    plugin_id = storable_text(plugin_id)
    known = _all(connection, select(CONDUCT).where(CONDUCT.c.plugin_id == plugin_id))
    return known[0] if known else Conduct(plugin_id=plugin_id)


def _all(connection: Connection, query: Executable) -> list[Conduct]:
    return msgspec.convert(connection.execute(query).mappings().all(), list[Conduct])


def _keep(connection: Connection, conduct: Conduct) -> None:
    connection.execute(delete(CONDUCT).where(CONDUCT.c.plugin_id == conduct.plugin_id))
    connection.execute(insert(CONDUCT).values(msgspec.structs.asdict(conduct)))
