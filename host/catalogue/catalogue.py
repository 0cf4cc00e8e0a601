# SPDX-License-Identifier: GPL-3.0-or-later
"""What scans found out, one row a plugin, written as it is found.

A file's rows are complete once it has a stamp; until then, whatever ends the scan, the next one
goes on where it stopped. Plugins that are gone stay, marked: a song may still name them.
"""

import os
import platform
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.orm import Session

from host.catalogue.place import Transactions
from host.catalogue.schema import FileRow, PluginRow, RunRow
from host.crash_report import storable_text, utc_now
from host.scan.verdict import FINE, PhaseResult, ScannedPlugin, Status
from ipc.errors import InputError
from ipc.messages import DeepFindings
from ipc.names import host_mark, owner_of_command
from ipc.processes import own_identity

FileKey = tuple[str, str]  # format, path

T = TypeVar("T")


@dataclass(frozen=True)
class KnownFile:
    """What an earlier scan made of a file; `stamp` is None if it did not come to its end. `fine`
    and `probed`: ids of its plugins that are all right, and of all that this run has probed
    already."""

    status: str
    stamp: str | None
    fingerprint: str | None
    libraries: Sequence[str]
    is_deep: bool
    probe_version: int
    failures: int
    retry_at: str | None
    scanned_at: str | None
    fine: frozenset[str] = frozenset()
    probed: frozenset[str] = frozenset()


_FILE_NAMES = tuple(each.name for each in fields(KnownFile) if each.name not in ("fine", "probed"))
_FILE_COLUMNS = [getattr(FileRow, name) for name in ("format", "path", *_FILE_NAMES)]


@dataclass(frozen=True)
class Completion:
    """That a file has been probed to its end. `plugins`: ids of all that it holds."""

    key: FileKey
    plugins: Sequence[str]
    stamp: str | None
    fingerprint: str | None
    libraries: Sequence[str]
    is_deep: bool
    probe_version: int
    retry_at: str | None = None
    failures: int = 0


@dataclass(frozen=True)
class Stamped:
    """A stamp, and the libraries that it is of."""

    stamp: str | None
    libraries: Sequence[str]


@dataclass(frozen=True)
class Run:
    """A scan. `is_resumed`: an earlier one that asked for the same was cut short, and this goes on
    with it."""

    id: str
    started_at: str
    is_resumed: bool


class PluginFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What lists leave out unless they are asked for it; the fields are those of ScannedPlugin."""

    phases: list[PhaseResult] = []
    denials: list[str] = []
    remarks: list[str] = []
    peak: float = 0.0
    nonfinite_samples: int = 0
    deep: DeepFindings | None = None
    is_file: bool = False


class PluginSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A plugin in a list; the fields are those of ScannedPlugin, and when it was seen."""

    id: str
    status: str
    detail: str
    format: str
    path: str
    name: str
    vendor: str
    version: str
    category: str
    kind: str
    in_channels: int
    out_channels: int
    sidechain_channels: int
    accepts_midi: bool
    produces_midi: bool
    parameters: int  # how many
    programs: int
    latency_frames: int
    tail_s: float | None  # None: endless
    load_ms: float
    process_ms: float
    memory_bytes: int
    state_bytes: int
    signature: str | None
    report: str | None
    fingerprint: str | None  # of the content of its file and its libraries
    first_seen_at: str  # ISO 8601, UTC
    probed_at: str
    seen_at: str
    vanished_at: str | None
    facts: PluginFacts | None = None

    def flat(self) -> dict[str, Any]:
        """As programs are told of it: the facts, if they were asked for, beside all else."""
        told = msgspec.to_builtins(self)
        assert isinstance(told, dict)
        facts = told.pop("facts") or {}
        return {**told, **facts}


