# SPDX-License-Identifier: GPL-3.0-or-later
"""Crash reports that outlive the session in which they were written.

The newest 1000 are kept. Lists read columns only; the state, which may be megabytes, is a blob of
its own that is read when one report is opened.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from sqlalchemy import Connection, case, delete, func, insert, select, update

from host.backtrace.frames import Backtrace
from host.crash_report import CrashReport, new_report_id, storable_text
from host.store.database import Database
from host.store.schema import CRASHES
from host.user_file import AtomicFile
from ipc.errors import InputError

# A plugin that fails in a loop fills a disk with states otherwise; nobody reads the 1001st.
KEEP_REPORTS = 1000

# Enough candidates to choose from, in a message that is still one line.
_SHOWN_MATCHES = 5


class CrashSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the list."""

    id: str
    when: str
    plugin_id: str
    kind: str
    cause: str  # SIGSEGV, "exit code 3" or empty
    slot: str
    song: str | None
    action: str
    signature: str | None  # None: not known


_SUMMARY = tuple(CRASHES.c[name] for name in CrashSummary.__struct_fields__)


class CrashGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Reports of one bug: those of one plugin with one signature, or without any."""

    signature: str | None
    count: int
    first: str  # ISO 8601, UTC
    newest: CrashSummary


class CrashStore:
    """The reports in a database."""

    def __init__(self, database: Database, *, keep: int = KEEP_REPORTS) -> None:
        self._database = database
        self._keep = keep

    def add(self, report: CrashReport) -> str:
        """Store a report, drop the oldest beyond the limit; the id under which it now stands."""

        def work(connection: Connection) -> str:
            stored = report
            while connection.scalar(select(CRASHES.c.id).where(CRASHES.c.id == stored.id)):
                stored = msgspec.structs.replace(stored, id=new_report_id(stored.when))
            connection.execute(insert(CRASHES).values(_row_of(stored)))
            newest = (
                select(CRASHES.c.sequence).order_by(CRASHES.c.sequence.desc()).limit(self._keep)
            )
            connection.execute(delete(CRASHES).where(CRASHES.c.sequence.not_in(newest)))
            return stored.id

        return self._database.run(work, write=True)

    def list(self, limit: int | None = None, plugin: str | None = None) -> Sequence[CrashSummary]:
        """The newest first; `plugin` is a whole plugin id."""
        query = select(*_SUMMARY).order_by(CRASHES.c.sequence.desc()).limit(limit)
        if plugin is not None:
            query = query.where(CRASHES.c.plugin_id == storable_text(plugin))
        return self._database.run(
            lambda connection: msgspec.convert(
                connection.execute(query).mappings().all(), list[CrashSummary]
            )
        )

    def groups(self, limit: int | None = None, plugin: str | None = None) -> Sequence[CrashGroup]:
        """The bugs behind the reports, the one seen last first. A report whose signature is not
        known is a group of its own kind and cause."""
        same = (
            CRASHES.c.plugin_id,
            CRASHES.c.signature,
            case((CRASHES.c.signature.is_(None), CRASHES.c.kind + " " + CRASHES.c.cause), else_=""),
        )
        newest = func.max(CRASHES.c.sequence)
        query = (
            select(newest, func.count(), func.min(CRASHES.c.when))
            .group_by(*same)
            .order_by(newest.desc())
            .limit(limit)
        )
        if plugin is not None:
            query = query.where(CRASHES.c.plugin_id == storable_text(plugin))

        def work(connection: Connection) -> list[CrashGroup]:
            groups = []
            for sequence, count, first in connection.execute(query):
                report = select(*_SUMMARY).where(CRASHES.c.sequence == sequence)
                row = connection.execute(report).mappings().one()
                summary = msgspec.convert(row, CrashSummary)
                groups.append(
                    CrashGroup(
                        signature=summary.signature, count=count, first=first, newest=summary
                    )
                )
            return groups

        return self._database.run(work)

    def explain(self, report_id: str, backtrace: Backtrace, signature: str | None) -> None:
        """Complete a stored report with what was found out later. Does nothing where it is
        gone."""

        def work(connection: Connection) -> None:
            body = connection.scalar(select(CRASHES.c.body).where(CRASHES.c.id == report_id))
            if body is None:
                return
            report = CrashReport.from_json(body, source=f"stored report {report_id}")
            explained = msgspec.structs.replace(report, backtrace=backtrace, signature=signature)
            values = {"body": explained.to_json().decode(), "signature": signature}
            connection.execute(update(CRASHES).where(CRASHES.c.id == report_id).values(values))

        self._database.run(work, write=True)

    def get(self, id_or_prefix: str) -> CrashReport:
        """One report by its id or the beginning of it. InputError where none or several match."""

        def work(connection: Connection) -> CrashReport:
            report_id = _full_id(connection, id_or_prefix)
            query = select(CRASHES.c.body, CRASHES.c.state).where(CRASHES.c.id == report_id)
            body, state = connection.execute(query).one()
            report = CrashReport.from_json(body, source=f"stored report {report_id}")
            return msgspec.structs.replace(report, state=state)

        return self._database.run(work)

    def export(self, id_or_prefix: str, target: Path | BinaryIO) -> str:
        """Write one report as indented JSON to a file or an open stream; its full id.

        A file is complete or not there: it gets its name when it is written. InputError where
        there is no such report or the file cannot be made.
        """
        report = self.get(id_or_prefix)
        text = report.to_json(indent=2) + b"\n"
        if isinstance(target, Path):
            with AtomicFile(target) as output:
                output.file.write(text)
        else:
            target.write(text)
        return report.id


def _row_of(report: CrashReport) -> dict[str, Any]:
    return {
        "id": report.id,
        "when": report.when,
        "plugin_id": report.plugin_id,
        "kind": report.kind.value,
        "cause": _cause_of(report),
        "slot": report.slot,
        "song": report.song,
        "action": report.action,
        "signature": report.signature,
        "body": msgspec.structs.replace(report, state=None).to_json().decode(),
        "state": report.state,
    }


def _cause_of(report: CrashReport) -> str:
    if report.signal is not None:
        return report.signal.name
    return "" if report.exit_code is None else f"exit code {report.exit_code}"


def _full_id(connection: Connection, given: str) -> str:
    prefix = given.strip().lower()
    matching = CRASHES.c.id.startswith(prefix, autoescape=True)
    count = connection.scalar(select(func.count()).where(matching)) if prefix else 0
    if not count:
        raise InputError(f"no crash report {given!r}: `isobooth crashes` lists those there are")
    newest = select(CRASHES.c.id).where(matching).order_by(CRASHES.c.sequence.desc())
    found = connection.scalars(newest.limit(_SHOWN_MATCHES)).all()
    if count > 1 and prefix not in found:
        more = ", …" if count > len(found) else ""
        raise InputError(
            f"{count} crash reports begin with {given!r}: give more of {', '.join(found)}{more}"
        )
    return prefix if prefix in found else found[0]
