# SPDX-License-Identifier: GPL-3.0-or-later
"""What a window looks up in the user's databases: the catalogue of plugins, crash reports."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager

from host.catalogue.catalogue import Catalogue, PluginSummary
from host.crash_report import CrashReport
from host.store.blacklist import Blacklist
from host.store.crash_store import CrashStore
from host.store.database import Database
from ipc.builtin_devices import BUILTIN_DEVICES
from ipc.desk.state import CatalogueEntry, CrashEntry

_MOST_CRASHES = 500


class Library:
    """`open_catalogue` opens the catalogue for each look: it need not be there yet; None: there is
    none. `describe`: a report in lines, for people."""

    def __init__(
        self,
        database: Database | None,
        open_catalogue: Callable[[], AbstractContextManager[Catalogue]] | None = None,
        describe: Callable[[CrashReport], Iterable[str]] = lambda report: (),
    ) -> None:
        self._database = database
        self._open_catalogue = open_catalogue
        self._describe = describe

    def plugins(self) -> tuple[CatalogueEntry, ...]:
        """All that were found, and our own. Raises IsoboothError."""
        own = tuple(
            CatalogueEntry(
                id=f"builtin:{name}",
                name=device.name,
                vendor="Isobooth",
                format="builtin",
                # What makes sound by itself is looked for where instruments are.
                kind="effect" if device.category == "Utility" else "instrument",
                category=device.category,
                status="ok",
            )
            for name, device in BUILTIN_DEVICES.items()
        )
        if self._open_catalogue is None:
            return own
        with self._open_catalogue() as catalogue:
            return own + tuple(map(_entry, catalogue.plugins()))

    def crashes(self) -> tuple[CrashEntry, ...]:
        """The newest first."""
        if self._database is None:
            return ()
        blacklisted = {entry.subject for entry in Blacklist(self._database).list()}
        return tuple(
            CrashEntry(
                id=report.id,
                time=report.when,
                plugin=report.plugin_id,
                slot=report.slot,
                kind=report.kind,
                signature=report.signature or "",
                summary=f"{report.kind} {report.cause}, {report.action}".replace(" ,", ","),
                blacklisted=report.plugin_id in blacklisted,
            )
            for report in CrashStore(self._database).list(_MOST_CRASHES)
        )

    def crash(self, report_id: str) -> str:
        """Raises InputError if there is none."""
        if self._database is None:
            return ""
        return "\n".join(self._describe(CrashStore(self._database).get(report_id)))

    def forgive(self, plugin: str) -> str:
        """Takes it off the blacklist, and says what was there. Raises InputError if nothing was."""
        if self._database is None:
            return ""
        return Blacklist(self._database).remove(plugin).reason


def _entry(plugin: PluginSummary) -> CatalogueEntry:
    return CatalogueEntry(
        id=plugin.id,
        name=plugin.name,
        vendor=plugin.vendor,
        format=plugin.format,
        kind=plugin.kind,
        category=plugin.category,
        status=plugin.status,
        note=plugin.detail,
    )