class PluginDetails(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of one plugin. `fingerprint`: of its file and its libraries."""

    plugin: ScannedPlugin
    first_seen_at: str
    probed_at: str
    seen_at: str
    vanished_at: str | None
    fingerprint: str | None
    retry_at: str | None  # of one that failed: when a scan tries it again, unchanged as it is


class Catalogue:
    """The rows in a database. Use from any thread."""

    def __init__(self, database: Transactions) -> None:
        self._database = database

    # -- scans ------------------------------------------------------------------------------------

    def begin_run(self, asked_for: str) -> Run:
        owner = _owner()

        def work(session: Session) -> Run:
            query = (
                select(RunRow)
                .where(RunRow.finished_at.is_(None), RunRow.asked_for == asked_for)
                .order_by(RunRow.started_at.desc())
            )
            for row in session.scalars(query):
                if _is_over(row.owner):
                    row.owner = owner
                    return Run(row.id, row.started_at, True)
            made = Run(os.urandom(8).hex(), utc_now(), False)
            session.add(
                RunRow(id=made.id, asked_for=asked_for, started_at=made.started_at, owner=owner)
            )
            return made

        return self._database.run(work, write=True)

    def finish_run(self, run: Run) -> None:
        query = update(RunRow).where(RunRow.id == run.id).values(finished_at=utc_now())
        self._database.run(lambda session: session.execute(query), write=True)

    def leave_run(self, run: Run) -> None:
        """It was cut short; whoever asks for the same may go on with it."""
        query = update(RunRow).where(RunRow.id == run.id).values(owner="")
        self._database.run(lambda session: session.execute(query), write=True)

    def known_files(self, run: Run) -> dict[FileKey, KnownFile]:
        def work(session: Session) -> dict[FileKey, KnownFile]:
            fine: dict[int, set[str]] = {}
            probed: dict[int, set[str]] = {}
            columns = (
                PluginRow.file_id,
                PluginRow.plugin_id,
                PluginRow.run_id,
                PluginRow.status,
            )
            for file_id, plugin, run_id, status in session.execute(select(*columns)):
                if status in FINE:
                    fine.setdefault(file_id, set()).add(plugin)
                if run_id == run.id:
                    probed.setdefault(file_id, set()).add(plugin)
            files = session.execute(select(FileRow.id, *_FILE_COLUMNS))
            return {
                (row.format, row.path): KnownFile(
                    **dict(zip(_FILE_NAMES, row[3:], strict=True)),
                    fine=frozenset(fine.get(row.id, ())),
                    probed=frozenset(probed.get(row.id, ())),
                )
                for row in files
            }

        return self._database.run(work)

    def begin_files(self, fingerprints: dict[FileKey, str | None]) -> None:
        """They are about to be probed, with this content."""

        def work(session: Session) -> None:
            for key, row in _rows_of(session, list(fingerprints)).items():
                row.stamp = None
                row.fingerprint = fingerprints[key]

        self._database.run(work, write=True)

    def add(
        self, run: Run, found: Sequence[tuple[FileKey, ScannedPlugin]], ends: Sequence[Completion]
    ) -> None:
        """Keeps results and, behind them, which files are complete."""

        def work(session: Session) -> None:
            keys = [*(key for key, _ in found), *(end.key for end in ends)]
            files = _rows_of(session, list(dict.fromkeys(keys)))
            _put(session, run, [(files[key], plugin) for key, plugin in found])
            _complete(session, [(files[end.key], end) for end in ends])

        self._database.run(work, write=True)

    def restamp(self, touched: dict[FileKey, Stamped]) -> None:
        """Files that were touched, but whose content is the same."""

        def work(session: Session) -> None:
            for key, row in _rows_of(session, list(touched)).items():
                row.stamp = touched[key].stamp
                row.libraries = list(touched[key].libraries)

        if touched:
            self._database.run(work, write=True)

    def mark_seen(self, keys: Iterable[FileKey], gone: Iterable[FileKey]) -> None:
        """Those that a scan found, and those that it looked for in vain."""
        now = utc_now()

        def work(session: Session) -> None:
            ids = {
                (row.format, row.path): (row.id, row.vanished_at)
                for row in session.execute(
                    select(FileRow.format, FileRow.path, FileRow.id, FileRow.vanished_at)
                )
            }
            here = [ids[key] for key in keys if key in ids]
            back = [file for file, vanished in here if vanished is not None]
            left = [ids[key][0] for key in gone if key in ids and ids[key][1] is None]
            for some in _chunks([file for file, _ in here]):
                session.execute(update(FileRow).where(FileRow.id.in_(some)).values(seen_at=now))
            for some, when in ((back, None), (left, now)):
                for part in _chunks(some):
                    values = {"vanished_at": when}
                    session.execute(update(FileRow).where(FileRow.id.in_(part)).values(values))
                    rows = update(PluginRow).where(PluginRow.file_id.in_(part))
                    session.execute(rows.values(values))

        self._database.run(work, write=True)

    # -- looking things up ------------------------------------------------------------------------

    def plugins(
        self,
        *,
        formats: Sequence[str] = (),
        kinds: Sequence[str] = (),
        statuses: Sequence[str] = (),
        text: str = "",
        vanished: bool = False,
        keys: Collection[FileKey] | None = None,
        with_facts: bool = False,
    ) -> list[PluginSummary]:
        """In the order of their names. `text`: each of its words stands in the name, vendor,
        category, id or path, in any case. `vanished`: those too. `keys`: of these files only."""
        columns = [*_SUMMARY_COLUMNS, PluginRow.body] if with_facts else _SUMMARY_COLUMNS
        query = select(*columns).join(FileRow, PluginRow.file_id == FileRow.id)
        if not vanished:
            query = query.where(PluginRow.vanished_at.is_(None))
        for column, wanted in (
            (PluginRow.format, formats),
            (PluginRow.kind, kinds),
            (PluginRow.status, statuses),
        ):
            if wanted:
                query = query.where(column.in_(wanted))
        words = text.casefold().split()

        def work(session: Session) -> list[PluginSummary]:
            return [_summary_of(*row) for row in session.execute(query)]

        # Not narrowed by the database: SQLite knows no case but that of ASCII.
        found = [
            plugin
            for plugin in self._database.run(work)
            if (keys is None or (plugin.format, plugin.path) in keys) and _mentions(plugin, words)
        ]
        return sorted(found, key=lambda one: (one.name.casefold(), one.format, one.id))

    def show(self, wanted: str) -> PluginDetails:
        """By its id, or by its name where only one has it. Raises InputError."""

        def work(session: Session) -> PluginDetails:
            columns = select(PluginRow.id, PluginRow.plugin_id, PluginRow.name)
            known = list(session.execute(columns))
            keys = [key for key, plugin, _ in known if plugin == wanted] or [
                key for key, _, name in known if name.casefold() == wanted.casefold()
            ]
            rows = [session.get_one(PluginRow, key) for key in keys]
            # Of one that has moved, or is in two bundles, the one that is there counts.
            rows = [row for row in rows if row.vanished_at is None] or rows
            ids = list(dict.fromkeys(row.plugin_id for row in rows))
            if not ids:
                raise InputError(
                    f"no plugin '{wanted}' is in the catalogue: `isobooth plugins search WORD` "
                    "looks for one, `isobooth scan` finds new ones"
                )
            if len(ids) > 1:
                raise InputError(f"'{wanted}' is the name of several: {', '.join(ids[:12])}")
            row = rows[0]
            file = session.get_one(FileRow, row.file_id)
            return PluginDetails(
                plugin=msgspec.json.decode(row.body, type=ScannedPlugin),
                first_seen_at=row.first_seen_at,
                probed_at=row.probed_at,
                seen_at=file.seen_at,
                vanished_at=row.vanished_at,
                fingerprint=file.fingerprint,
                retry_at=file.retry_at,
            )

        return self._database.run(work)

    def counts(self) -> dict[str, int]:
        """Plugins by status, without those that are gone."""
        query = (
            select(PluginRow.status, func.count())
            .where(PluginRow.vanished_at.is_(None))
            .group_by(PluginRow.status)
        )
        return self._database.run(
            lambda session: {status: count for status, count in session.execute(query)}
        )


def _owner() -> str:
    """This process, as others of this machine can tell whether it is still there."""
    return f"{platform.node()} {host_mark(own_identity())}"


def _is_over(owner: str) -> bool:
    """Whether a scan has ended without saying so. Of another machine's nothing is known."""
    machine, _, mark = owner.rpartition(" ")
    process = owner_of_command([mark])
    return not owner or (machine == platform.node() and (process is None or not process.is_alive()))


def _rows_of(session: Session, keys: Sequence[FileKey]) -> dict[FileKey, FileRow]:
    """The files' rows; new ones for files that have none."""
    wanted = set(keys)
    rows: dict[FileKey, FileRow] = {}
    for part in _chunks([_text(path) for _, path in keys]):
        for row in session.scalars(select(FileRow).where(FileRow.path.in_(part))):
            rows[row.format, row.path] = row
    for plugin_format, path in wanted - rows.keys():
        row = FileRow(
            format=plugin_format,
            path=_text(path),
            status="",
            libraries=[],
            is_deep=False,
            probe_version=0,
            failures=0,
            seen_at=utc_now(),
        )
        session.add(row)
        rows[plugin_format, path] = row
    session.flush()
    return {key: rows[key] for key in wanted}


def _put(session: Session, run: Run, found: Sequence[tuple[FileRow, ScannedPlugin]]) -> None:
    """All at once: what they are is written while other plugins are probed."""
    known = {(row.file_id, row.plugin_id): row.id for row in _held(session, found)}
    now = utc_now()
    new: dict[tuple[int, str], dict[str, Any]] = {}
    again: dict[int, dict[str, Any]] = {}
    for file, plugin in found:
        values = {**_columns_of(plugin), "run_id": run.id, "probed_at": now, "vanished_at": None}
        identity = (file.id, _text(plugin.id))
        if identity in known:
            again[known[identity]] = {"id": known[identity], **values}
        else:
            place = {"file_id": file.id, "plugin_id": identity[1], "first_seen_at": now}
            new[identity] = {**place, **values}
    if new:
        session.execute(insert(PluginRow), list(new.values()))
    if again:
        session.execute(update(PluginRow), list(again.values()))


def _columns_of(plugin: ScannedPlugin) -> dict[str, Any]:
    texts = {
        name: _text(str(value))
        for name in (
            *("status", "detail", "format", "path", "name", "vendor", "version", "category"),
            *("kind", "signature", "report"),
        )
        if (value := getattr(plugin, name)) is not None
    }
    numbers = {
        name: getattr(plugin, name)
        for name in (
            *("in_channels", "out_channels", "sidechain_channels", "accepts_midi"),
            *("produces_midi", "latency_frames", "load_ms", "process_ms", "memory_bytes"),
            *("state_bytes", "tail_s"),
        )
    }
    return {
        "signature": None,
        "report": None,
        **texts,
        **numbers,
        "parameter_count": len(plugin.parameters),
        "program_count": len(plugin.programs),
        "body": _json_of(msgspec.structs.replace(plugin, crash=None)),
    }


def _held(session: Session, found: Iterable[tuple[FileRow, Any]]) -> list[Row[Any]]:
    """What is known of the files' plugins: id, file_id, plugin_id, status, vanished_at."""
    columns = select(
        *(PluginRow.id, PluginRow.file_id, PluginRow.plugin_id),
        *(PluginRow.status, PluginRow.vanished_at),
    )
    ids = list(dict.fromkeys(file.id for file, _ in found))
    held: list[Row[Any]] = []
    for part in _chunks(ids):
        held += session.execute(columns.where(PluginRow.file_id.in_(part)))
    return held


def _json_of(plugin: ScannedPlugin) -> str:
    try:
        return msgspec.json.encode(plugin).decode()
    except UnicodeEncodeError:  # text of a plugin that is no Unicode
        return msgspec.json.encode(_storable(msgspec.to_builtins(plugin))).decode()


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, dict):
        return {_text(name): _storable(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_storable(each) for each in value]
    return value


def _text(text: str) -> str:
    """As databases take it; PostgreSQL knows no text with a NUL."""
    return storable_text(text).replace("\0", "\\x00")


def _complete(session: Session, ends: Sequence[tuple[FileRow, Completion]]) -> None:
    held = _held(session, ends)
    for file, end in ends:
        _complete_one(session, file, end, [row for row in held if row.file_id == file.id])


def _complete_one(
    session: Session, file: FileRow, end: Completion, rows: Sequence[Row[Any]]
) -> None:
    held = {_text(plugin) for plugin in end.plugins}
    whole = _text(f"{file.format}:{file.path}")
    for row in rows:
        if row.plugin_id in held:
            continue
        if row.plugin_id == whole:  # the file as such, which has come to say what it holds
            session.execute(delete(PluginRow).where(PluginRow.id == row.id))
        elif row.vanished_at is None:
            gone = update(PluginRow).where(PluginRow.id == row.id)
            session.execute(gone.values(vanished_at=utc_now()))
    bad = [row.status for row in rows if row.plugin_id in held and row.status not in FINE]
    file.status = bad[0] if bad else Status.OK
    file.stamp = end.stamp
    file.fingerprint = end.fingerprint
    file.libraries = list(end.libraries)
    file.is_deep = end.is_deep
    file.probe_version = end.probe_version
    file.failures = end.failures if bad else 0
    file.retry_at = end.retry_at if bad else None
    file.scanned_at = utc_now()


def _mentions(plugin: PluginSummary, words: Sequence[str]) -> bool:
    if not words:
        return True
    told = (plugin.name, plugin.vendor, plugin.category, plugin.id, plugin.path)
    return all(word in " ".join(told).casefold() for word in words)


_RENAMED = {"id": "plugin_id", "parameters": "parameter_count", "programs": "program_count"}
_SUMMARY_NAMES = tuple(name for name in PluginSummary.__struct_fields__ if name != "facts")
_OF_FILES = ("fingerprint", "seen_at")
_SUMMARY_COLUMNS = [
    getattr(FileRow if name in _OF_FILES else PluginRow, _RENAMED.get(name, name))
    for name in _SUMMARY_NAMES
]


def _summary_of(*values: Any) -> PluginSummary:
    """Of the columns, and the body if the facts are asked for."""
    body = values[len(_SUMMARY_NAMES) :]
    return PluginSummary(
        **dict(zip(_SUMMARY_NAMES, values, strict=False)),
        facts=msgspec.json.decode(body[0], type=PluginFacts) if body else None,
    )


def _chunks(items: Sequence[T], size: int = 500) -> Iterable[Sequence[T]]:
    """Databases take a limited number of values in a statement."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
